//! By which a group is told from another of the same name: a number that is made of all that is said of it.

use podinit_plan::plan::{Plan, Service};
use podinit_plan::supervisord::Config;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The mark of each group.
pub type Marks = BTreeMap<String, u64>;

/// The marks of all groups, of a plan as it was written, and of the configuration that it was made of if there is one.
#[must_use]
pub fn marks(plan: &Plan, config: Option<&Config>) -> Marks {
    match config {
        // Not of the plan: there, who starts when depends on everybody else.
        Some(config) => config.groups.iter().map(|group| (group.name.clone(), mark(group))).collect(),
        None => {
            let mut groups: BTreeMap<&str, Vec<(&String, &Service)>> = BTreeMap::new();
            for (name, service) in &plan.services {
                groups.entry(service.group.as_deref().unwrap_or(name)).or_default().push((name, service));
            }
            let of_group = |(name, services)| (str::to_owned(name), mark(&(&plan.environment, &services)));
            groups.into_iter().map(of_group).collect()
        }
    }
}

fn mark(of: &impl Hash) -> u64 {
    // Its keys are fixed: the same text has the same mark when it is read again.
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use podinit_plan::plan::{Command, VERSION};

    fn plan(services: &[(&str, Option<&str>, &str)]) -> Plan {
        let service = |group: Option<&str>, command: &str| Service {
            group: group.map(str::to_owned),
            ..Service::new(Command::Line(command.to_owned()))
        };
        Plan {
            version: VERSION,
            name: "pod".to_owned(),
            stop_grace_period_ms: 0,
            exit_when_done: true,
            environment: BTreeMap::new(),
            directories: Vec::new(),
            public_socket: None,
            files: Vec::new(),
            servers: Vec::new(),
            monitor: Default::default(),
            alerts: None,
            services: services.iter().map(|(name, group, command)| ((*name).to_owned(), service(*group, command))).collect(),
        }
    }

    #[test]
    fn groups_differ_in_what_is_said_of_their_services_and_in_nothing_else() {
        let one = plan(&[("a", None, "run a"), ("w-0", Some("w"), "run w"), ("w-1", Some("w"), "run w")]);
        let two =
            plan(&[("a", None, "run a"), ("b", None, "run b"), ("w-0", Some("w"), "run w"), ("w-1", Some("w"), "run w -x")]);
        let changes = crate::reload::changes(&marks(&one, None), &marks(&two, None));
        assert_eq!((changes.added, changes.changed, changes.removed), (vec!["b".into()], vec!["w".into()], vec![]));
        let changes = crate::reload::changes(&marks(&two, None), &marks(&one, None));
        assert_eq!((changes.added, changes.changed, changes.removed), (vec![], vec!["w".into()], vec!["b".into()]));
    }

    #[test]
    fn a_variable_of_the_pod_is_everybodys() {
        let one = plan(&[("a", None, "run"), ("b", None, "run")]);
        let mut two = one.clone();
        two.environment.insert("X".to_owned(), None);
        assert_eq!(crate::reload::changes(&marks(&one, None), &marks(&two, None)).changed, ["a", "b"]);
    }
}
