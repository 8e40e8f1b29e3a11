//! A route with a rate lets the burst through, answers 429 beyond it, and works again after a pause.
//!
//! Witness: three times as many requests from outside as may pass, all at once.

use super::super::context::Context;
use super::super::pod::{TestPod, until};
use super::super::report::Outcome;
use super::is_asked_plainly;
use crate::spec::model::{Route, RoutePath, RouteTarget};
use anyhow::Result;
use futures_util::future::join_all;
use podinit_plan::units::{Rate, RatePeriod};
use std::time::Duration;
use tokio::time::Instant;

/// What the gateway says to a client that asks too often.
const TOO_MANY: u16 = 429;
/// Requests of other criteria may still count against a rate.
const SLACK: usize = 2;

pub(super) async fn judge(context: &Context<'_>) -> Result<Outcome> {
    let routes = context.pod.services.values().flat_map(|service| &service.routes);
    // What nginx answers at once is not counted.
    let counted = |route: &&Route| is_asked_plainly(context.pod, route) && !matches!(route.target, RouteTarget::Return(_));
    let rated = routes.filter(counted).filter_map(|route| match &route.path {
        RoutePath::Prefix(path) | RoutePath::Exact(path) => Some((path.as_str(), route.rate?, route)),
        RoutePath::Regex(_) => None,
    });
    let rated: Vec<(&str, Rate, &Route)> = rated.collect();
    if rated.is_empty() {
        return Ok(Outcome::Skipped("no route has a rate".to_owned()));
    }
    let pod = context.shared()?;
    let (mut problems, mut seen) = (Vec::new(), Vec::new());
    for (path, rate, route) in rated {
        match flood(context, pod, path, rate, route.burst).await? {
            Ok(text) => seen.push(text),
            Err(problem) => problems.push(problem),
        }
    }
    Ok(Outcome::of(&problems, seen.join(", ")))
}

async fn flood(context: &Context<'_>, pod: &TestPod, path: &str, rate: Rate, burst: u32) -> Result<Result<String, String>> {
    let per_second = per_second(rate);
    let burst = burst as usize;
    let count = 3 * (per_second.ceil() as usize + burst);
    let begun = Instant::now();
    let answers = join_all((0..count).map(|_| pod.get(context, path))).await;
    let seconds = begun.elapsed().as_secs_f64();
    let statuses: Vec<u16> = answers.into_iter().map(|answer| Ok(answer?.status)).collect::<Result<_>>()?;
    let refused = statuses.iter().filter(|status| **status == TOO_MANY).count();
    let passed = count - refused;
    // The burst, one for the moment itself, and what the rate allows while the flood lasts.
    let most = burst + 1 + (per_second * seconds).ceil() as usize + SLACK;
    if refused == 0 || passed > most {
        return Ok(Err(format!(
            "{path} let {passed} of {count} requests through in {seconds:.2} s; {rate} and a burst of {burst} allow {most}"
        )));
    }
    if passed + SLACK < burst {
        return Ok(Err(format!("{path} let only {passed} of {count} requests through, its burst is {burst}")));
    }
    let pause = Duration::from_secs_f64(1.0 + 2.0 / per_second);
    let again = until(pause, || async { Ok((pod.get(context, path).await?.status != TOO_MANY).then_some(())) }).await?;
    Ok(match again {
        Some(()) => Ok(format!("{path}: {passed} of {count} passed")),
        None => Err(format!("{path} still gives {TOO_MANY} after a pause of {:.1} s", pause.as_secs_f64())),
    })
}

fn per_second(rate: Rate) -> f64 {
    match rate.per {
        RatePeriod::Second => f64::from(rate.requests),
        RatePeriod::Minute => f64::from(rate.requests) / 60.0,
    }
}
