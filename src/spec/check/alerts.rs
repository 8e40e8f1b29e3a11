//! Alerts: what is kept of them can be written, and outlives the container.

use super::Places;
use crate::spec::diagnostics::Diagnostic;
use crate::spec::model::{AlertTarget, Pod};
use std::path::Path;

/// Warns of a queue that is on no volume, and of files that cannot be written.
pub fn check(pod: &Pod, places: &Places<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let Some(alerts) = &pod.alerts else { return };
    let span = |keys: &[&str]| places.tree.at(keys).map(|node| node.span).unwrap_or_default();
    let is_mounted = |path: &str| pod.volumes.iter().any(|volume| Path::new(path).starts_with(&volume.target));
    if let Some(queue) = alerts.queue.as_deref().filter(|queue| !is_mounted(queue)) {
        let message = format!("no volume is mounted at `{queue}`");
        let diagnostic = Diagnostic::warning(span(&["alerts", "queue"]), message).label("what waits is lost with the container");
        diagnostics.push(diagnostic.help(format!("add `volumes: [alerts:{queue}]`")));
    }
    let in_memory = |path: &str| path.starts_with("/run/") || path.starts_with("/tmp/");
    for sink in alerts.sinks.values().filter(|_| pod.container.read_only) {
        let AlertTarget::File { path, .. } = &sink.to else { continue };
        if !in_memory(path) && !is_mounted(path) {
            let message = format!("`{path}` cannot be written: the container is read-only");
            let diagnostic = Diagnostic::warning(span(&["alerts", "file"]), message);
            let diagnostic = diagnostic.also(places.tree.key_span(&["read_only"]).unwrap_or_default(), "here");
            diagnostics.push(diagnostic.help("use a folder below /run or /tmp, which are in memory, or one of a volume"));
        }
    }
}
