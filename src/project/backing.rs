//! Containers beside a pod: databases and the like, on the pod's network under their own names.

use super::variables::Variables;
use crate::engine::container::{self, Wanted};
use crate::engine::inspect::Found;
use crate::engine::{Engine, labels, network};
use crate::image::{self, base};
use crate::spec::model::{Backing, Container, Pod};
use crate::ui::Ui;
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;

/// What the engine gives one to stop, in milliseconds.
const GRACE_MS: u64 = 10_000;

/// Makes sure that the containers beside a pod run; what is done and why is shown.
///
/// # Errors
/// An image cannot be had, or the engine refuses.
pub async fn up(engine: &Engine, ui: &Ui, pod: &Pod, variables: &Variables, options: &image::Options) -> Result<()> {
    if pod.backing_services.is_empty() {
        return Ok(());
    }
    engine.ensure_network(&network::name(&pod.name), &pod.name).await?;
    for (name, backing) in &pod.backing_services {
        let image = base::ensure(engine, ui, &backing.image, options).await.with_context(|| format!("cannot start {name}"))?;
        let wanted = wanted(pod, name, backing, &image, variables);
        bring_up(engine, ui, &wanted, &image.id).await?;
    }
    Ok(())
}

/// Stops and removes the containers beside a pod; gives their names.
///
/// # Errors
/// The engine cannot.
pub async fn down(engine: &Engine, ui: &Ui, pod: &str) -> Result<Vec<String>> {
    let found = engine.labelled(labels::BACKING, pod).await?;
    let mut removed = Vec::new();
    for container in found {
        let task = ui.task(format!("stop {}", container.name));
        engine.stop(&container.name, None).await?;
        engine.remove(&container.name).await?;
        task.done("removed");
        removed.push(format!("container {}", container.name));
    }
    Ok(removed)
}

/// The container of one; its label says what it was made from, and no value of a variable.
fn wanted(pod: &Pod, name: &str, backing: &Backing, image: &base::Base, variables: &Variables) -> Wanted {
    let value = |(name, value): (&String, &Option<String>)| {
        let value = value.clone().or_else(|| variables.get(name).map(str::to_owned))?;
        Some((name.clone(), value))
    };
    let binds = container::binds(&pod.name, &backing.volumes);
    let ports: Vec<String> = backing.ports.iter().map(|port| format!("{port:?}")).collect();
    let config = serde_json::json!({ "image": image.id, "command": backing.command, "binds": binds, "ports": ports });
    Wanted {
        name: format!("{}-{name}", pod.name),
        image: image.reference.clone(),
        environment: backing.environment.iter().filter_map(value).collect(),
        labels: BTreeMap::from([
            (labels::BACKING.to_owned(), pod.name.clone()),
            (labels::BACKING_CONFIG.to_owned(), config.to_string()),
        ]),
        ports: backing.ports.clone(),
        network: Some(network::name(&pod.name)),
        stop_grace_period_ms: GRACE_MS,
        container: Container::default(),
        binds,
        command: backing.command.clone(),
        alias: Some(name.to_owned()),
        ..Wanted::default()
    }
}

async fn bring_up(engine: &Engine, ui: &Ui, wanted: &Wanted, image_id: &str) -> Result<()> {
    let name = &wanted.name;
    match engine.inspect(name).await? {
        Some(found) if !found.labels.contains_key(labels::BACKING) => {
            bail!("cannot create the container {name}: there is one of that name that podctl did not make; remove or rename it")
        }
        Some(found) if is_right(wanted, &found, image_id) => {
            if !found.running {
                ui.say(format!("start {name}"));
                engine.start(name).await?;
            }
            return Ok(());
        }
        Some(_) => {
            ui.say(format!("recreate {name}: it changed"));
            engine.stop(name, None).await?;
            engine.remove(name).await?;
        }
        None => ui.say(format!("create {name}")),
    }
    engine.create(wanted).await?;
    if let Err(error) = engine.start(name).await {
        // A container that never ran would be taken for one that was stopped.
        engine.remove(name).await?;
        return Err(error);
    }
    Ok(())
}

fn is_right(wanted: &Wanted, found: &Found, image_id: &str) -> bool {
    let same_variables = wanted.environment.iter().all(|(name, value)| found.environment.get(name) == Some(value));
    let config = |labels: &BTreeMap<String, String>| labels.get(labels::BACKING_CONFIG).cloned();
    same_variables && found.image_id == image_id && config(&wanted.labels) == config(&found.labels)
}
