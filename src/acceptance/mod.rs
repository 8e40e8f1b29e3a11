//! `podctl test acceptance`: the pod in a container of its own, judged criterion by criterion.
//!
//! A criterion never asks podinit whether podinit is right: each has a witness of its own ([`witness`]), and measures
//! what it sees against pod.yaml, never against what the image says of itself.

pub mod context;
pub mod criteria;
pub mod declared;
mod image_plan;
pub mod order;
pub mod pod;
pub mod report;
pub mod sandbox;
pub mod witness;

pub use context::Subject;
pub use report::Report;

use crate::engine::Engine;
use crate::ui::Ui;
use anyhow::{Context as _, Result};
use context::Context;
use criteria::{Criterion, Needs};
use futures_util::future::{join, join_all};
use pod::{TestPod, Variation};
use report::{Outcome, Verdict};
use sandbox::Sandbox;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// What is tested and where the result goes.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The ids of the criteria; none is all of them.
    pub only: Vec<String>,
    /// A file for the report as JSON.
    pub report: Option<PathBuf>,
}

/// Tests a pod's image. What it makes on the engine is removed again, whatever happens; also when this future is dropped,
/// as an interruption does.
///
/// A criterion that fails is no error here: see [`Report::verdict`].
///
/// # Errors
/// Usage, or an engine that cannot make or remove containers.
pub async fn run(engine: &Engine, ui: &Ui, subject: &Subject<'_>, options: &Options) -> Result<Report> {
    let chosen = criteria::choose(&options.only)?;
    let sandbox = Sandbox::create(engine, &subject.pod.name).await?;
    let judged = judge(engine, ui, subject, &sandbox, &chosen).await;
    let removed = sandbox.remove().await;
    let report = Report::new(&subject.pod.name, judged?);
    removed?;
    if let Some(file) = &options.report {
        report.write_json(file)?;
    }
    Ok(report)
}

async fn judge(
    engine: &Engine,
    ui: &Ui,
    subject: &Subject<'_>,
    sandbox: &Sandbox,
    chosen: &[&Criterion],
) -> Result<Vec<Verdict>> {
    let mut context = Context::new(engine, subject, sandbox)?;
    let needs_own = |criterion: &&&Criterion| criterion.needs == Needs::OwnPod;
    let (own, shared): (Vec<&Criterion>, Vec<&Criterion>) = chosen.iter().copied().partition(|criterion| needs_own(&criterion));
    if shared.iter().any(|criterion| criterion.needs == Needs::SharedPod) {
        // It starts before everything else, so that nothing disturbs the time it takes.
        context.share(start_shared(ui, &context).await);
    }
    let context = &context;
    let one = async |criterion: &Criterion| {
        let task = ui.task(criterion.id);
        let started = Instant::now();
        let outcome = match (criterion.judge)(context).await {
            Ok(outcome) => outcome,
            Err(error) => Outcome::Failed(format!("{error:#}")),
        };
        match &outcome {
            Outcome::Passed(_) => task.done("ok"),
            Outcome::Failed(_) => task.failed("FAILED"),
            Outcome::Skipped(_) => task.done("skipped"),
        }
        Verdict::new(criterion.id, outcome, started.elapsed().as_secs_f64())
    };
    // Criteria that share the container change it, so they take turns; the others have one each and run beside them.
    let in_turn = async {
        let mut verdicts = Vec::new();
        for criterion in shared {
            verdicts.push(one(criterion).await);
        }
        verdicts
    };
    let (mut verdicts, beside) = join(in_turn, join_all(own.into_iter().map(one))).await;
    verdicts.extend(beside);
    verdicts.sort_by_key(|verdict| chosen.iter().position(|criterion| criterion.id == verdict.id));
    Ok(verdicts)
}

async fn start_shared(ui: &Ui, context: &Context<'_>) -> Result<TestPod> {
    let task = ui.task(format!("start {}", context.pod.name));
    let start = async {
        let mut pod = TestPod::start(context, "shared", &Variation::default()).await?;
        pod.up(context).await?;
        anyhow::Ok(pod)
    };
    let started = start.await.with_context(|| format!("cannot start the pod {} for the test", context.pod.name));
    match &started {
        Ok(_) => task.done("up"),
        Err(_) => task.failed("it did not come up"),
    }
    started
}

/// A text that no other call gives, on this machine or another: for names and for what is to be found again.
#[must_use]
pub fn unique() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    format!("{time:x}-{:x}-{:x}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}
