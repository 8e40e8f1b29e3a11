//! What supervisord would say of what a service goes through: the machine's records as changes between its states. Pure.
//!
//! Some of the machine's states last no time there, and some of its changes are two there: a service that is given up was
//! in BACKOFF before, one that is stopped to be started again was STOPPED between.

use super::happening::Entered;
use podinit_plan::protocol::{Event as Record, EventKind};
use podinit_plan::state::State;
use podinit_plan::supervisord::ProcessState;

/// Where a process is in the eyes of listeners.
#[derive(Debug, Clone, Copy)]
pub struct History {
    state: ProcessState,
    pid: i32,
}

impl Default for History {
    fn default() -> History {
        History { state: ProcessState::Stopped, pid: 0 }
    }
}

impl History {
    /// Where it is.
    #[must_use]
    pub fn state(&self) -> ProcessState {
        self.state
    }

    /// Goes on with a record of the machine.
    pub fn follow(&mut self, record: &Record) -> Vec<Entered> {
        let (EventKind::State, Some(state)) = (record.event, record.state) else { return Vec::new() };
        way(self.state, state).iter().filter_map(|next| self.enter(*next, record)).collect()
    }

    fn enter(&mut self, state: ProcessState, record: &Record) -> Option<Entered> {
        let from = std::mem::replace(&mut self.state, state);
        if from == ProcessState::Backoff {
            // Nothing of it was left.
            self.pid = 0;
        }
        if state.is_signallable() {
            self.pid = record.pid.unwrap_or(self.pid);
        }
        let (tries, expected) = (record.failures, record.expected.unwrap_or(false));
        (from != state).then_some(Entered { state, from, pid: self.pid, tries, expected })
    }
}

/// The states that lead from where a process is to what the machine says of it.
fn way(from: ProcessState, to: State) -> &'static [ProcessState] {
    use ProcessState::*;
    match (from, to) {
        // It waits for its start. One that was up has ended before; one that was told to has stopped.
        (Running, State::Waiting | State::Backoff) => &[Exited],
        (Stopping, State::Waiting | State::Backoff) => &[Stopped],
        (_, State::Waiting) => &[],
        (Running, State::Starting) => &[Exited, Starting],
        (Stopping, State::Starting) => &[Stopped, Starting],
        (_, State::Starting) => &[Starting],
        (Running | Starting, State::Ready | State::Unready) => &[Running],
        (_, State::Ready | State::Unready) => &[Starting, Running],
        // There was no process at all, which is an attempt all the same.
        (Starting, State::Backoff) => &[Backoff],
        (_, State::Backoff) => &[Starting, Backoff],
        (_, State::Stopping) => &[Stopping],
        // In a pod that stops, some end by themselves before it is their turn.
        (Running, State::Stopped | State::Done) => &[Exited],
        (Starting, State::Stopped) => &[Backoff, Stopped],
        (_, State::Stopped) => &[Stopped],
        (Starting, State::Done) => &[Running, Exited],
        (Stopping, State::Done) => &[Stopped],
        (_, State::Done) => &[Exited],
        (Stopping, State::Fatal) => &[Stopped, Fatal],
        (Running, State::Fatal) => &[Exited, Fatal],
        (Backoff, State::Fatal) => &[Fatal],
        (Starting, State::Fatal) => &[Backoff, Fatal],
        (_, State::Fatal) => &[Starting, Backoff, Fatal],
    }
}

#[cfg(test)]
mod tests {
    use super::super::happening::{Happening, Names};
    use super::*;
    use proptest::prelude::*;

