//! Every service comes back after `kill -9`, each in turn: its command again under another pid, nothing left of its old
//! tree (nginx's workers would keep the port), its ports served, and no other service touched.
//!
//! Witness: the kernel's process table and its list of listening ports.

use super::super::context::Context;
use super::super::declared::Declared;
use super::super::pod::{TestPod, is_serving, until};
use super::super::report::Outcome;
use super::super::witness::processes::{Process, Table};
use anyhow::Result;
use podinit_plan::plan::RestartPolicy;
use std::time::Duration;
use tokio::time::Instant;

/// A successor's start: at once after a stable run, after seconds when it has failed before; the rest is for a host
/// that is busy.
const SUCCESSOR_WITHIN: Duration = Duration::from_secs(15);
/// From then on a service has as long as a start may take; this, when that is not limited.
const SERVES_WITHIN_MS: u64 = 60_000;

pub(super) async fn judge(context: &Context<'_>) -> Result<Outcome> {
    let pod = context.shared()?;
    let (mut problems, mut back) = (Vec::new(), Vec::new());
    for service in context.declared.values().filter(|service| service.stays()) {
        let restart = &context.plan.services[&service.name].restart;
        if restart.policy == RestartPolicy::Never || restart.retries == 0 {
            continue;
        }
        let before = pod.table().await?;
        // One that does not run at all is services-running's matter.
        let Some(leader) = before.leader(service) else { continue };
        let crashed = Instant::now();
        pod.shell("kill -9 \"$1\"", &[&leader.pid.to_string()]).await?;
        match successor(context, pod, service, leader, &before).await? {
            Ok(after) => {
                back.push(format!("{} after {:.1} s", service.name, crashed.elapsed().as_secs_f64()));
                problems.extend(touched(context, service, &before, &after));
            }
            Err(problem) => problems.push(problem),
        }
    }
    if back.is_empty() && problems.is_empty() {
        return Ok(Outcome::Skipped("no service that runs is to be restarted".to_owned()));
    }
    if problems.is_empty() {
        // The next criterion finds the pod as this one did.
        pod.wait_until_up(context).await?;
    }
    Ok(Outcome::of(&problems, format!("back: {}", back.join(", "))))
}

/// Waits for the successor and until it serves; the process table then, or what is wrong instead.
async fn successor(
    context: &Context<'_>,
    pod: &TestPod,
    service: &Declared,
    old: &Process,
    before: &Table,
) -> Result<Result<Table, String>> {
    let name = &service.name;
    let is_new = |table: &Table| table.leader(service).is_some_and(|new| !table.has(old) && new.pid != old.pid);
    let came = until(SUCCESSOR_WITHIN, || async { Ok(is_new(&pod.table().await?).then_some(())) });
    if came.await?.is_none() {
        return Ok(Err(format!("{name} did not come back within {} s of kill -9", SUCCESSOR_WITHIN.as_secs())));
    }
    let limit = match context.plan.services[name].start_timeout_ms {
        0 => SERVES_WITHIN_MS,
        limit => limit,
    };
    // Between fork and exec it still looks like podinit.
    let is_same = |table: &Table| table.leader(service).is_some_and(|new| new.argv == old.argv);
    let served = until(Duration::from_millis(limit), || async {
        let table = pod.table().await?;
        Ok((is_serving(&table, service) && is_new(&table) && is_same(&table)).then_some(table))
    });
    let Some(table) = served.await? else {
        let what = format!("did not run `{}` and listen as before within {} s", old.argv.join(" "), limit / 1_000);
        return Ok(Err(format!("{name} came back, and {what}")));
    };
    let left: Vec<String> = before
        .tree(old)
        .into_iter()
        .filter(|process| table.has(process))
        .map(|process| format!("{} ({})", process.pid, process.argv.join(" ")))
        .collect();
    if !left.is_empty() {
        return Ok(Err(format!("{name} came back beside what was left of its predecessor: {}", left.join(", "))));
    }
    Ok(Ok(table))
}

/// The other services that did not live through it.
fn touched(context: &Context<'_>, crashed: &Declared, before: &Table, after: &Table) -> Vec<String> {
    let others = context.declared.values().filter(|other| other.name != crashed.name && other.stays());
    let ended = others.filter(|other| before.leader(other).is_some_and(|leader| !after.has(leader)));
    ended.map(|other| format!("{} did not live through the crash of {}", other.name, crashed.name)).collect()
}
