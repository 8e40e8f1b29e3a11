//! What runs of a service: the service itself, or its replicas. Everything that a replica has of its own is decided here:
//! its name, its ports, its log files.

use super::model::{Logging, Service};

/// One of the processes that a service is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// The service's name, or `NAME-INDEX` of a replica.
    pub name: String,
    /// Of a replica, counted from 0.
    pub index: Option<u16>,
    /// Where it listens.
    pub ports: Vec<u16>,
}

/// The files that one instance writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFiles {
    /// Of its stdout; of both streams when they are kept together.
    pub stdout: String,
    /// Of its stderr, when that is kept apart.
    pub stderr: Option<String>,
}

impl Service {
    /// What runs of the service of this name. With `replicas` they are numbered even when there is only one, so that a
    /// name stays when the number changes.
    pub fn instances(&self, name: &str) -> impl Iterator<Item = Instance> {
        (0..self.replicas.unwrap_or(1)).map(move |index| Instance {
            name: if self.replicas.is_some() { format!("{name}-{index}") } else { name.to_owned() },
            index: self.replicas.map(|_| index),
            // Ports beyond the last one have been refused.
            ports: self.ports.iter().map(|port| port.saturating_add(index)).collect(),
        })
    }
}

/// The index of the instance of this name when it is a replica of the service.
#[must_use]
pub fn replica_number(instance: &str, service: &str) -> Option<u16> {
    instance.strip_prefix(service)?.strip_prefix('-')?.parse().ok()
}

impl Logging {
    /// The files of the instance of this name.
    #[must_use]
    pub fn files(&self, instance: &str) -> Option<LogFiles> {
        let file = self.file.as_ref()?;
        let stdout = if file.ends_with('/') { format!("{file}{instance}.log") } else { file.clone() };
        let stderr = self.separate_stderr.then(|| beside(&stdout));
        Some(LogFiles { stdout, stderr })
    }
}

/// The file of stderr beside that of stdout: `web.err.log` for `web.log`, `web.err` for `web`.
fn beside(stdout: &str) -> String {
    let (folder, file) = stdout.rsplit_once('/').unwrap_or(("", stdout));
    let file = match file.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => format!("{stem}.err.{extension}"),
        _ => format!("{file}.err"),
    };
    format!("{folder}/{file}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stderr_is_beside_stdout() {
        let files = |file: &str| {
            let logging = Logging { file: Some(file.to_owned()), separate_stderr: true, ..Logging::default() };
            logging.files("web-0").map(|files| (files.stdout, files.stderr.unwrap_or_default())).unwrap_or_default()
        };
        for (file, stdout, stderr) in [
            ("/var/log/pod/", "/var/log/pod/web-0.log", "/var/log/pod/web-0.err.log"),
            ("/var/log/v1.2/all", "/var/log/v1.2/all", "/var/log/v1.2/all.err"),
            ("/web.json", "/web.json", "/web.err.json"),
            ("/x/.web", "/x/.web", "/x/.web.err"),
        ] {
            assert_eq!(files(file), (stdout.to_owned(), stderr.to_owned()));
        }
        assert_eq!(Logging::default().files("web"), None);
    }
}
