//! `monitor.memory`: how memory is watched; and `memory` of a service: what its whole tree may use.

use super::keys::Section;
use super::{Decoder, value};
use crate::spec::diagnostics::Diagnostic;
use crate::spec::node::Node;
use podinit_plan::plan::{MemoryLimit, MemoryMonitor, OnExceed};

const MONITOR: Section = Section {
    expected: "a map with interval, warn, critical and file, or false",
    name: "the memory monitor",
    keys: &["interval", "warn", "critical", "file"],
    later: &[],
};
const LIMIT: Section =
    Section { expected: "a map with limit", name: "memory", keys: &["limit", "on_exceed", "cool_down"], later: &[] };

/// How memory is watched, whether the file says anything of it or not.
pub fn monitor(cx: &mut Decoder<'_>, node: Option<&Node>) -> Option<MemoryMonitor> {
    let default = MemoryMonitor { interval_ms: 10_000, warn_percent: 80, critical_percent: 95, file: None };
    let Some(node) = node else { return Some(default) };
    if let Some(wanted) = node.scalar().and_then(|scalar| scalar.boolean()) {
        return wanted.then_some(default);
    }
    let Some(map) = cx.section(node, &MONITOR) else { return Some(default) };
    let monitor = MemoryMonitor {
        interval_ms: value(cx, map, "interval", super::monitor::interval).unwrap_or(default.interval_ms),
        warn_percent: value(cx, map, "warn", Decoder::percent).unwrap_or(default.warn_percent),
        critical_percent: value(cx, map, "critical", Decoder::percent).unwrap_or(default.critical_percent),
        file: value(cx, map, "file", Decoder::absolute_path),
    };
    if monitor.warn_percent > monitor.critical_percent {
        let (warn, critical) = (monitor.warn_percent, monitor.critical_percent);
        let message = format!("memory would be critical from {critical}% on, and warned of from {warn}% on");
        let span = ["warn", "critical"].into_iter().find_map(|key| map.get(key)).map_or(node.span, |node| node.span);
        cx.report(Diagnostic::error(span, message).help("make `warn` the lesser of the two"));
    }
    Some(monitor)
}

/// What the memory of a service may be.
pub fn limit(cx: &mut Decoder<'_>, node: &Node) -> Option<MemoryLimit> {
    let map = cx.section(node, &LIMIT)?;
    let Some(entry) = map.entry("limit") else {
        return cx.refuse(node.span, "`limit` is missing", "add `limit: 200MB`");
    };
    let on_exceed = [("alert", OnExceed::Alert), ("restart", OnExceed::Restart)];
    let (on_exceed, cool_down_ms) = (
        value(cx, map, "on_exceed", |cx, node| cx.one_of(node, &on_exceed)).unwrap_or(OnExceed::Alert),
        value(cx, map, "cool_down", Decoder::duration).unwrap_or(300_000),
    );
    match cx.size(&entry.value)? {
        0 => cx.refuse(entry.value.span, "every process needs memory", "write a limit such as `200MB`"),
        limit_bytes => Some(MemoryLimit { limit_bytes, on_exceed, cool_down_ms }),
    }
}
