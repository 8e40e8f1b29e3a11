//! Processes that help: those of checks, and those that look whether an address can be reached.

use crate::health::Launcher;
use crate::machine::{Incarnation, ServiceId};
use crate::spawn::Spawner;
use crate::sys::Sys;
use crate::sys::processes::signal_group_of;
use std::os::fd::{AsFd, OwnedFd};

/// What went wrong, without the exit code of podinit's own program in front.
pub(super) fn without_code(reason: String) -> String {
    reason.strip_prefix("exit code 1: ").map_or(reason.clone(), str::to_owned)
}

/// Which program helps.
#[derive(Debug, Clone, Copy)]
pub(super) enum Helper {
    /// The check of a service.
    Check,
    /// The look whether what a service waits for can be reached.
    Reach,
}

/// Starts and kills them.
pub(super) struct Helpers<'a, S> {
    pub sys: &'a S,
    pub spawner: &'a Spawner<S>,
    pub what: Helper,
}

impl<S: Sys> Launcher for Helpers<'_, S> {
    fn launch(&mut self, service: ServiceId, incarnation: Incarnation, output: OwnedFd) -> Result<i32, String> {
        match self.what {
            Helper::Check => self.spawner.start_check(service, incarnation, output.as_fd()),
            Helper::Reach => self.spawner.start_reach(service, output.as_fd()),
        }
    }

    fn failure(&mut self, service: ServiceId) -> Option<String> {
        match self.what {
            Helper::Check => self.spawner.check_failure(service),
            Helper::Reach => self.spawner.reach_failure(service),
        }
    }

    fn kill(&mut self, leader: i32) {
        // Fails when it has changed its user, and podinit may not signal that one.
        let _ = signal_group_of(self.sys, leader, 9);
    }

    fn kill_leftovers(&mut self, leader: i32) {
        // Fails when there is no such group any more.
        let _ = self.sys.kill_group(leader, 9);
    }
}
