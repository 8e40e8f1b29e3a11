//! What follows when a process has ended: its leftovers are killed, post_stop runs, and the service is started again,
//! later, never, or given up.

use super::service::{Process, Stop};
use super::shutdown::Phase;
use super::timers::Timer;
use super::transitions::Cause;
use super::{Action, Machine, Millis, Role, ServiceId};
use podinit_plan::plan::{Growth, Kind, RestartPolicy};
use podinit_plan::protocol::{EventKind, Exit};
use podinit_plan::state::State;

/// The exit code of a pod whose essential service ended with 0 for the last time.
const ENDED_WITH_ZERO: i32 = 113;

/// An end of an incarnation that nobody asked for.
#[derive(Debug)]
pub(super) struct End {
    /// In words.
    pub reason: String,
    /// The pod's exit code if this was the last straw.
    pub code: i32,
    /// The exit code is among those expected.
    pub expected: bool,
}

impl End {
    pub fn of(exit: Exit, what: &str, expected: bool) -> End {
        let code = match exit {
            Exit::Code(0) => ENDED_WITH_ZERO,
            Exit::Code(code) => code,
            Exit::Signal(signal) => 128 + signal,
        };
        End { reason: format!("{what} with {exit}"), code, expected }
    }
}

/// What follows an end.
enum Next {
    Again,
    After(Millis),
    Done,
    Fatal,
}

impl Machine {
    /// The first process of one of a service's commands has ended.
    pub(super) fn exited(&mut self, id: ServiceId, exit: Exit) {
        let service = &mut self.services[id].now;
        let process = service.process;
        match process {
            Process::Gone => return,
            Process::Running(Role::Command) | Process::Killing(Role::Command) => {
                service.last_exit = Some(exit);
                service.ended = Some(self.now);
            }
            Process::Running(_) | Process::Killing(_) => {}
        }
        service.pid = None;
        if let Process::Running(role) = process {
            self.clear_timer(id, Timer::Kill);
            match role {
                Role::PreStart => self.pre_start_ended(id, exit),
                Role::Command => self.command_ended(id, exit),
                Role::PostStop => self.post_stop_ended(id, exit),
            }
        }
    }

    fn command_ended(&mut self, id: ServiceId, exit: Exit) {
        self.cancel_probe(id);
        let service = &self.services[id];
        if service.now.state == State::Stopping {
            return self.clean_up(id);
        }
        let expected = match exit {
            Exit::Code(code) => service.rules.restart.exit_codes.contains(&code),
            Exit::Signal(_) => false,
        };
        let in_time =
            service.rules.kind == Kind::Oneshot || service.rules.restart.expected_before_ready || service.now.ready_at.is_some();
        self.clear_timers(id);
        let end = End::of(exit, "ended", expected && in_time);
        let reason = self.take_oom_kill(id, end.reason);
        self.ended(id, End { reason, ..end });
    }

    fn post_stop_ended(&mut self, id: ServiceId, exit: Exit) {
        if exit != Exit::Code(0) {
            self.tell(EventKind::Warning, id, format!("its post_stop ended with {exit}"));
        }
        self.clean_up(id);
    }

    /// The first process is gone; what it left follows, where leftovers are killed.
    pub(super) fn clean_up(&mut self, id: ServiceId) {
        match self.services[id].now.process {
            Process::Running(_) if self.services[id].rules.kill_leftovers => self.kill_tree(id),
            Process::Running(role) => self.nothing_left(id, role),
            Process::Killing(_) | Process::Gone => {}
        }
    }

    pub(super) fn kill_tree(&mut self, id: ServiceId) {
        let service = &mut self.services[id].now;
        if let Process::Running(role) = service.process {
            service.process = Process::Killing(role);
            self.out.push(Action::KillTree { service: id, incarnation: service.incarnation });
            self.clear_timer(id, Timer::Kill);
        }
    }

    pub(super) fn tree_gone(&mut self, id: ServiceId, killed: usize) {
        let Process::Killing(role) = self.services[id].now.process else { return };
        if killed > 0 {
            let plural = if killed == 1 { "process that was" } else { "processes that were" };
            self.tell(EventKind::Leftovers, id, format!("killed {killed} {plural} left of it"));
        }
        self.nothing_left(id, role);
    }

    /// Processes that a leader which is done left behind live on.
    pub(super) fn left(&mut self, id: ServiceId, alive: usize) {
        if alive > 0 {
            let plural = if alive == 1 { "process" } else { "processes" };
            let verb = if alive == 1 { "lives" } else { "live" };
            self.tell(EventKind::Leftovers, id, format!("{alive} {plural} that it left behind {verb} on"));
        }
    }

    /// Nothing is left of a command: post_stop follows the one that ran.
    fn nothing_left(&mut self, id: ServiceId, role: Role) {
        let service = &mut self.services[id];
        let ran = std::mem::take(&mut service.now.ran);
        if role == Role::Command && ran && service.rules.post_stop && self.may_run_hooks() {
            let grace = self.services[id].rules.stop_grace_period.min(self.grace_left());
            self.spawn(id, Role::PostStop);
            self.set_timer(id, Timer::Kill, self.now.saturating_add(grace));
        } else {
            self.gone(id);
        }
    }

