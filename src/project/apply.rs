//! Makes the engine have what a plan says.

use super::backing;
use super::plan::{self, Step};
use crate::engine::container::Wanted;
use crate::engine::inspect::Found;
use crate::engine::{Engine, network};
use crate::ui::Ui;
use anyhow::{Result, bail};

/// Finds out what has to happen to a pod's container. Changes nothing.
///
/// # Errors
/// It cannot happen: a port of the host or the container's name is taken. The engine does not answer.
pub async fn plan(engine: &Engine, wanted: &Wanted) -> Result<Step> {
    let name = &wanted.name;
    let found = engine.inspect(name).await?;
    let step = plan::step(wanted, found.as_ref());
    if step == Step::Refuse {
        bail!(
            "cannot create the container {name}: there is one of that name that podctl did not make; \
             remove or rename it, or give the pod another name"
        );
    }
    if step != Step::Leave {
        refuse_taken_ports(engine, wanted, found.as_ref()).await?;
    }
    Ok(step)
}

/// Takes a step of [`plan`]: the pod's network and container are there then, the container running. What is done and why
/// is shown.
///
/// # Errors
/// The engine refuses.
pub async fn up(engine: &Engine, ui: &Ui, wanted: &Wanted, step: &Step) -> Result<()> {
    let name = &wanted.name;
    if *step == Step::Leave {
        // Services read them at each start: a new one counts from the next on.
        engine.hand_over(name, &wanted.secrets).await?;
        ui.say(format!("{name} is up to date and running"));
        return Ok(());
    }
    engine.ensure_network(&network::name(name), name).await?;
    match step {
        Step::Create => ui.say(format!("create {name}")),
        Step::Recreate(reasons) => {
            ui.say(format!("recreate {name}: {}", reasons.join("; ")));
            let task = ui.task(format!("stop {name}"));
            engine.stop(name, None).await?;
            engine.remove(name).await?;
            task.done("removed");
        }
        Step::Start | Step::Leave | Step::Refuse => ui.say(format!("start {name}")),
    }
    match step {
        Step::Start => engine.hand_over(name, &wanted.secrets).await?,
        _ => drop(engine.create(wanted).await?),
    }
    if let Err(error) = engine.start(name).await {
        // A container that never ran would be taken for one that was stopped.
        if *step != Step::Start {
            engine.remove(name).await?;
        }
        return Err(error);
    }
    Ok(())
}

/// Stops and removes a pod's container and network, and says what there was. `grace_seconds` overrides the pod's own.
///
/// # Errors
/// The engine cannot remove them, or the container is none of podctl's.
pub async fn down(engine: &Engine, ui: &Ui, name: &str, grace_seconds: Option<u64>) -> Result<()> {
    let found = engine.inspect(name).await?;
    if found.as_ref().is_some_and(|found| !found.is_pod()) {
        bail!("cannot remove the container {name}: podctl did not make it; `docker rm` removes it");
    }
    let mut removed = Vec::new();
    if found.is_some() {
        let task = ui.task(format!("stop {name}"));
        engine.stop(name, grace_seconds).await?;
        let code = engine.inspect(name).await?.and_then(|found| found.exit_code);
        task.done(&code.map_or_else(|| "stopped".to_owned(), |code| format!("stopped with exit code {code}")));
        if engine.remove(name).await? {
            removed.push(format!("container {name}"));
        }
    }
    removed.extend(backing::down(engine, ui, name).await?);
    let network = network::name(name);
    if engine.remove_network(&network).await? {
        removed.push(format!("network {network}"));
    }
    match removed.as_slice() {
        [] => ui.say(format!("{name} is not there: nothing to remove")),
        _ => ui.say(format!("removed {}", removed.join(" and "))),
    }
    Ok(())
}

async fn refuse_taken_ports(engine: &Engine, wanted: &Wanted, own: Option<&Found>) -> Result<()> {
    let taken = engine.taken_ports(&wanted.ports, own).await?;
    if taken.is_empty() {
        return Ok(());
    }
    let each: Vec<_> =
        taken.iter().map(|taken| format!("port {} of the host is taken by {}", taken.port, taken.holder)).collect();
    bail!("cannot bring up {}: {}; stop that, or publish another port under `ports`", wanted.name, each.join(", "))
}
