//! How one service is stopped: the signal, the grace, the kill.

use super::service::{Process, Stop};
use super::shutdown::Phase;
use super::timers::Timer;
use super::transitions::Cause;
use super::{Action, Machine, Millis, Role, ServiceId, Target};
use podinit_plan::state::State;

const SIGKILL: i32 = 9;

impl Machine {
    /// Stops a service, whatever state it is in. `grace` is the most it gets; without it, its own.
    pub(super) fn stop(&mut self, id: ServiceId, cause: Cause, why: Stop, grace: Option<Millis>) {
        if matches!((&self.phase, &why), (Phase::Stopping(_), Stop::Failed { .. })) {
            // It has its place among those that stop with the pod.
            return;
        }
        let service = &mut self.services[id];
        let grace = grace.unwrap_or(Millis::MAX).min(service.rules.stop_grace_period);
        match service.now.state {
            State::Stopped | State::Done | State::Fatal | State::Waiting | State::Backoff => {
                self.clear_timers(id);
                if self.services[id].now.process != Process::Gone {
                    self.services[id].now.stop = Some(why);
                    self.enter(id, cause, State::Stopping, None);
                    self.kill_at_the_latest(id, grace);
                } else if why == Stop::Restart {
                    self.want(id, Cause::StartAsked);
                } else if self.services[id].now.state != State::Stopped {
                    self.enter(id, cause, State::Stopped, None);
                }
            }
            State::Stopping => {
                service.now.stop = Some(why);
                self.kill_at_the_latest(id, grace);
            }
            State::Starting | State::Ready | State::Unready => {
                let reason = match &why {
                    Stop::Failed { reason, .. } => Some(reason.clone()),
                    Stop::Down | Stop::Restart => None,
                };
                service.now.stop = Some(why);
                self.clear_timers(id);
                self.cancel_probe(id);
                self.enter(id, cause, State::Stopping, reason);
                let service = &self.services[id];
                let to = if service.rules.stop_group { Target::Group } else { Target::Leader };
                let (incarnation, signal) = (service.now.incarnation, service.rules.stop_signal);
                self.out.push(Action::Signal { service: id, incarnation, signal, to });
                self.set_timer(id, Timer::Kill, self.now.saturating_add(grace));
            }
        }
    }

    /// Moves the kill of what runs nearer, never further away.
    pub(super) fn kill_at_the_latest(&mut self, id: ServiceId, grace: Millis) {
        let at = self.now.saturating_add(grace);
        if self.services[id].now.timers[Timer::Kill as usize].is_some_and(|planned| planned > at) {
            self.set_timer(id, Timer::Kill, at);
        }
    }

    /// Its grace is over.
    pub(super) fn kill(&mut self, id: ServiceId) {
        let service = &self.services[id];
        let Process::Running(role) = service.now.process else { return };
        if service.rules.kill_leftovers || role == Role::PostStop {
            self.kill_tree(id);
        } else {
            let to = if service.rules.kill_group { Target::Group } else { Target::Leader };
            let incarnation = service.now.incarnation;
            self.out.push(Action::Signal { service: id, incarnation, signal: SIGKILL, to });
        }
    }

    /// Passes a signal that podinit got on to the commands that want it.
    pub(super) fn pass_on(&mut self, signal: i32) {
        for (id, service) in self.services.iter().enumerate() {
            if let Some(signal) = service.rules.signals.get(&signal).copied()
                && service.is_alive()
                && service.now.process == Process::Running(Role::Command)
            {
                let incarnation = service.now.incarnation;
                self.out.push(Action::Signal { service: id, incarnation, signal, to: Target::Leader });
            }
        }
    }
}
