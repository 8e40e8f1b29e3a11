//! When a service counts as up, and what it says of itself.

use super::check::GAVE_UP;
use super::service::{Process, Stop};
use super::timers::Timer;
use super::transitions::Cause;
use super::{Machine, Notice, Role, ServiceId};
use podinit_plan::plan::{Kind, Ready};
use podinit_plan::state::State;
use podinit_plan::units::format_duration_ms;

impl Machine {
    pub(super) fn become_ready(&mut self, id: ServiceId) {
        let service = &mut self.services[id];
        if !matches!(service.now.state, State::Starting | State::Unready) {
            return;
        }
        service.now.check_failures = 0;
        service.now.passes = 0;
        service.now.ready_at.get_or_insert(self.now);
        let stable_after = service.rules.restart.stable_after_ms;
        let begins = service.now.state == State::Starting;
        self.clear_timer(id, Timer::Alive);
        self.clear_timer(id, Timer::StartTimeout);
        self.enter(id, Cause::Ready, State::Ready, None);
        if stable_after == 0 {
            self.stable(id);
        } else {
            self.set_timer(id, Timer::Stable, self.now.saturating_add(stable_after));
        }
        if begins {
            self.schedule_probe(id);
            self.is_alive(id);
        }
    }

    /// It was ready for long enough: what failed before is forgotten.
    pub(super) fn stable(&mut self, id: ServiceId) {
        let service = &mut self.services[id].now;
        service.stable = true;
        service.failures = 0;
        service.delays = 0;
    }

    /// The service said something of itself; a hook's word does not count.
    pub(super) fn notified(&mut self, id: ServiceId, notice: Notice) {
        let service = &self.services[id];
        if service.now.process != Process::Running(Role::Command) || !service.is_alive() {
            return;
        }
        match notice {
            Notice::Ready if service.now.state == State::Starting => {
                let says_so = !matches!(service.rules.ready, Ready::Check | Ready::AliveMs(_));
                if says_so && service.rules.kind == Kind::Service {
                    self.become_ready(id);
                }
            }
            Notice::Ready | Notice::Alive => self.is_alive(id),
            Notice::Stopping => self.leaves(id),
        }
    }

    /// It is about to end by its own will: nobody asks any more whether it is well.
    fn leaves(&mut self, id: ServiceId) {
        self.cancel_probe(id);
        self.clear_timer(id, Timer::Probe);
        self.clear_timer(id, Timer::Watchdog);
        let service = &mut self.services[id].now;
        service.leaving = true;
        service.reason = Some("it says that it is going to end".to_owned());
    }

    /// From now on it has its whole time again to say that it is alive.
    fn is_alive(&mut self, id: ServiceId) {
        let service = &self.services[id];
        let watched = service.rules.watchdog > 0 && !service.now.leaving;
        if watched && matches!(service.now.state, State::Ready | State::Unready) {
            self.set_timer(id, Timer::Watchdog, self.now.saturating_add(service.rules.watchdog));
        }
    }

    /// It did not say in time that it is alive.
    pub(super) fn was_silent(&mut self, id: ServiceId) {
        let limit = format_duration_ms(self.services[id].rules.watchdog);
        let reason = format!("it did not say WATCHDOG=1 for {limit}");
        self.stop(id, Cause::Silent, Stop::Failed { reason, code: GAVE_UP }, None);
    }
}
