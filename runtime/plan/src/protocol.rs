//! What podinit answers on its socket, and what `podinit healthcheck` prints.
//!
//! HTTP/1.1 with JSON bodies. Both sides ignore fields they do not know, so that old pods meet new podctls.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /v1/status` | [`Status`] |
//! | `GET /v1/status?fresh=1` | [`Status`] with what services use from now on; waits for a second at most |
//! | `POST /v1/services/NAME/start`, `stop`, `restart` | [`Done`] when it is done, [`Problem`] with 404, 409 or 504 otherwise |
//! | `GET /v1/logs?service=NAME&lines=N` | the last lines of a service, text, `name | line` |
//! | `POST /v1/alerts/test?sink=NAME` | [`Tested`] by sink, of all sinks without a name |
//! | `GET /v1/events?since=SEQ` | [`Event`]s, one a line, from those still kept on and without end; with `&follow=0` only those, with `&linger=0` until the client closes its side |
//! | `GET /health`, `GET /status` (also on the public socket) | [`Health`]; [`PublicStatus`] |

use crate::state::State;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Exit {
    /// With this code.
    Code(i32),
    /// Killed by this signal.
    Signal(i32),
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Exit::Code(code) => write!(f, "exit code {code}"),
            Exit::Signal(signal) => f.write_str(&crate::signal::name(*signal)),
        }
    }
}

/// The whole pod.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The pod's name.
    pub pod: String,
    /// podinit's version.
    #[serde(default)]
    pub version: String,
    /// Whether every essential service is ready or done.
    pub ready: bool,
    /// Whether the pod is on its way down.
    #[serde(default)]
    pub stopping: bool,
    /// Milliseconds since podinit started.
    #[serde(default)]
    pub uptime_ms: u64,
    /// The longest turn of podinit's loop so far, in microseconds: for so long it did nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_turn_us: Option<u64>,
    /// How many turns took longer than 5 ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub long_turns: Option<u64>,
    /// The container's memory, when it was measured last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<PodMemory>,
    /// What became of alerts, by sink.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub alerts: BTreeMap<String, SinkStatus>,
    /// All services, sorted by name.
    pub services: Vec<ServiceStatus>,
}

/// The memory of the container.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct PodMemory {
    /// What is in use, without what the kernel could drop at once.
    pub bytes: u64,
    /// The most that was measured.
    #[serde(default)]
    pub peak_bytes: u64,
    /// The container's limit; none when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_bytes: Option<u64>,
    /// What the shares of `monitor.memory` are shares of: the limit, or the host's memory.
    #[serde(default)]
    pub of_bytes: u64,
    /// How many processes the kernel has killed for lack of memory.
    #[serde(default)]
    pub oom_kills: u64,
    /// The share of the last 10 s, in percent, that some process waited for memory; none where the kernel does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pressure: Option<f64>,
}

/// What a service's whole tree uses, when it was measured last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Its memory.
    pub memory_bytes: u64,
    /// The most that was measured in this incarnation.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub peak_memory_bytes: u64,
    /// Its limit, as the plan has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_bytes: Option<u64>,
    /// The processor time of this incarnation, in milliseconds, of user and system.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub cpu_ms: u64,
    /// How many processes.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub processes: u32,
    /// How many threads.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub threads: u32,
    /// How long ago it was measured.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub age_ms: u64,
}

/// What the checks of a service have said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckStatus {
    /// How long the last one took, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_us: Option<u64>,
    /// How many there were.
    #[serde(default)]
    pub checks: u64,
    /// How many of them failed.
    #[serde(default)]
    pub failed: u64,
    /// How many have failed in a row.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failures: u32,
}

