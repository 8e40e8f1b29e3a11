//! The top level of pod.yaml.

use super::build::{self, Build};
use super::environment::{self, environment, labels};
use super::keys::{Section, mentions, nearest};
use super::users::users;
use super::{
    Decoder, acceptance, alerts, backing, base, container, control, files, gateway, listeners, monitor, ports, secrets, service,
    value, volumes,
};
use crate::spec::diagnostics::Diagnostic;
use crate::spec::model::{Alerts, DEFAULT_UID, DEFAULT_USER, GATEWAY, Pod, PublishedPort, Service, Stage, User};
use crate::spec::node::{Map, Node, Value};
use crate::spec::source::Span;
use indexmap::IndexMap;
use std::collections::BTreeSet;
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
        "stages",
        "files",
        "templates",
        "users",
        "environment",
        "env_file",
        "secrets",
        "ports",
        "volumes",
        "stop_grace_period",
        "defaults",
        "services",
        "gateway",
        "cap_add",
        "cap_drop",
        "ulimits",
        "read_only",
        "security_opt",
        "hostname",
        "extra_hosts",
        "dns",
        "tmpfs",
        "shm_size",
        "sysctls",
        "devices",
        "privileged",
        "networks",
        "restart",
        "platform",
        "expose",
        "deploy",
        "backing_services",
        "control",
        "event_listeners",
        "monitor",
        "acceptance",
        "alerts",
    ],
    later: &[],
};

/// The pod that a tree describes; none when it is no pod at all. Complete only when nothing was reported.
pub fn pod(cx: &mut Decoder<'_>, tree: &Node, folder: &Path) -> Option<Pod> {
    let map = cx.section(tree, &SECTION)?;
    let name = name(cx, map, tree, folder).unwrap_or_else(|| "pod".to_owned());
    let route_settings = gateway::route_settings(cx, map.get(GATEWAY));
    let stages = value(cx, map, "stages", build::stages).unwrap_or_default();
    let (mut services, builds) = services(cx, map, tree, &route_settings);
    let base = value(cx, map, "base", |cx, node| base::base(cx, node, &name)).unwrap_or_else(base::default);
    attach(cx, &mut services, builds, &stages, tree, base.build.is_some());
    let (env_files, inside) =
        value(cx, map, "env_file", |cx, node| environment::pod_env_files(cx, node, folder)).unwrap_or_default();
    for service in services.values_mut() {
        service.env_files.splice(0..0, inside.iter().cloned());
    }
    // They are services like others from here on; those that share a name with one have been refused.
    for (name, listener) in value(cx, map, "event_listeners", listeners::listeners).unwrap_or_default() {
        if services.contains_key(&name) || name == GATEWAY || name == PID_1 {
            let span = tree.key_span(&["event_listeners", &name]).unwrap_or_default();
            cx.refuse::<()>(span, format!("there is another `{name}`"), "give the event listener a name of its own");
        } else {
            services.insert(name, listener);
        }
    }
    let control = value(cx, map, "control", control::control);
    let volumes = value(cx, map, "volumes", |cx, node| volumes::volumes(cx, node, folder)).unwrap_or_default();
    let gateway = value(cx, map, GATEWAY, |cx, node| gateway::gateway(cx, node, &services, &route_settings));
    let mut pod = Pod {
        image: value(cx, map, "image", base::image).map_or_else(|| format!("{name}:latest"), tagged),
        name,
        folder: folder.to_owned(),
        labels: value(cx, map, "labels", labels).unwrap_or_default(),
        base,
        stages,
        files: value(cx, map, "files", files::files).unwrap_or_default(),
        templates: value(cx, map, "templates", templates),
        users: value(cx, map, "users", users).unwrap_or_default(),
        environment: value(cx, map, "environment", environment).unwrap_or_default(),
        env_files,
        secrets: value(cx, map, "secrets", |cx, node| secrets::secrets(cx, node, folder)).unwrap_or_default(),
        ports: match map.entry("ports") {
            Some(_) => value(cx, map, "ports", ports::published).unwrap_or_default(),
            None => gateway
                .iter()
                .map(|gateway| gateway.port)
                .chain(control.as_ref().and_then(|control| control.port))
                .map(own_port)
                .collect(),
        },
        monitor: monitor::monitor(cx, map.get("monitor"), &volumes),
        volumes,
        stop_grace_period_ms: value(cx, map, "stop_grace_period", Decoder::duration).unwrap_or(10_000),
        services,
        gateway,
        container: container::container(cx, map),
        control,
        backing_services: value(cx, map, "backing_services", |cx, node| backing::backing_services(cx, node, folder))
            .unwrap_or_default(),
        acceptance: value(cx, map, "acceptance", acceptance::acceptance).unwrap_or_default(),
        alerts: value(cx, map, "alerts", alerts::alerts).flatten(),
    };
    let is_app = |user: &str| user.split(':').any(|part| part == DEFAULT_USER);
    let owners = pod.files.values().map(|file| &file.user).chain(pod.secrets.values().map(|secret| &secret.user));
    let tellers = pod.alerts.iter().flat_map(Alerts::users);
    let owned = owners.flatten().map(String::as_str).chain(tellers).any(is_app);
    let app_is_used = pod.all_services().any(|(_, service)| is_app(&service.user)) || owned;
    if app_is_used && !pod.users.contains_key(DEFAULT_USER) {
        pod.users.insert(DEFAULT_USER.to_owned(), User { uid: DEFAULT_UID, gid: DEFAULT_UID, ..User::default() });
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
pub fn is_name(name: &str) -> bool {
    let letter_or_digit = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.starts_with(letter_or_digit) && name.len() <= 63 && name.chars().all(|c| letter_or_digit(c) || "_.-".contains(c))
}

/// Every service, and what each says of its build.
fn services(
    cx: &mut Decoder<'_>,
    map: &Map,
    tree: &Node,
    route_settings: &super::route::Settings,
) -> (IndexMap<String, Service>, Vec<Option<Build>>) {
    let (mut services, mut builds) = (IndexMap::new(), Vec::new());
    let Some(entry) = map.entry("services") else {
        if !mentions(map, "services") {
            cx.refuse::<()>(tree.span, "`services` is missing", "add `services:` with the processes of this pod");
        }
        return (services, builds);
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
                if let Some((service, build)) = service::service(cx, &entry.key, node, route_settings) {
                    services.insert(entry.key.clone(), service);
                    builds.push(build);
                }
            }
        }
        Value::Map(_) => cx.refuse(entry.key_span, "a pod needs a service", "add one below `services:`").unwrap_or_default(),
        _ => cx.expected("a map of services", &Node { span: entry.key_span, ..entry.value.clone() }).unwrap_or_default(),
    }
    (services, builds)
}

