//! `gateway`: nginx in front of the services.

use super::keys::Section;
use super::route::{Settings, plain_path, settings};
use super::service::{self, Rules};
use super::{Decoder, ports, value};
use crate::spec::model::{Command, Gateway, Probe, Service};
use crate::spec::node::Node;
use indexmap::IndexMap;

const SECTION: Section = Section {
    expected: "a map with the keys of a gateway",
    name: "the gateway",
    keys: &[
        "port",
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
        "replicas",
    ],
    later: &["tls", "trusted_proxies", "error_pages", "config", "headers", "cors", "allow", "host", "memory"],
};

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
pub fn gateway(cx: &mut Decoder<'_>, node: &Node, services: &IndexMap<String, Service>) -> Option<Gateway> {
    let map = cx.section(node, &SECTION)?;
    if let Some(replicas) = map.entry("replicas") {
        let help = "remove it: nginx has processes of its own for many requests at a time";
        cx.refuse::<()>(replicas.key_span, "a pod has one gateway", help);
    }
    let port = value(cx, map, "port", ports::listening_port).unwrap_or(DEFAULT_PORT);
    // It starts first: what the services need to be reached is there before them.
    let first = services.values().map(|service| service.priority).min().unwrap_or(100).saturating_sub(1);
    let rules = Rules {
        command: Some(Command::Words(["nginx", "-e", "stderr", "-c", "/etc/nginx/nginx.conf"].map(str::to_owned).to_vec())),
        working_dir: "/",
        probe: Probe::Http(OWN_CHECK.to_owned()),
        stop_signal: "SIGQUIT",
        priority: first,
    };
    let mut service = service::process(cx, map, node, &rules);
    service.ports = vec![port];
    if map.entry("healthcheck").is_none() {
        service.healthcheck = Some(super::healthcheck::with_defaults(rules.probe));
    }
    Some(Gateway {
        service,
        port,
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
