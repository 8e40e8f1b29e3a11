//! What follows from what services and the container use of memory.

use super::Reactor;
use crate::keeper::Content;
use crate::machine::{Event, Millis};
use crate::memory::{Pod, Start, Verdict};
use crate::rpc::{Outcome, Ticket};
use crate::sys::Sys;
use crate::sys::clock::rfc3339;
use podinit_plan::protocol::{Event as Record, EventKind, Exit};
use podinit_plan::state::State;
use std::path::PathBuf;

const SIGKILL: i32 = 9;

impl<S: Sys> Reactor<S> {
    /// Looks at memory for a millisecond.
    pub(super) fn watch_memory(&mut self, now: Millis) {
        let mut checks = self.parts.probes.processes();
        checks.extend(self.parts.reaches.processes());
        let roster = &self.roster;
        let pod = Pod { running: &self.running, checks: &checks, named: &|name| roster.find(name) };
        if self.memory.work(now, &pod) {
            self.act_on_memory(now);
        }
        for ticket in self.memory.take_answered(now) {
            self.settle(Some(ticket), &Outcome::Measured);
        }
    }

    /// A client wants figures that are measured from now on.
    pub(super) fn measure_for(&mut self, ticket: Option<Ticket>) {
        let now = self.now();
        if ticket.is_some_and(|ticket| !self.memory.ask(ticket, now)) {
            self.settle(ticket, &Outcome::Measured);
        }
    }

    /// There are new figures.
    fn act_on_memory(&mut self, now: Millis) {
        match self.memory.take_untold_kills() {
            0 => {}
            1 => self.tell_of_oom_kill(None, "the kernel killed a process: out of memory".to_owned()),
            more => self.tell_of_oom_kill(None, format!("the kernel killed {more} processes: out of memory")),
        }
        let machine = &self.parts.machine;
        let may_go = |(service, incarnation): Start| {
            let is_alive = |state| matches!(state, State::Starting | State::Ready | State::Unready);
            machine.seen(service).is_some_and(|seen| seen.incarnation == incarnation && is_alive(seen.state))
        };
        for verdict in self.memory.judge(now, &may_go) {
            match verdict {
                Verdict::Tell(service, mut record) => {
                    record.service = service.map(|service| self.roster.name(service).to_owned());
                    self.send(Event::Observed { record });
                }
                Verdict::Restart(service, incarnation, reason) => {
                    self.send(Event::OverLimit { service, incarnation, reason });
                }
            }
        }
        let names = self.roster.all().map(|id| (id, self.roster.name(id)));
        if let Some((path, bytes)) = self.memory.report(&rfc3339(self.sys.date()), names, now) {
            let path = PathBuf::from(path);
            self.keep(&path, Content::Bytes(bytes));
        }
    }

    /// Whether the kernel has killed a child that was reaped, for lack of memory.
    pub(super) fn is_oom_kill(&mut self, pid: i32, exit: Exit) -> bool {
        exit == Exit::Signal(SIGKILL) && !self.trees.has_killed(pid) && self.memory.is_oom_kill(pid)
    }

    /// A process was reaped that podinit has not started.
    pub(super) fn orphan_ended(&mut self, pid: i32, exit: Exit) {
        if self.is_oom_kill(pid, exit) {
            let reason = "the kernel killed one of its processes: out of memory".to_owned();
            self.tell_of_oom_kill(self.memory.owner(pid), reason);
        }
    }

    fn tell_of_oom_kill(&mut self, of: Option<Start>, reason: String) {
        let service = of.map(|(service, _)| self.roster.name(service).to_owned());
        let incarnation = of.map(|(_, incarnation)| incarnation);
        let record = Record { service, incarnation, reason: Some(reason), ..Record::new(EventKind::OomKill) };
        self.send(Event::Observed { record: Box::new(record) });
    }
}
