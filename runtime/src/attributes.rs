//! What the plan says of limits and rights, by name, becomes what a child sets, by number.

use crate::sys::attributes::Attributes;
use crate::sys::capabilities::{NET_BIND_SERVICE, SETPCAP};
use crate::sys::processes::Limit;
use podinit_plan::plan::{Plan, Service, Ulimit};
use podinit_plan::{capability, ulimit};

/// The kernel's number of the limit of open files.
const NOFILE: u32 = 7;
/// The kernel's "no limit".
const UNLIMITED: u64 = u64::MAX;
/// All capabilities that there are and may come.
const EVERY: u64 = u64::MAX;

/// What is wrong with the attributes of a service, in words.
#[must_use]
pub fn problems(service: &Service) -> Vec<String> {
    let attributes = &service.attributes;
    let mut problems = Vec::new();
    let unknown = |kind: &str, name: &String| format!("there is no {kind} {name}");
    let is_unknown = |name: &&String| *name != capability::ALL && capability::number(name).is_none();
    let names = attributes.cap_add.iter().chain(&attributes.cap_drop);
    problems.extend(names.filter(is_unknown).map(|name| unknown("capability", name)));
    problems.extend(attributes.ulimits.keys().filter(|name| ulimit::number(name).is_none()).map(|name| unknown("limit", name)));
    for (name, limit) in &attributes.ulimits {
        let (soft, hard) = numbers(*limit);
        if soft > hard {
            problems.push(format!("its soft limit {name} ({soft}) is above its hard one ({hard})"));
        }
    }
    if let Some(nice) = attributes.nice.filter(|nice| !(-20..=19).contains(nice)) {
        problems.push(format!("nice is {nice}; it goes from -20 to 19"));
    }
    if let Some(score) = attributes.oom_score_adj.filter(|score| !(-1_000..=1_000).contains(score)) {
        problems.push(format!("oom_score_adj is {score}; it goes from -1000 to 1000"));
    }
    if let Some(umask) = attributes.umask.filter(|umask| *umask > 0o777) {
        problems.push(format!("umask is {umask:o}; it goes from 0 to 777"));
    }
    problems
}

/// What the children of each service of a plan without problems set. `open_files` is the limit that podinit had before
/// it raised its own, `capabilities` what podinit may do; what it may not give is left out with a warning.
pub fn resolve(plan: &Plan, open_files: Option<Limit>, capabilities: u64, warnings: &mut Vec<String>) -> Vec<Attributes> {
    plan.services.iter().map(|(name, service)| of_service(name, service, open_files, capabilities, warnings)).collect()
}

/// The same for one service.
pub fn of_service(
    name: &str,
    service: &Service,
    open_files: Option<Limit>,
    capabilities: u64,
    warnings: &mut Vec<String>,
) -> Attributes {
    let planned = &service.attributes;
    let mut limits: Vec<(u32, Limit)> = open_files.map(|limit| (NOFILE, limit)).into_iter().collect();
    for (limit, value) in &planned.ulimits {
        let Some(number) = ulimit::number(limit) else { continue };
        limits.retain(|(known, _)| *known != number);
        limits.push((number, numbers(*value)));
    }
    let added = set(&planned.cap_add);
    let lacking =
        planned.cap_add.iter().filter(|cap| *cap != capability::ALL && set(std::slice::from_ref(cap)) & !capabilities != 0);
    let lacking: Vec<&str> = lacking.map(String::as_str).collect();
    if !lacking.is_empty() {
        let names = lacking.join(", ");
        warnings.push(format!("podinit lacks {names}, which {name} is to have; add it to the container's cap_add"));
    }
    let mut ambient = added & capabilities;
    if service.ports.iter().any(|port| *port < 1024) {
        ambient |= NET_BIND_SERVICE & capabilities;
    }
    let mut dropped = set(&planned.cap_drop) & !(added | ambient);
    if dropped != 0 && capabilities & SETPCAP == 0 {
        // Without that capability nothing can be taken away, and without any there is nothing to take.
        if !planned.no_new_privileges && capabilities != 0 {
            let mend = "add SETPCAP to the container's cap_add, or give the service no_new_privileges";
            warnings.push(format!("podinit lacks SETPCAP, so that programs may give {name} what it is to drop; {mend}"));
        }
        dropped = 0;
    }
    Attributes {
        umask: planned.umask,
        nice: planned.nice,
        oom_score_adj: planned.oom_score_adj.map(|score| score.to_string()),
        limits,
        no_new_privileges: planned.no_new_privileges,
        dropped,
        ambient,
    }
}

