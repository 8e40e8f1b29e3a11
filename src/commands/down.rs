//! `podctl down`: stops pods and removes what they left in the engine.

use super::Context;
use crate::engine::Engine;
use crate::project::{apply, pods};
use anyhow::Result;

/// What `podctl down` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The pods; without one, all of the project. A pod is found by its name also when its pod.yaml is gone
    #[arg(value_name = "POD")]
    pub pods: Vec<String>,
    /// How long they may take to stop, such as 5s, instead of their stop_grace_period
    #[arg(short, long, value_name = "DURATION", value_parser = super::duration_ms)]
    pub timeout: Option<u64>,
}

/// Runs it.
///
/// # Errors
/// No engine answers, or it refuses.
pub async fn run(context: &Context, args: &Args) -> Result<()> {
    let engine = Engine::connect().await?;
    let seconds = args.timeout.map(|ms| ms.div_ceil(1_000));
    for name in pods::names(&engine, &context.files, &args.pods).await? {
        apply::down(&engine, &context.ui, &name, seconds).await?;
    }
    Ok(())
}
