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
            State::Ready | State::Unready => {
                let (interval, jitter) = (check.interval_ms, check.jitter_ms);
                // A pod that wants none draws none.
                let jitter = if jitter > 0 { self.random_below(jitter.saturating_add(1)) } else { 0 };
                interval.saturating_add(jitter)
            }
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
        let state = self.services[id].now.state;
        match (state, result) {
            (State::Starting | State::Ready | State::Unready, Ok(())) => self.passed(id),
            (State::Starting, Err(reason)) => {
                self.services[id].now.passes = 0;
                self.note_failed_check(id, reason);
            }
            (State::Ready | State::Unready, Err(reason)) => self.failed_check(id, reason),
            _ => {}
        }
        self.schedule_probe(id);
    }

    fn passed(&mut self, id: ServiceId) {
        let service = &mut self.services[id];
        let threshold = service.rules.check.as_ref().map_or(1, |check| check.success_threshold);
        service.now.check_failures = 0;
        if service.now.state == State::Ready {
            service.now.reason = None;
            if service.now.stable {
                // The last step has helped. To have been ready for long is not enough: a service that hangs as soon as it
                // is ready is found out by its next check only.
                service.now.steps = 0;
            }
            return;
        }
        service.now.passes += 1;
        if service.now.passes >= threshold {
            self.become_ready(id);
        }
    }

    /// A service that had been ready is not well. When that was said often enough, the next step is taken.
    fn failed_check(&mut self, id: ServiceId, reason: String) {
        let service = &mut self.services[id];
        service.now.passes = 0;
        let Some(check) = &service.rules.check else { return };
        if self.now < service.now.started.saturating_add(check.start_period_ms) {
            return;
        }
        service.now.check_failures += 1;
        let failures = service.now.check_failures;
        let is_due = failures >= check.retries.max(1);
        self.note_failed_check(id, reason.clone());
        if is_due {
            self.services[id].now.check_failures = 0;
            self.take_step(id, format!("its check failed {failures} times: {reason}"));
        }
    }

    /// Does what is to follow from a check that failed: more each time that it did not help.
    fn take_step(&mut self, id: ServiceId, reason: String) {
        let service = &mut self.services[id];
        let steps = service.rules.check.as_ref().map_or(&[][..], |check| &check.on_failure);
        let Some(step) = steps.get(service.now.steps).or(steps.last()).copied() else { return };
        service.now.steps = (service.now.steps + 1).min(steps.len());
        if step == OnFailure::None {
            return;
        }
        if service.now.state == State::Ready {
            self.clear_timer(id, Timer::Stable);
            self.enter(id, Cause::Unhealthy, State::Unready, Some(reason.clone()));
        }
        match step {
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
