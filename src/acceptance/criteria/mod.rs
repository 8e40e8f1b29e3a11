//! The criteria, one file each: what it means, what its witness is, and how it judges.

mod crash_loop_ends_pod;
mod graceful_stop;
mod health_in_time;
mod image_size;
mod logs_attributed;
mod no_zombies;
mod not_root;
mod rate_limit;
mod readiness_gates;
mod restart_on_crash;
mod routes;
mod secrets_stay_out;
mod services_running;
mod start_order;

use super::context::Context;
use super::report::Outcome;
use crate::failure::{ExitCode, Failure};
use crate::spec::model::{Pod, Route};
use anyhow::Result;
use futures_util::future::BoxFuture;

/// A criterion.
pub struct Criterion {
    /// Its name for users.
    pub id: &'static str,
    /// What it is judged on.
    pub needs: Needs,
    /// How the pod does. An error is a failure, too: what cannot be witnessed is not proved.
    pub judge: for<'c> fn(&'c Context<'c>) -> BoxFuture<'c, Result<Outcome>>,
}

/// What a criterion is judged on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// The image alone.
    Image,
    /// The container that criteria share.
    SharedPod,
    /// A container that it starts itself, because it changes or ends it.
    OwnPod,
}

macro_rules! criterion {
    ($id:literal, $needs:ident, $module:ident) => {
        Criterion { id: $id, needs: Needs::$needs, judge: |context| Box::pin($module::judge(context)) }
    };
}

/// All criteria, in the order of the report.
pub const ALL: [Criterion; 14] = [
    criterion!("services-running", SharedPod, services_running),
    criterion!("start-order", SharedPod, start_order),
    criterion!("readiness-gates", OwnPod, readiness_gates),
    criterion!("restart-on-crash", SharedPod, restart_on_crash),
    criterion!("crash-loop-ends-pod", OwnPod, crash_loop_ends_pod),
    criterion!("graceful-stop", OwnPod, graceful_stop),
    criterion!("logs-attributed", SharedPod, logs_attributed),
    criterion!("health-in-time", SharedPod, health_in_time),
    criterion!("no-zombies", SharedPod, no_zombies),
    criterion!("image-size", Image, image_size),
    criterion!("routes", SharedPod, routes),
    criterion!("rate-limit", SharedPod, rate_limit),
    criterion!("not-root", SharedPod, not_root),
    criterion!("secrets-stay-out", OwnPod, secrets_stay_out),
];

/// The criteria with these ids; all of them for none.
///
/// # Errors
/// An id that does not exist.
pub fn choose(only: &[String]) -> Result<Vec<&'static Criterion>> {
    const KNOWN: &[Criterion] = &ALL;
    if let Some(unknown) = only.iter().find(|id| !KNOWN.iter().any(|criterion| criterion.id == id.as_str())) {
        let known: Vec<&str> = KNOWN.iter().map(|criterion| criterion.id).collect();
        let text = format!("cannot test `{unknown}`: there is no such criterion; there are {}", known.join(", "));
        return Err(Failure::new(ExitCode::Usage, text).into());
    }
    Ok(KNOWN.iter().filter(|criterion| only.is_empty() || only.iter().any(|id| id == criterion.id)).collect())
}

/// Whether a request from anywhere to the gateway's own port gets to a route: whatever its host, without TLS.
fn is_asked_plainly(pod: &Pod, route: &Route) -> bool {
    let Some(gateway) = &pod.gateway else { return false };
    let is_sent_on = gateway.tls.as_ref().is_some_and(|tls| tls.redirect && !tls.optional);
    let is_here = route.listen.is_none_or(|port| port == gateway.port);
    is_here && route.hosts.is_empty() && route.allow.is_empty() && !is_sent_on
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn criteria_are_chosen_by_id_in_their_own_order() {
        let ids = |only: &[&str]| -> Vec<&str> {
            let only: Vec<String> = only.iter().map(|id| (*id).to_owned()).collect();
            choose(&only).unwrap().iter().map(|criterion| criterion.id).collect()
        };
        assert_eq!(ids(&["routes", "start-order"]), ["start-order", "routes"]);
        assert_eq!(ids(&[]).len(), ALL.len());
    }

    #[test]
    fn an_unknown_criterion_is_a_mistake_of_usage() {
        let error = choose(&["route".to_owned()]).err().unwrap();
        assert_eq!(crate::failure::exit_code(&error), ExitCode::Usage);
    }
}
