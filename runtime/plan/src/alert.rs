//! An alert: something that a person should know of; and how podinit hands one to podinit-deliver.

use crate::plan::Target;
use crate::protocol::Exit;
use serde::{Deserialize, Serialize};

/// What an alert is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// A service ended unasked and not as expected.
    Exit,
    /// A service is down for good; resolved when somebody has started it again and it is ready.
    Fatal,
    /// A service is unhealthy; resolved when it has recovered.
    Unhealthy,
    /// A service is above its own memory limit; resolved when it is below.
    MemoryLimit,
    /// The container's memory is above its threshold for warnings; resolved when it is below.
    MemoryWarning,
    /// The container's memory is above its critical threshold; resolved when it is below.
    MemoryCritical,
    /// The kernel killed a process for lack of memory.
    OomKill,
    /// A file system is nearly full; resolved when it is not any more.
    Disk,
    /// The pod stops without having been asked to.
    PodStopping,
    /// Nothing is wrong: somebody tries the sinks.
    Test,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Somebody should look.
    Warning,
    /// Something does not work.
    Critical,
}

/// Whether it still is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertStatus {
    /// It is.
    Firing,
    /// It is not any more.
    Resolved,
}

/// An alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// Unique within the pod and its restarts; the same alert always has the same one, at every sink and attempt.
    pub id: String,
    /// What makes two alerts the same: `POD/SERVICE/KIND`. An alert and its resolution share it.
    pub key: String,
    /// When, RFC 3339 in UTC with milliseconds.
    pub time: String,
    /// What it is about.
    pub kind: AlertKind,
    /// Whether it still is so.
    pub status: AlertStatus,
    /// How bad it is; an alert and its resolution have the same.
    pub severity: Severity,
    /// In one sentence.
    pub summary: String,
    /// The pod's name.
    pub pod: String,
    /// The container's host name.
    pub host: String,
    /// The service it is about; none for the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The incarnation it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<u64>,
    /// How the incarnation ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<Exit>,
    /// How long the incarnation had run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uptime_ms: Option<u64>,
    /// How many of the service's starts came after an end that nobody asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarts: Option<u64>,
    /// The memory of the service, or of the container, when it was measured last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// The most that was measured in the incarnation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_memory_bytes: Option<u64>,
    /// What it is compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_bytes: Option<u64>,
    /// The last lines of the service, without values that are secret; only for sinks that want them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<String>,
    /// How many like this one were not sent since the last.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub suppressed: u64,
}

impl Alert {
    /// An alert of which nothing else is known yet; every text is empty.
    #[must_use]
    pub fn new(kind: AlertKind, status: AlertStatus, severity: Severity) -> Alert {
        Alert {
            id: String::new(),
            key: String::new(),
            time: String::new(),
            kind,
            status,
            severity,
            summary: String::new(),
            pod: String::new(),
            host: String::new(),
            service: None,
            incarnation: None,
            exit: None,
            uptime_ms: None,
            restarts: None,
            memory_bytes: None,
            peak_memory_bytes: None,
            limit_bytes: None,
            lines: Vec::new(),
            suppressed: 0,
        }
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What podinit-deliver reads as JSON from its stdin. It ends with 0 when the alert was delivered, with
/// [`TRY_AGAIN`] or [`REFUSED`] when it was not, and says why in a line on stderr.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// To whom: [`Target::Http`] or [`Target::Smtp`], with every variable filled in. A value in a file is for the reader to
    /// read.
    pub to: Target,
    /// What.
    pub alert: Alert,
    /// How long it may take.
    pub timeout_ms: u64,
}

/// podinit-deliver's exit code when another attempt may succeed: it could not connect, a time limit, 408, 425, 429, 5xx.
pub const TRY_AGAIN: i32 = 75;
/// Its exit code when another attempt would end the same way: any other answer, a template or address that is wrong.
pub const REFUSED: i32 = 65;