/// Gives each service its build. One that says nothing of it gets the pod's folder, unless another build fills its
/// working_dir, or the base is a Dockerfile of the pod's own: then its files are there.
fn attach(
    cx: &mut Decoder<'_>,
    services: &mut IndexMap<String, Service>,
    builds: Vec<Option<Build>>,
    stages: &IndexMap<String, Stage>,
    tree: &Node,
    base_is_built: bool,
) {
    let mut filled = BTreeSet::new();
    for ((name, service), build) in services.iter_mut().zip(&builds) {
        service.build = match build {
            None | Some(Build::None) => None,
            Some(Build::Own(stage)) => Some(stage.as_ref().clone()),
            Some(Build::Named(stage)) => {
                let found = stages.get(stage).cloned();
                if found.is_none() {
                    let span = tree.at(&["services", name, "build"]).map_or(tree.span, |node| node.span);
                    let help = match nearest(stage, stages.keys().map(String::as_str)) {
                        Some(nearest) => format!("did you mean `{nearest}`?"),
                        None => "add it under `stages` at the top level, or write `build: { context: FOLDER }`".to_owned(),
                    };
                    cx.refuse::<()>(span, format!("there is no stage `{stage}`"), help);
                }
                found
            }
        };
        if service.build.is_some() {
            filled.insert(service.working_dir.clone());
        }
    }
    for (service, build) in services.values_mut().zip(&builds) {
        if build.is_none() && !base_is_built && !filled.contains(&service.working_dir) {
            service.build = Some(build::default());
        }
    }
}

/// A folder of templates that take the place of podctl's own.
fn templates(cx: &mut Decoder<'_>, node: &Node) -> Option<String> {
    let path = cx.resolved(node, "a folder of templates")?;
    build::relative(cx, node, &path, "it lies below the pod's folder", "write a path such as templates")
}

/// An image reference with its tag.
fn tagged(image: String) -> String {
    let name = image.rsplit('/').next().unwrap_or_default();
    if name.contains([':', '@']) { image } else { format!("{image}:latest") }
}

/// What is published when nothing is said: the gateway and podinit's own port, on this machine only.
fn own_port(port: u16) -> PublishedPort {
    let address = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    PublishedPort { address, host: Some(port), container: port, protocol: "tcp" }
}