/// What became of the alerts for a sink.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SinkStatus {
    /// Delivered.
    pub sent: u64,
    /// Given up.
    pub failed: u64,
    /// Waiting to be delivered.
    pub pending: u64,
    /// Not sent, because of their like or their number.
    #[serde(default)]
    pub suppressed: u64,
    /// Why the last attempt failed; none after one that did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// What became of a trial of a sink.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tested {
    /// It was delivered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ok: bool,
    /// How long that took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
    /// Why it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// One service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceStatus {
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: State,
    /// Whether the pod ends with it.
    #[serde(default)]
    pub essential: bool,
    /// The leader's process id; none when nothing runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<i32>,
    /// How many times it was started.
    #[serde(default)]
    pub incarnation: u64,
    /// How many of the starts came after an end or a failure that nobody asked for.
    #[serde(default)]
    pub restarts: u64,
    /// Milliseconds since it entered the state.
    #[serde(default)]
    pub since_ms: u64,
    /// What a waiting service waits for, what a starting one still lacks, why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When its schedule starts it next, RFC 3339 in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_run: Option<String>,
    /// How its last incarnation ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_exit: Option<Exit>,
    /// What it uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// What its checks have said; none without a check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<CheckStatus>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Counts up from 1 without gaps.
    pub seq: u64,
    /// When, RFC 3339 in UTC with milliseconds.
    pub time: String,
    /// What happened.
    pub event: EventKind,
    /// The service it happened to; none for the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The incarnation it happened to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<u64>,
    /// The state that was entered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// The state before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<State>,
    /// The leader's process id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<i32>,
    /// How the incarnation ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<Exit>,
    /// Whether it ended as its exit codes expect; of a pod that stops, whether it was asked to, or all is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<bool>,
    /// How many attempts have failed in a row.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failures: u32,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The memory that it is about, or what is used of a disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// What that is compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_bytes: Option<u64>,
    /// The file system that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

impl Event {
    /// An event without a number, a time or any particulars yet.
    #[must_use]
    pub fn new(event: EventKind) -> Event {
        Event {
            seq: 0,
            time: String::new(),
            event,
            service: None,
            incarnation: None,
            state: None,
            previous: None,
            pid: None,
            exit: None,
            expected: None,
            failures: 0,
            reason: None,
            bytes: None,
            limit_bytes: None,
            path: None,
        }
    }
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn is_nothing(number: &u64) -> bool {
    *number == 0
}

/// What an [`Event`] tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A service entered a state.
    State,
    /// A check of a service failed; it may still be ready.
    CheckFailed,
    /// Processes that a dead leader left were killed, or were left alone.
    Leftovers,
    /// The pod began to stop.
    Stopping,
    /// The pod ended; the last event.
    Stopped,
    /// Something that podinit could not do; it goes on.
    Warning,
    /// A service has been waiting or starting for long, and this is what for.
    Waits,
    /// The clock wanted a service to run that still ran.
    Skipped,
    /// The container's memory rose above its threshold for warnings, or fell there from the critical one.
    MemoryWarning,
    /// The container's memory rose above its critical threshold.
    MemoryCritical,
    /// The container's memory is below its threshold for warnings again.
    MemoryNormal,
    /// A service rose above its own memory limit.
    OverLimit,
    /// A service is below its memory limit again.
    UnderLimit,
    /// The kernel killed a process for lack of memory.
    OomKill,
    /// A file system is nearly full.
    DiskFull,
    /// A file system is not nearly full any more.
    DiskNormal,
    /// A kind that this reader does not know yet.
    #[serde(other)]
    Unknown,
}

/// The answer to a request that did what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// The state the service is in now.
    pub state: State,
}

/// The answer to a request that could not do it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What could not be done, and why.
    pub error: String,
}

/// Whether the pod is well, without detail: `GET /health`, 200 or 503.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// `ready` or `unready`.
    pub status: String,
}

/// Names and states, nothing else: `GET /status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicStatus {
    /// The pod's name.
    pub pod: String,
    /// `ready` or `unready`.
    pub status: String,
    /// The state of every service.
    pub services: BTreeMap<String, State>,
}
