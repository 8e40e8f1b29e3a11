//! Alerts: what happens is looked at, and whoever is to know of it is told.

use super::Reactor;
use crate::alerts::Particulars;
use crate::keeper::Content;
use crate::machine::Millis;
use crate::rpc::{Outcome, Refusal, Ticket};
use crate::sys::Sys;
use crate::sys::clock::rfc3339;
use podinit_plan::protocol::{Event as Record, Exit};

/// Lines that are asked for where fewer go along: of those some may be empty.
const LINES: usize = 20;
/// How long the files of what was not told may take at the end.
const STORING: Millis = 500;

impl<S: Sys> Reactor<S> {
    /// Something has happened that somebody may have to know of.
    pub(super) fn alert(&mut self, record: &Record, now: Millis) {
        // Taken out, as it asks for what the others know.
        let Some(mut desk) = self.parts.desk.take() else { return };
        desk.observe(record, now, &mut || {
            let service = record.service.as_deref().and_then(|name| self.roster.find(name));
            let Some(service) = service else { return Particulars::default() };
            Particulars {
                output: self.parts.logs.tail(service, LINES),
                usage: self.memory.usage(service, now),
                peak_bytes: self.memory.peak(service),
            }
        });
        self.parts.desk = Some(desk);
    }

    /// Has everybody told who is to be told now.
    pub(super) fn go_on_alerting(&mut self, now: Millis) {
        let Some(desk) = &mut self.parts.desk else { return };
        let said =
            if desk.deadline(now).is_some_and(|at| at <= now) { desk.go_on(now, &mut self.parts.logs) } else { Vec::new() };
        let (changed, trials) = (desk.take_changed(now), desk.take_trials(now));
        self.say_all(said);
        for (path, bytes) in changed {
            self.keep(&path, Content::Bytes(bytes));
        }
        for (ticket, outcome) in trials {
            self.settle(ticket, &outcome);
        }
    }

    /// When [`Reactor::go_on_alerting`] is to be called at the latest.
    pub(super) fn alerts_deadline(&self) -> Option<Millis> {
        let now = self.now();
        let desk = self.parts.desk.as_ref()?;
        let storing = self.end.as_ref().and(self.leaves_by);
        desk.deadline(now).into_iter().chain(storing).min()
    }

    /// A process has ended; whether it was one that delivers alerts.
    pub(super) fn courier_ended(&mut self, pid: i32, exit: Exit, now: Millis) -> bool {
        let Some(said) = self.parts.desk.as_mut().and_then(|desk| desk.exited(pid, exit, now)) else { return false };
        self.say_all(said);
        true
    }

    /// The thread of the logs has written alerts, or could not.
    pub(super) fn take_written(&mut self, now: Millis) {
        let told = self.parts.logs.take_told();
        let said = self.parts.desk.as_mut().map(|desk| desk.written(told, now)).unwrap_or_default();
        self.say_all(said);
    }

    fn say_all(&mut self, said: impl IntoIterator<Item = String>) {
        said.into_iter().for_each(|line| self.parts.logs.say(&line));
    }

    /// Somebody tries a sink, or all.
    pub(super) fn try_sinks(&mut self, ticket: Option<Ticket>, sink: Option<&str>) {
        let (now, time) = (self.now(), rfc3339(self.sys.date()));
        match &mut self.parts.desk {
            Some(desk) => desk.try_out(ticket, sink, &time, now),
            None => {
                let refusal = Refusal::Failed("the plan has no alerts".to_owned());
                self.settle(ticket, &Outcome::Done(Err(refusal)));
            }
        }
    }

    /// Nothing is left of the services.
    pub(super) fn end_alerts(&mut self, now: Millis) {
        self.parts.desk.iter_mut().for_each(|desk| desk.begin_end(now));
    }

    /// Nothing keeps podinit from ending: its last alerts were told, as far as there is time for it, and what was not is
    /// stored.
    pub(super) fn may_leave(&mut self) -> bool {
        let now = self.now();
        let Some(desk) = self.parts.desk.as_mut().filter(|_| self.end.is_some()) else { return true };
        if self.leaves_by.is_none() {
            if !desk.may_leave(now) {
                return false;
            }
            let said = desk.leave();
            self.leaves_by = Some(now + STORING);
            self.go_on_alerting(now);
            self.say_all(said);
        }
        self.keeper.is_idle() || self.leaves_by.is_some_and(|by| by <= now)
    }
}
