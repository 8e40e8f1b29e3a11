//! Event listeners: those that only end the container are `essential`.

use super::super::project::Project;
use super::super::readers::supervisord::{Other, Supervisord};
use std::collections::BTreeSet;

/// The sections of listeners that end the container when a program has ended.
pub fn ending(source: &Supervisord, project: &Project) -> BTreeSet<String> {
    let listeners = source.others.iter().filter(|other| ends_container(other, project));
    listeners.map(|other| other.section.clone()).collect()
}

fn ends_container(listener: &Other, project: &Project) -> bool {
    let is_about_endings = |event: &String| {
        matches!(event.as_str(), "PROCESS_STATE" | "PROCESS_STATE_FATAL" | "PROCESS_STATE_EXITED" | "PROCESS_STATE_STOPPED")
    };
    if !listener
        .events
        .iter()
        .any(|event| event == "PROCESS_STATE" || event == "PROCESS_STATE_FATAL" || event == "PROCESS_STATE_EXITED")
    {
        return false;
    }
    let Some(text) = script(listener, project) else {
        // Only its name tells what it does.
        let words: Vec<String> = format!("{} {}", listener.section, listener.command)
            .to_lowercase()
            .split(|c: char| !c.is_ascii_alphanumeric())
            .map(str::to_owned)
            .collect();
        let says = |word: &str| words.iter().any(|other| other.contains(word));
        let ends = ["stop", "kill", "exit", "quit", "shutdown", "terminate"].iter().any(|word| says(word));
        return ends && listener.events.iter().all(is_about_endings);
    };
    let kills = ["kill ", "kill(", "SIGQUIT", "SIGTERM", "SIGKILL", "killall", "pkill"].iter().any(|word| text.contains(word));
    let is_shutdown = text.contains("supervisorctl shutdown") || text.contains("supervisor.shutdown");
    is_shutdown
        || (kills && (text.contains("supervisor") || text.contains("getppid") || text.contains("PPID") || text.contains(" 1")))
}

/// The text of a listener: its script, or what it gives a shell.
fn script(listener: &Other, project: &Project) -> Option<String> {
    let words = listener.command.split_whitespace();
    let named = words.filter_map(|word| word.rsplit('/').next()).find_map(|name| {
        project.texts.iter().find(|source| source.name.rsplit('/').next() == Some(name)).map(|source| source.text.clone())
    });
    named.or_else(|| listener.command.contains(" -c ").then(|| listener.command.clone()))
}
