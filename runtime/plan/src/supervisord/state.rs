//! The states that supervisord knows.

use crate::state::State;

/// Where supervisord says that a process is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProcessState {
    /// Never started, or stopped by request.
    Stopped = 0,
    /// Runs, and has not been up for long enough.
    Starting = 10,
    /// Is up.
    Running = 20,
    /// Ended before it was up; waits for its next attempt.
    Backoff = 30,
    /// Was told to stop, and has not ended.
    Stopping = 40,
    /// Ended by itself.
    Exited = 100,
    /// Given up.
    Fatal = 200,
    /// Nobody knows.
    Unknown = 1000,
}

impl ProcessState {
    /// All of them.
    pub const ALL: [ProcessState; 8] = [
        ProcessState::Stopped,
        ProcessState::Starting,
        ProcessState::Running,
        ProcessState::Backoff,
        ProcessState::Stopping,
        ProcessState::Exited,
        ProcessState::Fatal,
        ProcessState::Unknown,
    ];

    /// As clients read it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ProcessState::Stopped => "STOPPED",
            ProcessState::Starting => "STARTING",
            ProcessState::Running => "RUNNING",
            ProcessState::Backoff => "BACKOFF",
            ProcessState::Stopping => "STOPPING",
            ProcessState::Exited => "EXITED",
            ProcessState::Fatal => "FATAL",
            ProcessState::Unknown => "UNKNOWN",
        }
    }

    /// Its number.
    #[must_use]
    pub fn code(self) -> i32 {
        self as i32
    }

    /// It is up, or on its way: it is not started once more.
    #[must_use]
    pub fn is_running(self) -> bool {
        matches!(self, ProcessState::Starting | ProcessState::Running | ProcessState::Backoff)
    }

    /// Nothing of it runs, nor will by itself.
    #[must_use]
    pub fn is_stopped(self) -> bool {
        matches!(self, ProcessState::Stopped | ProcessState::Exited | ProcessState::Fatal | ProcessState::Unknown)
    }

    /// There is a process that signals can be sent to.
    #[must_use]
    pub fn is_signallable(self) -> bool {
        matches!(self, ProcessState::Starting | ProcessState::Running | ProcessState::Stopping)
    }
}

impl From<State> for ProcessState {
    /// What supervisord would call a state of podinit's. It knows neither gates nor checks: what waits for its start is
    /// starting, what is up is running, well or not.
    fn from(state: State) -> ProcessState {
        match state {
            State::Stopped => ProcessState::Stopped,
            State::Waiting | State::Starting => ProcessState::Starting,
            State::Ready | State::Unready => ProcessState::Running,
            State::Backoff => ProcessState::Backoff,
            State::Stopping => ProcessState::Stopping,
            State::Done => ProcessState::Exited,
            State::Fatal => ProcessState::Fatal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_running_stopped_or_on_its_way_out() {
        for state in ProcessState::ALL {
            assert_ne!(state.is_running(), state.is_stopped() || state == ProcessState::Stopping, "{}", state.name());
        }
        let codes = ProcessState::ALL.map(ProcessState::code);
        assert_eq!(codes, [0, 10, 20, 30, 40, 100, 200, 1000]);
    }

    #[test]
    fn what_has_a_process_here_can_be_signalled_there() {
        for state in State::ALL {
            // One that waits for its start has none yet, which supervisord has no word for.
            let expected = state.is_running() || state == State::Waiting;
            assert_eq!(ProcessState::from(state).is_signallable(), expected, "{state}");
        }
    }
}
