//! The pod is healthy within `acceptance.health_within` of the container's start.
//!
//! Witness: requests from outside, or without a gateway the kernel's process table and list of listening ports: from the
//! start on, until every service runs and listens and the gateway says 200. And the engine's own health status, which
//! comes later: engines before 25 check for the first time after a whole interval.

use super::super::context::Context;
use super::super::pod::until;
use super::super::report::Outcome;
use anyhow::Result;
use podinit_plan::units::format_duration_ms;
use std::time::Duration;

/// The image's interval between two checks, and the longest that one takes.
const ENGINE_LAG: Duration = Duration::from_secs(10);

pub(super) async fn judge(context: &Context<'_>) -> Result<Outcome> {
    let Some(limit_ms) = context.pod.acceptance.health_within_ms else {
        return Ok(Outcome::Skipped("the pod sets no acceptance.health_within".to_owned()));
    };
    let pod = context.shared()?;
    let limit = Duration::from_millis(limit_ms);
    let wanted = format_duration_ms(limit_ms);
    let Some(up_after) = pod.up_after else {
        return Ok(Outcome::Failed("not every service ever ran and listened".to_owned()));
    };
    if up_after > limit {
        return Ok(Outcome::Failed(format!(
            "all services were up {:.1} s after the start, not within {wanted}",
            up_after.as_secs_f64()
        )));
    }
    let latest = (limit + ENGINE_LAG).saturating_sub(pod.started.elapsed());
    let healthy = until(latest, || async { Ok(pod.inspect().await?.healthy.then_some(())) }).await?;
    Ok(match healthy {
        Some(()) => {
            Outcome::Passed(format!("{:.1} s from the start, {wanted} allowed; the engine agrees", up_after.as_secs_f64()))
        }
        None => Outcome::Failed("the engine's own check of the image's health does not pass".to_owned()),
    })
}
