//! `monitor.metrics`: the port on which everybody may read the pod's figures.

use super::keys::Section;
use super::ports::resolved_port;
use super::{Decoder, value};
use crate::spec::node::{Node, Value};

const SECTION: Section = Section { expected: "a port, or a map with it", name: "metrics", keys: &["port"], later: &[] };

/// `9113`, or `{ port: 9113 }`.
pub fn metrics(cx: &mut Decoder<'_>, node: &Node) -> Option<u16> {
    let Value::Map(_) = node.value else { return resolved_port(cx, node) };
    let map = cx.section(node, &SECTION)?;
    if map.entry("port").is_none() {
        return cx.refuse(node.span, "nobody could read them", "add `port: 9113`");
    }
    value(cx, map, "port", resolved_port)
}
