//! Log files: one writer each, as whoever writes a file also rotates it.

use super::Places;
use crate::spec::diagnostics::Diagnostic;
use crate::spec::model::Pod;
use crate::spec::source::Span;
use std::collections::HashMap;

/// Services that write the same file, or one that nobody can write.
pub fn check(pod: &Pod, places: &Places<'_>, diagnostics: &mut Vec<Diagnostic>) {
    read_only(pod, places, diagnostics);
    let mut writers: HashMap<String, (String, Span)> = HashMap::new();
    for (name, service) in pod.all_services() {
        let file = places.service(name).and_then(|node| node.at(&["logging", "file"]));
        let span = file.map_or_else(|| places.service_name(name), |node| node.span);
        'instances: for instance in service.instances(name) {
            let files = service.logging.files(&instance.name);
            for file in files.into_iter().flat_map(|files| [Some(files.stdout), files.stderr]).flatten() {
                match writers.get(&file) {
                    None => drop(writers.insert(file, (instance.name.clone(), span))),
                    Some((other, first)) => {
                        let message = format!("`{other}` and `{}` write the same log file", instance.name);
                        let mut diagnostic = Diagnostic::error(span, message);
                        if *first != span {
                            diagnostic = diagnostic.also(*first, format!("here for `{other}`"));
                        }
                        let help = "end the path with `/`: every service then has a file of its own in that folder";
                        diagnostics.push(diagnostic.help(help));
                        break 'instances;
                    }
                }
            }
        }
    }
}

/// Warns of files in a container of which nothing can be written. Who runs it otherwise may mount a volume there.
fn read_only(pod: &Pod, places: &Places<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let is_written = |file: &str| file.starts_with("/run/") || file.starts_with("/tmp/");
    for (name, service) in pod.all_services().filter(|_| pod.container.read_only) {
        let Some(file) = service.logging.file.as_deref().filter(|file| !is_written(file)) else { continue };
        let span = places.service(name).and_then(|node| node.at(&["logging", "file"])).map(|node| node.span);
        let diagnostic =
            Diagnostic::warning(span.unwrap_or_default(), format!("`{file}` cannot be written: the container is read-only"));
        let diagnostic = diagnostic.also(places.tree.key_span(&["read_only"]).unwrap_or_default(), "here");
        diagnostics.push(diagnostic.help("use a folder below /run or /tmp, which are in memory, or leave the log to the engine"));
    }
}
