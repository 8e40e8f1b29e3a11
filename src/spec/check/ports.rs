//! Who listens where, and what is published.

use super::Places;
use crate::spec::diagnostics::Diagnostic;
use crate::spec::model::{GATEWAY, Pod, Probe, Protocol, Service};
use crate::spec::node::Node;
use crate::spec::source::Span;
use std::collections::BTreeMap;

/// Ports that two services listen on, that are published twice or lead to nobody, and checks without a port.
pub fn check(pod: &Pod, places: &Places<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let listeners = listening(pod, places, diagnostics);
    published(pod, places, &listeners, diagnostics);
    for (name, service) in pod.all_services() {
        let probe = service.healthcheck.as_ref().map(|check| &check.probe);
        let says_where = places.says(name, "port") || places.says(name, "socket");
        if matches!(probe, Some(Probe::Http(_) | Probe::Tcp)) && !service.listens() && !says_where {
            let diagnostic =
                Diagnostic::error(places.value_or_name(name, "healthcheck"), format!("`{name}` has no port to check"));
            diagnostics.push(diagnostic.help("add `port:` or `socket:`, or check with `exec: COMMAND`"));
        }
        let speaks_http = matches!(service.protocol, Protocol::Http);
        if matches!(probe, Some(Probe::Http(_))) && !speaks_http {
            let span = places.value_or_name(name, "healthcheck");
            let diagnostic = Diagnostic::error(span, format!("`{name}` does not speak HTTP, and its check does"));
            let diagnostic = diagnostic.also(places.value_or_name(name, "protocol"), "what it speaks");
            diagnostics.push(diagnostic.help("write `healthcheck: { tcp: true }`, or check with `exec: COMMAND`"));
        }
    }
}

fn listening(pod: &Pod, places: &Places<'_>, diagnostics: &mut Vec<Diagnostic>) -> BTreeMap<u16, (String, Span)> {
    let mut listeners: BTreeMap<u16, (String, Span)> = BTreeMap::new();
    for (name, service) in pod.all_services() {
        let instances = service.instances(name);
        let ports = instances.flat_map(|instance| {
            let ports = instance.ports.into_iter().enumerate();
            ports.map(move |(index, port)| (instance.name.clone(), index, port)).collect::<Vec<_>>()
        });
        for (instance, index, port) in ports {
            let span = places.item(name, "port", index);
            match listeners.get(&port) {
                None => drop(listeners.insert(port, (instance, span))),
                Some((other, first)) => {
                    // In the order of the text, whoever was looked at first.
                    let ((name, span), (other, first)) =
                        if *first <= span { ((&instance, span), (other, *first)) } else { ((other, *first), (&instance, span)) };
                    let diagnostic = Diagnostic::error(span, format!("port {port} is used twice"));
                    let diagnostic =
                        diagnostic.label(format!("again by `{name}`")).also(first, format!("first used by `{other}`"));
                    let help = match pod.services.values().any(|service| service.replicas.is_some()) {
                        true => "give each service ports of its own; those of replicas are counted up",
                        false => "give each service a port of its own",
                    };
                    diagnostics.push(diagnostic.help(help));
                    if service.replicas.is_some() {
                        // The other replicas would have nothing new to say.
                        break;
                    }
                }
            }
        }
    }
    let control = pod.control.as_ref().and_then(|control| control.port);
    let metrics = pod.monitor.metrics.as_ref().map(|metrics| metrics.port);
    let metrics_at = if places.tree.at(&["monitor", "metrics", "port"]).is_some() {
        ["monitor", "metrics", "port"].as_slice()
    } else {
        &["monitor", "metrics"]
    };
    let own = [(control, "control", ["control", "port"].as_slice()), (metrics, "metrics", metrics_at)];
    for (port, name, path) in own.into_iter().filter_map(|(port, name, path)| Some((port?, name, path))) {
        let span = places.tree.at(path).map_or_else(Span::default, |node| node.span);
        match listeners.get(&port) {
            None => drop(listeners.insert(port, (name.to_owned(), span))),
            Some((other, first)) => {
                let diagnostic = Diagnostic::error(span, format!("port {port} is used twice"));
                let diagnostic = diagnostic.label(format!("again by `{name}`")).also(*first, format!("first used by `{other}`"));
                diagnostics.push(diagnostic.help("give podinit's own surface a port of its own"));
            }
        }
    }
    listeners
}

fn published(pod: &Pod, places: &Places<'_>, listeners: &BTreeMap<u16, (String, Span)>, diagnostics: &mut Vec<Diagnostic>) {
    let Some(items) = places.tree.at(&["ports"]).and_then(Node::list) else { return };
    // Items that could not be read are missing from the pod, and then nothing tells which is which.
    if items.len() != pod.ports.len() {
        return;
    }
    let ports: Vec<_> = pod.ports.iter().zip(items).collect();
    for (index, (port, item)) in ports.iter().enumerate() {
        let taken = |(other, _): &&(&crate::spec::model::PublishedPort, &Node)| {
            other.host.is_some()
                && other.host == port.host
                && other.protocol == port.protocol
                && overlap(other.address, port.address)
        };
        if let Some((_, first)) = ports[..index].iter().find(taken) {
            let message = format!("port {} of the host is published twice", port.host.unwrap_or_default());
            let diagnostic = Diagnostic::error(item.span, message).also(first.span, "first here");
            diagnostics.push(diagnostic.help("publish it on another port, or remove one of them"));
        }
        let unread =
            places.incomplete(pod) || pod.all_services().any(|(name, service)| has_unreadable_port(places, name, service));
        if port.protocol == "tcp" && !listeners.contains_key(&port.container) && !unread {
            let known: Vec<String> = listeners.keys().map(u16::to_string).collect();
            let message = format!("port {} is published, and nothing listens on it", port.container);
            let help = if known.is_empty() {
                "add `port:` to the service that listens on it".to_owned()
            } else {
                format!("services listen on {}; add `port:` to the one that listens on it", known.join(", "))
            };
            diagnostics.push(Diagnostic::error(item.span, message).help(help));
        }
    }
}

/// Whether two addresses of the host can take the same port from each other; none is every address.
fn overlap(a: Option<std::net::IpAddr>, b: Option<std::net::IpAddr>) -> bool {
    let every = |address: Option<std::net::IpAddr>| address.is_none_or(|address| address.is_unspecified());
    a == b || every(a) || every(b)
}

/// Whether a service says something of a port that could not be read.
fn has_unreadable_port(places: &Places<'_>, name: &str, service: &Service) -> bool {
    let node = places.value(name, "port");
    if name == GATEWAY {
        return node.is_some_and(Node::is_broken);
    }
    let said = node.map_or(0, |node| node.list().map_or(1, <[Node]>::len));
    service.ports.len() < said || (said == 0 && places.says(name, "port"))
}
