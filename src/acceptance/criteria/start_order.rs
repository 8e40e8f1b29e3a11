//! A service starts after all that it depends on and all of lower effective priority; after a service that is ready
//! when it has been alive for a while, not before that while is over.
//!
//! Witness: the kernel's start times of processes, in hundredths of a second. Oneshots have gone by then, and a start
//! time does not tell when a service first answered: both are readiness-gates' matter.

use super::super::context::Context;
use super::super::report::Outcome;
use super::super::witness::processes::{Process, TICKS_PER_SECOND};
use anyhow::Result;
use podinit_plan::plan::{Kind, Ready};

pub(super) async fn judge(context: &Context<'_>) -> Result<Outcome> {
    let table = context.shared()?.table().await?;
    // What the clock starts may run just now, and may have been started at any time.
    let mut leaders = table.leaders(context.declared.values().filter(|service| service.stays()));
    // A successor's start tells nothing of the order of the first starts.
    leaders.retain(|_, leader| leader.mark.as_ref().is_none_or(|(_, incarnation)| *incarnation == 1));
    let mut problems = Vec::new();
    let mut pairs = 0;
    for (name, leader) in &leaders {
        for before in &context.predecessors[name] {
            let Some(earlier) = leaders.get(before) else { continue };
            pairs += 1;
            let after = seconds_between(earlier, leader);
            if after < 0.0 {
                problems.push(format!("{name} started {:.2} s before {before}", -after));
            } else if let (Ready::AliveMs(ms), Kind::Service) = (&context.declared[before].ready, context.declared[before].kind) {
                let least = *ms as f64 / 1_000.0;
                // Both times are rounded down to a tick.
                if after + 1.0 / (TICKS_PER_SECOND as f64) < least {
                    problems.push(format!("{name} started {after:.2} s after {before}, which is ready after {least} s"));
                }
            }
        }
    }
    if pairs == 0 {
        return Ok(Outcome::Skipped("no running service has to start after another".to_owned()));
    }
    let mut order: Vec<(&String, &&Process)> = leaders.iter().collect();
    order.sort_by_key(|(_, leader)| leader.started);
    let first = order[0].1;
    let order: Vec<String> =
        order.iter().map(|(name, leader)| format!("{name} +{:.2} s", seconds_between(first, leader))).collect();
    Ok(Outcome::of(&problems, order.join(", ")))
}

fn seconds_between(earlier: &Process, later: &Process) -> f64 {
    (later.started as f64 - earlier.started as f64) / TICKS_PER_SECOND as f64
}
