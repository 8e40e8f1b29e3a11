//! Where the output of a service goes.

use serde::{Deserialize, Serialize};

/// Where the output of a service goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logging {
    /// Its stdout.
    pub stdout: Output,
    /// Its stderr; without it, stderr goes where stdout goes, through the same pipe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stderr: Option<Output>,
}

/// Where one stream of a service goes; what goes nowhere is kept for the report of a crash all the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// To the container's own output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<Container>,
    /// To a file, byte for byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<LogFile>,
    /// To event listeners, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub events: bool,
    /// What stands between `<!--XSUPERVISOR:BEGIN-->` and `<!--XSUPERVISOR:END-->` goes to event listeners and to nobody
    /// else, the last so many bytes of it. 0: these are output like any other.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub capture_bytes: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// How a stream reaches the container's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Container {
    /// Which of the container's two.
    pub stream: Stream,
    /// How a line looks there.
    pub format: Format,
}

/// One of a process' two outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Descriptor 1.
    Stdout,
    /// Descriptor 2.
    Stderr,
}

/// How a line looks in the container's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `name | line`.
    Prefix,
    /// `{"time","service","stream","message"}`, and in place of `message` the line as `data` when it is a JSON object.
    Json,
    /// The line as it is.
    Raw,
}

/// A log file of a service.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogFile {
    /// Absolute.
    pub path: String,
    /// The file is rotated before it would grow beyond this; 0: it never is.
    pub max_size_bytes: u64,
    /// How many files there are, the current one included: `path`, `path.1`, ...
    pub max_files: u32,
    /// Escape sequences of terminals are left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strip_ansi: bool,
}

impl Default for Logging {
    /// Both streams together on the container's stdout, each line with the name of its service.
    fn default() -> Self {
        let container = Some(Container { stream: Stream::Stdout, format: Format::Prefix });
        Logging { stdout: Output { container, ..Output::default() }, stderr: None }
    }
}

impl Logging {
    /// The log files.
    pub fn files(&self) -> impl Iterator<Item = &LogFile> {
        self.stdout.file.iter().chain(self.stderr.iter().filter_map(|stderr| stderr.file.as_ref()))
    }
}
