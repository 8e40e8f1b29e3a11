//! The top level of pod.yaml.

use super::environment::{environment, labels};
use super::keys::{Section, mentions};
use super::users::users;
use super::{Decoder, acceptance, base, container, gateway, ports, service, value};
use crate::spec::diagnostics::Diagnostic;
use crate::spec::model::{DEFAULT_UID, DEFAULT_USER, GATEWAY, Gateway, Pod, PublishedPort, Service, User};
use crate::spec::node::{Map, Node, Value};
use crate::spec::source::Span;
use indexmap::IndexMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

/// What PID 1 calls itself in logs.
const PID_1: &str = "podinit";

const SECTION: Section = Section {
    expected: "a map with the keys of a pod, `services` above all",
    name: "a pod",
    keys: &[
        "name",
        "image",
        "labels",
        "base",
        "users",
        "environment",
        "ports",
        "stop_grace_period",
        "defaults",
        "services",
        "gateway",
        "cap_add",
        "cap_drop",
        "ulimits",
        "read_only",
        "security_opt",
        "acceptance",
    ],
    later: &[
        "stages",
        "files",
        "env_file",
        "secrets",
        "volumes",
        "backing_services",
        "monitor",
        "alerts",
        "control",
        "event_listeners",
        "deploy",
        "devices",
        "dns",
        "expose",
        "extra_hosts",
        "hostname",
        "networks",
        "platform",
        "privileged",
        "restart",
        "shm_size",
        "sysctls",
        "tmpfs",
    ],
};

/// The pod that a tree describes; none when it is no pod at all. Complete only when nothing was reported.
pub fn pod(cx: &mut Decoder<'_>, tree: &Node, folder: &Path) -> Option<Pod> {
    let map = cx.section(tree, &SECTION)?;
    let name = name(cx, map, tree, folder).unwrap_or_else(|| "pod".to_owned());
    let route_settings = gateway::route_settings(cx, map.get(GATEWAY));
    let services = services(cx, map, tree, &route_settings);
    let gateway = value(cx, map, GATEWAY, |cx, node| gateway::gateway(cx, node, &services));
    let mut pod = Pod {
        image: value(cx, map, "image", base::image).map_or_else(|| format!("{name}:latest"), tagged),
        name,
        folder: folder.to_owned(),
        labels: value(cx, map, "labels", labels).unwrap_or_default(),
        base: value(cx, map, "base", base::base).unwrap_or_else(base::default),
        users: value(cx, map, "users", users).unwrap_or_default(),
        environment: value(cx, map, "environment", environment).unwrap_or_default(),
        ports: match map.entry("ports") {
            Some(_) => value(cx, map, "ports", ports::published).unwrap_or_default(),
            None => gateway.iter().map(own_port).collect(),
        },
        stop_grace_period_ms: value(cx, map, "stop_grace_period", Decoder::duration).unwrap_or(10_000),
        services,
        gateway,
        container: container::container(cx, map),
        acceptance: value(cx, map, "acceptance", acceptance::acceptance).unwrap_or_default(),
    };
    let app_is_used = pod.all_services().any(|(_, service)| service.user.split(':').any(|part| part == DEFAULT_USER));
    if app_is_used && !pod.users.contains_key(DEFAULT_USER) {
        pod.users.insert(DEFAULT_USER.to_owned(), User { uid: DEFAULT_UID, gid: DEFAULT_UID });
    }
    Some(pod)
}

/// The pod's name: its own or that of its folder.
fn name(cx: &mut Decoder<'_>, map: &Map, tree: &Node, folder: &Path) -> Option<String> {
    const HELP: &str = "lower-case letters, digits, `-`, `_` and `.`, a letter or digit first";
    if let Some(entry) = map.entry("name") {
        let name = cx.resolved(&entry.value, "a name")?;
        if is_name(&name) {
            return Some(name);
        }
        return cx.refuse(entry.value.span, "this is no name of a pod", format!("use {HELP}"));
    }
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if is_name(&name) {
        return Some(name);
    }
    let start = Span { end: tree.span.start, ..tree.span };
    let message = format!("the folder's name `{name}` cannot be the pod's");
    cx.refuse(start, message, format!("add `name:` with {HELP}"))
}

/// Whether a pod or a service may be called this: engines, files and log prefixes take it as it is.
fn is_name(name: &str) -> bool {
    let letter_or_digit = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.starts_with(letter_or_digit) && name.len() <= 63 && name.chars().all(|c| letter_or_digit(c) || "_.-".contains(c))
}

fn services(cx: &mut Decoder<'_>, map: &Map, tree: &Node, route_settings: &super::route::Settings) -> IndexMap<String, Service> {
    let mut services = IndexMap::new();
    let Some(entry) = map.entry("services") else {
        if !mentions(map, "services") {
            cx.refuse::<()>(tree.span, "`services` is missing", "add `services:` with the processes of this pod");
        }
        return services;
    };
    match &entry.value.value {
        Value::Broken => {}
        Value::Map(map) if map.entries.iter().any(|entry| !entry.key.starts_with("x-")) => {
            for entry in map.entries.iter().filter(|entry| !entry.key.starts_with("x-")) {
                if entry.key == GATEWAY {
                    let diagnostic = Diagnostic::error(entry.key_span, "no service can be called `gateway`");
                    cx.report(
                        diagnostic.label("this is nginx's name").help("write `gateway:` at the top level, or rename the service"),
                    );
                } else if entry.key == PID_1 {
                    let diagnostic = Diagnostic::error(entry.key_span, "no service can be called `podinit`");
                    cx.report(diagnostic.label("this is the name of PID 1, in logs too").help("rename the service"));
                } else if !is_name(&entry.key) {
                    let help = "use lower-case letters, digits, `-`, `_` and `.`, a letter or digit first, at most 63";
                    cx.refuse::<()>(entry.key_span, "this is no name of a service", help);
                }
                if entry.value.is_broken() {
                    continue;
                }
                // Nothing can be underlined in a service without content but its name.
                let node = if entry.value.is_null() { &Node::plain(entry.key_span, "") } else { &entry.value };
                if let Some(service) = service::service(cx, node, route_settings) {
                    services.insert(entry.key.clone(), service);
                }
            }
        }
        Value::Map(_) => cx.refuse(entry.key_span, "a pod needs a service", "add one below `services:`").unwrap_or_default(),
        _ => cx.expected("a map of services", &Node { span: entry.key_span, ..entry.value.clone() }).unwrap_or_default(),
    }
    services
}

/// An image reference with its tag.
fn tagged(image: String) -> String {
    let name = image.rsplit('/').next().unwrap_or_default();
    if name.contains([':', '@']) { image } else { format!("{image}:latest") }
}

/// What is published when nothing is said: the gateway, on this machine only.
fn own_port(gateway: &Gateway) -> PublishedPort {
    let address = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    PublishedPort { address, host: Some(gateway.port), container: gateway.port, protocol: "tcp" }
}
