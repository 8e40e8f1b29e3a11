//! Which service must start before which, by pod.yaml: never by what the image says of itself.

use anyhow::{Result, anyhow};
use podinit_plan::order;
use podinit_plan::plan::Plan;
use std::collections::{BTreeMap, BTreeSet};

/// For each service all that must be up before it starts: what it depends on, directly or not, and every service of
/// lower effective priority. Nobody waits for what the clock starts.
///
/// # Errors
/// A cycle of dependencies.
pub fn predecessors(plan: &Plan) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let nodes = order::nodes(plan);
    let effective = order::effective_priorities(&nodes)
        .map_err(|cycle| anyhow!("cannot order the services: they depend on each other, {}", cycle.join(" -> ")))?;
    let mut before = BTreeMap::new();
    for (name, service) in &plan.services {
        let lower = effective
            .iter()
            .filter(|(other, priority)| **priority < effective[name.as_str()] && plan.services[**other].schedule.is_none());
        let mut all: BTreeSet<String> = lower.filter(|_| service.waits).map(|(name, _)| (*name).to_owned()).collect();
        let mut next: Vec<&str> = service.depends_on.iter().map(String::as_str).collect();
        while let Some(dependency) = next.pop() {
            if let Some(found) = plan.services.get(dependency).filter(|_| all.insert(dependency.to_owned())) {
                next.extend(found.depends_on.iter().map(String::as_str));
            }
        }
        before.insert(name.clone(), all);
    }
    Ok(before)
}

/// The services level by level, the first to start first. Services of one level may start and stop together.
#[must_use]
pub fn levels(predecessors: &BTreeMap<String, BTreeSet<String>>) -> Vec<Vec<&str>> {
    let mut levels: Vec<Vec<&str>> = Vec::new();
    let mut placed: BTreeSet<&str> = BTreeSet::new();
    while placed.len() < predecessors.len() {
        let level: Vec<&str> = predecessors
            .iter()
            .filter(|(name, before)| {
                !placed.contains(name.as_str())
                    && before.iter().all(|before| placed.contains(before.as_str()) || !predecessors.contains_key(before))
            })
            .map(|(name, _)| name.as_str())
            .collect();
        if level.is_empty() {
            // Only a cycle could bring this, and those are refused before.
            break;
        }
        placed.extend(&level);
        levels.push(level);
    }
    levels
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use podinit_plan::plan::{Command, Ready, Schedule, Service, VERSION};

    /// A plan of services with a priority and dependencies each.
    pub fn plan(services: &[(&str, i64, &[&str])]) -> Plan {
        let services = services.iter().map(|(name, priority, depends_on)| {
            let command = Command::Words(vec!["sleep".to_owned(), (*name).to_owned()]);
            let service = Service {
                priority: *priority,
                depends_on: depends_on.iter().map(|name| (*name).to_owned()).collect(),
                ready: Ready::AliveMs(0),
                start_timeout_ms: 1_000,
                ..Service::new(command)
            };
            ((*name).to_owned(), service)
        });
        Plan {
            version: VERSION,
            name: "x".to_owned(),
            stop_grace_period_ms: 10_000,
            exit_when_done: true,
            environment: BTreeMap::new(),
            directories: vec![],
            files: Vec::new(),
            public_socket: None,
            servers: Vec::new(),
            monitor: Default::default(),
            alerts: None,
            services: services.collect(),
        }
    }

    #[test]
    fn dependencies_and_effective_priorities_both_order() {
        // "late" is needed by "first": it is as urgent.
        let plan = plan(&[("first", 10, &["late"]), ("late", 90, &[]), ("mid", 50, &[]), ("peer", 50, &[])]);
        let before = predecessors(&plan).unwrap();
        let names = |name: &str| before[name].iter().map(String::as_str).collect::<Vec<_>>();
        assert_eq!(names("late"), [""; 0]);
        assert_eq!(names("first"), ["late"]);
        assert_eq!(names("mid"), ["first", "late"]);
        assert_eq!(names("peer"), ["first", "late"]);
        assert_eq!(levels(&before), [vec!["late"], vec!["first"], vec!["mid", "peer"]]);
    }

    #[test]
    fn nobody_waits_for_what_the_clock_starts() {
        let mut plan = plan(&[("job", 1, &["db"]), ("db", 90, &[]), ("web", 50, &[])]);
        plan.services.get_mut("job").unwrap().schedule = Some(Schedule::EveryMs(1_000));
        let before = predecessors(&plan).unwrap();
        // A run needs what it depends on, which is as urgent for that.
        assert_eq!(before["job"], BTreeSet::from(["db".to_owned()]));
        assert_eq!(before["web"], BTreeSet::from(["db".to_owned()]));
    }

    #[test]
    fn dependencies_reach_through_others() {
        let plan = plan(&[("a", 100, &[]), ("b", 100, &["a"]), ("c", 100, &["b"]), ("d", 100, &[])]);
        let before = predecessors(&plan).unwrap();
        assert_eq!(before["c"], BTreeSet::from(["a".to_owned(), "b".to_owned()]));
        assert!(before["d"].is_empty());
    }
}
