//! How a service changes its state, and what everybody is told of it.

use super::service::{Process, Reach};
use super::timers::Timer;
use super::transitions::Cause;
use super::{Action, Machine, Millis, Record, Role, ServiceId};
use podinit_plan::plan::{Kind, Ready};
use podinit_plan::protocol::EventKind;
use podinit_plan::state::State;
use podinit_plan::units::format_duration_ms;

/// A service that waits or starts for this long says what for; then each time that has doubled.
const TAKES_LONG: Millis = 10_000;

impl Machine {
    /// Enters a state and tells everybody.
    pub(super) fn enter(&mut self, id: ServiceId, cause: Cause, state: State, reason: Option<String>) {
        self.enter_quietly(id, cause, state, reason);
        self.announce(id);
        self.answer_for_state(id);
    }

    /// Enters a state that may not last, so that nobody is told yet.
    pub(super) fn enter_quietly(&mut self, id: ServiceId, cause: Cause, state: State, reason: Option<String>) {
        let service = &mut self.services[id];
        let previous = std::mem::replace(&mut service.now.state, state);
        self.changes.note(id, previous, cause, state);
        service.now.since = self.now;
        service.now.reason = reason;
        service.now.reach = Reach::Unknown;
        match (previous.is_at_rest(), state.is_at_rest()) {
            (true, false) => self.active += 1,
            (false, true) => self.active -= 1,
            _ => {}
        }
        self.gates.changed(id, &self.services[id]);
        if self.services[id].satisfies_dependants() {
            for dependant in &self.services[id].rules.dependants {
                self.gates.look_at(*dependant, &self.services[*dependant].rules);
            }
        }
        self.clear_timer(id, Timer::Reach);
        if matches!(state, State::Waiting | State::Starting) && !self.services[id].rules.scheduled {
            self.set_timer(id, Timer::Reminder, self.now.saturating_add(TAKES_LONG));
        } else {
            self.clear_timer(id, Timer::Reminder);
        }
    }

    /// Tells everybody which state a service is in.
    pub(super) fn announce(&mut self, id: ServiceId) {
        let service = &mut self.services[id].now;
        let previous = std::mem::replace(&mut service.announced, service.state);
        let ended = previous.is_running() && !service.state.is_running();
        let record = Record {
            state: Some(service.state),
            previous: Some(previous),
            pid: service.pid,
            exit: if ended { service.last_exit } else { None },
            // What was told to stop may end as it likes.
            expected: (ended && previous != State::Stopping).then_some(!service.failed),
            failures: service.failures,
            reason: service.reason.clone(),
            ..self.record(EventKind::State, Some(id))
        };
        self.publish(record);
    }

    /// Its start takes long: tells everybody what it waits for.
    pub(super) fn remind(&mut self, id: ServiceId) {
        let service = &self.services[id];
        let (what, lacks) = match service.now.state {
            State::Waiting => ("waiting", self.waits_for(id)),
            State::Starting => ("starting", Some(self.lacks(id))),
            _ => return,
        };
        let elapsed = self.now.saturating_sub(service.now.since);
        let lacks = lacks.map(|lacks| format!(": {lacks}")).unwrap_or_default();
        let reason = format!("has been {what} for {}{lacks}", format_duration_ms(elapsed / 1_000 * 1_000));
        self.tell(EventKind::Waits, id, reason);
        self.set_timer(id, Timer::Reminder, self.now.saturating_add(elapsed.max(TAKES_LONG)));
    }

    /// What a starting service lacks to be ready, in words.
    pub(super) fn lacks(&self, id: ServiceId) -> String {
        let service = &self.services[id];
        match (service.now.process, service.rules.kind, &service.rules.ready) {
            (Process::Running(Role::PreStart), ..) => "its pre_start has not ended".to_owned(),
            (_, Kind::Oneshot, _) => "it has not ended".to_owned(),
            (.., Ready::Check) => match &service.now.reason {
                Some(reason) => format!("its check fails: {reason}"),
                None => "its check has not passed".to_owned(),
            },
            (.., Ready::AliveMs(alive)) => format!("it is ready when it has run for {}", format_duration_ms(*alive)),
            // Not the text itself: it may be made of variables that are nobody's business.
            (.., Ready::Log(_)) => "the line of its output that says so has not come".to_owned(),
            (.., Ready::File(path)) => format!("{path} is not there"),
            (.., Ready::NotifyFd(descriptor)) => format!("it has written nothing to descriptor {descriptor}"),
            (.., Ready::NotifySocket { .. }) => "it has not said READY=1".to_owned(),
        }
    }

    /// Tells everybody something of a service.
    pub(super) fn tell(&mut self, event: EventKind, id: ServiceId, reason: String) {
        let record = Record { reason: Some(reason), ..self.record(event, Some(id)) };
        self.publish(record);
    }

    pub(super) fn record(&self, event: EventKind, id: Option<ServiceId>) -> Record {
        let service = id.map(|id| &self.services[id]);
        Record {
            service: service.map(|service| service.name.clone()),
            incarnation: service.map(|service| service.now.incarnation).filter(|incarnation| *incarnation > 0),
            ..Record::new(event)
        }
    }

    pub(super) fn publish(&mut self, mut record: Record) {
        self.sequence += 1;
        record.seq = self.sequence;
        self.out.push(Action::Publish(Box::new(record)));
    }
}
