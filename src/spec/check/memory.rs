//! Limits of memory that nobody would look at.

use super::Places;
use crate::spec::diagnostics::Diagnostic;
use crate::spec::model::Pod;

/// Services with a limit in a pod whose memory is not watched.
pub fn check(pod: &Pod, places: &Places<'_>, diagnostics: &mut Vec<Diagnostic>) {
    if pod.monitor.memory.is_some() {
        return;
    }
    for (name, _) in pod.all_services().filter(|(_, service)| service.memory.is_some()) {
        let message = format!("nobody would see whether `{name}` keeps its limit");
        let mut diagnostic = Diagnostic::error(places.key_or_name(name, "memory"), message);
        if let Some(off) = places.tree.at(&["monitor", "memory"]) {
            diagnostic = diagnostic.also(off.span, "memory is not watched");
        }
        diagnostics.push(diagnostic.help("remove `monitor.memory: false`, or the limit"));
    }
}
