//! What one run of the acceptance test has on the engine, and that nothing of it stays.

use crate::engine::Engine;
use crate::engine::container::Wanted;
use anyhow::{Context, Result};
use bollard::query_parameters::ListContainersOptionsBuilder;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// On every container of an acceptance test: which run it belongs to. Shows what a run left that was killed itself.
pub const LABEL: &str = "io.podctl.test";

/// The longest that the engine may take for the containers that were being made when a run was given up.
const UNDER_WAY: Duration = Duration::from_secs(20);

/// The network and the containers of one run. They are removed by [`Sandbox::remove`]; and when the run is dropped
/// before, by an interruption or a panic, then too.
pub struct Sandbox {
    engine: Engine,
    /// The name of the network, and what the containers' names begin with.
    pub name: String,
    /// Everybody who makes a container has a copy, so that the other end knows when the last one has ended.
    making: Option<Sender<Infallible>>,
    all_made: Mutex<Receiver<Infallible>>,
    removed: bool,
}

impl Sandbox {
    /// Makes the network.
    ///
    /// # Errors
    /// The engine cannot.
    pub async fn create(engine: &Engine, pod: &str) -> Result<Sandbox> {
        let name = format!("podctl-test-{pod}-{}", super::unique());
        // Made first, so that the network goes even if the engine's answer is lost.
        let (making, all_made) = channel();
        let sandbox =
            Sandbox { engine: engine.clone(), name, making: Some(making), all_made: Mutex::new(all_made), removed: false };
        engine.ensure_network(&sandbox.name, &sandbox.name).await?;
        Ok(sandbox)
    }

    /// Makes a container. Goes on when this future is dropped: the engine would make it all the same, and nobody would
    /// know that it is there.
    ///
    /// # Errors
    /// The engine cannot.
    pub async fn make(&self, wanted: Wanted) -> Result<()> {
        let (engine, making) = (self.engine.clone(), self.making.clone());
        let made = tokio::spawn(async move {
            let made = engine.create(&wanted).await;
            drop(making);
            made
        });
        made.await.context("cannot make a container")??;
        Ok(())
    }

    /// Removes everything.
    ///
    /// # Errors
    /// The engine cannot; what stays has the label [`LABEL`].
    pub async fn remove(mut self) -> Result<()> {
        self.removed = true;
        remove(&self.engine, &self.name).await
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if self.removed {
            return;
        }
        self.making = None;
        if let Ok(all_made) = self.all_made.lock() {
            // Nothing is ever sent: this ends when the last container is made, or has taken too long.
            let _ = all_made.recv_timeout(UNDER_WAY);
        }
        // The runtime that the run belongs to may be on its way down: this takes one of its own.
        let name = self.name.clone();
        let cleaner = std::thread::spawn(move || -> Result<()> {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async { remove(&Engine::connect().await?, &name).await })
        });
        // Nobody is left to hear of a failure; the label shows what stayed.
        drop(cleaner.join());
    }
}

async fn remove(engine: &Engine, name: &str) -> Result<()> {
    let context = || format!("cannot remove what the test has made; remove the containers with the label {LABEL}={name} by hand");
    let filters = HashMap::from([("label", vec![format!("{LABEL}={name}")])]);
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    let listed = engine.docker.list_containers(Some(options)).await.with_context(context)?;
    let ids: Vec<String> = listed.into_iter().filter_map(|container| container.id).collect();
    futures_util::future::try_join_all(ids.iter().map(|id| engine.remove(id))).await.with_context(context)?;
    engine.remove_network(name).await.with_context(context)?;
    Ok(())
}
