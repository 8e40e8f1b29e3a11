//! What is made to happen to a pod, and how the weather gets fair at the end.

use super::rules::Broken;
use super::schedule::{Happening, Hook, PASSED_ON, Proof};
use super::world::{Leader, World};
use crate::machine::{Event, Millis, Notice, Role, SpawnFailure, Verb};
use podinit_plan::plan::Kind;
use podinit_plan::protocol::Exit;
use podinit_plan::state::State;

/// What a pod in fair weather may take to come to rest, in things that happen.
const FAIR: usize = 400;
/// One look at the weather, and the next.
const LOOK: Millis = 1_000;
/// Longer than any service may take to stop.
const ANY_STOP: Millis = 40_000;

impl World {
    pub fn boot(&mut self) {
        self.send(Event::Boot);
        self.run_until(self.now);
    }

    /// Has something happen, and what follows from it at once.
    pub fn happens(&mut self, happening: Happening) {
        if self.trace {
            eprintln!("{happening:?}");
        }
        match happening {
            Happening::After(by) => self.run_until(self.now + by),
            Happening::Exits(id, code) => self.ends(id, Exit::Code(code)),
            Happening::Dies(id, signal) => self.ends(id, Exit::Signal(signal)),
            Happening::CannotExecute(service) => {
                if let Some(leader) = self.actors[service].leader {
                    let failure = SpawnFailure { message: "cannot execute true".to_owned(), code: 127 };
                    let event = Event::SpawnFailed { service, incarnation: leader.incarnation, failure };
                    self.send_end(service, leader, event);
                }
            }
            Happening::CannotFork(id) => self.actors[id].cannot_fork = true,
            Happening::Hangs(id) => self.actors[id].obeys = None,
            Happening::Passes(id) => self.probed(id, Ok(())),
            Happening::Fails(id) => self.probed(id, Err("no".to_owned())),
            Happening::SaysReady(id) => self.says(id, Notice::Ready),
            Happening::SaysStopping(id) => {
                self.actors[id].leaving = true;
                self.says(id, Notice::Stopping);
            }
            Happening::SaysAlive(id) => self.says(id, Notice::Alive),
            Happening::Reaches(id) => self.reached(id, Ok(())),
            Happening::CannotReach(id) => self.reached(id, Err("tcp://db:1: connection refused".to_owned())),
            Happening::Due(service) => self.send(Event::Due { service }),
            Happening::AskStart(id) => self.ask(id, Verb::Start),
            Happening::AskStop(id) => self.ask(id, Verb::Stop),
            Happening::AskRestart(id) => self.ask(id, Verb::Restart),
            Happening::OverLimit(service) => {
                if let Some(leader) = self.actors[service].leader {
                    let (incarnation, reason) = (leader.incarnation, "too much".to_owned());
                    self.send(Event::OverLimit { service, incarnation, reason });
                }
            }
            Happening::Stale(id) => self.stale(id),
            Happening::Signalled => self.send(Event::Signalled { signal: PASSED_ON }),
            Happening::StopPod => self.send(Event::Stop),
            Happening::Late(by) => {
                self.pause(by);
                self.send(Event::Late { by });
            }
            Happening::LateAtSpawn(by) => self.late_at_spawn = Some(by),
        }
        self.run_until(self.now);
    }

    fn probed(&mut self, service: usize, result: Result<(), String>) {
        if let Some(incarnation) = self.actors[service].probing.take() {
            self.send(Event::Probed { service, incarnation, result });
        }
    }

    fn says(&mut self, service: usize, notice: Notice) {
        if let Some(leader) = self.actors[service].leader {
            self.send(Event::Notified { service, incarnation: leader.incarnation, notice });
        }
    }

    fn reached(&mut self, service: usize, result: Result<(), String>) {
        if std::mem::take(&mut self.actors[service].reaching) {
            self.send(Event::Reached { service, result });
        }
    }

    fn ask(&mut self, service: usize, verb: Verb) {
        self.requests += 1;
        self.send(Event::Request { request: Some(self.requests), service, verb });
    }

    /// News of an incarnation that is over changes nothing.
    fn stale(&mut self, service: usize) {
        let incarnation = self.actors[service].incarnation.saturating_sub(1);
        let failure = SpawnFailure { message: "stale".to_owned(), code: 111 };
        for event in [
            Event::Exited { service, incarnation, exit: Exit::Code(1) },
            Event::SpawnFailed { service, incarnation, failure },
            Event::TreeGone { service, incarnation, killed: 1 },
            Event::Probed { service, incarnation, result: Err("stale".to_owned()) },
            Event::Notified { service, incarnation, notice: Notice::Ready },
            Event::OverLimit { service, incarnation, reason: "stale".to_owned() },
            Event::OomKilled { service, incarnation },
        ] {
            let mut actions = Vec::new();
            self.machine.step(self.now, event.clone(), &mut actions);
            if !(actions.is_empty() && self.machine.changes.log.is_empty()) {
                let what = format!("{event:?}: {actions:?}");
                self.note(Err(Broken { rule: "another incarnation's news change nothing", what }));
            }
        }
    }

    /// In fair weather everything comes to rest, then a pod that is asked to end does, in time.
    pub fn finish(&mut self) {
        for _ in 0..FAIR {
            self.run_until(self.now);
            if self.is_over() || self.outside.is_empty() && self.witness.is_calm() {
                break;
            }
            self.fair_weather();
            let next = self.machine.deadline().into_iter().chain(self.outside.iter().map(|(at, _)| *at)).min();
            self.run_until(next.unwrap_or(self.now + LOOK).clamp(self.now, self.now + LOOK));
        }
        if !self.is_over() && !self.witness.is_calm() {
            let states: Vec<String> = self.witness.states().map(|state| state.to_string()).collect();
            self.note(Err(Broken { rule: "in fair weather nobody waits for ever", what: states.join(", ") }));
        }
        if !self.is_over() {
            self.happens(Happening::StopPod);
            for _ in 0..self.specs.len() {
                self.run_until(self.now + ANY_STOP);
            }
        }
        if self.broken.is_none() && !self.ended {
            self.note(Err(Broken { rule: "a pod that is asked to end ends", what: format!("it goes on at {}", self.now) }));
        }
        if self.broken.is_none() {
            let mut actions = Vec::new();
            self.machine.step(self.now, Event::Stop, &mut actions);
            if !actions.is_empty() || self.machine.deadline().is_some() {
                self.note(Err(Broken { rule: "nothing follows the end", what: format!("{actions:?}") }));
            }
        }
    }

    fn fair_weather(&mut self) {
        for id in 0..self.specs.len() {
            self.actors[id].cannot_fork = false;
            self.probed(id, Ok(()));
            self.reached(id, Ok(()));
            if self.actors[id].leaving {
                self.ends(id, Exit::Code(0));
            }
            match (self.actors[id].leader, self.specs[id].kind) {
                (Some(Leader { role: Role::Command, .. }), Kind::Oneshot) => self.ends(id, Exit::Code(0)),
                (Some(Leader { role: Role::Command, .. }), _) if matches!(self.specs[id].ready, Proof::Word(_)) => {
                    let ready = self.witness.state(id) == State::Ready;
                    self.says(id, if ready { Notice::Alive } else { Notice::Ready });
                }
                (Some(Leader { role: Role::PreStart, .. }), _) if self.specs[id].pre_start == Hook::Hangs => {
                    self.ends(id, Exit::Code(0));
                }
                _ => {}
            }
        }
    }
}
