//! Routes: one for each path, to services that listen, none in the way of the gateway's own paths.

use super::Places;
use crate::spec::decode::nearest;
use crate::spec::diagnostics::Diagnostic;
use crate::spec::model::{GATEWAY, Pod, Protocol, Route, RoutePath, RouteTarget};
use crate::spec::node::Node;
use crate::spec::source::Span;
use std::collections::HashMap;

/// Paths below this are nginx's own.
const RESERVED: &str = "/_podctl";

/// Requests that two routes would take: of these hosts, on this port, with this path.
type Taken<'p> = (Option<u16>, &'p [String], &'p RoutePath);

/// Routes to nothing, the same path twice, and the gateway's own paths.
pub fn check(pod: &Pod, places: &Places<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let mut seen: HashMap<Taken<'_>, (&str, Span)> = HashMap::new();
    for (name, service) in pod.all_services() {
        let needs_service = service.routes.iter().any(|route| matches!(&route.target, RouteTarget::Service(of) if of == name));
        let says_where = places.says(name, "port") || places.says(name, "socket");
        if needs_service && !service.listens() && !says_where {
            let key = places.service(name).and_then(|node| node.key_span(&["route"]));
            let diagnostic =
                Diagnostic::error(key.unwrap_or_default(), format!("the route leads to nothing: `{name}` has no port"));
            diagnostics.push(diagnostic.help("add `port:` or `socket:`, where the service listens"));
        }
        for (index, route) in service.routes.iter().enumerate() {
            let span = path_span(places, name, index, service.routes.len());
            // The gateway's own port may be named.
            let port = route.listen.filter(|port| pod.gateway.as_ref().is_none_or(|gateway| gateway.port != *port));
            let taken = (port, route.hosts.as_slice(), &route.path);
            if let Some((other, first)) = seen.get(&taken) {
                let diagnostic = Diagnostic::error(span, format!("{} is routed twice", shown(&route.path)));
                let diagnostic =
                    diagnostic.label(format!("again, to `{name}`")).also(*first, format!("first here, to `{other}`"));
                diagnostics.push(diagnostic.help("give each route a path of its own"));
            } else {
                seen.insert(taken, (name, span));
            }
            named_service(pod, places, name, route, span, diagnostics);
            own_paths(pod, places, &route.path, span, diagnostics);
        }
    }
    same_endpoint(pod, places, diagnostics);
}

/// A service that a route names instead of its own.
fn named_service(pod: &Pod, places: &Places<'_>, owner: &str, route: &Route, span: Span, diagnostics: &mut Vec<Diagnostic>) {
    let RouteTarget::Service(named) = &route.target else { return };
    if named == owner {
        return;
    }
    match pod.services.get(named) {
        Some(service) if service.listens() && service.protocol != Protocol::Tcp => {}
        Some(_) => {
            let diagnostic = Diagnostic::error(span, format!("the route leads to nothing: `{named}` has no port"));
            diagnostics.push(diagnostic.also(places.service_name(named), "the service").help("add `port:` or `socket:` there"));
        }
        None if places.names().contains(&named.as_str()) => {}
        None => {
            let help = match nearest(named, places.names()) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => "name a service of this pod, or write `upstream: http://host:port`".to_owned(),
            };
            diagnostics.push(Diagnostic::error(span, format!("the route leads to `{named}`, which does not exist")).help(help));
        }
    }
}

fn own_paths(pod: &Pod, places: &Places<'_>, path: &RoutePath, span: Span, diagnostics: &mut Vec<Diagnostic>) {
    let (RoutePath::Prefix(text) | RoutePath::Exact(text)) = path else { return };
    if text == RESERVED || text.starts_with(&format!("{RESERVED}/")) {
        diagnostics
            .push(Diagnostic::error(span, format!("paths below {RESERVED} are the gateway's own")).help("use another path"));
    }
    let Some(gateway) = &pod.gateway else { return };
    for (key, endpoint) in [("health", &gateway.health), ("status", &gateway.status)] {
        if endpoint.as_ref() == Some(text) {
            let mut diagnostic = Diagnostic::error(span, format!("{text} is where the gateway answers for the pod's {key}"));
            if let Some(node) = places.value(GATEWAY, key) {
                diagnostic = diagnostic.also(node.span, "set here");
            }
            let help = format!("use another path here, or write `gateway: {{ {key}: /other }}` or `{key}: false`");
            diagnostics.push(diagnostic.help(help));
        }
    }
}

fn same_endpoint(pod: &Pod, places: &Places<'_>, diagnostics: &mut Vec<Diagnostic>) {
    if let Some(gateway) = &pod.gateway
        && gateway.status.is_some()
        && gateway.status == gateway.health
    {
        let diagnostic = Diagnostic::error(places.value_or_name(GATEWAY, "status"), "health and status have the same path");
        diagnostics.push(diagnostic.help("give each a path of its own"));
    }
}

/// Where the path of a route stands; the route itself when it has none.
fn path_span(places: &Places<'_>, name: &str, index: usize, decoded: usize) -> Span {
    let Some(node) = places.value(name, "route") else { return places.service_name(name) };
    // With an unreadable item in the list nothing tells which route is which.
    let route = match node.list() {
        Some(items) if items.len() == decoded => items.get(index).unwrap_or(node),
        _ => node,
    };
    route.at(&["path"]).map_or(route.span, |path: &Node| path.span)
}

fn shown(path: &RoutePath) -> String {
    match path {
        RoutePath::Prefix(path) => format!("`{path}`"),
        RoutePath::Exact(path) => format!("`= {path}`"),
        RoutePath::Regex(path) => format!("`~ {path}`"),
    }
}
