//! `route`: what the gateway sends where.

use super::keys::Section;
use super::route_target::{files, target};
use super::{Decoder, headers, ports, value};
use crate::spec::model::{Cors, Protocol, Route, RoutePath, RouteTarget};
use crate::spec::node::{Map, Node, Value};
use podinit_plan::units::{Rate, RatePeriod};

const SECTION: Section = Section {
    expected: "a path, a map with path and settings, or a list of them",
    name: "a route",
    keys: &[
        "path",
        "static",
        "fallback",
        "expires",
        "strip_prefix",
        "host",
        "listen",
        "upstream",
        "return",
        "rate",
        "burst",
        "timeout",
        "max_body",
        "buffering",
        "headers",
        "cors",
        "allow",
        "config",
    ],
    later: &[],
};

/// The settings that a gateway hands to all its routes.
#[derive(Debug, Clone)]
pub struct Settings {
    rate: Option<Rate>,
    burst: Option<u32>,
    timeout_ms: u64,
    max_body_bytes: u64,
    buffering: bool,
    cors: Option<Cors>,
    allow: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            rate: None,
            burst: None,
            timeout_ms: 60_000,
            max_body_bytes: 16 << 20,
            buffering: true,
            cors: None,
            allow: Vec::new(),
        }
    }
}

/// Whose routes they are.
pub struct Owner<'a> {
    /// The service; none is the gateway.
    pub service: Option<&'a str>,
    /// What the gateway speaks to it.
    pub protocol: Protocol,
    /// Where relative folders of files start; none when that is known at run time only.
    pub working_dir: Option<&'a str>,
    /// The gateway's settings.
    pub settings: &'a Settings,
}

/// Reads the settings of a route or a gateway over others.
pub fn settings(cx: &mut Decoder<'_>, map: &Map, default: &Settings) -> Settings {
    let rate = value(cx, map, "rate", |cx, node| cx.with_unit(node, "rate", str::parse));
    Settings {
        // A rate of its own does not go with the burst of another.
        burst: value(cx, map, "burst", |cx, node| cx.integer(node, 0..=1_000_000)).or(default.burst.filter(|_| rate.is_none())),
        rate: rate.or(default.rate),
        timeout_ms: value(cx, map, "timeout", Decoder::resolved_positive_duration).unwrap_or(default.timeout_ms),
        max_body_bytes: value(cx, map, "max_body", Decoder::resolved_size).unwrap_or(default.max_body_bytes),
        buffering: value(cx, map, "buffering", Decoder::boolean).unwrap_or(default.buffering),
        cors: value(cx, map, "cors", headers::cors).or_else(|| default.cors.clone()),
        allow: value(cx, map, "allow", headers::networks).unwrap_or_else(|| default.allow.clone()),
    }
}

/// The routes of a service or of the gateway: one or a list.
pub fn routes(cx: &mut Decoder<'_>, node: &Node, owner: &Owner<'_>) -> Option<Vec<Route>> {
    match &node.value {
        Value::List(items) => Some(items.iter().filter_map(|item| route(cx, item, owner)).collect()),
        _ => route(cx, node, owner).map(|route| vec![route]),
    }
}

