//! When a service counts as up, and how it is asked whether it is well.

use super::Command;
use serde::{Deserialize, Serialize};

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
    /// The longest a probe may take.
    pub timeout_ms: u64,
    /// Failures in a row that make a ready service unready.
    pub retries: u32,
    /// After the start, for this long, no failure counts.
    pub start_period_ms: u64,
    /// What follows from being unready.
    pub on_failure: OnFailure,
}

/// How a service is asked whether it is well.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Probe {
    /// GET of this path; well is 200 to 399.
    Http {
        /// The port on 127.0.0.1, then ::1.
        port: u16,
        /// The path, with its query; a template.
        path: String,
    },
    /// A connection is accepted.
    Tcp {
        /// The port on 127.0.0.1, then ::1.
        port: u16,
    },
    /// A connection to a unix socket is accepted, and, when there is a path, its GET answered with 200 to 399.
    Unix {
        /// The socket; absolute.
        socket: String,
        /// The path, with its query; a template.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<String>,
    },
    /// A command ends with 0; run as the service's user, in its working_dir, with its environment.
    Exec {
        /// The command.
        command: Command,
    },
}

/// What follows from being unready.
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
