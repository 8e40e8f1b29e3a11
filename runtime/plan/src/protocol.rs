//! What podinit answers on its socket, and what `podinit healthcheck` prints.
//!
//! HTTP/1.1 with JSON bodies. Both sides ignore fields they do not know, so that old pods meet new podctls.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /v1/status` | [`Status`] |
//! | `POST /v1/services/NAME/start`, `stop`, `restart` | [`Done`] when it is done, [`Problem`] with 404, 409 or 504 otherwise |
//! | `GET /v1/logs?service=NAME&lines=N` | the last lines of a service, text, `name | line` |
//! | `GET /v1/events?since=SEQ` | [`Event`]s, one a line, from those still kept on and without end |
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
    /// All services, sorted by name.
    pub services: Vec<ServiceStatus>,
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
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// Whether it ended as its exit codes expect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<bool>,
    /// How many attempts have failed in a row.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failures: u32,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
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
        }
    }
}

fn is_zero(number: &u32) -> bool {
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
