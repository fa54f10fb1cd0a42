//! multimux's origin with a configuration file: `peer-multimux routes.json`. All cores, as its own program runs it.

use anyhow::{Context, Result};

#[tokio::main]
async fn main() -> Result<()> {
    let file = std::env::args().nth(1).context("usage: peer-multimux routes.json")?;
    multimux::origin::serve_config_file(file).await.context("multimux")
}
