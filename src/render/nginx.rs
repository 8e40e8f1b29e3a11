//! nginx.conf: the gateway in front of a pod's services.

mod headers;
mod location;
mod pass;
mod server;
mod tls;

pub use tls::{prepare as prepare_tls, render as render_tls};

use super::{NGINX_CHECK_PATH, NGINX_RUN_DIR, NGINX_STATUS_PATH, PUBLIC_SOCKET, templates};
use crate::spec::model::{Gateway, Pod, Protocol, Route, RoutePath, RouteTarget, Service};
use anyhow::{Result, bail};
use headers::{Cors, Header};
use serde::Serialize;
use server::Server;

#[derive(Serialize)]
struct Context<'a> {
    run_dir: &'a str,
    public_socket: &'a str,
    check_path: &'a str,
    status_path: &'a str,
    shutdown_timeout_ms: u64,
    upstreams: Vec<Upstream<'a>>,
    zones: Vec<Zone>,
    cors: Vec<Cors>,
    podinit_paths: Vec<PodinitPath>,
    servers: Vec<Server>,
    headers: Vec<Header>,
    hidden: Vec<String>,
    error_codes: String,
    error_pages: Vec<ErrorPage>,
    /// Where a service that cannot be reached leads.
    unavailable_page: String,
    config: Vec<String>,
    trusted_proxies: Vec<String>,
    /// The variable that says how the client has come.
    proto: &'static str,
    redirect: Option<tls::Redirect>,
    has_tls: bool,
    has_files: bool,
    has_replicas: bool,
    has_params: bool,
    needs_resolver: bool,
}

#[derive(Serialize)]
struct Upstream<'a> {
    name: &'a str,
    /// One, or one for each replica.
    servers: Vec<String>,
    /// Of those that keep a worker busy for each connection, none is kept.
    keeps_connections: bool,
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

/// A page for an error of nginx's own.
#[derive(Serialize)]
struct ErrorPage {
    status: u16,
    file: String,
    /// Its media type: the path that it is asked for by has none of its own.
    kind: &'static str,
}

impl ErrorPage {
    fn new(status: u16, file: &str) -> ErrorPage {
        let kind = match file.rsplit('.').next() {
            Some("json") => "application/json",
            Some("txt") => "text/plain",
            _ => "text/html",
        };
        ErrorPage { status, file: quoted(file), kind }
    }
}

/// The errors of nginx's own that have a page; that a service cannot be reached is another matter.
const ERRORS: [u16; 9] = [400, 403, 404, 405, 408, 413, 414, 429, 500];

/// `nginx.conf` of a pod with a gateway; `template` takes the place of podctl's own.
///
/// # Errors
/// A route to a service without a port, or a prefix to strip from an expression, which has none.
pub fn render(pod: &Pod, gateway: &Gateway, template: Option<&str>) -> Result<String> {
    templates::fill("nginx.conf", template, context(pod, gateway)?)
}

