//! A service; also what a gateway has of one.

use super::attributes::{attributes, groups};
use super::build::Build;
use super::command::command;
use super::dependencies::depends_on;
use super::environment::{env_files, environment};
use super::healthcheck::{healthcheck, with_defaults};
use super::keys::{Section, mentions};
use super::logging::logging;
use super::memory;
use super::ready::ready;
use super::restart::{self, restart};
use super::route::{Owner, Settings, routes};
use super::signals::{signal, signals};
use super::{Decoder, build, ports, schedule, value};
use crate::spec::model::{Command, DEFAULT_USER, Probe, Protocol, Service};
use crate::spec::node::{Map, Node};
use podinit_plan::plan::Kind;

const SECTION: Section = Section {
    expected: "a map with the keys of a service, `command` above all",
    name: "a service",
    keys: &[
        "command",
        "pre_start",
        "post_stop",
        "working_dir",
        "user",
        "group_add",
        "build",
        "replicas",
        "port",
        "socket",
        "protocol",
        "healthcheck",
        "ready",
        "ready_after",
        "start_timeout",
        "type",
        "schedule",
        "priority",
        "depends_on",
        "restart",
        "essential",
        "autostart",
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
        "environment",
        "env_file",
        "route",
    ],
    later: &["secrets", "volumes", "files", "image", "profiles"],
};

/// What differs between the defaults of a service and of a gateway.
pub struct Rules {
    /// The command when there is none.
    pub command: Option<Command>,
    /// The folder it runs in.
    pub working_dir: &'static str,
    /// What a check does that does not say so.
    pub probe: Probe,
    /// How it is stopped.
    pub stop_signal: &'static str,
    /// When it starts.
    pub priority: i64,
}

const SERVICE: Rules = Rules { command: None, working_dir: "/app", probe: Probe::Tcp, stop_signal: "SIGTERM", priority: 100 };

/// A service of the pod, and what it says of its build, which is for the pod as a whole to look up.
pub fn service(cx: &mut Decoder<'_>, name: &str, node: &Node, route_settings: &Settings) -> Option<(Service, Option<Build>)> {
    if node.is_null() {
        return cx.expected(SECTION.expected, node);
    }
    let map = cx.section(node, &SECTION)?;
    let mut service = process(cx, map, node, &SERVICE);
    let build = value(cx, map, "build", build::build);
    service.replicas = value(cx, map, "replicas", replicas);
    let replicas = service.replicas;
    service.ports = value(cx, map, "port", |cx, node| ports::listening(cx, node, replicas)).unwrap_or_default();
    service.socket = value(cx, map, "socket", Decoder::absolute_path);
    service.protocol = value(cx, map, "protocol", protocol).unwrap_or_default();
    service.ready = value(cx, map, "ready", ready);
    if map.entry("healthcheck").is_none() && service.listens() && service.kind == Kind::Service {
        service.healthcheck = Some(with_defaults(Probe::Tcp));
    }
    let working_dir = (!service.working_dir.contains("${")).then_some(service.working_dir.as_str());
    let owner = Owner { service: Some(name), protocol: service.protocol, working_dir, settings: route_settings };
    service.routes = value(cx, map, "route", |cx, node| routes(cx, node, &owner)).unwrap_or_default();
    Some((service, build))
}

