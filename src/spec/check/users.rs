//! Users: everyone a service runs as is there.

use super::Places;
use crate::spec::decode::nearest;
use crate::spec::diagnostics::Diagnostic;
use crate::spec::model::Pod;

/// Undeclared users and groups. Only literal ones: what a reference gives is seen when the container starts.
pub fn check(pod: &Pod, places: &Places<'_>, diagnostics: &mut Vec<Diagnostic>) {
    if places.tree.at(&["users"]).is_some_and(|users| users.is_broken()) {
        return;
    }
    let known = |name: &str| name == "root" || name.parse::<u32>().is_ok() || pod.users.contains_key(name);
    for (name, service) in pod.all_services().filter(|(_, service)| !service.user.contains("${")) {
        if let Some(unknown) = service.user.split(':').find(|part| !known(part)) {
            let help = match nearest(unknown, pod.users.keys().map(String::as_str)) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => format!("declare it: `users: {{ {unknown}: 1001 }}`"),
            };
            let span = places.value_or_name(name, "user");
            diagnostics.push(Diagnostic::error(span, format!("the user `{unknown}` is not declared")).help(help));
        }
    }
}
