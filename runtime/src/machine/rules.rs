//! What the plan says of a service, as the machine needs it: numbers for names, and nothing that cannot work.

use super::{Millis, ServiceId};
use podinit_plan::plan::{self, HealthCheck, Kind, Plan, Ready};
use podinit_plan::signal;
use std::collections::BTreeMap;

/// What stops podinit, tells it of its children, or never reaches it.
const OWN_SIGNALS: [&str; 6] = ["SIGTERM", "SIGINT", "SIGQUIT", "SIGCHLD", "SIGKILL", "SIGSTOP"];
/// Below are stdin, stdout and stderr.
const FIRST_FREE_DESCRIPTOR: i32 = 3;

/// What the plan says of a service; never changes.
#[derive(Debug)]
pub(super) struct Rules {
    pub kind: Kind,
    pub autostart: bool,
    /// It is started by the clock, and is nobody's business besides.
    pub scheduled: bool,
    pub waits: bool,
    pub depends_on: Vec<ServiceId>,
    /// Those that depend on it.
    pub dependants: Vec<ServiceId>,
    /// `tcp://HOST:PORT` each, what must accept a connection before a start.
    pub addresses: Vec<String>,
    /// See [`podinit_plan::order`].
    pub effective_priority: i64,
    pub ready: Ready,
    /// 0: it need not say that it is alive.
    pub watchdog: Millis,
    pub check: Option<HealthCheck>,
    pub pre_start: bool,
    pub post_stop: bool,
    pub start_timeout: Millis,
    pub restart: plan::Restart,
    pub essential: bool,
    pub stop_signal: i32,
    pub stop_grace_period: Millis,
    pub stop_group: bool,
    pub kill_group: bool,
    pub kill_leftovers: bool,
    pub stop_order: Option<i64>,
    /// What its leader gets for a signal that podinit got.
    pub signals: BTreeMap<i32, i32>,
}

impl Rules {
    pub fn new(planned: &plan::Service, depends_on: Vec<ServiceId>, effective_priority: i64) -> Result<Rules, String> {
        let autostart = match planned.autostart.as_str() {
            "true" => true,
            "false" => false,
            other => return Err(format!("autostart is `{other}`; it must be true or false")),
        };
        let scheduled = planned.schedule.is_some();
        if scheduled && planned.kind != Kind::Oneshot {
            return Err("it has a schedule and is no oneshot; only what ends can be run again by the clock".to_owned());
        }
        let watchdog = match planned.ready {
            Ready::Check if planned.healthcheck.is_none() && planned.kind == Kind::Service => {
                return Err("it is ready when its check passes, and it has no check".to_owned());
            }
            Ready::NotifyFd(descriptor) if descriptor < FIRST_FREE_DESCRIPTOR => {
                return Err(format!("it cannot say on descriptor {descriptor} that it is ready; the first free one is 3"));
            }
            Ready::NotifySocket { watchdog_ms } => watchdog_ms,
            _ => 0,
        };
        Ok(Rules {
            kind: planned.kind,
            autostart,
            scheduled,
            waits: planned.waits,
            depends_on,
            dependants: Vec::new(),
            addresses: planned.depends_on_addresses.iter().map(|address| format!("tcp://{address}")).collect(),
            effective_priority,
            ready: planned.ready.clone(),
            watchdog,
            check: planned.healthcheck.clone(),
            pre_start: planned.pre_start.is_some(),
            post_stop: planned.post_stop.is_some(),
            start_timeout: planned.start_timeout_ms,
            restart: planned.restart.clone(),
            // A run that fails is no end of the pod: the next one comes.
            essential: planned.essential && !scheduled,
            stop_signal: signal_number(&planned.stop.signal)?,
            stop_grace_period: planned.stop.grace_period_ms,
            stop_group: planned.stop.group,
            kill_group: planned.stop.kill_group,
            kill_leftovers: planned.stop.kill_leftovers,
            stop_order: planned.stop.order,
            signals: planned.signals.iter().map(|(from, to)| passed_on(from, to)).collect::<Result<_, _>>()?,
        })
    }
}

fn signal_number(text: &str) -> Result<i32, String> {
    signal::number(text).ok_or_else(|| format!("there is no signal {text}"))
}

/// A signal that podinit gets, and the one that the service gets for it.
fn passed_on(from: &str, to: &str) -> Result<(i32, i32), String> {
    let (from, to) = (signal_number(from)?, signal_number(to)?);
    let name = signal::name(from);
    if OWN_SIGNALS.contains(&name.as_str()) {
        return Err(format!("{name} cannot be passed on: podinit needs it, or never gets it"));
    }
    Ok((from, to))
}

/// The rules of all services, by name.
pub(super) fn of(plan: &Plan) -> Result<Vec<(String, Rules)>, String> {
    use podinit_plan::order;
    let nodes = order::nodes(plan);
    let effective =
        order::effective_priorities(&nodes).map_err(|cycle| format!("services depend on each other: {}", cycle.join(" -> ")))?;
    let ids: BTreeMap<&str, ServiceId> = nodes.keys().enumerate().map(|(id, name)| (*name, id)).collect();
    let mut all = Vec::with_capacity(plan.services.len());
    for (name, planned) in &plan.services {
        let mut depends_on = Vec::new();
        for dependency in &planned.depends_on {
            let id = *ids
                .get(dependency.as_str())
                .ok_or_else(|| format!("{name} depends on {dependency}, which is not in the plan"))?;
            if plan.services[dependency].schedule.is_some() {
                return Err(format!("{name} depends on {dependency}, which runs by its schedule only"));
            }
            depends_on.push(id);
        }
        depends_on.sort_unstable();
        depends_on.dedup();
        let rules = Rules::new(planned, depends_on, effective[name.as_str()]).map_err(|error| format!("{name}: {error}"))?;
        all.push((name.clone(), rules));
    }
    // Each after all it depends on, so that from the end everything is known of whoever depends on a service.
    let sorted = order::dependencies_first(&nodes).unwrap_or_default();
    for id in sorted.into_iter().rev().map(|name| ids[name]) {
        for dependency in all[id].1.depends_on.clone() {
            // Without what it depends on, the pod could not start an essential service again.
            all[dependency].1.essential |= all[id].1.essential;
            all[dependency].1.dependants.push(id);
        }
    }
    Ok(all)
}