fn context<'a>(pod: &'a Pod, gateway: &'a Gateway) -> Result<Context<'a>> {
    let routes: Vec<(&str, &Route)> =
        pod.all_services().flat_map(|(name, service)| service.routes.iter().map(move |route| (name, route))).collect();
    let upstreams = upstreams(pod)?;
    let mut zones = Vec::new();
    let mut all_cors: Vec<Cors> = Vec::new();
    let mut prepared = Vec::new();
    for (owner, route) in &routes {
        let zone = route.rate.map(|rate| {
            let name = zone_name(owner, &route.path, &zones);
            zones.push(Zone { name: name.clone(), rate: rate.to_string() });
            name
        });
        let cors = route.cors.as_ref().map(|cors| {
            let made = Cors::new(all_cors.len() + 1, cors);
            all_cors.push(made.clone());
            made
        });
        prepared.push(location::Prepared { index: prepared.len() + 1, owner, route, zone, cors });
    }
    let servers = server::servers(pod, gateway, &prepared)?;
    let endpoints = [(&gateway.health, "/health"), (&gateway.status, "/status")];
    let is_own = |status: &u16| gateway.error_pages.contains_key(status);
    let error_codes: Vec<String> = ERRORS.iter().chain(&[504]).filter(|status| !is_own(status)).map(u16::to_string).collect();
    let unavailable = [502, 503].into_iter().find(is_own);
    let names_upstream = |(_, route): &(&str, &Route)| matches!(&route.target, RouteTarget::Upstream(to) if pass::is_name(to));
    let speaks = |protocol| pod.services.values().any(|service| service.protocol == protocol && !service.routes.is_empty());
    Ok(Context {
        run_dir: NGINX_RUN_DIR,
        public_socket: PUBLIC_SOCKET,
        check_path: NGINX_CHECK_PATH,
        status_path: NGINX_STATUS_PATH,
        shutdown_timeout_ms: shutdown_timeout_ms(gateway.service.stop_grace_period_ms),
        has_replicas: upstreams.iter().any(|upstream| upstream.servers.len() > 1),
        upstreams,
        zones,
        cors: all_cors,
        podinit_paths: endpoints
            .into_iter()
            .filter_map(|(path, target)| path.as_ref().map(|path| PodinitPath { path: quoted(path), target }))
            .collect(),
        servers,
        headers: headers::of_gateway(gateway),
        hidden: headers::hidden(gateway),
        error_codes: error_codes.join(" "),
        error_pages: gateway.error_pages.iter().map(|(status, file)| ErrorPage::new(*status, file)).collect(),
        unavailable_page: unavailable.map_or("$podctl_error_page".to_owned(), |status| format!("/_podctl/errors/{status}")),
        config: lines(gateway.config.as_deref()),
        trusted_proxies: gateway.trusted_proxies.clone(),
        proto: if gateway.trusted_proxies.is_empty() { "$scheme" } else { "$podctl_proto" },
        redirect: gateway.tls.as_ref().filter(|tls| tls.redirect).map(|tls| tls::Redirect::of(pod, gateway, tls)),
        has_tls: gateway.tls.is_some(),
        has_files: routes.iter().any(|(_, route)| route.files.is_some()) || !gateway.error_pages.is_empty(),
        has_params: speaks(Protocol::Fastcgi) || speaks(Protocol::Uwsgi),
        needs_resolver: routes.iter().any(names_upstream),
    })
}

/// The names of the services that routes lead to.
pub fn routed(pod: &Pod) -> impl Iterator<Item = &str> {
    let routes = || pod.all_services().flat_map(|(_, service)| &service.routes);
    let is_used = move |name: &str| routes().any(|route| matches!(&route.target, RouteTarget::Service(of) if of == name));
    pod.services.keys().map(String::as_str).filter(move |name| is_used(name))
}

/// The services that routes lead to, each with the addresses of all that run of it.
fn upstreams(pod: &Pod) -> Result<Vec<Upstream<'_>>> {
    let mut upstreams = Vec::new();
    for name in routed(pod) {
        let service = &pod.services[name];
        let servers = addresses(name, service);
        if servers.is_empty() {
            bail!("cannot route to service {name}: it has no port; give it `port` or `socket`");
        }
        let keeps_connections = matches!(service.protocol, Protocol::Http | Protocol::Grpc);
        upstreams.push(Upstream { name, servers, keeps_connections });
    }
    Ok(upstreams)
}

fn addresses(name: &str, service: &Service) -> Vec<String> {
    match &service.socket {
        Some(socket) => vec![quoted(&format!("unix:{socket}"))],
        None => {
            let ports = service.instances(name).filter_map(|instance| instance.ports.first().copied());
            ports.map(|port| format!("127.0.0.1:{port}")).collect()
        }
    }
}

/// Lines of the user's, less the blanks before them.
fn lines(config: Option<&str>) -> Vec<String> {
    config
        .map(|text| text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect())
        .unwrap_or_default()
}

/// nginx's own limit for closing connections: a second less than podinit gives it, or half of a very short time.
fn shutdown_timeout_ms(grace_period_ms: u64) -> u64 {
    grace_period_ms.saturating_sub(1_000).max(grace_period_ms / 2).max(1)
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
