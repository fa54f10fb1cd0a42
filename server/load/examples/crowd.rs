//! `virage load` without the rest of `virage`: builds in seconds.

use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    args: load::Args,
}

#[tokio::main]
async fn main() -> ExitCode {
    load::run(Command::parse().args).await.unwrap_or_else(|error| {
        eprintln!("crowd: {error}");
        ExitCode::from(2)
    })
}
