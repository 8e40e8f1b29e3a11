//! The states of a service.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a service is in its life. Every start is an *incarnation* of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Not wanted; nothing runs.
    #[default]
    Stopped,
    /// Wanted; its gate is closed.
    Waiting,
    /// Runs, not yet ready.
    Starting,
    /// Runs and is ready.
    Ready,
    /// Was ready; its check failed too often in a row.
    Unready,
    /// Failed; waits for its next attempt.
    Backoff,
    /// The stop signal was sent; lasts until its whole tree is gone.
    Stopping,
    /// Ended, and is not to be restarted.
    Done,
    /// Its restart budget is spent.
    Fatal,
}

impl State {
    /// All states, in the order in which they are documented.
    pub const ALL: [State; 9] = [
        State::Stopped,
        State::Waiting,
        State::Starting,
        State::Ready,
        State::Unready,
        State::Backoff,
        State::Stopping,
        State::Done,
        State::Fatal,
    ];

    /// The state's name, as in plans, answers and events.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            State::Stopped => "stopped",
            State::Waiting => "waiting",
            State::Starting => "starting",
            State::Ready => "ready",
            State::Unready => "unready",
            State::Backoff => "backoff",
            State::Stopping => "stopping",
            State::Done => "done",
            State::Fatal => "fatal",
        }
    }

    /// Whether a process of the service is there.
    #[must_use]
    pub fn is_running(self) -> bool {
        matches!(self, State::Starting | State::Ready | State::Unready | State::Stopping)
    }

    /// Whether nothing more happens to the service by itself.
    #[must_use]
    pub fn is_at_rest(self) -> bool {
        matches!(self, State::Stopped | State::Done | State::Fatal)
    }

    /// Whether services of higher priority may start beside it.
    #[must_use]
    pub fn is_settled(self) -> bool {
        matches!(self, State::Ready | State::Done | State::Fatal | State::Stopped)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
