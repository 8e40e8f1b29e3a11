//! Every route is answered by its service, and nothing else is: `/api` is no route for `/apix`, and a path of no route
//! gives the gateway's 404.
//!
//! Witness: requests from outside. The gateway's own errors are told from a service's answers by the request id in
//! their body, and which service answered by the line of the gateway's log with that request's id.

use super::super::context::Context;
use super::super::pod::{TestPod, until};
use super::super::report::Outcome;
use super::super::unique;
use super::super::witness::http;
use super::is_asked_plainly;
use crate::spec::model::{GATEWAY, Route, RoutePath, RouteTarget};
use anyhow::Result;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

/// From an answer to its line in the log.
const LOGGED_WITHIN: Duration = Duration::from_secs(3);

pub(super) async fn judge(context: &Context<'_>) -> Result<Outcome> {
    let routes: Vec<(&str, BTreeSet<u16>, &RoutePath)> = context
        .pod
        .services
        .iter()
        .flat_map(|(name, service)| {
            // Any of its replicas may answer.
            let ports = || service.instances(name).filter_map(|instance| instance.ports.first().copied()).collect();
            let own = service.routes.iter().filter(|route| is_asked_plainly(context.pod, route) && leads_to(route, name));
            own.map(move |route| (name.as_str(), ports(), &route.path))
        })
        .collect();
    if context.pod.gateway.is_none() || routes.is_empty() {
        return Ok(Outcome::Skipped("the pod has no routes to services that anybody could ask".to_owned()));
    }
    let all: Vec<&RoutePath> =
        context.pod.all_services().flat_map(|(_, service)| &service.routes).map(|route| &route.path).collect();
    let pod = context.shared()?;
    let (mut problems, mut answered) = (Vec::new(), Vec::new());
    for (name, ports, path) in &routes {
        // What matches an expression cannot be made from it.
        let (RoutePath::Prefix(path) | RoutePath::Exact(path)) = path else { continue };
        match ask(context, pod, path).await? {
            Reply::Service { port: Some(from), .. } if !ports.contains(&from) => {
                problems.push(format!("{path} was answered by port {from}, not by {name}"));
            }
            Reply::Service { status, .. } => answered.push(format!("{path} {status}")),
            Reply::Gateway(error) => problems.push(format!("{path} does not reach {name}: the gateway says {error}")),
        }
    }
    let foreign = routes.iter().filter_map(|(_, _, path)| match path {
        RoutePath::Prefix(path) if path != "/" => Some(format!("{path}x")),
        _ => None,
    });
    for path in foreign.chain([format!("/{}", unique())]) {
        if all.iter().any(|route| may_match(route, &path)) {
            continue;
        }
        match ask(context, pod, &path).await? {
            Reply::Gateway(error) if error == "not_found" => {}
            Reply::Gateway(error) => problems.push(format!("{path}, of no route, gives {error}, not not_found")),
            Reply::Service { status, .. } => problems.push(format!("{path}, of no route, is answered by a service ({status})")),
        }
    }
    Ok(Outcome::of(&problems, answered.join(", ")))
}

/// Whether each request that reaches the route is the service's to answer.
fn leads_to(route: &Route, service: &str) -> bool {
    route.files.is_none() && matches!(&route.target, RouteTarget::Service(name) if name == service)
}

enum Reply {
    /// A service has answered, on this port as far as the log tells.
    Service { status: u16, port: Option<u16> },
    /// The gateway has answered itself, with this error.
    Gateway(String),
}

async fn ask(context: &Context<'_>, pod: &TestPod, path: &str) -> Result<Reply> {
    let id = unique();
    let answer = http::get(pod.gateway_port(context)?, path, &id).await?;
    if let Some(error) = answer.gateway_error() {
        return Ok(Reply::Gateway(error));
    }
    let port = until(LOGGED_WITHIN, || async {
        let lines = pod.logs().await?;
        Ok(lines.iter().filter_map(|line| line.of(GATEWAY)).find_map(|line| upstream_port(&line, &id)))
    });
    Ok(Reply::Service { status: answer.status, port: port.await? })
}

/// The port that the gateway's log says it sent a request to.
fn upstream_port(line: &str, request_id: &str) -> Option<u16> {
    let entry: Value = serde_json::from_str(line).ok()?;
    let ours = entry.get("request_id")?.as_str()? == request_id;
    // After retries all that were asked are listed; the last one has answered.
    ours.then(|| entry.get("upstream")?.as_str()?.rsplit(':').next()?.parse().ok())?
}

fn may_match(route: &RoutePath, path: &str) -> bool {
    match route {
        RoutePath::Prefix(prefix) if prefix == "/" => true,
        RoutePath::Prefix(prefix) => {
            path.strip_prefix(prefix.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }
        RoutePath::Exact(exact) => path == exact,
        RoutePath::Regex(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_tells_who_answered_a_request() {
        let line = r#"{"request_id":"abc-1","status":200,"upstream":"127.0.0.1:3002, 127.0.0.1:3001"}"#;
        assert_eq!(upstream_port(line, "abc-1"), Some(3001));
        assert_eq!(upstream_port(line, "abc-2"), None);
        assert_eq!(upstream_port("plain text", "abc-1"), None);
    }

    #[test]
    fn a_prefix_ends_at_a_slash() {
        let api = RoutePath::Prefix("/api".to_owned());
        assert!(may_match(&api, "/api/x") && may_match(&api, "/api") && !may_match(&api, "/apix"));
        assert!(may_match(&RoutePath::Prefix("/".to_owned()), "/apix"));
    }
}
