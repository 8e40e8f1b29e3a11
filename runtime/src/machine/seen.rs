//! What clients of supervisord's interface want to know of a service.

use super::{Incarnation, Machine, Millis, ServiceId};
use podinit_plan::protocol::Exit;
use podinit_plan::state::State;

/// A service, as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Its state.
    pub state: State,
    /// The leader's process id; none when nothing runs.
    pub pid: Option<i32>,
    /// Which start; 0 before the first.
    pub incarnation: Incarnation,
    /// When its command was last started.
    pub started: Option<Millis>,
    /// When it became ready, after that.
    pub ready_at: Option<Millis>,
    /// When its command last ended, or could not be started.
    pub ended: Option<Millis>,
    /// How it last ended.
    pub last_exit: Option<Exit>,
    /// The last end was not expected.
    pub failed: bool,
    /// The last start failed before there was a program: 127 not found, 126 not executable, 111 anything else.
    pub spawn_error: Option<i32>,
}

impl Machine {
    /// A service as it is now; none when it was removed.
    #[must_use]
    pub fn seen(&self, id: ServiceId) -> Option<Seen> {
        let service = self.services.get(id).filter(|service| !service.removed)?;
        let now = &service.now;
        Some(Seen {
            state: now.state,
            pid: now.pid,
            incarnation: now.incarnation,
            started: (now.incarnation > 0).then_some(now.started),
            ready_at: now.ready_at,
            ended: now.ended,
            last_exit: now.last_exit,
            failed: now.failed,
            spawn_error: now.spawn_error,
        })
    }

    /// How the pod calls itself.
    #[must_use]
    pub fn pod(&self) -> &str {
        &self.pod
    }

    /// Whether the pod is on its way down, or has ended.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        matches!(self.phase, super::shutdown::Phase::Stopping(_) | super::shutdown::Phase::Ended)
    }
}
