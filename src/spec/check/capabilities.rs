//! Rights that a service is to have: a container cannot hand on what the engine did not give it.

use super::Places;
use crate::spec::diagnostics::Diagnostic;
use crate::spec::model::{Container, Pod};
use podinit_plan::capability::{ALL, ENGINE_DEFAULT};
use std::collections::BTreeSet;

/// What PID 1 needs for services of several users: to become each of them, and to stop them.
const FOR_USERS: [&str; 3] = ["SETUID", "SETGID", "KILL"];

/// Warns of what an engine does not give by itself and pod.yaml does not ask it for: only who runs the container knows.
pub fn check(pod: &Pod, places: &Places<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let mut warn = |name: &str, key: &str, what: String, capability: &str| {
        if !has(&pod.container, capability) {
            let message = format!("{what} needs {capability}, which the container does not have");
            let diagnostic = Diagnostic::warning(places.value_or_name(name, key), message);
            diagnostics.push(diagnostic.help(format!("write `cap_add: [{capability}]` at the top level")));
        }
    };
    for (name, service) in pod.all_services() {
        let attributes = &service.attributes;
        for capability in &attributes.cap_add {
            warn(name, "cap_add", format!("`{name}`"), capability);
        }
        if attributes.nice.is_some_and(|nice| nice < 0) {
            warn(name, "nice", "a `nice` below 0".to_owned(), "SYS_NICE");
        }
        if attributes.oom_score_adj.is_some_and(|score| score < 0) {
            warn(name, "oom_score_adj", "an `oom_score_adj` below 0".to_owned(), "SYS_RESOURCE");
        }
    }
    users(pod, places, diagnostics);
}

/// Warns when services have several users and PID 1 has not what that takes.
fn users(pod: &Pod, places: &Places<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let users: BTreeSet<&str> = pod.all_services().map(|(_, service)| service.user.as_str()).collect();
    let missing: Vec<&str> = FOR_USERS.into_iter().filter(|capability| !has(&pod.container, capability)).collect();
    if users.len() > 1 && !missing.is_empty() {
        let message = format!("services of several users need {}, which the container does not have", missing.join(", "));
        let span = places.tree.at(&["cap_drop"]).map(|node| node.span).unwrap_or_default();
        let diagnostic = Diagnostic::warning(span, message).label("PID 1 could not start or stop them");
        diagnostics
            .push(diagnostic.help(format!("write `cap_add: [{}]` at the top level, or give all one `user`", missing.join(", "))));
    }
}

/// Whether a container has a capability when nobody takes it away.
fn has(container: &Container, capability: &str) -> bool {
    let lists = |list: &[String], name: &str| list.iter().any(|listed| listed == name);
    let by_default = ENGINE_DEFAULT.contains(&capability) && !lists(&container.cap_drop, ALL);
    let added = lists(&container.cap_add, capability) || (lists(&container.cap_add, ALL) && !lists(&container.cap_drop, ALL));
    (by_default || added) && !lists(&container.cap_drop, capability)
}
