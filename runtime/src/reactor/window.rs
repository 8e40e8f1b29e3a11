//! What the surfaces show of a pod.

use super::turns::Turns;
use crate::control::View;
use crate::logs::Logs;
use crate::machine::{Machine, Millis, ServiceId};
use crate::schedule::Schedules;
use crate::sys::Sys;
use crate::sys::clock::rfc3339;
use podinit_plan::protocol::Status;
use std::time::Duration;

/// What the surfaces show.
pub(super) struct Window<'a, S: Sys> {
    pub machine: &'a Machine,
    pub schedules: &'a Schedules,
    pub logs: &'a Logs<S>,
    pub names: &'a [String],
    pub turns: &'a Turns,
    pub now: Millis,
    /// Since 1970.
    pub date: Duration,
}

impl<S: Sys> View for Window<'_, S> {
    fn status(&self) -> Status {
        let mut status = self.machine.status(self.now);
        for (service, status) in status.services.iter_mut().enumerate() {
            status.next_run = self.schedules.next_run(service, self.now, self.date).map(rfc3339);
        }
        (status.longest_turn_us, status.long_turns) = (Some(self.turns.longest_us()), Some(self.turns.long));
        status
    }

    fn service(&self, name: &str) -> Option<ServiceId> {
        self.names.binary_search_by(|known| known.as_str().cmp(name)).ok()
    }

    fn log(&self, service: ServiceId, lines: usize) -> String {
        self.logs.tail(service, lines)
    }
}
