//! What is known of one service: the rules of the plan, and where it is in its life.

use super::rules::Rules;
use super::timers::Timer;
use super::{Incarnation, Millis, RequestId, Role, Verb};
use podinit_plan::protocol::Exit;
use podinit_plan::state::State;

/// A service of the pod.
#[derive(Debug)]
pub(super) struct Service {
    pub name: String,
    pub rules: Rules,
    pub now: Dynamics,
    /// It is in no plan any more; its place is free.
    pub removed: bool,
}

/// Where a service is in its life.
#[derive(Debug, Default)]
pub(super) struct Dynamics {
    pub state: State,
    /// The state that everybody was told of last.
    pub announced: State,
    pub since: Millis,
    /// It was wanted at some time; one that never was does not count for the pod's readiness.
    pub ever_wanted: bool,
    /// Somebody stopped it; the pod does not end for lack of it.
    pub stopped_by_hand: bool,
    /// Priorities no longer hold its start up: it was started before, or by hand, or by the clock.
    pub out_of_line: bool,
    /// Whether the addresses that it waits for can be reached.
    pub reach: Reach,
    /// Somebody is on the way to its addresses; never two at a time.
    pub reaching: bool,
    pub incarnation: Incarnation,
    /// A process is being spawned; nobody knows its pid yet.
    pub spawning: bool,
    pub pid: Option<i32>,
    pub process: Process,
    /// This incarnation's command ran, so that its end is followed by post_stop.
    pub ran: bool,
    /// When this incarnation's command was started.
    pub started: Millis,
    /// When the last process of its command ended, or could not be started.
    pub ended: Option<Millis>,
    /// The exit code that stands for why there was no process: the last start failed before there was a program.
    pub spawn_error: Option<i32>,
    /// When this incarnation first became ready.
    pub ready_at: Option<Millis>,
    /// It was ready for long enough in this incarnation.
    pub stable: bool,
    /// It said that it is going to end by itself; from then on nobody asks whether it is well.
    pub leaving: bool,
    /// The kernel has killed its leader for lack of memory.
    pub oom_killed: bool,
    /// Failures in a row.
    pub failures: u32,
    /// How many delays were waited for in a row; lags behind `failures` when the first attempt came at once.
    pub delays: u32,
    /// The next start follows an end that nobody asked for.
    pub restarting: bool,
    pub restarts: u64,
    pub last_exit: Option<Exit>,
    /// The last end was not what its exit codes expect.
    pub failed: bool,
    pub reason: Option<String>,
    pub probing: bool,
    /// Checks that failed in a row, since the last step that followed from that.
    pub check_failures: u32,
    /// Checks that passed in a row, while it is not ready.
    pub passes: u32,
    /// How many of the steps that follow from failing checks were taken since it was stable.
    pub steps: usize,
    /// Why it is being stopped; only while stopping.
    pub stop: Option<Stop>,
    pub timers: [Option<Millis>; Timer::ALL.len()],
    pub requests: Vec<(RequestId, Verb)>,
}

/// What is left of the current incarnation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Process {
    /// Nothing, as far as the machine has to care.
    #[default]
    Gone,
    /// The first process of one of its commands runs.
    Running(Role),
    /// The tree of one of its commands is being killed; the first process may have ended or not.
    Killing(Role),
}

/// What is known of the addresses that a service waits for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Reach {
    /// Nothing.
    #[default]
    Unknown,
    /// They accepted a connection a moment ago.
    Reached,
    /// What was wrong, in words; they are tried again.
    Failed(String),
}

/// Why a service is being stopped, and so what comes after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    /// It is not wanted any more.
    Down,
    /// It is to be started again.
    Restart,
    /// It failed: its start took too long, or its check failed for too long.
    Failed {
        reason: String,
        /// The exit code that stands for it when it was the last straw.
        code: i32,
    },
}

impl Service {
    /// What depends on it may start.
    pub fn satisfies_dependants(&self) -> bool {
        match self.now.state {
            State::Ready => true,
            State::Done => !self.now.failed,
            _ => false,
        }
    }

    /// It starts, or could.
    pub fn is_alive(&self) -> bool {
        matches!(self.now.state, State::Starting | State::Ready | State::Unready)
    }

    /// Nothing of it runs and nothing of it is being killed.
    pub fn is_down(&self) -> bool {
        self.now.process == Process::Gone && !self.now.state.is_running()
    }

    /// Its command has ended, and nothing of it is going to run any more; what it left may still be on its way out.
    pub fn has_ended(&self) -> bool {
        match self.now.process {
            _ if self.now.spawning => false,
            Process::Gone => !self.now.state.is_running(),
            Process::Running(_) => false,
            Process::Killing(Role::Command) => self.now.pid.is_none() && !(self.rules.post_stop && self.now.ran),
            Process::Killing(_) => self.now.pid.is_none(),
        }
    }
}
