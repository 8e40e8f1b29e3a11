//! From wanted to running: what makes a service wanted, its start, and the hook before it.

use super::end::End;
use super::service::Process;
use super::shutdown::Phase;
use super::timers::Timer;
use super::transitions::Cause;
use super::{Action, Machine, Role, ServiceId, SpawnFailure};
use podinit_plan::plan::{Kind, Ready};
use podinit_plan::protocol::{EventKind, Exit};
use podinit_plan::state::State;

impl Machine {
    pub(super) fn boot(&mut self) {
        if !matches!(self.phase, Phase::New) {
            return;
        }
        self.phase = Phase::Running;
        for id in 0..self.services.len() {
            let rules = &self.services[id].rules;
            if rules.autostart && !rules.scheduled {
                self.want(id, Cause::Boot);
            }
        }
    }

    /// Makes a service wanted; it starts as soon as its gate is open.
    pub(super) fn want(&mut self, id: ServiceId, cause: Cause) {
        let service = &mut self.services[id].now;
        service.ever_wanted = true;
        service.stopped_by_hand = false;
        self.enter_quietly(id, cause, State::Waiting, None);
    }

    /// The clock wants a scheduled service to run, with all its attempts; one that still runs is left alone.
    pub(super) fn due(&mut self, id: ServiceId) {
        let Some(service) = self.services.get_mut(id) else { return };
        if !matches!(self.phase, Phase::Running) || !service.rules.scheduled {
            return;
        }
        if !service.now.state.is_at_rest() || service.now.process != Process::Gone {
            let what = match service.now.state {
                State::Waiting => "the last one has not begun",
                State::Backoff => "the last one failed and is to be tried again",
                _ => "the last one has not ended",
            };
            return self.tell(EventKind::Skipped, id, format!("a scheduled run was skipped: {what}"));
        }
        service.now.failures = 0;
        service.now.delays = 0;
        service.now.out_of_line = true;
        self.want(id, Cause::Due);
    }

    /// Its delay is over.
    pub(super) fn retry(&mut self, id: ServiceId) {
        if self.services[id].now.state == State::Backoff {
            self.enter_quietly(id, Cause::DelayOver, State::Waiting, None);
        }
    }

    pub(super) fn start(&mut self, id: ServiceId) {
        self.enter_quietly(id, Cause::GateOpen, State::Starting, None);
        let service = &mut self.services[id];
        let now = &mut service.now;
        now.incarnation += 1;
        now.started = self.now;
        now.spawn_error = None;
        now.ready_at = None;
        now.ran = false;
        now.stable = false;
        now.leaving = false;
        now.oom_killed = false;
        now.failed = false;
        now.check_failures = 0;
        now.passes = 0;
        now.out_of_line = true;
        if std::mem::take(&mut now.restarting) {
            now.restarts += 1;
        }
        let (start_timeout, pre_start) = (service.rules.start_timeout, service.rules.pre_start);
        if start_timeout > 0 {
            self.set_timer(id, Timer::StartTimeout, self.now.saturating_add(start_timeout));
        }
        self.spawn(id, if pre_start { Role::PreStart } else { Role::Command });
    }

    pub(super) fn spawn(&mut self, id: ServiceId, role: Role) {
        let service = &mut self.services[id].now;
        service.process = Process::Running(role);
        service.spawning = true;
        self.out.push(Action::Spawn { service: id, incarnation: service.incarnation, role });
    }

    pub(super) fn spawned(&mut self, id: ServiceId, pid: i32) {
        let service = &mut self.services[id];
        service.now.spawning = false;
        service.now.pid = Some(pid);
        // One that had no time at all is being killed already.
        let Process::Running(role) = service.now.process else { return };
        service.now.ran |= role == Role::Command;
        if service.now.state != State::Starting {
            return;
        }
        if service.now.announced != State::Starting {
            self.announce(id);
        }
        if role != Role::Command {
            return;
        }
        let service = &mut self.services[id];
        service.now.started = self.now;
        match (service.rules.kind, &service.rules.ready) {
            (Kind::Oneshot, _) => {}
            (Kind::Service, Ready::Check) => self.probe_now(id),
            (Kind::Service, Ready::AliveMs(0)) => self.become_ready(id),
            (Kind::Service, Ready::AliveMs(alive)) => {
                let at = self.now.saturating_add(*alive);
                self.set_timer(id, Timer::Alive, at);
            }
            // It says so itself, or a file or a line of its output does.
            (Kind::Service, Ready::Log(_) | Ready::File(_) | Ready::NotifyFd(_) | Ready::NotifySocket { .. }) => {}
        }
    }

    pub(super) fn spawn_failed(&mut self, id: ServiceId, failure: SpawnFailure) {
        let service = &mut self.services[id].now;
        service.spawning = false;
        service.pid = None;
        service.ran = false;
        let Process::Running(role) = service.process else { return };
        if role != Role::PostStop {
            service.ended = Some(self.now);
            service.spawn_error = Some(failure.code);
        }
        self.clear_timer(id, Timer::Kill);
        if role == Role::PostStop {
            self.tell(EventKind::Warning, id, format!("its post_stop failed: {}", failure.message));
            return self.gone(id);
        }
        self.cancel_probe(id);
        let service = &mut self.services[id];
        let stopping = service.now.state == State::Stopping;
        if role == Role::Command && service.rules.pre_start {
            // Not the command, but what ran before it may have left something.
            if stopping {
                return self.clean_up(id);
            }
        } else if stopping {
            return self.gone(id);
        } else {
            service.now.process = Process::Gone;
        }
        self.clear_timers(id);
        self.ended(id, End { reason: failure.message, code: failure.code, expected: false });
    }

    /// What had to run before the command has ended.
    pub(super) fn pre_start_ended(&mut self, id: ServiceId, exit: Exit) {
        match (self.services[id].now.state, exit) {
            (State::Stopping, _) => self.clean_up(id),
            (_, Exit::Code(0)) if matches!(self.phase, Phase::Running) => self.spawn(id, Role::Command),
            _ => {
                self.clear_timers(id);
                self.services[id].now.last_exit = Some(exit);
                self.ended(id, End::of(exit, "pre_start ended", false));
            }
        }
    }
}
