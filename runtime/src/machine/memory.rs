//! What memory does to services: those that use too much are restarted, those that the kernel killed are said to be.

use super::check::GAVE_UP;
use super::service::Stop;
use super::transitions::Cause;
use super::{Machine, ServiceId};
use podinit_plan::protocol::EventKind;

/// Why a leader ended, where the kernel killed it for lack of memory.
const OUT_OF_MEMORY: &str = "killed by the kernel: out of memory";

impl Machine {
    /// A service that uses too much memory is stopped, and failed.
    pub(super) fn over_limit(&mut self, id: ServiceId, reason: String) {
        if self.services[id].is_alive() {
            self.stop(id, Cause::OverLimit, Stop::Failed { reason, code: GAVE_UP }, None);
        }
    }

    /// The kernel has killed the leader, whose end comes next.
    pub(super) fn oom_killed(&mut self, id: ServiceId) {
        self.services[id].now.oom_killed = true;
        self.tell(EventKind::OomKill, id, OUT_OF_MEMORY.to_owned());
    }

    /// What is said of an end, when it was the kernel's doing.
    pub(super) fn take_oom_kill(&mut self, id: ServiceId, reason: String) -> String {
        let killed = std::mem::take(&mut self.services[id].now.oom_killed);
        if killed { format!("{reason}, {OUT_OF_MEMORY}") } else { reason }
    }
}
