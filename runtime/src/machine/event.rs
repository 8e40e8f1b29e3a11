//! What the machine is told.

use super::{Incarnation, Millis, RequestId, ServiceId};
use podinit_plan::protocol::{Event as Record, Exit};

/// What the outside tells the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The services may start. Comes once, first.
    Boot,
    /// Time has passed; also implied by every other event.
    Tick,
    /// Answers [`super::Action::Spawn`]: the process runs.
    Spawned {
        /// Whose.
        service: ServiceId,
        /// As in the action.
        incarnation: Incarnation,
        /// The leader's process id.
        pid: i32,
    },
    /// Answers [`super::Action::Spawn`]: there is no process; or comes in place of [`Event::Exited`]: there was one, and
    /// it ended because it could not execute the program.
    SpawnFailed {
        /// Whose.
        service: ServiceId,
        /// As in the action.
        incarnation: Incarnation,
        /// Why.
        failure: SpawnFailure,
    },
    /// The leader ended; its output was drained.
    Exited {
        /// Whose.
        service: ServiceId,
        /// The one that the leader was spawned for.
        incarnation: Incarnation,
        /// How.
        exit: Exit,
    },
    /// Answers [`super::Action::KillTree`]: nothing of the incarnation is left.
    TreeGone {
        /// Whose.
        service: ServiceId,
        /// As in the action.
        incarnation: Incarnation,
        /// How many processes had to be killed.
        killed: usize,
    },
    /// Answers [`super::Action::LeaveTree`].
    Left {
        /// Whose.
        service: ServiceId,
        /// As in the action.
        incarnation: Incarnation,
        /// How many processes there are.
        alive: usize,
    },
    /// Something outside of the machine could not be done; everybody is told.
    Warning {
        /// What, in words.
        message: String,
    },
    /// Something was seen outside of the machine that everybody is told, in its turn.
    Observed {
        /// What; the machine numbers it.
        record: Box<Record>,
    },
    /// A service uses more memory than it may, and has to go: it is stopped gracefully, and its restart policy goes on as
    /// after a failed check. So one that had been stable comes back at once and for nothing.
    OverLimit {
        /// Which.
        service: ServiceId,
        /// The one that was measured.
        incarnation: Incarnation,
        /// By how much, in words.
        reason: String,
    },
    /// The kernel has killed the leader for lack of memory; comes before its end.
    OomKilled {
        /// Whose.
        service: ServiceId,
        /// The one that the leader was spawned for.
        incarnation: Incarnation,
    },
    /// Answers [`super::Action::Probe`].
    Probed {
        /// Whose.
        service: ServiceId,
        /// As in the action.
        incarnation: Incarnation,
        /// Well, or what was wrong in words.
        result: Result<(), String>,
    },
    /// The service said something of itself.
    Notified {
        /// Whose.
        service: ServiceId,
        /// The one that said it.
        incarnation: Incarnation,
        /// What.
        notice: Notice,
    },
    /// Answers [`super::Action::Reach`].
    Reached {
        /// Whose.
        service: ServiceId,
        /// All accepted a connection, or what was wrong in words: `tcp://db:5432: connection refused`.
        result: Result<(), String>,
    },
    /// The clock wants a scheduled service to run.
    Due {
        /// Which.
        service: ServiceId,
    },
    /// podinit got a signal that the plan passes on.
    Signalled {
        /// Its number.
        signal: i32,
    },
    /// Somebody asks for something.
    Request {
        /// Whom to answer; nobody when there is none.
        request: Option<RequestId>,
        /// Of which service.
        service: ServiceId,
        /// What.
        verb: Verb,
    },
    /// A signal that stops the pod; the first, second and third time differ.
    Stop,
    /// The loop came too late: the pod was paused or throttled. Probe results of this turn must not be sent.
    Late {
        /// By this much.
        by: Millis,
    },
    /// Nothing but podinit itself is left in the container (`waitpid` says ECHILD).
    NoChildren,
}

/// Why there is no process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpawnFailure {
    /// What failed, in words: `cannot execute node: no such file or directory`.
    pub message: String,
    /// The exit code that stands for it: 127 not found, 126 cannot be executed, 111 anything else.
    pub code: i32,
}

/// What a service may say of itself: a line in its log, a newline on its descriptor, a datagram to NOTIFY_SOCKET.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// It is ready.
    Ready,
    /// It is about to end by its own will.
    Stopping,
    /// It is alive: `WATCHDOG=1`.
    Alive,
}

/// What may be asked of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Want it up; the answer comes when it is ready (or done).
    Start,
    /// Want it down; the answer comes when it is.
    Stop,
    /// Down and up again; the answer comes when it is ready.
    Restart,
}
