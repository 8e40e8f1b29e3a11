//! An essential service that fails again and again ends the pod, by itself and with the service's exit code.
//!
//! How: in a container of its own one essential service is killed with SIGKILL as soon as it appears, until nothing
//! appears any more; of those whose attempts are soonest spent. The plan's own retries and delays count.
//! Witness: the engine's exit code of the container, 128 + 9.

use super::super::context::Context;
use super::super::declared::Declared;
use super::super::pod::{LOOK, TestPod, Variation};
use super::super::report::Outcome;
use anyhow::Result;
use podinit_plan::plan::{Growth, Restart, RestartPolicy};
use std::time::Duration;
use tokio::time::Instant;

/// What a container ends with whose essential service was killed by SIGKILL.
const KILLED: i64 = 128 + 9;
/// For each attempt: until it is seen and killed.
const ATTEMPT: Duration = Duration::from_secs(2);
/// For the end itself, beside the grace of the others.
const END: Duration = Duration::from_secs(5);
/// A run that is stable sooner than it can be killed resets the count for ever.
const SHORTEST_STABLE_MS: u64 = 1_000;
/// Nobody waits longer for a test.
const LONGEST: Duration = Duration::from_secs(300);

pub(super) async fn judge(context: &Context<'_>) -> Result<Outcome> {
    let candidates = context.declared.values().filter(|service| {
        let planned = &context.plan.services[&service.name];
        service.stays()
            && planned.essential
            && (planned.restart.stable_after_ms >= SHORTEST_STABLE_MS || planned.restart.policy == RestartPolicy::Never)
    });
    let Some(service) = candidates.min_by_key(|service| until_fatal(&context.plan.services[&service.name].restart)) else {
        return Ok(Outcome::Skipped("no essential service can be made to fail for good".to_owned()));
    };
    let limit = until_fatal(&context.plan.services[&service.name].restart)
        + Duration::from_millis(context.plan.stop_grace_period_ms)
        + END;
    if limit > LONGEST {
        let text = format!("{} would have to be killed for up to {} s", service.name, limit.as_secs());
        return Ok(Outcome::Skipped(text));
    }
    let mut pod = TestPod::start(context, "crash", &Variation::default()).await?;
    pod.up(context).await?;
    let outcome = kill_until_ended(&pod, service, limit).await?;
    pod.discard().await?;
    Ok(outcome)
}

async fn kill_until_ended(pod: &TestPod, service: &Declared, limit: Duration) -> Result<Outcome> {
    let name = &service.name;
    let begun = Instant::now();
    let mut killed = 0;
    loop {
        let found = pod.inspect().await?;
        if let Some(code) = found.exit_code {
            let seconds = begun.elapsed().as_secs_f64();
            return Ok(match code {
                KILLED if killed > 0 => {
                    Outcome::Passed(format!("{name} killed {killed} times; the pod ended with {KILLED} after {seconds:.1} s"))
                }
                _ => Outcome::Failed(format!("{name} killed {killed} times; the pod ended with {code}, not with {KILLED}")),
            });
        }
        if begun.elapsed() > limit {
            let text = format!("{name} killed {killed} times in {} s, and the pod did not end", limit.as_secs());
            return Ok(Outcome::Failed(text));
        }
        // The container may end between any two looks; the next turn sees it.
        if let Ok(table) = pod.table().await
            && let Some(leader) = table.leader(service)
            && pod.shell("kill -9 \"$1\"", &[&leader.pid.to_string()]).await.is_ok()
        {
            killed += 1;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The longest until a service that always fails is down for good.
fn until_fatal(restart: &Restart) -> Duration {
    if restart.policy == RestartPolicy::Never {
        return ATTEMPT;
    }
    let delays = (0..restart.retries).map(|nth| {
        let factor = match restart.backoff.growth {
            Growth::Exponential => 2_u64.saturating_pow(nth),
            Growth::Linear => u64::from(nth) + 1,
        };
        let delay = restart.backoff.first_ms.saturating_mul(factor).min(restart.backoff.max_ms);
        delay.saturating_mul(100 + u64::from(restart.backoff.jitter_percent)) / 100
    });
    let total = delays.fold(0_u64, u64::saturating_add);
    Duration::from_millis(total).saturating_add(ATTEMPT.saturating_mul(restart.retries.saturating_add(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_counts_every_delay_with_its_jitter() {
        let plan = super::super::super::order::tests::plan(&[("a", 1, &[])]);
        // 1 + 2 + 4 + 8 + 16 s, a tenth more, and 2 s for each of six attempts.
        assert_eq!(until_fatal(&plan.services["a"].restart), Duration::from_millis(34_100 + 12_000));
    }
}
