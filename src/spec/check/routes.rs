//! Routes: one for each path, to services that listen, none in the way of the gateway's own paths.

use super::Places;
use crate::spec::diagnostics::Diagnostic;
use crate::spec::model::{GATEWAY, Pod, RoutePath};
use crate::spec::node::Node;
use crate::spec::source::Span;
use std::collections::HashMap;

/// Paths below this are nginx's own.
const RESERVED: &str = "/_podctl";

/// Routes to nothing, the same path twice, and the gateway's own paths.
pub fn check(pod: &Pod, places: &Places<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let mut seen: HashMap<&RoutePath, (&str, Span)> = HashMap::new();
    for (name, service) in &pod.services {
        if !service.routes.is_empty() && service.ports.is_empty() && !places.says(name, "port") {
            let key = places.service(name).and_then(|node| node.key_span(&["route"]));
            let diagnostic =
                Diagnostic::error(key.unwrap_or_default(), format!("the route leads to nothing: `{name}` has no port"));
            diagnostics.push(diagnostic.help("add `port:`, where the service listens"));
        }
        for (index, route) in service.routes.iter().enumerate() {
            let span = path_span(places, name, index, service.routes.len());
            if let Some((other, first)) = seen.get(&route.path) {
                let diagnostic = Diagnostic::error(span, format!("{} is routed twice", shown(&route.path)));
                let diagnostic =
                    diagnostic.label(format!("again, to `{name}`")).also(*first, format!("first here, to `{other}`"));
                diagnostics.push(diagnostic.help("give each route a path of its own"));
            } else {
                seen.insert(&route.path, (name, span));
            }
            own_paths(pod, places, &route.path, span, diagnostics);
        }
    }
    same_endpoint(pod, places, diagnostics);
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
