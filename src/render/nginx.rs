//! nginx.conf: the gateway in front of a pod's services.

use super::{NGINX_CHECK_PATH, NGINX_RUN_DIR, PUBLIC_SOCKET, templates};
use crate::spec::model::{Gateway, Pod, Route, RoutePath};
use anyhow::{Result, bail};
use serde::Serialize;
use std::collections::BTreeSet;

#[derive(Serialize)]
struct Context<'a> {
    run_dir: &'a str,
    public_socket: &'a str,
    check_path: &'a str,
    shutdown_timeout_ms: u64,
    port: u16,
    upstreams: Vec<Upstream<'a>>,
    zones: Vec<Zone>,
    podinit_paths: Vec<PodinitPath>,
    locations: Vec<Location<'a>>,
    has_root: bool,
    has_replicas: bool,
}

#[derive(Serialize)]
struct Upstream<'a> {
    name: &'a str,
    /// One, or one for each replica.
    ports: Vec<u16>,
}

/// The memory in which nginx counts the requests of each client of a route.
#[derive(Serialize)]
struct Zone {
    name: String,
    rate: String,
}

/// A path that podinit answers, under the name it has there.
#[derive(Serialize)]
struct PodinitPath {
    path: String,
    target: &'static str,
}

#[derive(Serialize)]
struct Location<'a> {
    matches: String,
    upstream: &'a str,
    zone: Option<String>,
    burst: u32,
    timeout_ms: u64,
    max_body_bytes: u64,
    buffering: bool,
    rewrite: Option<String>,
}

/// `nginx.conf` of a pod with a gateway.
///
/// # Errors
/// A route to a service without a port, or a prefix to strip from an expression, which has none.
pub fn render(pod: &Pod, gateway: &Gateway) -> Result<String> {
    let mut context = Context {
        run_dir: NGINX_RUN_DIR,
        public_socket: PUBLIC_SOCKET,
        check_path: NGINX_CHECK_PATH,
        shutdown_timeout_ms: shutdown_timeout_ms(gateway.service.stop_grace_period_ms),
        port: gateway.port,
        upstreams: vec![],
        zones: vec![],
        podinit_paths: vec![],
        locations: vec![],
        has_root: false,
        has_replicas: false,
    };
    // nginx refuses the same exact location twice. What is asked for by name comes before the foot of a prefix.
    let mut exact: BTreeSet<&str> = BTreeSet::from([NGINX_CHECK_PATH]);
    for (path, target) in [(&gateway.health, "/health"), (&gateway.status, "/status")] {
        if let Some(path) = path {
            exact.insert(path);
            context.podinit_paths.push(PodinitPath { path: quoted(path), target });
        }
    }
    let routes = pod.services.values().flat_map(|service| &service.routes);
    exact.extend(routes.filter_map(|route| if let RoutePath::Exact(path) = &route.path { Some(path.as_str()) } else { None }));

    for (name, service) in &pod.services {
        if service.routes.is_empty() {
            continue;
        }
        let ports: Vec<u16> = service.instances(name).filter_map(|instance| instance.ports.first().copied()).collect();
        if ports.is_empty() {
            bail!("cannot route to service {name}: it has no port; give it `port`");
        }
        context.has_replicas |= ports.len() > 1;
        context.upstreams.push(Upstream { name, ports });
        for route in &service.routes {
            let zone = route.rate.map(|rate| {
                let name = zone_name(name, &route.path, &context.zones);
                context.zones.push(Zone { name: name.clone(), rate: rate.to_string() });
                name
            });
            let rewrite = rewrite(name, route)?;
            context.has_root |= route.path == RoutePath::Prefix("/".to_owned());
            context.locations.extend(matchers(&route.path, &exact).into_iter().map(|matches| Location {
                matches,
                upstream: name,
                zone: zone.clone(),
                burst: route.burst,
                timeout_ms: route.timeout_ms,
                max_body_bytes: route.max_body_bytes,
                buffering: route.buffering,
                rewrite: rewrite.clone(),
            }));
        }
    }
    templates::fill("nginx.conf", context)
}

