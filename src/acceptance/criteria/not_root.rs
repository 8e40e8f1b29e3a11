//! Every process of a service has the user that pod.yaml gives the service; nothing is root that was not declared so.
//! PID 1 may be root only where services have different users, as it must be able to become each of them, or where one is
//! given groups, capabilities or a place before others.
//!
//! Witness: the kernel's process table.

use super::super::context::Context;
use super::super::declared::uid;
use super::super::report::Outcome;
use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet};

pub(super) async fn judge(context: &Context<'_>) -> Result<Outcome> {
    let table = context.shared()?.table().await?;
    let own = table.processes.get(&1).map_or(0, |first| first.uid);
    let wanted = |user: Option<&str>| user.map_or(Some(own), |user| uid(user, &table.passwd));
    let uids: BTreeSet<u32> = context.declared.values().filter_map(|service| wanted(service.user.as_deref())).collect();
    let mut problems = Vec::new();
    let needs_root = context.pod.all_services().any(|(_, service)| service.needs_root());
    if own == 0 && uids.len() == 1 && !uids.contains(&0) && !needs_root {
        problems.push("PID 1 is root, though all services have one user".to_owned());
    }
    // Whose each process is: by its place in the tree, or by the mark of its service.
    let mut owners: BTreeMap<i32, &str> = BTreeMap::new();
    for service in context.declared.values() {
        if let Some(leader) = table.leader(service) {
            owners.extend(table.tree(leader).into_iter().map(|process| (process.pid, service.name.as_str())));
        }
    }
    for process in table.processes.values().filter(|process| process.pid != 1) {
        let what = || format!("process {} ({})", process.pid, process.argv.join(" "));
        let owner = owners.get(&process.pid).copied().or(process.mark.as_ref().map(|(name, _)| name.as_str()));
        match owner.and_then(|name| context.declared.get(name)) {
            Some(service) => {
                let user = service.user.as_deref();
                if wanted(user) != Some(process.uid) {
                    let name = &service.name;
                    problems.push(format!(
                        "{} of {name} has uid {}, not that of {}",
                        what(),
                        process.uid,
                        user.unwrap_or("PID 1")
                    ));
                }
            }
            None if process.uid == 0 && !uids.contains(&0) => problems.push(format!("{} is root and of no service", what())),
            None => {}
        }
    }
    let users: Vec<String> = uids.iter().map(u32::to_string).collect();
    Ok(Outcome::of(&problems, format!("PID 1 has uid {own}, services {}", users.join(", "))))
}
