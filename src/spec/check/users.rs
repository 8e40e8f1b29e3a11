//! Users: everyone a service runs as is there, and everyone a file belongs to.

use super::Places;
use crate::spec::decode::nearest;
use crate::spec::diagnostics::Diagnostic;
use crate::spec::model::{AlertTarget, Pod};
use crate::spec::source::Span;

/// Users that practically every base has.
const EVERYWHERE: [&str; 4] = ["root", "nobody", "nogroup", "www-data"];

/// Undeclared users and groups. Only literal ones: what a reference gives is seen when the container starts.
pub fn check(pod: &Pod, places: &Places<'_>, diagnostics: &mut Vec<Diagnostic>) {
    if places.tree.at(&["users"]).is_some_and(|users| users.is_broken()) {
        return;
    }
    let services = pod.all_services().filter(|(_, service)| !service.user.contains("${"));
    let services = services.map(|(name, service)| (service.user.as_str(), places.value_or_name(name, "user")));
    let place = |section: &str, name: &str| {
        let node = places.tree.at(&[section, name, "user"]);
        node.map_or_else(|| places.tree.key_span(&[section, name]).unwrap_or_default(), |node| node.span)
    };
    let files = pod.files.iter().filter_map(|(target, file)| Some((file.user.as_deref()?, place("files", target))));
    let secrets = pod.secrets.iter().filter_map(|(name, secret)| Some((secret.user.as_deref()?, place("secrets", name))));
    let sinks = pod.alerts.iter().flat_map(|alerts| &alerts.sinks).filter_map(|(name, sink)| match &sink.to {
        AlertTarget::Command { user, .. } if !user.contains("${") => {
            let node = ["user", "command"].iter().find_map(|key| places.tree.at(&["alerts", "sinks", name, key]));
            Some((user.as_str(), node.map(|node| node.span).unwrap_or_default()))
        }
        _ => None,
    });
    for (user, span) in services.chain(files).chain(secrets).chain(sinks) {
        diagnostics.extend(undeclared(pod, user, span));
    }
}

/// What there is to say of a user or group that nobody declares. A base that packages or a Dockerfile bring more into may
/// have it: `podinit --check` sees that when the image is built.
fn undeclared(pod: &Pod, user: &str, span: Span) -> Option<Diagnostic> {
    let groups: Vec<&str> = pod.users.values().flat_map(|user| &user.groups).map(String::as_str).collect();
    let known = |name: &str| {
        let is_declared = pod.users.contains_key(name) || groups.contains(&name);
        EVERYWHERE.contains(&name) || name.parse::<u32>().is_ok() || is_declared
    };
    let unknown = user.split(':').find(|part| !known(part))?;
    let message = format!("the user `{unknown}` is not declared");
    let help = format!("declare it: `users: {{ {unknown}: 1001 }}`");
    if let Some(nearest) = nearest(unknown, pod.users.keys().map(String::as_str)) {
        return Some(Diagnostic::error(span, message).help(format!("did you mean `{nearest}`?")));
    }
    let base = &pod.base;
    let may_bring_it = base.build.is_some() || !base.packages.is_empty() || !base.run.is_empty();
    Some(match may_bring_it {
        true => Diagnostic::warning(span, message).label("the build fails when the base does not bring it").help(help),
        false => Diagnostic::error(span, message).help(help),
    })
}