/// nginx's own limit for closing connections: a second less than podinit gives it, or half of a very short time.
fn shutdown_timeout_ms(grace_period_ms: u64) -> u64 {
    grace_period_ms.saturating_sub(1_000).max(grace_period_ms / 2).max(1)
}

/// The location lines of a route. A prefix has two, since nginx's own prefixes end anywhere, within a word too.
fn matchers(path: &RoutePath, exact: &BTreeSet<&str>) -> Vec<String> {
    match path {
        RoutePath::Prefix(path) if path == "/" => vec!["/".to_owned()],
        RoutePath::Prefix(path) => {
            let foot = (!exact.contains(path.as_str())).then(|| format!("= {}", quoted(path)));
            foot.into_iter().chain([quoted(&format!("{path}/"))]).collect()
        }
        RoutePath::Exact(path) => vec![format!("= {}", quoted(path))],
        RoutePath::Regex(expression) => vec![format!("~ {}", always_quoted(expression))],
    }
}

/// The rewrite that takes the prefix of a route away: of `/api` and of `/api/users` remain `/` and `/users`.
fn rewrite(service: &str, route: &Route) -> Result<Option<String>> {
    match &route.path {
        _ if !route.strip_prefix => Ok(None),
        RoutePath::Prefix(path) if path == "/" => Ok(None),
        // (?s): a path may hold an encoded line break, and is not to pass unstripped then.
        RoutePath::Prefix(path) => {
            Ok(Some(format!("{} /$1", always_quoted(&format!("(?s)^{}/?(.*)$", escaped_expression(path))))))
        }
        RoutePath::Exact(_) => Ok(Some("^ /".to_owned())),
        RoutePath::Regex(expression) => bail!(
            "cannot strip the prefix of route `~ {expression}` of service {service}: an expression has no prefix; \
             route a plain path or leave `strip_prefix` out"
        ),
    }
}

/// A zone's name says whose requests it counts: the service and the path, with a number when that is not unique.
fn zone_name(service: &str, path: &RoutePath, taken: &[Zone]) -> String {
    let (RoutePath::Prefix(path) | RoutePath::Exact(path) | RoutePath::Regex(path)) = path;
    let words: Vec<&str> = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let name = std::iter::once(service).chain(words).collect::<Vec<_>>().join("_");
    let is_free = |name: &str| taken.iter().all(|zone| zone.name != name);
    if is_free(&name) {
        return name;
    }
    // There are fewer names taken than numbers tried.
    (2..=taken.len() + 2).map(|n| format!("{name}_{n}")).find(|name| is_free(name)).unwrap_or(name)
}

/// A path as one word of nginx's, in quotes only when it needs them.
fn quoted(path: &str) -> String {
    let plain = path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-_.~+@:=%,!*&".contains(&b));
    if plain && !path.is_empty() { path.to_owned() } else { always_quoted(path) }
}

fn always_quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The expression that matches exactly this path.
fn escaped_expression(path: &str) -> String {
    let mut out = String::new();
    for c in path.chars() {
        if c.is_ascii_punctuation() && !"/-_~".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nginx_closes_before_podinit_kills() {
        for (grace, want) in [(10_000, 9_000), (1_500, 750), (1_000, 500), (0, 1)] {
            assert_eq!(shutdown_timeout_ms(grace), want);
        }
    }

    #[test]
    fn only_what_nginx_would_split_is_quoted() {
        assert_eq!(quoted("/api/v1-x_y.z~"), "/api/v1-x_y.z~");
        assert_eq!(quoted(r#"/a {b};"c\"#), r#""/a {b};\"c\\""#);
    }

    #[test]
    fn zones_have_different_names() {
        let mut zones = Vec::new();
        for path in ["/a/b", "/a.b", "/a-b"] {
            let name = zone_name("s", &RoutePath::Prefix(path.to_owned()), &zones);
            zones.push(Zone { name, rate: String::new() });
        }
        assert_eq!(zones.iter().map(|zone| &*zone.name).collect::<Vec<_>>(), ["s_a_b", "s_a_b_2", "s_a_b_3"]);
    }
}
