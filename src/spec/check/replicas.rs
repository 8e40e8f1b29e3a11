//! Replicas: their names are nobody else's, and each listens in a place of its own.

use super::Places;
use crate::spec::diagnostics::Diagnostic;
use crate::spec::model::Pod;

/// Replicas that are called like a service, or that would take a socket from each other.
pub fn check(pod: &Pod, places: &Places<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for (name, service) in pod.services.iter().filter(|(_, service)| service.replicas.is_some()) {
        if service.socket.is_some() {
            let message = format!("the replicas of `{name}` would all listen on one socket");
            let diagnostic = Diagnostic::error(places.value_or_name(name, "socket"), message);
            let diagnostic = diagnostic.also(places.key_or_name(name, "replicas"), "there are several");
            diagnostics.push(diagnostic.help("give it a `port`, which is counted up"));
        }
        for replica in service.instances(name).filter(|replica| pod.services.contains_key(&replica.name)) {
            let span = places.service_name(&replica.name);
            let diagnostic = Diagnostic::error(span, format!("a replica of `{name}` is called `{}`, too", replica.name));
            let diagnostic = diagnostic.also(places.key_or_name(name, "replicas"), "they are numbered from 0");
            diagnostics.push(diagnostic.help("rename one of the services"));
        }
    }
}
