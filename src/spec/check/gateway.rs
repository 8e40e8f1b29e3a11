//! The gateway: what it cannot do at once.

use super::Places;
use crate::spec::diagnostics::Diagnostic;
use crate::spec::model::{GATEWAY, Pod, Protocol, RouteTarget};

/// A `pre_start` beside TLS, and gRPC where browsers are answered.
pub fn check(pod: &Pod, places: &Places<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let Some(gateway) = &pod.gateway else { return };
    if gateway.tls.is_some() {
        let span = places.value(GATEWAY, "tls").map_or_else(|| places.service_name(GATEWAY), |node| node.span);
        if gateway.service.pre_start.is_some() {
            let diagnostic = Diagnostic::error(places.value_or_name(GATEWAY, "pre_start"), "`pre_start` is taken by TLS");
            let diagnostic = diagnostic.also(span, "it looks for the certificate before nginx starts");
            diagnostics.push(diagnostic.help("make a oneshot of it that the gateway depends on"));
        }
    }
    for (name, service) in &pod.services {
        if service.protocol != Protocol::Grpc {
            continue;
        }
        let in_the_open = |route: &&crate::spec::model::Route| {
            route.listen.is_none_or(|port| port == gateway.port) && matches!(&route.target, RouteTarget::Service(_))
        };
        if gateway.tls.is_none() && service.routes.iter().any(|route| in_the_open(&route)) {
            let span = places.value_or_name(name, "route");
            let diagnostic = Diagnostic::error(span, format!("gRPC to `{name}` takes a port of its own, or TLS"));
            let diagnostic = diagnostic.label("nginx speaks either HTTP/1.1 or HTTP/2 on a port without TLS");
            diagnostics.push(diagnostic.help("add `listen: 9000` to the route, or `tls` to the gateway"));
        }
    }
}
