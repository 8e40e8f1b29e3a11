//! `deploy`: the limits of compose's, which are all that a single container can have of it.

use super::keys::Section;
use super::{Decoder, value};
use crate::spec::model::Deploy;
use crate::spec::node::{Map, Node};

const DEPLOY: Section = Section {
    expected: "a map with resources",
    name: "deploy",
    keys: &["resources"],
    later: &["replicas", "restart_policy", "placement", "mode", "update_config", "labels"],
};
const RESOURCES: Section =
    Section { expected: "a map with limits and reservations", name: "resources", keys: &["limits", "reservations"], later: &[] };
const LIMITS: Section =
    Section { expected: "a map with cpus, memory and pids", name: "limits", keys: &["cpus", "memory", "pids"], later: &[] };
const RESERVATIONS: Section =
    Section { expected: "a map with memory", name: "reservations", keys: &["memory"], later: &["cpus", "devices"] };

/// Limits of a container.
pub fn deploy(cx: &mut Decoder<'_>, node: &Node) -> Option<Deploy> {
    let map = cx.section(node, &DEPLOY)?;
    let map = cx.section(map.get("resources")?, &RESOURCES)?;
    let empty = Map::default();
    let limits = value(cx, map, "limits", |cx, node| cx.section(node, &LIMITS).cloned()).unwrap_or(empty.clone());
    let reservations = value(cx, map, "reservations", |cx, node| cx.section(node, &RESERVATIONS).cloned()).unwrap_or(empty);
    Some(Deploy {
        nano_cpus: value(cx, &limits, "cpus", cpus),
        memory_bytes: value(cx, &limits, "memory", Decoder::resolved_size),
        memory_reservation_bytes: value(cx, &reservations, "memory", Decoder::resolved_size),
        pids: value(cx, &limits, "pids", |cx, node| cx.resolved_integer(node, "a number of processes", 1..=1_000_000)),
    })
}

fn cpus(cx: &mut Decoder<'_>, node: &Node) -> Option<u64> {
    let text = cx.resolved(node, "a number of processors such as 0.5")?;
    match text.parse::<f64>() {
        Ok(cpus) if cpus > 0.0 && cpus < 10_000.0 => Some((cpus * 1e9).round() as u64),
        _ => cx.refuse(node.span, "this is no number of processors", "write one such as `\"0.5\"`"),
    }
}
