//! `gateway`: nginx in front of the services.

use super::keys::Section;
use super::route::{Owner, Settings, plain_path, routes, settings};
use super::service::{self, Rules};
use super::{Decoder, headers, ports, value};
use crate::spec::model::{Command, Gateway, Probe, Protocol, Service, Tls};
use crate::spec::node::{Node, Value};
use indexmap::IndexMap;
use podinit_plan::plan::Get;

const SECTION: Section = Section {
    expected: "a map with the keys of a gateway",
    name: "the gateway",
    keys: &[
        "port",
        "tls",
        "trusted_proxies",
        "error_pages",
        "headers",
        "cors",
        "allow",
        "config",
        "route",
        "health",
        "status",
        "priority",
        "rate",
        "burst",
        "timeout",
        "max_body",
        "buffering",
        "command",
        "pre_start",
        "post_stop",
        "working_dir",
        "user",
        "group_add",
        "environment",
        "env_file",
        "healthcheck",
        "ready_after",
        "start_timeout",
        "depends_on",
        "restart",
        "essential",
        "stop_signal",
        "stop_grace_period",
        "stop_group",
        "signals",
        "umask",
        "nice",
        "oom_score_adj",
        "ulimits",
        "no_new_privileges",
        "cap_add",
        "cap_drop",
        "logging",
        "memory",
        "replicas",
    ],
    later: &["host"],
};

const TLS: Section = Section {
    expected: "a map with certificate and key",
    name: "tls",
    keys: &["certificate", "key", "port", "redirect", "optional"],
    later: &["protocols", "ciphers"],
};
/// The port of TLS that names none: unprivileged.
const DEFAULT_TLS_PORT: u16 = 8443;

/// The port of a gateway that names none: unprivileged.
pub const DEFAULT_PORT: u16 = 8080;
/// A static location of nginx itself, so that its health says nothing about the services'.
pub const OWN_CHECK: &str = "/_podctl/nginx";

/// What a gateway says for its routes; before the services are decoded.
pub fn route_settings(cx: &mut Decoder<'_>, node: Option<&Node>) -> Settings {
    let default = Settings::default();
    node.and_then(Node::map).map_or(default.clone(), |map| settings(cx, map, &default))
}

/// The gateway in front of these services.
pub fn gateway(
    cx: &mut Decoder<'_>,
    node: &Node,
    services: &IndexMap<String, Service>,
    route_settings: &Settings,
) -> Option<Gateway> {
    let map = cx.section(node, &SECTION)?;
    if let Some(replicas) = map.entry("replicas") {
        let help = "remove it: nginx has processes of its own for many requests at a time";
        cx.refuse::<()>(replicas.key_span, "a pod has one gateway", help);
    }
    let port = value(cx, map, "port", ports::resolved_port).unwrap_or(DEFAULT_PORT);
    // It starts first: what the services need to be reached is there before them.
    let first = services.values().map(|service| service.priority).min().unwrap_or(100).saturating_sub(1);
    let rules = Rules {
        command: Some(Command::Words(["nginx", "-e", "stderr", "-c", "/etc/nginx/nginx.conf"].map(str::to_owned).to_vec())),
        working_dir: "/",
        probe: Probe::Http(Get::new(OWN_CHECK)),
        stop_signal: "SIGQUIT",
        priority: first,
    };
    let mut service = service::process(cx, map, node, &rules);
    let owner = Owner { service: None, protocol: Protocol::Http, working_dir: None, settings: route_settings };
    service.routes = value(cx, map, "route", |cx, node| routes(cx, node, &owner)).unwrap_or_default();
    let tls = value(cx, map, "tls", tls);
    service.ports = vec![port];
    service.ports.extend(tls.as_ref().map(|tls| tls.port));
    let all_routes = services.values().chain([&service]).flat_map(|service| &service.routes);
    let others: Vec<u16> = all_routes.filter_map(|route| route.listen).collect();
    for other in others {
        if !service.ports.contains(&other) {
            service.ports.push(other);
        }
    }
    if map.entry("healthcheck").is_none() {
        service.healthcheck = Some(super::healthcheck::with_defaults(rules.probe));
    }
    Some(Gateway {
        service,
        port,
        tls,
        trusted_proxies: value(cx, map, "trusted_proxies", headers::networks).unwrap_or_default(),
        error_pages: value(cx, map, "error_pages", error_pages).unwrap_or_default(),
        headers: value(cx, map, "headers", headers::headers).unwrap_or_default(),
        config: value(cx, map, "config", headers::config),
        health: endpoint(cx, map.get("health"), Some("/health")),
        status: endpoint(cx, map.get("status"), None),
    })
}

/// A path, or false; `true` is not a path.
fn endpoint(cx: &mut Decoder<'_>, node: Option<&Node>, default: Option<&str>) -> Option<String> {
    let Some(node) = node else { return default.map(str::to_owned) };
    if node.scalar().and_then(|scalar| scalar.boolean()) == Some(false) {
        return None;
    }
    let path = cx.literal(node, "a path or false")?;
    plain_path(cx, node, &path)
}

/// HTTPS; the files are in the container when it runs.
fn tls(cx: &mut Decoder<'_>, node: &Node) -> Option<Tls> {
    let map = cx.section(node, &TLS)?;
    let [Some(certificate), Some(key)] = ["certificate", "key"].map(|key| map.entry(key)) else {
        return cx.refuse(
            node.span,
            "TLS takes a certificate and its key",
            "add `certificate` and `key`, paths in the container",
        );
    };
    let mut path = |node: &Node| {
        let path = cx.absolute_path(node)?;
        if path.contains(|c: char| c.is_control() || "\"'\\{};$".contains(c)) {
            return cx.refuse(node.span, "this is no path of a file of TLS", "write it without quotes, blanks and `$`");
        }
        Some(path)
    };
    let (certificate, key) = (path(&certificate.value), path(&key.value));
    Some(Tls {
        certificate: certificate?,
        key: key?,
        port: value(cx, map, "port", ports::resolved_port).unwrap_or(DEFAULT_TLS_PORT),
        redirect: value(cx, map, "redirect", Decoder::boolean).unwrap_or(false),
        optional: value(cx, map, "optional", Decoder::boolean).unwrap_or(false),
    })
}

/// Pages by status.
fn error_pages(cx: &mut Decoder<'_>, node: &Node) -> Option<IndexMap<u16, String>> {
    let Value::Map(map) = &node.value else { return cx.expected("a map of a status to the path of a page", node) };
    let mut pages = IndexMap::new();
    for entry in map.entries.iter().filter(|entry| !entry.key.starts_with("x-")) {
        let status = entry.key.parse::<u16>().ok().filter(|status| (400..=599).contains(status));
        let page = cx.absolute_path(&entry.value);
        match status {
            Some(status) => drop(page.map(|page| pages.insert(status, page))),
            None => drop(cx.refuse::<()>(entry.key_span, "this is no status of an error", "write one from 400 to 599")),
        }
    }
    Some(pages)
}
