//! Which keys there are, and what is said about others.

use super::Decoder;
use crate::spec::diagnostics::Diagnostic;
use crate::spec::node::{Entry, Map};

/// A kind of map with the keys that it may have.
pub struct Section {
    /// "a map with the keys of a service".
    pub expected: &'static str,
    /// "a service".
    pub name: &'static str,
    /// The keys that work.
    pub keys: &'static [&'static str],
    /// Keys of the language that do not work yet.
    pub later: &'static [&'static str],
}

/// Keys that other tools use, and what to write here.
const FOREIGN: [(&str, &str); 32] = [
    ("startsecs", "`ready_after: 1s`"),
    ("start_seconds", "`ready_after: 1s`"),
    ("startretries", "`restart: { retries: 5 }`"),
    ("start_retries", "`restart: { retries: 5 }`"),
    ("autorestart", "`restart: always`, `on-failure` or `no`"),
    ("auto_restart", "`restart: always`, `on-failure` or `no`"),
    ("exitcodes", "`restart: { exit_codes: [0] }`"),
    ("numprocs", "`replicas`"),
    ("scale", "`replicas`"),
    ("cron", "`schedule`"),
    ("directory", "`working_dir`"),
    ("cwd", "`working_dir`"),
    ("workdir", "`working_dir`"),
    ("stopsignal", "`stop_signal`"),
    ("stopwaitsecs", "`stop_grace_period: 10s`"),
    ("stop_timeout", "`stop_grace_period: 10s`"),
    ("stopasgroup", "`stop_group`"),
    ("killasgroup", "nothing: what a service leaves behind is always killed"),
    ("stdout_logfile", "`logging: { file: /var/log/pod/ }`"),
    ("stderr_logfile", "`logging: { file: /var/log/pod/ }`"),
    ("logfile", "`logging: { file: /var/log/pod/ }`"),
    ("stdout_logfile_maxbytes", "`logging: { max_size: 50MB }`"),
    ("stdout_logfile_backups", "`logging: { max_file: 6 }`, the current file included"),
    ("redirect_stderr", "nothing: both streams are together unless `logging: { stderr: separate }`"),
    ("autostart_delay", "`depends_on` or `priority`"),
    ("entrypoint", "`command`"),
    ("env", "`environment`"),
    ("container_name", "`name`"),
    ("health_check", "`healthcheck`"),
    ("image_name", "`image`"),
    ("programs", "`services`"),
    ("processes", "`services`"),
];

/// The nearest of some names, if it is near enough to be meant.
pub fn nearest<'n>(name: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let folded = |name: &str| name.to_lowercase().replace('-', "_");
    let name = folded(name);
    let distance = |known: &&str| strsim::damerau_levenshtein(&name, &folded(known));
    let nearest = names.into_iter().min_by_key(distance)?;
    // A third of the letters, at least one: `comand` is `command`, `web` is not `app`.
    (distance(&nearest) <= (nearest.chars().count() / 3).max(1)).then_some(nearest)
}

/// Whether a map has a key, or one that is meant to be it and was reported as unknown.
pub fn mentions(map: &Map, key: &str) -> bool {
    let instead = format!("`{key}`");
    map.entries.iter().any(|entry| {
        nearest(&entry.key, [key]).is_some() || FOREIGN.iter().any(|(foreign, ours)| *foreign == entry.key && *ours == instead)
    })
}

impl Decoder<'_> {
    /// Reports a key that a section does not have.
    pub fn check_key(&mut self, entry: &Entry, section: &Section) {
        let key = entry.key.as_str();
        if section.keys.contains(&key) || key.starts_with("x-") {
            return;
        }
        let shown = if key.len() > 60 { "this" } else { key };
        if section.later.contains(&key) {
            let diagnostic = Diagnostic::error(entry.key_span, format!("`{shown}` is not supported yet"));
            return self
                .report(diagnostic.label(format!("a key of {} that a later version has", section.name)).help("remove it"));
        }
        let all: Vec<&str> = section.keys.iter().chain(section.later).copied().collect();
        let help = if let Some((_, instead)) = FOREIGN.iter().find(|(foreign, _)| *foreign == key) {
            format!("in pod.yaml this is {instead}")
        } else if let Some(nearest) = nearest(key, all) {
            format!("did you mean `{nearest}`?")
        } else {
            format!("the keys here are {}", section.keys.join(", "))
        };
        let diagnostic = Diagnostic::error(entry.key_span, format!("unknown key `{shown}`"));
        self.report(diagnostic.label(format!("not a key of {}", section.name)).help(help));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_near_is_suggested() {
        let keys = ["command", "port", "restart", "stop_signal"];
        assert_eq!(nearest("comand", keys), Some("command"));
        assert_eq!(nearest("Ports", keys), Some("port"));
        assert_eq!(nearest("stop-signal", keys), Some("stop_signal"));
        assert_eq!(nearest("volume", keys), None);
    }
}
