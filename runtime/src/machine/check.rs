//! What the results of checks do: they make services ready, unready, restarted.

use super::service::{Process, Stop};
use super::timers::Timer;
use super::transitions::Cause;
use super::{Action, Machine, Role, ServiceId};
use podinit_plan::plan::OnFailure;
use podinit_plan::protocol::EventKind;
use podinit_plan::state::State;

/// The exit code of a pod that a failed check stopped, or a start that took too long.
pub(super) const GAVE_UP: i32 = 112;

impl Machine {
    pub(super) fn probe_now(&mut self, id: ServiceId) {
        let service = &self.services[id];
        let runs = service.is_alive() && service.now.process == Process::Running(Role::Command);
        if runs && !service.now.probing && !service.now.leaving {
            let service = &mut self.services[id].now;
            service.probing = true;
            self.out.push(Action::Probe { service: id, incarnation: service.incarnation });
        }
    }

    pub(super) fn schedule_probe(&mut self, id: ServiceId) {
        let service = &self.services[id];
        let Some(check) = &service.rules.check else { return };
        let interval = match service.now.state {
            _ if service.now.leaving => return,
            State::Starting => check.start_interval_ms,
            State::Ready | State::Unready => check.interval_ms,
            _ => return,
        };
        self.set_timer(id, Timer::Probe, self.now.saturating_add(interval));
    }

    pub(super) fn cancel_probe(&mut self, id: ServiceId) {
        let service = &mut self.services[id].now;
        if std::mem::take(&mut service.probing) {
            self.out.push(Action::CancelProbe { service: id, incarnation: service.incarnation });
        }
    }

    pub(super) fn probed(&mut self, id: ServiceId, result: Result<(), String>) {
        if !std::mem::take(&mut self.services[id].now.probing) {
            return;
        }
        match (self.services[id].now.state, result) {
            (State::Starting | State::Unready, Ok(())) => self.become_ready(id),
            (State::Ready, Ok(())) => {
                let service = &mut self.services[id].now;
                service.check_failures = 0;
                service.reason = None;
            }
            (State::Starting | State::Unready, Err(reason)) => self.note_failed_check(id, reason),
            (State::Ready, Err(reason)) => self.failed_while_ready(id, reason),
            _ => {}
        }
        self.schedule_probe(id);
    }

    fn failed_while_ready(&mut self, id: ServiceId, reason: String) {
        let service = &mut self.services[id];
        let Some(check) = &service.rules.check else { return };
        if self.now < service.now.started.saturating_add(check.start_period_ms) {
            return;
        }
        service.now.check_failures += 1;
        let (failures, retries, follow) = (service.now.check_failures, check.retries, check.on_failure);
        self.note_failed_check(id, reason.clone());
        if failures < retries.max(1) || follow == OnFailure::None {
            return;
        }
        let reason = format!("its check failed {failures} times: {reason}");
        self.clear_timer(id, Timer::Stable);
        self.enter(id, Cause::Unhealthy, State::Unready, Some(reason.clone()));
        match follow {
            OnFailure::Restart => self.stop(id, Cause::Unhealthy, Stop::Failed { reason, code: GAVE_UP }, None),
            OnFailure::StopPod => {
                let name = &self.services[id].name;
                let reason = format!("{name} is unhealthy: {reason}");
                self.shut_down(GAVE_UP, reason);
            }
            OnFailure::Unready | OnFailure::None => {}
        }
    }

    /// Keeps what was wrong for the status; tells everybody unless it was the same while not ready.
    fn note_failed_check(&mut self, id: ServiceId, reason: String) {
        let service = &mut self.services[id].now;
        let known = service.reason.as_deref() == Some(reason.as_str()) && service.state != State::Ready;
        if service.state != State::Unready {
            service.reason = Some(reason.clone());
        }
        if !known {
            self.tell(EventKind::CheckFailed, id, reason);
        }
    }

    /// Its start took too long: it failed, and is stopped like any other.
    pub(super) fn start_timed_out(&mut self, id: ServiceId) {
        let service = &self.services[id];
        if service.now.state != State::Starting {
            return;
        }
        let limit = podinit_plan::units::format_duration_ms(service.rules.start_timeout);
        let reason = format!("not ready within {limit}: {}", self.lacks(id));
        self.stop(id, Cause::StartTimedOut, Stop::Failed { reason, code: GAVE_UP }, None);
    }
}
