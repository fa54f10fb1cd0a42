//! The `virage` command.

use std::{io::IsTerminal, net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use server::{app::App, config::Document, demo, serve, settings, sources, start, tls, words};
use tokio::net::TcpListener;

/// Live angles and instant replays for a stadium.
#[derive(Parser)]
#[command(name = "virage", version, about)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves the cameras of a configuration file.
    Serve {
        /// The file, as docs/operators.md describes it.
        #[arg(long)]
        config: PathBuf,
    },
    /// Serves a synthetic match: nothing to configure.
    Demo {
        /// Plain HTTP.
        #[arg(long, default_value = "127.0.0.1:8080")]
        listen: SocketAddr,
        /// HTTPS, with a certificate made on first start.
        #[arg(long, default_value = "127.0.0.1:8443")]
        tls_listen: SocketAddr,
        /// The data folder.
        #[arg(long, default_value = "./data")]
        data: PathBuf,
        /// Cameras, 1 to 8.
        #[arg(long, default_value_t = 4)]
        cameras: usize,
        /// Lines of the tallest rung.
        #[arg(long, default_value_t = 360)]
        height: u16,
        /// Frames per second, as 25 or 30000/1001.
        #[arg(long, default_value = "25")]
        fps: String,
        /// Frames in a part; 200 ms when left out.
        #[arg(long)]
        part_frames: Option<u32>,
        /// Another camera, `multiview`, that shows all of them: two encodes more.
        #[arg(long)]
        multiview: bool,
    },
    /// Lists which sources, codecs and encoders this machine can do, and what is missing.
    Sources {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Checks anybody's HLS and LL-HLS against the rules that break players.
    Verify(verify::Args),
    /// Opens any HLS server as a crowd of players does.
    Load(load::Args),
    Sync(sync::Args),
}

const FAILED: u8 = 1;
/// `verify` and `load` end with 1 for what they found; this says that they could not look.
const COULD_NOT_LOOK: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info,sqlx=warn".into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let (result, failure) = match Args::parse().command {
        Command::Sources { json } => (sources::print(json), FAILED),
        Command::Verify(args) => (verify::run(args).await.map_err(Into::into), COULD_NOT_LOOK),
        Command::Load(args) => (load::run(args).await.map_err(Into::into), COULD_NOT_LOOK),
        Command::Sync(args) => {
            let done = tokio::task::spawn_blocking(move || sync::run(&args)).await;
            (done.map_err(Into::into).and_then(|done| done.map_err(Into::into)), COULD_NOT_LOOK)
        }
        Command::Serve { config } => (run(Document::load(&config).map_err(Into::into)).await, FAILED),
        Command::Demo { listen, tls_listen, data, cameras, height, fps, part_frames, multiview } => {
            let options = demo::Options { listen, tls_listen, data, cameras, height, fps, part_frames, multiview };
            (run(demo::document(&options)).await, FAILED)
        }
    };
    result.unwrap_or_else(|error: anyhow::Error| {
        eprintln!("virage: {}", words::chain(&error));
        failure.into()
    })
}

async fn run(document: Result<Document>) -> Result<ExitCode> {
    let document = document?;
    let config = &document.config;
    let bind = |address: SocketAddr| async move {
        let bound = TcpListener::bind(address).await.and_then(TcpListener::into_std);
        bound.with_context(|| format!("cannot listen on {address}; is another server there?"))
    };
    // Addresses and certificates first: what is wrong with them is said before anything is recorded.
    let plain = bind(config.listen).await?;
    let secure = match &config.tls {
        None => None,
        Some(at) => Some((bind(at.listen).await?, tls::server(at.files.as_ref(), &config.data)?)),
    };
    let started = start::start(document).await?;
    let app = &started.app;
    let plain_at = plain.local_addr()?;
    let mut base = format!("http://{plain_at}");
    let mut listeners = vec![(plain, None)];
    if let Some((listener, tls)) = secure {
        base = format!("https://{}", listener.local_addr()?);
        listeners.push((listener, Some(tls.into())));
    }
    serve::serve(app.clone(), listeners)?;
    let lineup = app.lineup();
    let cameras = match lineup.cameras.len() {
        1 => "1 camera".to_owned(),
        many => format!("{many} cameras"),
    };
    println!("Virage serves {} with {cameras}.", lineup.names.venue);
    println!("  fans      {base}/");
    println!("  desk      {base}/desk?token={}", app.crew.token());
    println!("  plain     http://{plain_at}/");
    println!("  playlist  http://{plain_at}/live/index.m3u8");
    if base.starts_with("https") {
        println!("Over HTTPS a browser asks once about the local certificate.");
    }
    println!("Ctrl-C stops.");
    follow_hangups(app.clone())?;
    stop_signal().await?;
    tracing::info!("stopping");
    app.moments.close().await;
    let store = app.store.clone();
    tokio::task::spawn_blocking(move || drop(started)).await?;
    tokio::task::spawn_blocking(move || store.flush()).await?;
    Ok(ExitCode::SUCCESS)
}

/// SIGHUP: the edited configuration is read again.
fn follow_hangups(app: Arc<App>) -> Result<()> {
    let mut hangup = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            let app = app.clone();
            if let Err(error) = tokio::task::spawn_blocking(move || settings::reload(&app)).await {
                tracing::error!(%error, "reading the configuration again failed");
            }
        }
    });
    Ok(())
}

async fn stop_signal() -> Result<()> {
    let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result?,
        _ = term.recv() => {}
    }
    Ok(())
}
