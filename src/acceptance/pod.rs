//! The pod under test in a container of its own.

use super::context::Context;
use super::declared::Declared;
use super::image_plan;
use super::sandbox::LABEL;
use super::witness::processes::{self, Process, Table};
use super::witness::{http, logs, shell};
use crate::engine::Engine;
use crate::engine::container::Wanted;
use crate::engine::inspect::Found;
use crate::render;
use crate::spec::model::{Container, PublishedPort};
use anyhow::{Context as _, Result, anyhow};
use podinit_plan::plan;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::time::Instant;

/// The longest a pod may take until its services run and listen; what does not by then is for the criteria to say.
const UP_TIMEOUT: Duration = Duration::from_secs(90);
/// When this long has gone by, the image's own check may end the wait: a service that never comes is not waited for.
const PATIENCE: Duration = Duration::from_secs(3);
/// Between two looks at a container.
pub const LOOK: Duration = Duration::from_millis(100);

/// A container of the image under test.
pub struct TestPod {
    engine: Engine,
    /// The container's name.
    pub container: String,
    /// On which port of the host each of its ports is.
    pub published: BTreeMap<u16, u16>,
    /// When the engine was asked to start it.
    pub started: Instant,
    /// How long it then took until every service was seen at work.
    pub up_after: Option<Duration>,
}

/// How a container differs from the others of the run.
#[derive(Default)]
pub struct Variation<'v> {
    /// Its variables instead of the run's.
    pub variables: Option<&'v BTreeMap<String, String>>,
    /// What is done to the image's plan before the start.
    pub edit_plan: Option<&'v (dyn Fn(&mut Value) + Send + Sync)>,
}

impl TestPod {
    /// Creates and starts a container; `purpose` becomes part of its name.
    ///
    /// # Errors
    /// The engine cannot, or the image has no plan.
    pub async fn start(context: &Context<'_>, purpose: &str, variation: &Variation<'_>) -> Result<TestPod> {
        let engine = context.engine.clone();
        let container = format!("{}-{purpose}", context.sandbox.name);
        context.sandbox.make(wanted(context, &container, variation)).await?;
        if let Some(edit) = variation.edit_plan {
            image_plan::edit(&engine, &container, edit).await?;
        }
        let started = Instant::now();
        engine.start(&container).await?;
        let published = engine.inspect(&container).await?.map(|found| found.ports).unwrap_or_default();
        let published = published.iter().map(|port| (port.container, port.host)).collect();
        Ok(TestPod { engine, container, published, started, up_after: None })
    }

    /// Waits until every service that is to run does and listens, and the gateway says that the pod is ready. What has
    /// not come in time is no error here: that is for the criteria to find.
    ///
    /// # Errors
    /// The container has ended, or cannot be looked into.
    pub async fn up(&mut self, context: &Context<'_>) -> Result<()> {
        match self.wait_until_up(context).await {
            Ok(up_after) => {
                self.up_after = up_after;
                Ok(())
            }
            Err(error) => match self.inspect().await?.exit_code {
                Some(code) => {
                    let lines = self.logs().await?;
                    let last: Vec<_> = lines.iter().rev().take(5).rev().map(|line| line.text.as_str()).collect();
                    Err(anyhow!("the pod ended with exit code {code} instead of running; it said last:\n{}", last.join("\n")))
                }
                None => Err(error),
            },
        }
    }

