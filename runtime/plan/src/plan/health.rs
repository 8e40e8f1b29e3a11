//! When a service counts as up, and how it is asked whether it is well.

use super::Command;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// When a service counts as up.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Ready {
    /// When its check passes.
    Check,
    /// When it has been alive for this long, in milliseconds. A oneshot's value is not looked at.
    AliveMs(u64),
    /// When a line of its output contains this text; a template.
    Log(String),
    /// When this file is there; a template. What an earlier start left is removed before the next.
    File(String),
    /// When it writes a newline to this descriptor, as s6 and dinit have it; 3 or more.
    NotifyFd(i32),
    /// When it sends `READY=1` to the socket that NOTIFY_SOCKET names, as systemd has it.
    NotifySocket {
        /// A service that does not send `WATCHDOG=1` for this long has failed; 0: it need not. It is told by
        /// WATCHDOG_USEC.
        watchdog_ms: u64,
    },
}

/// A check of a service's health.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthCheck {
    /// What is done.
    pub probe: Probe,
    /// From the end of a probe to the start of the next, once the service is ready.
    pub interval_ms: u64,
    /// The same while it is starting.
    pub start_interval_ms: u64,
    /// As much as this is added to `interval_ms` at random, so that the checks of many services do not march in step.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub jitter_ms: u64,
    /// The longest a probe may take.
    pub timeout_ms: u64,
    /// Failures in a row that make a ready service unready.
    pub retries: u32,
    /// Passes in a row that make a service ready.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub success_threshold: u32,
    /// After the start, for this long, no failure counts.
    pub start_period_ms: u64,
    /// What follows from `retries` failures in a row, at least one step: the first one, and each time that one did not
    /// help the next; the last one again and again. A service that is stable begins with the first.
    pub on_failure: Vec<OnFailure>,
}

impl HealthCheck {
    /// A check with the settings that pod.yaml gives one of which nothing is said but what is done.
    #[must_use]
    pub fn new(probe: Probe) -> HealthCheck {
        HealthCheck {
            probe,
            interval_ms: 10_000,
            start_interval_ms: 200,
            jitter_ms: 1_000,
            timeout_ms: 5_000,
            retries: 3,
            success_threshold: 1,
            start_period_ms: 0,
            on_failure: vec![OnFailure::Restart],
        }
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn one() -> u32 {
    1
}

fn is_one(number: &u32) -> bool {
    *number == 1
}

/// How a service is asked whether it is well.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Probe {
    /// A GET is answered as it should be.
    Http {
        /// The port on 127.0.0.1, then ::1.
        port: u16,
        /// What is asked.
        get: Get,
    },
    /// A connection is accepted.
    Tcp {
        /// The port on 127.0.0.1, then ::1.
        port: u16,
    },
    /// A connection to a unix socket is accepted, and, when there is one, a GET answered as it should be.
    Unix {
        /// The socket; absolute.
        socket: String,
        /// What is asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        get: Option<Get>,
    },
    /// A command ends with 0; run as the service's user, in its working_dir, with its environment.
    Exec {
        /// The command.
        command: Command,
    },
}

/// A request by HTTP, and the answer that is well.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Get {
    /// The path, with its query; a template.
    pub path: String,
    /// Headers besides those that every check sends; templates.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// First and last of the codes that are well; without any: 200 to 399.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<(u16, u16)>,
    /// What the first 64 KB of the answer have to contain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

impl Get {
    /// A GET of this path, of which any answer from 200 to 399 is well.
    #[must_use]
    pub fn new(path: impl Into<String>) -> Get {
        Get { path: path.into(), headers: BTreeMap::new(), status: Vec::new(), body: None }
    }

    /// All texts that may hold `${VAR}`.
    pub(super) fn templates(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.path).chain(self.headers.values()).map(String::as_str)
    }
}

/// What follows from a check that has failed often enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// The service is restarted.
    Restart,
    /// It is shown as unready.
    Unready,
    /// The pod stops.
    StopPod,
    /// Nothing: it stays ready.
    None,
}
