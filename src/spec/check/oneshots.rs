//! What runs to completion, once or by schedule: nobody can ask it for anything, and nobody waits for what the clock starts.

use super::{Places, dependencies};
use crate::spec::diagnostics::Diagnostic;
use crate::spec::model::Pod;
use podinit_plan::plan::Kind;

/// Oneshots that say when they are ready, and scheduled services that are to be reached or waited for.
pub fn check(pod: &Pod, places: &Places<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for (name, service) in pod.all_services() {
        if service.kind == Kind::Oneshot && service.ready.is_some() {
            let span = places.key_or_name(name, "ready");
            let diagnostic = Diagnostic::error(span, format!("`{name}` runs to completion: it is ready when it has succeeded"));
            diagnostics.push(diagnostic.help("remove `ready`, or `type: oneshot`"));
        }
        if service.schedule.is_none() {
            continue;
        }
        for (key, is_there) in [("port", !service.ports.is_empty()), ("route", !service.routes.is_empty())] {
            if is_there {
                let message = format!("`{name}` runs by schedule: between its runs nobody would answer");
                let diagnostic = Diagnostic::error(places.key_or_name(name, key), message);
                let diagnostic = diagnostic.also(places.key_or_name(name, "schedule"), "started by the clock");
                diagnostics.push(diagnostic.help(format!("remove `{key}`, or make it a service that runs for good")));
            }
        }
    }
    for (name, service) in pod.all_services() {
        let needed = |dependency: &&String| pod.services.get(*dependency).is_some_and(|needed| needed.schedule.is_some());
        for dependency in service.depends_on.iter().filter(needed) {
            let message = format!("`{name}` would wait for `{dependency}`, which the clock starts");
            let diagnostic = Diagnostic::error(dependencies::place(places, name, dependency), message);
            let diagnostic = diagnostic.also(places.key_or_name(dependency, "schedule"), "its schedule");
            diagnostics.push(diagnostic.help("wait for a oneshot that does the same, or remove the dependency"));
        }
    }
}