    /// Nothing of the incarnation is left.
    pub(super) fn gone(&mut self, id: ServiceId) {
        let service = &mut self.services[id];
        service.now.process = Process::Gone;
        self.gates.look_at(id, &service.rules);
        if service.now.state == State::Stopping {
            self.stopped(id);
        }
    }

    /// Nothing of a service that was being stopped is left.
    fn stopped(&mut self, id: ServiceId) {
        self.clear_timers(id);
        let why = self.services[id].now.stop.take();
        match why {
            _ if matches!(self.phase, Phase::Stopping(_)) => self.enter(id, Cause::Gone, State::Stopped, None),
            None | Some(Stop::Down) => self.enter(id, Cause::Gone, State::Stopped, None),
            Some(Stop::Restart) => {
                self.want(id, Cause::Gone);
                self.announce(id);
            }
            Some(Stop::Failed { reason, code }) => self.follow(id, Cause::Gone, End { reason, code, expected: false }),
        }
    }

    /// An incarnation ended unasked, and its leader is gone.
    pub(super) fn ended(&mut self, id: ServiceId, end: End) {
        self.follow(id, Cause::Ended, end);
    }

    /// Does what the restart policy says of an end.
    fn follow(&mut self, id: ServiceId, cause: Cause, end: End) {
        self.services[id].now.failed = !end.expected;
        if matches!(self.phase, Phase::Stopping(_)) {
            let state = if end.expected { State::Done } else { State::Stopped };
            self.clean_up(id);
            return self.enter(id, cause, state, Some(end.reason));
        }
        match self.next(id, end.expected) {
            Next::Again => {
                self.clean_up(id);
                self.services[id].now.restarting = true;
                self.enter(id, cause, State::Waiting, Some(end.reason));
            }
            Next::After(delay) => {
                self.clean_up(id);
                self.services[id].now.restarting = true;
                self.enter(id, cause, State::Backoff, Some(end.reason));
                self.set_timer(id, Timer::Backoff, self.now.saturating_add(delay));
            }
            Next::Done => {
                self.leave_tree(id);
                self.enter(id, cause, State::Done, Some(end.reason.clone()));
                if !end.expected {
                    self.down_for_good(id, &end.reason, end.code);
                }
            }
            Next::Fatal => {
                self.clean_up(id);
                let failures = self.services[id].now.failures;
                let reason = format!("{}; failed {failures} time{}", end.reason, if failures == 1 { "" } else { "s" });
                self.enter(id, cause, State::Fatal, Some(reason.clone()));
                self.down_for_good(id, &reason, end.code);
            }
        }
    }

    /// What a service that is done left behind may go on.
    fn leave_tree(&mut self, id: ServiceId) {
        let service = &self.services[id].now;
        if let Process::Running(role) = service.process {
            self.out.push(Action::LeaveTree { service: id, incarnation: service.incarnation });
            self.nothing_left(id, role);
        }
    }

    fn down_for_good(&mut self, id: ServiceId, reason: &str, code: i32) {
        if self.services[id].rules.essential {
            let reason = format!("{} is down for good: {reason}", self.services[id].name);
            self.shut_down(code, reason);
        }
    }

    /// Decides what follows an end, and keeps the count of failures.
    fn next(&mut self, id: ServiceId, expected: bool) -> Next {
        let service = &mut self.services[id];
        let restart = &service.rules.restart;
        let had_been_ready = service.now.ready_at.is_some();
        let again = match (service.rules.kind, restart.policy) {
            (Kind::Oneshot, RestartPolicy::Never) => false,
            (Kind::Oneshot, _) => !expected,
            (Kind::Service, RestartPolicy::Always) => true,
            (Kind::Service, RestartPolicy::OnFailure) => !expected,
            (Kind::Service, RestartPolicy::Never) => {
                !expected && !had_been_ready && (restart.retries > 0 || !restart.expected_before_ready)
            }
        };
        if !again {
            return Next::Done;
        }
        // Without it, a service that ends as soon as it is up would be all that the pod does.
        let due = service.now.started.saturating_add(restart.backoff.min_interval_ms);
        let at_once = if due > self.now { Next::After(due - self.now) } else { Next::Again };
        if service.now.stable {
            return at_once;
        }
        service.now.failures += 1;
        if service.now.failures > restart.retries {
            return Next::Fatal;
        }
        let backoff = restart.backoff.clone();
        if had_been_ready && service.now.failures == 1 && backoff.immediate_after_ready {
            return at_once;
        }
        service.now.delays += 1;
        let n = u64::from(service.now.delays);
        let factor = match backoff.growth {
            Growth::Exponential => 1u64.checked_shl((n - 1).min(62) as u32).unwrap_or(u64::MAX),
            Growth::Linear => n,
        };
        let delay = backoff.first_ms.saturating_mul(factor).min(backoff.max_ms);
        let spread = delay / 100 * u64::from(backoff.jitter_percent.min(100));
        let jitter = self.random_below(spread.saturating_mul(2).saturating_add(1));
        Next::After(delay - spread + jitter)
    }
}
