//! What the plan says of a service, as the machine needs it: numbers for names, and nothing that cannot work.

use super::{Millis, ServiceId};
use podinit_plan::plan::{self, HealthCheck, Kind, Ready};
use podinit_plan::signal;
use std::collections::BTreeMap;

/// What stops podinit, tells it of its children, or never reaches it.
const OWN_SIGNALS: [&str; 6] = ["SIGTERM", "SIGINT", "SIGQUIT", "SIGCHLD", "SIGKILL", "SIGSTOP"];
/// Below are stdin, stdout and stderr.
const FIRST_FREE_DESCRIPTOR: i32 = 3;

/// What the plan says of a service; changes when the plan does.
#[derive(Debug)]
pub(super) struct Rules {
    /// The names of what it depends on, and its own priority and importance: what [`relate`] starts from.
    planned: Planned,
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
    /// Many services have none, and it is large.
    pub check: Option<Box<HealthCheck>>,
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

/// What is said of a service alone, before it is known what others say of it.
#[derive(Debug)]
struct Planned {
    depends_on: Vec<String>,
    priority: i64,
    essential: bool,
}

impl Rules {
    /// The rules of one service, which [`relate`] has to complete.
    pub fn new(planned: &plan::Service) -> Result<Rules, String> {
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
        // A run that fails is no end of the pod: the next one comes.
        let essential = planned.essential && !scheduled;
        let own = Planned { depends_on: planned.depends_on.clone(), priority: planned.priority, essential };
        Ok(Rules {
            planned: own,
            kind: planned.kind,
            autostart,
            scheduled,
            waits: planned.waits,
            depends_on: Vec::new(),
            dependants: Vec::new(),
            addresses: planned.depends_on_addresses.iter().map(|address| format!("tcp://{address}")).collect(),
            effective_priority: planned.priority,
            ready: planned.ready.clone(),
            watchdog,
            check: planned.healthcheck.clone().map(Box::new),
            pre_start: planned.pre_start.is_some(),
            post_stop: planned.post_stop.is_some(),
            start_timeout: planned.start_timeout_ms,
            restart: planned.restart.clone(),
            essential,
            stop_signal: signal_number(&planned.stop.signal)?,
            stop_grace_period: planned.stop.grace_period_ms,
            stop_group: planned.stop.group,
            kill_group: planned.stop.kill_group,
            kill_leftovers: planned.stop.kill_leftovers,
            stop_order: planned.stop.order,
            signals: planned.signals.iter().map(|(from, to)| passed_on(from, to)).collect::<Result<_, _>>()?,
        })
    }

    /// Nobody is related to it any more.
    pub fn retire(&mut self) {
        self.planned.depends_on.clear();
        self.planned.essential = false;
        self.signals.clear();
        self.autostart = false;
        self.scheduled = false;
        self.addresses.clear();
    }

    /// Its place among others, where only that has changed in the plan.
    pub fn reorder(&mut self, priority: i64, stop_order: Option<i64>) {
        self.planned.priority = priority;
        self.stop_order = stop_order;
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

/// What services are to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// What depends on a service that there is none of is wrong.
    Wrong,
    /// It may come later; until then nothing waits for it.
    PassedOver,
}

/// Completes the rules of services, which are known by their index: who depends on whom, who starts when, who is
/// essential for another's sake. Nothing has changed when this fails.
pub(super) fn relate<'s>(services: &mut [(&'s str, &'s mut Rules)], missing: Missing) -> Result<(), String> {
    use podinit_plan::order;
    let ids: BTreeMap<&str, ServiceId> = services.iter().enumerate().map(|(id, (name, _))| (*name, id)).collect();
    let (effective, sorted, depends_on) = {
        let mut nodes: BTreeMap<&str, order::Node> = BTreeMap::new();
        for (name, rules) in services.iter() {
            let depends_on = rules.planned.depends_on.iter().map(String::as_str).collect();
            nodes.insert(name, order::Node { priority: rules.planned.priority, depends_on });
        }
        let effective = order::effective_priorities(&nodes)
            .map_err(|cycle| format!("services depend on each other: {}", cycle.join(" -> ")))?;
        let effective: Vec<i64> = services.iter().map(|(name, _)| effective[name]).collect();
        let sorted = order::dependencies_first(&nodes).unwrap_or_default();
        let sorted: Vec<ServiceId> = sorted.into_iter().map(|name| ids[name]).collect();
        let mut depends_on = Vec::with_capacity(services.len());
        for (name, rules) in services.iter() {
            let mut found = Vec::new();
            for dependency in &rules.planned.depends_on {
                match ids.get(dependency.as_str()) {
                    Some(id) if services[*id].1.scheduled => {
                        return Err(format!("{name} depends on {dependency}, which runs by its schedule only"));
                    }
                    Some(id) => found.push(*id),
                    None if missing == Missing::Wrong => {
                        return Err(format!("{name} depends on {dependency}, which is not in the plan"));
                    }
                    None => {}
                }
            }
            found.sort_unstable();
            found.dedup();
            depends_on.push(found);
        }
        (effective, sorted, depends_on)
    };
    for ((_, rules), (effective, depends_on)) in services.iter_mut().zip(effective.into_iter().zip(depends_on)) {
        rules.effective_priority = effective;
        rules.depends_on = depends_on;
        rules.essential = rules.planned.essential;
        rules.dependants.clear();
    }
    // Each after all it depends on, so that from the end everything is known of whoever depends on a service.
    for id in sorted.into_iter().rev() {
        for dependency in services[id].1.depends_on.clone() {
            // Without what it depends on, the pod could not start an essential service again.
            let essential = services[id].1.essential;
            let dependency = &mut services[dependency].1;
            dependency.essential |= essential;
            dependency.dependants.push(id);
        }
    }
    Ok(())
}
