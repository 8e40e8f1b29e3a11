//! `podctl up`: builds what changed, runs it, and waits until it is ready.

use super::interrupt::{Interrupts, interrupted};
use super::lines::Printer;
use super::{Context, build};
use crate::engine::Engine;
use crate::engine::inspect::Published;
use crate::engine::logs::Range;
use crate::failure::{ExitCode, exit_code};
use crate::project::plan::Step;
use crate::project::pods::{self, Target};
use crate::project::{apply, backing, wait};
use anyhow::{Context as _, Result, anyhow, bail};
use futures_util::StreamExt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use time::OffsetDateTime;
use tokio::task::JoinSet;

/// What `podctl up` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The pods; without one, all of the project
    #[arg(value_name = "POD")]
    pub pods: Vec<String>,
    /// Return when the pods are ready; without it their logs are shown, and Ctrl-C stops them (podctl then ends with 130)
    #[arg(short, long)]
    pub detach: bool,
    /// Run the images as they are
    #[arg(long)]
    pub no_build: bool,
    /// The longest a pod may take until it is ready
    #[arg(long, value_name = "DURATION", default_value = "120s", value_parser = super::duration_ms)]
    pub wait_timeout: u64,
    /// How the images are built.
    #[command(flatten)]
    pub build: build::Options,
}

/// Runs it.
///
/// # Errors
/// pod.yaml is invalid, a build fails, a port is taken, a pod is not ready in time; attached, also when a pod ended by
/// itself with another code than 0.
pub async fn run(context: &Context, args: &Args) -> Result<()> {
    let mut interrupts = Interrupts::catch()?;
    let targets = pods::load_each(&context.files, &args.pods)?;
    let engine = Engine::connect().await?;
    let mut up = Up { context, args, engine, running: Vec::new(), followers: JoinSet::new() };
    let result = tokio::select! {
        result = up.run(&targets) => result,
        () = interrupts.next() => Err(interrupted()),
    };
    if args.detach {
        if result.as_ref().is_err_and(|error| exit_code(error) == ExitCode::Interrupted) {
            context.ui.say("interrupted; what was started goes on: `podctl ps` shows it, `podctl down` stops it");
        }
        return result;
    }
    // Attached pods don't outlive this command, whatever ended it.
    tokio::select! {
        stopped = up.stop() => stopped?,
        () = interrupts.next() => up.kill().await?,
    }
    result
}

struct Up<'a> {
    context: &'a Context,
    args: &'a Args,
    engine: Engine,
    /// The names of the pods that were brought up.
    running: Vec<String>,
    /// Each shows the lines of one pod until it ends.
    followers: JoinSet<Result<()>>,
}

impl Up<'_> {
    async fn run(&mut self, targets: &[Target]) -> Result<()> {
        let printer = Arc::new(Printer::new(self.context.ui.clone()));
        for target in targets {
            self.bring_up(target, &printer).await?;
        }
        for target in targets {
            self.say_where_to_look(&target.pod.name).await?;
        }
        if self.args.detach { Ok(()) } else { self.follow().await }
    }

    async fn bring_up(&mut self, target: &Target, printer: &Arc<Printer>) -> Result<()> {
        let (engine, ui, name) = (&self.engine, &self.context.ui, &target.pod.name);
        let image_id = match self.args.no_build {
            true => target.existing_image(engine).await?,
            false => target.build(engine, ui, &self.args.build.to_image()).await?.id,
        };
        let wanted = target.wanted(&image_id)?;
        let step = apply::plan(engine, &wanted).await?;
        if !self.args.detach {
            // From here on it is ours to stop, even if the user interrupts its start.
            self.running.push(name.clone());
        }
        backing::up(engine, ui, &target.pod, &target.variables, &self.args.build.to_image()).await?;
        apply::up(engine, ui, &wanted, &step).await?;
        if !self.args.detach {
            let range = range(engine, name, &step).await?;
            self.followers.spawn(show(engine.clone(), name.clone(), range, Arc::clone(printer)));
        }
        if step != Step::Leave {
            return wait::until_ready(engine, ui, name, self.args.wait_timeout, OffsetDateTime::UNIX_EPOCH).await;
        }
        // An engine that says so itself spares two processes in the pod.
        if engine.inspect(name).await?.is_some_and(|found| found.healthy) {
            return Ok(());
        }
        wait::until_ready(engine, ui, name, self.args.wait_timeout, OffsetDateTime::now_utc()).await
    }

    /// Shows lines until all pods have ended by themselves.
    async fn follow(&mut self) -> Result<()> {
        while let Some(ended) = self.followers.join_next().await {
            ended.context("cannot follow the logs")??;
        }
        let mut failed = Vec::new();
        for name in &self.running {
            match self.engine.wait(name).await? {
                0 => self.context.ui.say(format!("{name} ended with exit code 0")),
                code => failed.push(format!("{name} ended with exit code {code}")),
            }
        }
        if failed.is_empty() { Ok(()) } else { bail!("{}; `podctl logs` shows what it wrote", failed.join(", ")) }
    }

    /// Stops the attached pods, and shows their last lines.
    async fn stop(&mut self) -> Result<()> {
        for name in &self.running {
            if self.engine.inspect(name).await?.is_some_and(|found| found.running && found.is_pod()) {
                let task = self.context.ui.task(format!("stop {name} (Ctrl-C again kills it)"));
                self.engine.stop(name, None).await?;
                task.done("stopped");
            }
        }
        // A reader that is gone has been told of already, or has not asked.
        while self.followers.join_next().await.is_some() {}
        Ok(())
    }

    async fn kill(&self) -> Result<()> {
        for name in &self.running {
            self.engine.kill(name, "SIGKILL").await?;
        }
        Ok(())
    }

    async fn say_where_to_look(&self, name: &str) -> Result<()> {
        let found = self.engine.inspect(name).await?.ok_or_else(|| anyhow!("the container {name} was removed meanwhile"))?;
        for port in found.ports.iter().filter(|port| port.protocol == "tcp") {
            self.context.ui.say(format!("{name} is at {}", url(port)));
        }
        Ok(())
    }
}

/// Which lines of a pod are shown: those of the run that this command started, or those from now on.
async fn range(engine: &Engine, name: &str, step: &Step) -> Result<Range> {
    let all = Range { follow: true, ..Range::default() };
    Ok(match step {
        Step::Create | Step::Recreate(_) | Step::Refuse => all,
        Step::Leave => Range { last: Some(0), ..all },
        Step::Start => {
            let started = engine.inspect(name).await?.and_then(|found| found.started_at);
            Range { since: started.map(OffsetDateTime::unix_timestamp), ..all }
        }
    })
}

async fn show(engine: Engine, name: String, range: Range, printer: Arc<Printer>) -> Result<()> {
    let mut lines = pin!(engine.logs(&name, &range));
    while let Some(line) = lines.next().await {
        printer.print(&line?.text)?;
    }
    Ok(())
}

/// Where a port is reached from this machine.
fn url(port: &Published) -> String {
    let address = match port.address {
        IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        address => address,
    };
    format!("http://{}/", SocketAddr::new(address, port.host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_reached_at_loopback() {
        let url = |address: &str| {
            url(&Published { container: 80, protocol: "tcp".to_owned(), address: address.parse().unwrap(), host: 8080 })
        };
        assert_eq!(url("0.0.0.0"), "http://127.0.0.1:8080/");
        assert_eq!(url("::"), "http://[::1]:8080/");
        assert_eq!(url("127.0.0.2"), "http://127.0.0.2:8080/");
    }
}
