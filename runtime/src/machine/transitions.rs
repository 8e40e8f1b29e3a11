//! Which cause takes a service from which state to which other: all that there is. The rest of the machine decides among
//! these; its tests hold every change of state against the table, and `docs/transitions.md` is printed from it.

use super::ServiceId;
use podinit_plan::state::State;

/// Why a service changes its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    /// The pod starts.
    Boot,
    /// Somebody asks for its start or restart.
    StartAsked,
    /// Its schedule wants it to run.
    Due,
    /// All that it waits for is there.
    GateOpen,
    /// What makes it ready happened: a check, a time, a line, a file, a notice.
    Ready,
    /// It did not become ready in time.
    StartTimedOut,
    /// Its check failed for the last time.
    Unhealthy,
    /// It did not say in time that it is alive.
    Silent,
    /// It uses more memory than it may.
    OverLimit,
    /// Its process ended unasked, or there is none.
    Ended,
    /// Its delay is over.
    DelayOver,
    /// Somebody asks for its stop or restart, or the pod stops.
    StopAsked,
    /// Nothing of it is left after a stop.
    Gone,
}

/// The changes that a machine has made, in their order; only its tests ask.
#[derive(Debug, Default)]
pub(super) struct Changes {
    #[cfg(test)]
    pub log: Vec<(ServiceId, State, Cause, State)>,
}

impl Changes {
    #[cfg_attr(not(test), expect(unused_variables, clippy::unused_self, reason = "for tests"))]
    pub fn note(&mut self, id: ServiceId, from: State, cause: Cause, to: State) {
        debug_assert!(is_in_table(from, cause, to), "{cause:?} takes nobody from {from} to {to}");
        #[cfg(test)]
        self.log.push((id, from, cause, to));
    }
}

/// Whether there is such a change.
pub(super) fn is_in_table(from: State, cause: Cause, to: State) -> bool {
    TRANSITIONS.iter().any(|line| line.cause == cause && line.to == to && line.from.contains(&from))
}

/// A line of the table.
pub(super) struct Transition {
    pub cause: Cause,
    pub from: &'static [State],
    pub to: State,
    /// What decides between this and other lines of the same cause and state.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the people who read the printed table"))]
    pub when: &'static str,
}

const AT_REST: &[State] = &[State::Stopped, State::Done, State::Fatal];
const ALIVE: &[State] = &[State::Starting, State::Ready, State::Unready];
const NOT_RUNNING: &[State] = &[State::Waiting, State::Backoff, State::Done, State::Fatal];

const fn line(cause: Cause, from: &'static [State], to: State, when: &'static str) -> Transition {
    Transition { cause, from, to, when }
}

/// The table.
pub(super) const TRANSITIONS: &[Transition] = &[
    line(Cause::Boot, &[State::Stopped], State::Waiting, "`autostart`, and no schedule"),
    line(Cause::StartAsked, AT_REST, State::Waiting, ""),
    line(Cause::StartAsked, &[State::Backoff], State::Waiting, ""),
    line(Cause::StartAsked, &[State::Waiting], State::Waiting, "a restart: its dependencies are looked at again"),
    line(Cause::Due, AT_REST, State::Waiting, "nothing of its last run is left"),
    line(Cause::GateOpen, &[State::Waiting], State::Starting, ""),
    line(Cause::Ready, &[State::Starting], State::Ready, ""),
    line(Cause::Ready, &[State::Unready], State::Ready, "its check passed"),
    line(Cause::Unhealthy, &[State::Ready], State::Unready, "failed `retries` times in a row"),
    line(Cause::Unhealthy, &[State::Unready], State::Stopping, "`on_failure: restart`"),
    line(Cause::StartTimedOut, &[State::Starting], State::Stopping, ""),
    line(Cause::OverLimit, ALIVE, State::Stopping, "`memory.on_exceed: restart`, or the container's memory is critical"),
    line(Cause::Silent, &[State::Ready, State::Unready], State::Stopping, ""),
    line(
        Cause::Ended,
        &[State::Ready, State::Unready],
        State::Waiting,
        "the restart policy wants it again, and there is no delay",
    ),
    line(Cause::Ended, ALIVE, State::Backoff, "the restart policy wants it again, after a delay"),
    line(
        Cause::Ended,
        ALIVE,
        State::Done,
        "the restart policy does not want it again; in a pod that stops: the end was as expected",
    ),
    line(Cause::Ended, ALIVE, State::Fatal, "more than `retries` failures in a row"),
    line(Cause::Ended, ALIVE, State::Stopped, "the pod stops"),
    line(Cause::DelayOver, &[State::Backoff], State::Waiting, ""),
    line(Cause::StopAsked, ALIVE, State::Stopping, ""),
    line(Cause::StopAsked, NOT_RUNNING, State::Stopped, "nothing of it is left"),
    line(Cause::StopAsked, NOT_RUNNING, State::Stopping, "something of its last run is left"),
    line(Cause::Gone, &[State::Stopping], State::Stopped, "the stop was asked for, or the pod stops"),
    line(Cause::Gone, &[State::Stopping], State::Waiting, "a restart was asked for; or it failed, and there is no delay"),
    line(Cause::Gone, &[State::Stopping], State::Backoff, "it failed, and is tried again after a delay"),
    line(Cause::Gone, &[State::Stopping], State::Done, "it failed, and the restart policy does not want it again"),
    line(Cause::Gone, &[State::Stopping], State::Fatal, "it failed more than `retries` times in a row"),
];
