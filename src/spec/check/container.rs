//! What the engine is asked for: things that do not go together.

use super::Places;
use crate::spec::diagnostics::Diagnostic;
use crate::spec::model::Pod;

/// Two volumes in one place, what could not be written, and containers beside the pod.
pub fn check(pod: &Pod, places: &Places<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let key = |key: &str| places.tree.key_span(&[key]).unwrap_or_default();
    let items = places.tree.at(&["volumes"]).and_then(|node| node.list()).unwrap_or_default();
    for (index, volume) in pod.volumes.iter().enumerate() {
        if pod.volumes[..index].iter().any(|other| other.target == volume.target) {
            let span = items.get(index).map_or_else(|| key("volumes"), |node| node.span);
            let diagnostic = Diagnostic::error(span, format!("two volumes are mounted at {}", volume.target));
            diagnostics.push(diagnostic.help("remove one of them"));
        }
    }
    if pod.container.read_only && !pod.secrets.is_empty() {
        let diagnostic = Diagnostic::error(key("secrets"), "secrets cannot be handed to a container that cannot be written to");
        let diagnostic = diagnostic.also(key("read_only"), "here");
        diagnostics.push(diagnostic.help("mount them: `volumes: [\"./secrets:/run/secrets:ro\"]`, or remove `read_only`"));
    }
    let mounted = pod.volumes.iter().filter(|volume| !volume.read_only).map(|volume| volume.target.as_str());
    let writable: Vec<&str> =
        ["/run", "/tmp"].into_iter().chain(pod.container.tmpfs.keys().map(String::as_str)).chain(mounted).collect();
    let is_below = |target: &str| writable.iter().any(|folder| target.starts_with(&format!("{folder}/")));
    for (target, _) in pod.files.iter().filter(|(target, file)| pod.container.read_only && file.template && !is_below(target)) {
        let span = places.tree.key_span(&["files", target]).unwrap_or_default();
        let diagnostic = Diagnostic::error(span, format!("{target} cannot be filled in: the container cannot be written to"));
        let diagnostic = diagnostic.also(key("read_only"), "here");
        diagnostics.push(diagnostic.help("choose a place below /run, /tmp, a folder of `tmpfs` or a volume"));
    }
    for name in pod.backing_services.keys().filter(|name| pod.services.contains_key(*name)) {
        let span = places.tree.key_span(&["backing_services", name]).unwrap_or_default();
        let diagnostic = Diagnostic::error(span, format!("`{name}` is a service and a backing service"));
        diagnostics.push(diagnostic.also(places.service_name(name), "the service").help("rename one of them"));
    }
}
