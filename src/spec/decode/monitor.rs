//! `monitor`: what podinit watches besides the services' own checks, and where it says how the pod is. One function for
//! each of its keys.

use super::keys::Section;
use super::metrics::metrics;
use super::{Decoder, memory, value};
use crate::spec::model::Volume;
use crate::spec::node::{Map, Node};
use podinit_plan::plan::{DiskMonitor, Monitor, StatusFile, TcpPort};

const SECTION: Section = Section {
    expected: "a map with health, memory, disk or metrics",
    name: "monitor",
    keys: &["health", "memory", "disk", "metrics"],
    later: &[],
};
const HEALTH: Section =
    Section { expected: "a map with file and interval", name: "the health file", keys: &["file", "interval"], later: &[] };
const DISK: Section = Section {
    expected: "a map with paths, interval and warn, or false",
    name: "the disk monitor",
    keys: &["paths", "interval", "warn"],
    later: &[],
};

/// What is watched of a pod with these volumes, whether its file says anything of it or not.
pub fn monitor(cx: &mut Decoder<'_>, node: Option<&Node>, volumes: &[Volume]) -> Monitor {
    let map = node.and_then(|node| cx.section(node, &SECTION));
    let map = map.unwrap_or(const { &Map { entries: Vec::new() } });
    Monitor {
        health_file: value(cx, map, "health", health_file),
        memory: memory::monitor(cx, map.get("memory")),
        disk: disk(cx, map.get("disk"), volumes),
        metrics: value(cx, map, "metrics", metrics).map(|port| TcpPort { host: None, port }),
        ..Monitor::default()
    }
}

/// `health`: the pod's health as a file.
fn health_file(cx: &mut Decoder<'_>, node: &Node) -> Option<StatusFile> {
    let map = cx.section(node, &HEALTH)?;
    let Some(entry) = map.entry("file") else {
        return cx.refuse(node.span, "`file` is missing", "add `file: /tmp/health.json`");
    };
    Some(StatusFile {
        path: cx.absolute_path(&entry.value)?,
        interval_ms: value(cx, map, "interval", interval).unwrap_or(10_000),
    })
}

/// `disk`: how full file systems are. Without a word, those of the root and of the volumes that can be written to.
fn disk(cx: &mut Decoder<'_>, node: Option<&Node>, volumes: &[Volume]) -> Option<DiskMonitor> {
    let volumes = volumes.iter().filter(|volume| !volume.read_only).map(|volume| volume.target.clone());
    let default =
        DiskMonitor { paths: std::iter::once("/".to_owned()).chain(volumes).collect(), interval_ms: 60_000, warn_percent: 90 };
    let Some(node) = node else { return Some(default) };
    if let Some(wanted) = node.scalar().and_then(|scalar| scalar.boolean()) {
        return wanted.then_some(default);
    }
    let Some(map) = cx.section(node, &DISK) else { return Some(default) };
    let paths = |cx: &mut Decoder<'_>, node: &Node| cx.list(node, "a list of paths", Decoder::absolute_path);
    Some(DiskMonitor {
        paths: value(cx, map, "paths", paths).filter(|paths| !paths.is_empty()).unwrap_or(default.paths),
        interval_ms: value(cx, map, "interval", interval).unwrap_or(default.interval_ms),
        warn_percent: value(cx, map, "warn", Decoder::percent).unwrap_or(default.warn_percent),
    })
}

/// From look to look; what is more often than once a second is no monitor any more.
pub fn interval(cx: &mut Decoder<'_>, node: &Node) -> Option<u64> {
    match cx.duration(node)? {
        0..1_000 => cx.refuse(node.span, "this is too often", "write `1s` or more"),
        interval => Some(interval),
    }
}