    /// What is said of records, each a state with the process id and the failures so far.
    fn said(records: &[(State, i32, u32)]) -> Vec<String> {
        let mut history = History::default();
        let mut said = Vec::new();
        for &(state, pid, failures) in records {
            let pid = (pid > 0).then_some(pid);
            let record = Record { state: Some(state), pid, failures, ..Record::new(EventKind::State) };
            said.extend(history.follow(&record).into_iter().map(|entered| {
                let Happening { kind, payload } = Happening::process_state(Names::of("a", None), entered);
                let payload = payload.strip_prefix("processname:a groupname:a from_state:").unwrap();
                format!("{} {payload}", kind.name().strip_prefix("PROCESS_STATE_").unwrap())
            }));
        }
        said
    }

    #[test]
    fn a_crasher_tries_backs_off_and_is_given_up() {
        use State::*;
        let records = [(Starting, 5, 0), (Backoff, 0, 1), (Starting, 6, 1), (Backoff, 0, 2), (Starting, 7, 2), (Fatal, 0, 3)];
        let expected = [
            "STARTING STOPPED tries:0",
            "BACKOFF STARTING tries:1",
            "STARTING BACKOFF tries:1",
            "BACKOFF STARTING tries:2",
            "STARTING BACKOFF tries:2",
            "BACKOFF STARTING tries:3",
            "FATAL BACKOFF",
        ];
        assert_eq!(said(&records), expected);
    }

    #[test]
    fn a_stop_and_a_start_carry_the_process_ids() {
        use State::*;
        let records = [(Starting, 5, 0), (Ready, 5, 0), (Stopping, 5, 0), (Waiting, 0, 0), (Starting, 6, 0), (Ready, 6, 0)];
        let expected = [
            "STARTING STOPPED tries:0",
            "RUNNING STARTING pid:5",
            "STOPPING RUNNING pid:5",
            "STOPPED STOPPING pid:5",
            "STARTING STOPPED tries:0",
            "RUNNING STARTING pid:6",
        ];
        assert_eq!(said(&records), expected);
    }

    #[test]
    fn one_that_ends_and_begins_again_has_exited_whether_it_waits_or_not() {
        use State::*;
        let up = [(Starting, 5, 0), (Ready, 5, 0)];
        for waits in [vec![], vec![(Waiting, 0, 0)], vec![(Backoff, 0, 1)]] {
            let records = [up.to_vec(), waits, vec![(Starting, 6, 0)]].concat();
            assert_eq!(said(&records)[2..], ["EXITED RUNNING expected:0 pid:5", "STARTING EXITED tries:0"]);
        }
    }

    #[test]
    fn checks_and_gates_are_no_changes_there() {
        use State::*;
        assert_eq!(said(&[(Waiting, 0, 0)]), [""; 0]);
        assert_eq!(said(&[(Starting, 5, 0), (Ready, 5, 0), (Unready, 5, 0), (Ready, 5, 0)]).len(), 2);
        // A stop while it waits for its next attempt: nothing ran.
        assert_eq!(said(&[(Starting, 5, 0), (Backoff, 0, 1), (Stopped, 0, 1)])[2], "STOPPED BACKOFF pid:0");
        // No process could be had at all.
        assert_eq!(said(&[(Backoff, 0, 1)]), ["STARTING STOPPED tries:1", "BACKOFF STARTING tries:1"]);
    }

    proptest! {
        /// Whatever the machine says, each change begins where the last one ended, and the last one is what it says.
        #[test]
        fn changes_hang_together(states in proptest::collection::vec(0..State::ALL.len(), 0..20)) {
            let mut history = History::default();
            let mut at = ProcessState::Stopped;
            for state in states {
                let state = State::ALL[state];
                for entered in history.follow(&Record { state: Some(state), ..Record::new(EventKind::State) }) {
                    prop_assert_eq!(entered.from, at);
                    prop_assert_ne!(entered.state, at);
                    at = entered.state;
                }
                prop_assert_eq!(at.is_stopped(), history.state().is_stopped());
                if matches!(state, State::Ready | State::Unready | State::Starting | State::Stopping | State::Fatal) {
                    prop_assert_eq!(at, ProcessState::from(state));
                }
            }
        }
    }
}
