//! `event_listeners`: services that are told of events, as under supervisord.

use super::keys::Section;
use super::service::{self, Rules};
use super::{Decoder, value};
use crate::spec::model::{Probe, Service};
use crate::spec::node::{Map, Node, Value};
use indexmap::IndexMap;
use podinit_plan::plan::Listener;
use podinit_plan::supervisord::EVENTS;

const SECTION: Section = Section {
    expected: "a map with command and events",
    name: "an event listener",
    keys: &[
        "command",
        "events",
        "buffer_size",
        "working_dir",
        "user",
        "group_add",
        "restart",
        "essential",
        "autostart",
        "priority",
        "ready_after",
        "start_timeout",
        "stop_signal",
        "stop_grace_period",
        "stop_group",
        "logging",
        "environment",
        "env_file",
        "umask",
        "nice",
        "oom_score_adj",
        "ulimits",
        "no_new_privileges",
    ],
    later: &["replicas"],
};

/// They start first and stop last.
const PRIORITY: i64 = -1;
/// Events that wait for one that is busy.
const BUFFER_SIZE: u64 = 10;

const RULES: Rules = Rules { command: None, working_dir: "/app", probe: Probe::Tcp, stop_signal: "SIGTERM", priority: PRIORITY };

/// Event listeners by name.
pub fn listeners(cx: &mut Decoder<'_>, node: &Node) -> Option<IndexMap<String, Service>> {
    let Value::Map(map) = &node.value else { return cx.expected("a map of event listeners", node) };
    let mut listeners = IndexMap::new();
    for entry in map.entries.iter().filter(|entry| !entry.key.starts_with("x-") && !entry.value.is_broken()) {
        if !super::pod::is_name(&entry.key) {
            let help = "use lower-case letters, digits, `-`, `_` and `.`, a letter or digit first, at most 63";
            cx.refuse::<()>(entry.key_span, "this is no name of an event listener", help);
        }
        if let Some(listener) = listener(cx, &entry.key, &entry.value) {
            listeners.insert(entry.key.clone(), listener);
        }
    }
    Some(listeners)
}

fn listener(cx: &mut Decoder<'_>, name: &str, node: &Node) -> Option<Service> {
    let map = cx.section(node, &SECTION)?;
    let says = |key: &str| map.entry(key).is_some();
    let mut service = service::process(cx, map, node, &RULES);
    if !says("essential") {
        service.essential = false;
    }
    if !says("ready_after") {
        // Nobody waits for it: it is told what happened meanwhile.
        service.ready_after_ms = 0;
    }
    let buffer_size = value(cx, map, "buffer_size", |cx, node| cx.resolved_integer(node, "a number of events", 1..=100_000));
    service.listener =
        Some(Listener { pool: name.to_owned(), events: events(cx, map, node), buffer_size: buffer_size.unwrap_or(BUFFER_SIZE) });
    Some(service)
}

fn events(cx: &mut Decoder<'_>, map: &Map, node: &Node) -> Vec<String> {
    let Some(events) = map.get("events") else {
        if map.entry("events").is_none() {
            cx.refuse::<()>(node.span, "`events` is missing", "add `events: [PROCESS_STATE]`, or what it is to be told of");
        }
        return Vec::new();
    };
    let items = events.list().map_or_else(|| vec![events], |items| items.iter().collect());
    let mut names = Vec::new();
    for item in items {
        let Some(name) = cx.literal(item, "the name of an event").map(|name| name.to_uppercase()) else { continue };
        if EVENTS.contains(&name.as_str()) {
            names.push(name);
        } else {
            let help = match super::keys::nearest(&name, EVENTS.iter().copied()) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => "PROCESS_STATE, PROCESS_LOG, TICK_60 and what else supervisord has".to_owned(),
            };
            cx.refuse::<()>(item.span, format!("there is no event {name}"), help);
        }
    }
    names
}