    /// Waits as [`TestPod::up`]; the result is how long it took from the start, none when not all has been seen.
    ///
    /// # Errors
    /// The container cannot be looked into.
    pub async fn wait_until_up(&self, context: &Context<'_>) -> Result<Option<Duration>> {
        let begun = Instant::now();
        let check = [plan::PODINIT, "healthcheck"];
        let mut last_look = false;
        let deadline = begun + UP_TIMEOUT;
        loop {
            if self.is_up(context).await? {
                return Ok(Some(self.started.elapsed()));
            }
            if last_look || Instant::now() > deadline {
                return Ok(None);
            }
            // What came between a look and the check is still to be seen.
            last_look = begun.elapsed() > PATIENCE && self.engine.exec(&self.container, &check, None).await?.exit_code == 0;
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Removes the container, so that it costs nothing while others are looked at.
    ///
    /// # Errors
    /// The engine cannot.
    pub async fn discard(self) -> Result<()> {
        self.engine.remove(&self.container).await.map(drop)
    }

    async fn is_up(&self, context: &Context<'_>) -> Result<bool> {
        let table = self.table().await?;
        let mut staying = context.declared.values().filter(|service| service.stays());
        if !staying.all(|service| is_serving(&table, service)) {
            return Ok(false);
        }
        match context.pod.gateway.as_ref().and_then(|gateway| gateway.health.as_deref()) {
            Some(health) => Ok(self.get(context, health).await.is_ok_and(|answer| answer.status == 200)),
            None => Ok(true),
        }
    }

    /// The container's processes now.
    ///
    /// # Errors
    /// The container does not run.
    pub async fn table(&self) -> Result<Table> {
        processes::read(&self.engine, &self.container).await
    }

    /// All that the container has written.
    ///
    /// # Errors
    /// The engine does not answer.
    pub async fn logs(&self) -> Result<Vec<logs::Line>> {
        logs::read(&self.engine, &self.container).await
    }

    /// Runs a script in the container as the user of a process, to look into it; its stdout.
    ///
    /// # Errors
    /// As [`shell::run`].
    pub async fn shell_as(&self, process: &Process, script: &str, arguments: &[&str]) -> Result<Vec<u8>> {
        let user = format!("{}:{}", process.uid, process.gid);
        shell::run(&self.engine, &self.container, Some(&user), script, arguments).await
    }

    /// Runs a script in the container, as root; its stdout.
    ///
    /// # Errors
    /// As [`shell::run`].
    pub async fn shell(&self, script: &str, arguments: &[&str]) -> Result<Vec<u8>> {
        shell::run(&self.engine, &self.container, Some(shell::ROOT), script, arguments).await
    }

    /// What the engine knows of the container.
    ///
    /// # Errors
    /// It is gone.
    pub async fn inspect(&self) -> Result<Found> {
        self.engine.inspect(&self.container).await?.with_context(|| format!("the container {} is gone", self.container))
    }

    /// Asks the gateway for a path, from outside.
    ///
    /// # Errors
    /// The gateway is not published or does not answer.
    pub async fn get(&self, context: &Context<'_>, path: &str) -> Result<http::Answer> {
        http::get(self.gateway_port(context)?, path, &super::unique()).await
    }

    /// Where the gateway is published.
    ///
    /// # Errors
    /// It is not.
    pub fn gateway_port(&self, context: &Context<'_>) -> Result<u16> {
        let gateway = context.pod.gateway.as_ref().context("the pod has no gateway")?;
        self.published.get(&gateway.port).copied().with_context(|| format!("the engine has not published port {}", gateway.port))
    }
}

/// Whether a service runs and listens on all of its ports.
#[must_use]
pub fn is_serving(table: &Table, service: &Declared) -> bool {
    table.leader(service).is_some() && service.ports.iter().all(|port| table.listening.contains(port))
}

/// Looks again and again until there is something to see; none when the time is over.
///
/// # Errors
/// Those of the look.
pub async fn until<T, F: Future<Output = Result<Option<T>>>>(limit: Duration, mut look: impl FnMut() -> F) -> Result<Option<T>> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(seen) = look().await? {
            return Ok(Some(seen));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn wanted(context: &Context<'_>, container: &str, variation: &Variation<'_>) -> Wanted {
    let ports = context.pod.ports.iter().filter(|port| port.protocol == "tcp").map(|port| port.container);
    let ports: BTreeSet<u16> = ports.chain(context.pod.gateway.as_ref().map(|gateway| gateway.port)).collect();
    let publish = |container| PublishedPort { address: Some(Ipv4Addr::LOCALHOST.into()), host: None, container, protocol: "tcp" };
    Wanted {
        name: container.to_owned(),
        image: context.image.to_owned(),
        environment: variation.variables.unwrap_or(&context.variables).clone(),
        labels: BTreeMap::from([(LABEL.to_owned(), context.sandbox.name.clone())]),
        ports: ports.into_iter().map(publish).collect(),
        network: Some(context.sandbox.name.clone()),
        stop_grace_period_ms: context.pod.stop_grace_period_ms,
        // How it ends is looked at, and nobody else is to be met.
        container: Container { restart: None, networks: Vec::new(), ..context.pod.container.clone() },
        tmpfs: render::tmpfs(context.pod),
        secrets: context.secrets.to_vec(),
        ..Wanted::default()
    }
}
