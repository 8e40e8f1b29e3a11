//! `podctl restart`: restarts a pod or one of its services.

use super::Context;
use crate::engine::Engine;
use crate::project::address::Address;
use crate::project::{pods, wait};
use anyhow::{Context as _, Result, anyhow, bail};
use podinit_plan::state::State;
use time::OffsetDateTime;

/// What `podctl restart` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The pod, or one of its services; of one with replicas all, one after the other
    #[arg(value_name = "POD[/SERVICE]")]
    pub address: String,
    /// The longest a pod may take until it is ready again
    #[arg(long, value_name = "DURATION", default_value = "120s", value_parser = super::duration_ms)]
    pub wait_timeout: u64,
}

/// Runs it.
///
/// # Errors
/// There is no such pod or service, no engine answers, or it is not ready afterwards.
pub async fn run(context: &Context, args: &Args) -> Result<()> {
    let engine = Engine::connect().await?;
    let ui = &context.ui;
    let (name, service) = pods::one(&engine, &context.files, Some(Address::parse(&args.address))).await?;
    let found = pods::present(&engine, &name).await?;
    let Some(service) = service else {
        let task = ui.task(format!("stop {name}"));
        engine.stop(&name, None).await?;
        task.done("stopped");
        engine.start(&name).await?;
        return wait::until_ready(&engine, ui, &name, args.wait_timeout, OffsetDateTime::UNIX_EPOCH).await;
    };
    if !found.running {
        bail!("cannot restart {service} of {name}: the pod is {}; `podctl up {name}` starts it", found.state);
    }
    let mut podinit = engine.dial(&name).await?;
    let status = podinit.status().await?;
    let called = pods::services_called(&service, &status);
    if called.is_empty() {
        return Err(pods::no_such_service("restart", &name, &service, &status));
    }
    // One after the other, so that of several replicas most serve all the time.
    for service in called {
        let task = ui.task(format!("restart {service}"));
        let restarted = podinit.restart(service).await;
        let state = restarted.map(|done| done.state).and_then(|state| match state {
            State::Fatal | State::Backoff => Err(anyhow!("it is {state}")),
            _ => Ok(state),
        });
        let state = state
            .with_context(|| format!("cannot restart {service} of {name}; `podctl logs {name}/{service}` shows what it wrote"))?;
        task.done(state.name());
    }
    Ok(())
}
