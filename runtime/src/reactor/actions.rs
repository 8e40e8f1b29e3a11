//! Carries out what the machine wants.

use super::Reactor;
use super::helpers::{Helper, Helpers};
use crate::health::ResolvedProbe;
use crate::machine::{Action, Event, Incarnation, Millis, Role, ServiceId, SpawnFailure, Target};
use crate::narrate::narrate;
use crate::notify::Voice;
use crate::reach;
use crate::rpc::Outcome;
use crate::sys::Sys;
use crate::sys::clock::rfc3339;
use crate::sys::processes::signal_group_of;
use podinit_plan::protocol::EventKind;
use podinit_plan::signal;
use std::io;
use std::os::fd::AsFd;

const SIGKILL: i32 = 9;

impl<S: Sys> Reactor<S> {
    /// Tells the machine, and carries out what it wants, and what it wants after that: as much as a turn has time for.
    pub(super) fn send(&mut self, event: Event) {
        self.events.push_back(event);
        self.go_on();
    }

    /// Carries on where the time of a turn was over.
    pub(super) fn go_on(&mut self) {
        let mut wanted = Vec::new();
        while self.turns.has_time(self.sys.monotonic()) {
            if let Some(action) = self.actions.pop_front() {
                let answer = self.act(action);
                self.answers.extend(answer);
                continue;
            }
            // What answers an action comes before anything else that is on its way.
            for answer in self.answers.drain(..).rev() {
                self.events.push_front(answer);
            }
            let Some(event) = self.events.pop_front() else { return };
            let now = self.now();
            // podinit may have been held up since the turn began.
            if !matches!(event, Event::Late { .. })
                && let Some(by) = self.held_up(self.parts.machine.deadline(), now)
            {
                self.parts.machine.step(now, Event::Late { by }, &mut wanted);
            }
            self.parts.machine.step(now, event, &mut wanted);
            self.actions.extend(wanted.drain(..));
        }
    }

    /// There was no time for all that is to be done.
    pub(super) fn has_more(&self) -> bool {
        !(self.actions.is_empty() && self.answers.is_empty() && self.events.is_empty())
    }

    /// Carries out an action; some are answered at once.
    fn act(&mut self, action: Action) -> Option<Event> {
        let now = self.now();
        let mut helpers = Helpers { sys: &self.sys, spawner: &self.parts.spawner, what: Helper::Check };
        match action {
            Action::Spawn { service, incarnation, role } => {
                return Some(match self.spawn(service, incarnation, role, now) {
                    Ok(pid) => Event::Spawned { service, incarnation, pid },
                    Err(failure) => Event::SpawnFailed { service, incarnation, failure },
                });
            }
            Action::Signal { service, incarnation, signal, to } => self.signal(service, incarnation, signal, to),
            Action::KillTree { service, incarnation } => {
                self.trees.kill((service, incarnation), self.roster.name(service), self.leaders[service], now);
            }
            Action::LeaveTree { service, incarnation } => {
                self.trees.count((service, incarnation), self.roster.name(service), self.leaders[service], now);
            }
            Action::Probe { service, incarnation } => {
                if let Some(check) = &self.checks[service] {
                    let (probe, timeout) = (check.probe.clone(), check.timeout_ms);
                    self.parts.probes.start((service, incarnation), probe, timeout, now, &mut helpers);
                }
            }
            Action::CancelProbe { service, incarnation } => {
                self.parts.probes.cancel(service, incarnation, &mut helpers);
            }
            Action::Reach { service } => {
                helpers.what = Helper::Reach;
                let probe = ResolvedProbe::Exec { owner: self.parts.spawner.owner(service) };
                let timeout = reach::LONGEST_MS * self.addresses[service];
                self.parts.reaches.start((service, 0), probe, timeout, now, &mut helpers);
            }
            Action::SignalStrays { signal } => {
                self.end_alerts(now);
                self.asks_for_children = true;
                self.reap_again = true;
                self.trees.signal_strays(signal, now);
            }
            Action::Publish(mut record) => {
                if record.event == EventKind::Stopping {
                    // Nobody waits for the answers any more.
                    helpers.what = Helper::Reach;
                    self.parts.reaches.cancel_all(&mut helpers);
                }
                record.time = rfc3339(self.sys.date());
                self.parts.control.published(&record, now);
                self.publish_to_listeners(&record);
                self.entered(&record, now);
                self.alert(&record, now);
                if let Some(line) = narrate(&record) {
                    self.parts.logs.say(&line);
                }
            }
            Action::Answer { request, result } => self.settle(Some(request), &Outcome::State(result)),
            Action::Exit { code, reason } => self.ended_with(code, reason),
        }
        None
    }

    fn spawn(&mut self, service: ServiceId, incarnation: Incarnation, role: Role, now: Millis) -> Result<i32, SpawnFailure> {
        let owner = self.parts.spawner.owner(service);
        let output = self
            .parts
            .logs
            .open(service, incarnation, role, owner)
            .map_err(|error| SpawnFailure { message: format!("cannot make a pipe for its output: {error}"), code: 111 })?;
        let voice = match role {
            Role::Command => self.parts.notify.open(service, incarnation, now).map_err(|error| SpawnFailure {
                message: format!("cannot make what it is to say that it is ready with: {error}"),
                code: 111,
            })?,
            Role::PreStart | Role::PostStop => Voice::default(),
        };
        let input = self.input(service, role, owner)?;
        let stdin = input.as_ref().map(AsFd::as_fd);
        let started = self.parts.spawner.start(service, incarnation, role, stdin, output.fds(), &voice);
        let pid = started.inspect_err(|_| {
            self.parts.notify.close(service);
            self.parts.inputs.close(service);
        })?;
        self.parts.listeners.started(service, incarnation);
        self.schedules.started(service, incarnation, now);
        self.running.insert(pid, (service, incarnation));
        self.memory.started((service, incarnation));
        self.leaders[service] = pid;
        self.roles[service] = role;
        Ok(pid)
    }

    fn signal(&mut self, service: ServiceId, incarnation: Incarnation, signal: i32, to: Target) {
        if let Some(Err(error)) = self.deliver(service, incarnation, signal, to) {
            let message = format!("cannot send {} to {}: {error}", signal::name(signal), self.roster.name(service));
            self.events.push_back(Event::Warning { message });
        }
    }

    /// Sends a signal; none when nobody is there to get it.
    pub(super) fn deliver(
        &mut self,
        service: ServiceId,
        incarnation: Incarnation,
        signal: i32,
        to: Target,
    ) -> Option<io::Result<()>> {
        let leader = self.leaders[service];
        if self.running.get(&leader) != Some(&(service, incarnation)) {
            // It was reaped: its number may be somebody else's.
            return None;
        }
        let sent = match to {
            Target::Leader => self.sys.kill(leader, signal),
            Target::Group => signal_group_of(&self.sys, leader, signal),
        };
        if signal == SIGKILL && sent.is_ok() {
            self.memory.killed(leader);
        }
        Some(sent)
    }
}