fn numbers(limit: Ulimit) -> Limit {
    (limit.soft.unwrap_or(UNLIMITED), limit.hard.unwrap_or(UNLIMITED))
}

fn set(names: &[String]) -> u64 {
    let bit = |name: &String| {
        if name == capability::ALL { EVERY } else { capability::number(name).map_or(0, |number| 1 << number) }
    };
    names.iter().map(bit).fold(0, |set, bit| set | bit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use podinit_plan::plan::{Attributes as Planned, Command};
    use std::collections::BTreeMap;

    fn service(planned: Planned) -> Service {
        Service { attributes: planned, ..Service::new(Command::Line(String::new())) }
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn resolved(planned: Planned, capabilities: u64) -> (Attributes, Vec<String>) {
        let mut warnings = Vec::new();
        let service = service(planned);
        let attributes = of_service("web", &service, Some((1_024, 4_096)), capabilities, &mut warnings);
        (attributes, warnings)
    }

    #[test]
    fn everything_that_is_wrong_is_named() {
        let limits = [("nofile", Some(9), Some(1)), ("files", None, None), ("core", Some(0), None)];
        let planned = Planned {
            umask: Some(0o1000),
            nice: Some(20),
            oom_score_adj: Some(-1_001),
            ulimits: limits.map(|(name, soft, hard)| (name.to_owned(), Ulimit { soft, hard })).into(),
            cap_add: names(&["NET_ROW", "ALL"]),
            ..Planned::default()
        };
        let text = problems(&service(planned)).join("\n");
        for part in ["capability NET_ROW", "limit files", "nofile (9)", "nice is 20", "oom_score_adj is -1001", "umask is 1000"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(text.lines().count(), 6, "{text}");
        assert!(problems(&service(Planned::default())).is_empty());
    }

    #[test]
    fn a_limit_of_its_own_goes_before_the_container_s() {
        let nofile = Ulimit { soft: Some(5), hard: None };
        let (plain, _) = resolved(Planned::default(), EVERY);
        assert_eq!(plain.limits, [(7, (1_024, 4_096))]);
        let ulimits = BTreeMap::from([("nofile".to_owned(), nofile)]);
        let (own, _) = resolved(Planned { ulimits, ..Planned::default() }, EVERY);
        assert_eq!(own.limits, [(7, (5, UNLIMITED))]);
    }

    #[test]
    fn what_is_added_is_not_dropped_with_all_the_rest() {
        let planned = Planned { cap_add: names(&["NET_RAW"]), cap_drop: names(&["ALL"]), ..Planned::default() };
        let (attributes, warnings) = resolved(planned, EVERY);
        assert_eq!((attributes.ambient, attributes.dropped), (1 << 13, !(1 << 13)));
        assert!(warnings.is_empty());
    }

    #[test]
    fn what_podinit_lacks_is_left_out_and_said() {
        let planned = Planned { cap_add: names(&["NET_RAW"]), cap_drop: names(&["ALL"]), ..Planned::default() };
        let (attributes, warnings) = resolved(planned.clone(), NET_BIND_SERVICE);
        assert_eq!((attributes.ambient, attributes.dropped), (0, 0));
        assert!(warnings[0].contains("lacks NET_RAW, which web") && warnings[1].contains("lacks SETPCAP"), "{warnings:?}");
        // Who has nothing has nothing to drop, and who can gain nothing needs no dropping.
        assert_eq!(resolved(Planned { cap_add: vec![], ..planned.clone() }, 0).1.len(), 0);
        assert_eq!(resolved(Planned { cap_add: vec![], no_new_privileges: true, ..planned }, NET_BIND_SERVICE).1.len(), 0);
    }
}