/// What a service and a gateway have in common; ports, build and routes stay empty.
pub fn process(cx: &mut Decoder<'_>, map: &Map, node: &Node, rules: &Rules) -> Service {
    let command = match map.entry("command") {
        // A command that cannot be read has been reported; the rest is still looked at.
        Some(entry) => command(cx, &entry.value).unwrap_or_else(|| Command::Words(Vec::new())),
        None => match &rules.command {
            Some(command) => command.clone(),
            None => {
                if !mentions(map, "command") {
                    cx.refuse::<()>(node.span, "`command` is missing", "add the command that the service runs");
                }
                Command::Words(Vec::new())
            }
        },
    };
    let schedule = value(cx, map, "schedule", schedule::schedule);
    let is_scheduled = schedule.is_some();
    let kind = schedule::kind(cx, map, is_scheduled);
    let stop_group = value(cx, map, "stop_group", Decoder::boolean).unwrap_or(matches!(command, Command::Shell(_)));
    let check = value(cx, map, "healthcheck", |cx, node| healthcheck(cx, node, rules.probe.clone()));
    let depends_on = value(cx, map, "depends_on", depends_on).unwrap_or_default();
    Service {
        command,
        pre_start: value(cx, map, "pre_start", self::command),
        post_stop: value(cx, map, "post_stop", self::command),
        working_dir: value(cx, map, "working_dir", Decoder::absolute_template).unwrap_or_else(|| rules.working_dir.to_owned()),
        user: value(cx, map, "user", user).unwrap_or_else(|| DEFAULT_USER.to_owned()),
        groups: value(cx, map, "group_add", groups).unwrap_or_default(),
        build: None,
        replicas: None,
        ports: Vec::new(),
        socket: None,
        protocol: Protocol::Http,
        listener: None,
        healthcheck: check.flatten(),
        memory: value(cx, map, "memory", memory::limit),
        ready: None,
        ready_after_ms: value(cx, map, "ready_after", Decoder::duration).unwrap_or(1_000),
        start_timeout_ms: value(cx, map, "start_timeout", Decoder::positive_duration).unwrap_or(60_000),
        kind,
        priority: value(cx, map, "priority", priority).unwrap_or(rules.priority),
        depends_on: depends_on.services,
        depends_on_addresses: depends_on.addresses,
        restart: value(cx, map, "restart", |cx, node| restart(cx, node, kind, is_scheduled))
            .unwrap_or_else(|| restart::default(kind, is_scheduled)),
        essential: value(cx, map, "essential", Decoder::boolean).unwrap_or(!is_scheduled),
        schedule,
        autostart: value(cx, map, "autostart", autostart).unwrap_or_else(|| "true".to_owned()),
        stop_signal: value(cx, map, "stop_signal", signal).unwrap_or_else(|| rules.stop_signal.to_owned()),
        stop_grace_period_ms: value(cx, map, "stop_grace_period", Decoder::duration).unwrap_or(10_000),
        stop_group,
        signals: value(cx, map, "signals", signals).unwrap_or_default(),
        attributes: attributes(cx, map),
        logging: value(cx, map, "logging", logging).unwrap_or_default(),
        environment: value(cx, map, "environment", environment).unwrap_or_default(),
        env_files: value(cx, map, "env_file", env_files).unwrap_or_default(),
        routes: Vec::new(),
    }
}

fn protocol(cx: &mut Decoder<'_>, node: &Node) -> Option<Protocol> {
    let words = [
        ("http", Protocol::Http),
        ("fastcgi", Protocol::Fastcgi),
        ("uwsgi", Protocol::Uwsgi),
        ("grpc", Protocol::Grpc),
        ("tcp", Protocol::Tcp),
    ];
    cx.one_of(node, &words)
}

/// `user`, `uid`, `uid:gid` or `user:group`; whether it is declared is looked at later.
fn user(cx: &mut Decoder<'_>, node: &Node) -> Option<String> {
    let user = cx.template(node, "a user: a name, a uid, uid:gid or user:group")?;
    let word = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c == '/');
    if user.contains("${") || (user.split(':').all(word) && user.split(':').count() <= 2) {
        Some(user)
    } else {
        cx.refuse(node.span, "this is no user", "write a name, a uid, uid:gid or user:group")
    }
}

/// References in it are filled in now: the order of starting is part of the image.
fn priority(cx: &mut Decoder<'_>, node: &Node) -> Option<i64> {
    cx.resolved_integer(node, "a priority", -1_000_000..=1_000_000)
}

/// References in it are filled in now: each replica has a place of its own in the image's plan.
fn replicas(cx: &mut Decoder<'_>, node: &Node) -> Option<u16> {
    cx.resolved_integer(node, "a number of replicas", 1..=1_000)
}

fn autostart(cx: &mut Decoder<'_>, node: &Node) -> Option<String> {
    let Some(scalar) = node.scalar().filter(|scalar| scalar.text.contains("${")) else {
        return cx.boolean(node).map(|boolean| boolean.to_string());
    };
    cx.parse_template(node, &scalar.text).map(|_| scalar.text.clone())
}
