//! What is wrong with a pod as a whole. Places come from the tree that the pod was decoded from.
//!
//! What could not be read has been reported: a service that is missing from the pod for that reason, or a key of it,
//! leads to no second diagnostic here.

mod alerts;
mod capabilities;
mod container;
mod dependencies;
mod files;
mod gateway;
mod logs;
mod memory;
mod oneshots;
mod ports;
mod replicas;
mod routes;
mod stopping;
mod users;

use super::decode::mentions;
use super::diagnostics::Diagnostic;
use super::model::{GATEWAY, Pod};
use super::node::Node;
use super::source::Span;

/// Looks at everything.
pub fn pod(pod: &Pod, tree: &Node, diagnostics: &mut Vec<Diagnostic>) {
    let places = Places { tree };
    dependencies::check(pod, &places, diagnostics);
    oneshots::check(pod, &places, diagnostics);
    replicas::check(pod, &places, diagnostics);
    ports::check(pod, &places, diagnostics);
    logs::check(pod, &places, diagnostics);
    memory::check(pod, &places, diagnostics);
    routes::check(pod, &places, diagnostics);
    users::check(pod, &places, diagnostics);
    files::check(pod, &places, diagnostics);
    gateway::check(pod, &places, diagnostics);
    container::check(pod, &places, diagnostics);
    capabilities::check(pod, &places, diagnostics);
    stopping::check(pod, &places, diagnostics);
    alerts::check(pod, &places, diagnostics);
}

/// Where things stand in the text.
struct Places<'t> {
    tree: &'t Node,
}

impl<'t> Places<'t> {
    /// A service or the gateway.
    fn service(&self, name: &str) -> Option<&'t Node> {
        let listener = || self.tree.at(&["event_listeners", name]);
        if name == GATEWAY { self.tree.at(&[GATEWAY]) } else { self.tree.at(&["services", name]).or_else(listener) }
    }

    /// Where a service's name stands.
    fn service_name(&self, name: &str) -> Span {
        let of = |section: &str| self.tree.key_span(&[section, name]);
        let span =
            if name == GATEWAY { self.tree.key_span(&[GATEWAY]) } else { of("services").or_else(|| of("event_listeners")) };
        span.unwrap_or_default()
    }

    /// A value of a service.
    fn value(&self, service: &str, key: &str) -> Option<&'t Node> {
        self.service(service)?.at(&[key])
    }

    /// Where a key of a service stands; its name when it says nothing of the key.
    fn key_or_name(&self, service: &str, key: &str) -> Span {
        let key = self.service(service).and_then(|node| node.key_span(&[key]));
        key.unwrap_or_else(|| self.service_name(service))
    }

    /// Whether a service says something of a key, be it unreadable or misspelt.
    fn says(&self, service: &str, key: &str) -> bool {
        self.service(service).and_then(Node::map).is_some_and(|map| mentions(map, key))
    }

    /// Where a value of a service stands; its name when it says nothing of the key.
    fn value_or_name(&self, service: &str, key: &str) -> Span {
        self.value(service, key).map_or_else(|| self.service_name(service), |node| node.span)
    }

    /// Where an item of a value stands: the item of a list, else the value itself.
    fn item(&self, service: &str, key: &str, index: usize) -> Span {
        let item = self.value(service, key).and_then(Node::list).and_then(|items| items.get(index));
        item.map_or_else(|| self.value_or_name(service, key), |node| node.span)
    }

    /// The names of everything that runs, unreadable services among them.
    fn names(&self) -> Vec<&'t str> {
        let services = self.tree.at(&["services"]).and_then(Node::map);
        let names = services.into_iter().flat_map(|map| map.entries.iter().map(|entry| entry.key.as_str()));
        let gateway = self.tree.at(&[GATEWAY]).map(|_| GATEWAY);
        names.filter(|name| !name.starts_with("x-") && *name != GATEWAY).chain(gateway).collect()
    }

    /// The names of the containers beside the pod.
    fn backing_names(&self) -> Vec<&'t str> {
        let map = self.tree.at(&["backing_services"]).and_then(Node::map);
        map.into_iter().flat_map(|map| map.entries.iter().map(|entry| entry.key.as_str())).collect()
    }

    /// Whether a service could not be read: then nothing can be said of what is missing.
    fn incomplete(&self, pod: &Pod) -> bool {
        let unread = self.names().into_iter().any(|name| self.service(name).is_some_and(Node::is_broken));
        unread || self.names().len() != pod.all_services().count()
    }
}
