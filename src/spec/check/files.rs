//! What the image gets: files and builds, and the secrets that builds read.

use super::Places;
use crate::spec::decode::nearest;
use crate::spec::diagnostics::Diagnostic;
use crate::spec::model::Pod;
use crate::spec::source::Span;

/// Where podctl keeps what is its own.
const OWN: [&str; 5] = ["/usr/local/bin/podinit", "/usr/local/bin/podinit-deliver", "/etc/podinit", "/run/podinit", "/run/nginx"];

/// Files in the way of podctl's own, and builds that read secrets which are not there.
pub fn check(pod: &Pod, places: &Places<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for target in pod.files.keys() {
        let path = target.trim_end_matches('/');
        if OWN.iter().any(|own| path == *own || path.starts_with(&format!("{own}/"))) {
            let span = places.tree.key_span(&["files", target]).unwrap_or_default();
            diagnostics.push(Diagnostic::error(span, format!("{path} is podctl's own")).help("choose another place"));
        }
    }
    for (name, service) in pod.services.iter() {
        if let Some(stage) = service.build.as_ref().filter(|stage| stage.name.is_none()) {
            secrets(pod, &stage.secrets, places.value_or_name(name, "build"), diagnostics);
        }
    }
    for (name, stage) in &pod.stages {
        let span = places.tree.at(&["stages", name, "secrets"]).map(|node| node.span).unwrap_or_default();
        secrets(pod, &stage.secrets, span, diagnostics);
        if stage.copy.is_none() && !pod.services.values().any(|other| other.build.as_ref() == Some(stage)) {
            let span = places.tree.key_span(&["stages", name]).unwrap_or_default();
            let diagnostic =
                Diagnostic::warning(span, format!("no service has the stage `{name}`, and it says not what is kept"));
            diagnostics
                .push(diagnostic.label("all of it goes to /app").help("add `copy: { dist: /srv/web }`, or name it by `build`"));
        }
    }
}

fn secrets(pod: &Pod, names: &[String], span: Span, diagnostics: &mut Vec<Diagnostic>) {
    for name in names.iter().filter(|name| !pod.secrets.contains_key(*name)) {
        let help = match nearest(name, pod.secrets.keys().map(String::as_str)) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("add it at the top level: `secrets: {{ {name}: {{ file: PATH }} }}`"),
        };
        diagnostics.push(Diagnostic::error(span, format!("there is no secret `{name}`")).help(help));
    }
}