fn route(cx: &mut Decoder<'_>, node: &Node, owner: &Owner<'_>) -> Option<Route> {
    const EMPTY: &Map = &Map { entries: Vec::new() };
    let (path, map) = match &node.value {
        Value::Map(_) => {
            let map = cx.section(node, &SECTION)?;
            let path = match map.entry("path") {
                Some(entry) => path(cx, &entry.value),
                None => Some(RoutePath::Prefix("/".to_owned())),
            };
            (path, map)
        }
        Value::Scalar(scalar) if !scalar.is_null() => (path(cx, node), EMPTY),
        _ => return cx.expected(SECTION.expected, node),
    };
    let settings = settings(cx, map, owner.settings);
    let strip_prefix = value(cx, map, "strip_prefix", Decoder::boolean).unwrap_or(false);
    if let (true, Some(RoutePath::Regex(_)), Some(entry)) = (strip_prefix, &path, map.entry("strip_prefix")) {
        let help = "remove strip_prefix, or write a path such as /api";
        cx.refuse::<()>(entry.key_span, "an expression has no prefix that could be taken away", help);
    }
    let listen = value(cx, map, "listen", ports::resolved_port);
    let hosts = value(cx, map, "host", hosts).unwrap_or_default();
    let headers = value(cx, map, "headers", headers::headers).unwrap_or_default();
    let config = value(cx, map, "config", headers::config);
    let files = files(cx, map, owner, path.as_ref());
    let target = target(cx, map, node, owner);
    if let (Some(RouteTarget::Return(_)), false, Some(entry)) = (&target, settings.allow.is_empty(), map.entry("return")) {
        let help = "remove one of them, or answer by `config` lines of your own";
        cx.refuse::<()>(entry.key_span, "`return` answers before `allow` is looked at", help);
    }
    let (files, target) = (files?, target?);
    let burst = settings.burst.unwrap_or_else(|| settings.rate.map_or(0, default_burst));
    let Settings { rate, timeout_ms, max_body_bytes, buffering, cors, allow, .. } = settings;
    Some(Route {
        path: path?,
        hosts,
        listen,
        target,
        is_file: files.is_file,
        files: files.path,
        fallback: files.fallback,
        expires: files.expires,
        strip_prefix,
        rate,
        burst,
        timeout_ms,
        max_body_bytes,
        buffering,
        headers,
        cors,
        allow,
        config,
    })
}

/// Twice the requests of a second, at least one.
fn default_burst(rate: Rate) -> u32 {
    let per_second = match rate.per {
        RatePeriod::Second => rate.requests,
        RatePeriod::Minute => rate.requests.div_ceil(60),
    };
    per_second.saturating_mul(2).max(1)
}

fn hosts(cx: &mut Decoder<'_>, node: &Node) -> Option<Vec<String>> {
    let host = |cx: &mut Decoder<'_>, node: &Node| {
        let host = cx.resolved(node, "a host such as example.org")?.to_lowercase();
        let name = host.strip_prefix("*.").unwrap_or(&host);
        let is_host = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c));
        if is_host && !name.starts_with(['-', '.']) {
            return Some(host);
        }
        cx.refuse(node.span, "this is no host", "write `example.org` or `\"*.example.org\"`, without a port")
    };
    match &node.value {
        Value::Scalar(scalar) if !scalar.is_null() => host(cx, node).map(|host| vec![host]),
        _ => cx.list(node, "a list of hosts", host),
    }
}

fn path(cx: &mut Decoder<'_>, node: &Node) -> Option<RoutePath> {
    let text = cx.literal(node, "a path such as /api")?;
    if let Some(regex) = text.strip_prefix("~ ") {
        let regex = regex.trim();
        if regex.is_empty() || regex.contains(char::is_control) {
            return cx.refuse(node.span, "this expression is empty or has control characters", "write `~ ^/v[12]/`");
        }
        return Some(RoutePath::Regex(regex.to_owned()));
    }
    if let Some(exact) = text.strip_prefix("= ") {
        return plain_path(cx, node, exact.trim()).map(RoutePath::Exact);
    }
    let path = plain_path(cx, node, &text)?;
    let trimmed = path.trim_end_matches('/');
    Some(RoutePath::Prefix(if trimmed.is_empty() { "/".to_owned() } else { trimmed.to_owned() }))
}

/// A path as nginx compares it: decoded, without a query.
pub fn plain_path(cx: &mut Decoder<'_>, node: &Node, path: &str) -> Option<String> {
    let odd = |c: char| c.is_control() || c.is_whitespace() || "?#\"'\\{};$".contains(c);
    if !path.starts_with('/') || path.contains(odd) || path.contains("//") {
        return cx.refuse(
            node.span,
            "this is no path of a route",
            "write `/prefix`, `= /exact` or `~ regex`; a path begins with `/` and has no query, quotes or blanks",
        );
    }
    Some(path.to_owned())
}
