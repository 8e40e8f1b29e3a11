//! What the machine wants done.

use super::{Incarnation, RequestId, ServiceId};
use podinit_plan::protocol::Event as Record;
use podinit_plan::state::State;

/// What the machine wants done. Actions are carried out in order; what they answer comes back as an [`super::Event`].
/// Those that concern a service name it and its incarnation.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "service and incarnation mean the same in every action")]
pub enum Action {
    /// Start a process.
    Spawn { service: ServiceId, incarnation: Incarnation, role: Role },
    /// Try to connect to all addresses that the service waits for, once; then [`super::Event::Reached`].
    Reach { service: ServiceId },
    /// Send a signal.
    Signal { service: ServiceId, incarnation: Incarnation, signal: i32, to: Target },
    /// Kill everything of the incarnation that is left, leader included, until nothing is; then (after
    /// [`super::Event::Exited`] when the leader still ran) [`super::Event::TreeGone`].
    KillTree { service: ServiceId, incarnation: Incarnation },
    /// Leave what a leader that is done left behind alone, and say so when there is anything.
    LeaveTree { service: ServiceId, incarnation: Incarnation },
    /// Ask whether the service is well, once; then [`super::Event::Probed`].
    Probe { service: ServiceId, incarnation: Incarnation },
    /// Forget a probe that is under way.
    CancelProbe { service: ServiceId, incarnation: Incarnation },
    /// Send a signal to all processes that belong to no service; [`super::Event::NoChildren`] answers as soon as podinit
    /// has no child at all, which may be at once.
    SignalStrays { signal: i32 },
    /// Tell everybody who listens; the loop fills in `time`.
    Publish(Box<Record>),
    /// Answer a request.
    Answer { request: RequestId, result: Result<State, RequestProblem> },
    /// The pod ends.
    Exit { code: i32, reason: String },
}

/// Which of a service's commands; the first process of each is the leader while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Before the command.
    PreStart,
    /// The command itself.
    Command,
    /// After it, when nothing of it is left.
    PostStop,
}

/// Who gets a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The service's first process.
    Leader,
    /// Its process group.
    Group,
}

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestProblem {
    /// In words.
    pub message: String,
}
