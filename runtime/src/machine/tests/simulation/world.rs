//! What is around the machine: processes that obey, hang, fork and take their time to die; a clock; somebody who asks.

use super::rules::{Broken, Witness};
use super::schedule::{Hook, Pod, Schedule, Spec};
use crate::machine::{Action, Event, Incarnation, Machine, Millis, Role, SpawnFailure};
use podinit_plan::protocol::Exit;
use std::collections::VecDeque;

const SIGTERM: i32 = 15;
const SIGKILL: i32 = 9;
/// A machine that wants so many ticks before the next thing happens is caught in a circle.
const TICKS: usize = 2_000;

/// The first process of one of a service's commands.
#[derive(Debug, Clone, Copy)]
pub struct Leader {
    pub incarnation: Incarnation,
    pub role: Role,
}

/// What runs of a service.
#[derive(Debug, Default)]
pub struct Actor {
    pub leader: Option<Leader>,
    /// Processes that its leaders left.
    pub left: usize,
    /// Its tree is being killed.
    pub killing: bool,
    pub probing: Option<Incarnation>,
    pub reaching: bool,
    pub incarnation: Incarnation,
    pub obeys: Option<Millis>,
    pub cannot_fork: bool,
    /// It said that it is going to end.
    pub leaving: bool,
}

/// What happens by itself after some time.
#[derive(Debug)]
pub enum Outside {
    Ends(usize, Incarnation, Role, Exit),
    TreeGone(usize, Incarnation),
}

pub struct World {
    pub machine: Machine,
    pod: Pod,
    pub specs: Vec<Spec>,
    pub actors: Vec<Actor>,
    pub witness: Witness,
    pub now: Millis,
    /// Sorted by nothing; the first of the earliest comes next.
    pub outside: Vec<(Millis, Outside)>,
    strays: usize,
    /// podinit wants to know when it has no child.
    awaits_no_children: bool,
    pub late_at_spawn: Option<Millis>,
    pub requests: u64,
    pub ended: bool,
    pub broken: Option<Broken>,
    /// Writes down what is said to the machine and by it.
    pub trace: bool,
}

impl World {
    pub fn new(schedule: &Schedule) -> World {
        let plan = schedule.plan();
        let actor = |spec: &Spec| Actor { obeys: spec.obeys, ..Actor::default() };
        World {
            machine: Machine::new(&plan, 1).expect("a plan that works"),
            pod: schedule.pod,
            actors: schedule.services.iter().map(actor).collect(),
            witness: Witness::new(schedule.pod, &schedule.services),
            specs: schedule.services.clone(),
            now: 0,
            outside: Vec::new(),
            strays: schedule.pod.strays,
            awaits_no_children: false,
            late_at_spawn: None,
            requests: 0,
            ended: false,
            broken: None,
            trace: false,
        }
    }

    /// Nothing more can be learned.
    pub fn is_over(&self) -> bool {
        self.ended || self.broken.is_some()
    }

    pub fn note(&mut self, checked: Result<(), Broken>) {
        if let Err(broken) = checked {
            self.broken.get_or_insert(broken);
        }
    }

    /// Tells the machine, does what it wants, answers, and so on until it wants nothing.
    pub fn send(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        let mut actions = Vec::new();
        while let Some(event) = events.pop_front() {
            if self.is_over() {
                return;
            }
            if self.trace {
                eprintln!("{:>7} -> {event:?}", self.now);
            }
            self.witness.hears(self.now, &event, &self.actors);
            // A pause that comes while actions are carried out is not the step's.
            let now = self.now;
            self.machine.step(now, event.clone(), &mut actions);
            let changes = std::mem::take(&mut self.machine.changes.log);
            let checked = self.witness.changed(now, &event, &changes, &self.actors);
            self.note(checked);
            let mut answers = Vec::new();
            for action in actions.drain(..) {
                if self.trace {
                    eprintln!("{:>7}    <- {action:?}", self.now);
                }
                let checked = self.witness.wants(now, &action, &self.actors);
                self.note(checked);
                self.act(action, &mut answers);
            }
            let is_answered = answers.is_empty() && events.is_empty();
            // Answers come before anything else that is on its way.
            for answer in answers.into_iter().rev() {
                events.push_front(answer);
            }
            let checked = self.witness.after(self.now, &event, is_answered, &self.actors);
            self.note(checked);
        }
    }

    fn act(&mut self, action: Action, answers: &mut Vec<Event>) {
        match action {
            Action::Spawn { service, incarnation, role } => self.spawn(service, incarnation, role, answers),
            Action::Signal { service, incarnation, signal, .. } => self.signal(service, incarnation, signal),
            Action::KillTree { service, incarnation } => {
                self.actors[service].killing = true;
                let at = self.now + self.specs[service].dies;
                self.leader_ends(service, incarnation, at, Exit::Signal(SIGKILL));
                self.outside.push((at, Outside::TreeGone(service, incarnation)));
            }
            Action::LeaveTree { service, incarnation } => {
                let alive = std::mem::take(&mut self.actors[service].left);
                self.strays += alive;
                answers.push(Event::Left { service, incarnation, alive });
            }
            Action::Probe { service, incarnation } => self.actors[service].probing = Some(incarnation),
            Action::CancelProbe { service, .. } => self.actors[service].probing = None,
            Action::Reach { service } => self.actors[service].reaching = true,
            Action::SignalStrays { signal } => {
                if signal == SIGKILL || self.pod.strays_obey {
                    self.strays = 0;
                    self.actors.iter_mut().filter(|actor| !actor.killing).for_each(|actor| actor.left = 0);
                }
                self.awaits_no_children = true;
            }
            Action::Exit { .. } => self.ended = true,
            Action::Publish(_) | Action::Answer { .. } => {}
        }
    }

    fn spawn(&mut self, service: usize, incarnation: Incarnation, role: Role, answers: &mut Vec<Event>) {
        if let Some(by) = self.late_at_spawn.take() {
            self.pause(by);
            answers.insert(0, Event::Late { by });
        }
        let actor = &mut self.actors[service];
        actor.incarnation = incarnation;
        actor.leaving = false;
        if std::mem::take(&mut actor.cannot_fork) {
            let failure = SpawnFailure { message: "cannot fork".to_owned(), code: 111 };
            return answers.push(Event::SpawnFailed { service, incarnation, failure });
        }
        actor.leader = Some(Leader { incarnation, role });
        let hook = match role {
            Role::PreStart => self.specs[service].pre_start,
            Role::Command => Hook::Hangs,
            Role::PostStop => self.specs[service].post_stop,
        };
        match hook {
            Hook::Passes(after) => self.leader_ends(service, incarnation, self.now + after, Exit::Code(0)),
            Hook::Fails(after) => self.leader_ends(service, incarnation, self.now + after, Exit::Code(3)),
            Hook::Hangs | Hook::Absent => {}
        }
        answers.push(Event::Spawned { service, incarnation, pid: 1_000 * incarnation as i32 + service as i32 });
    }

    fn signal(&mut self, service: usize, incarnation: Incarnation, signal: i32) {
        match (signal, self.actors[service].obeys) {
            (SIGKILL, _) => {
                self.leader_ends(service, incarnation, self.now + self.specs[service].dies, Exit::Signal(SIGKILL));
            }
            (SIGTERM, Some(after)) => self.leader_ends(service, incarnation, self.now + after, Exit::Code(0)),
            _ => {}
        }
    }

    fn leader_ends(&mut self, service: usize, incarnation: Incarnation, at: Millis, exit: Exit) {
        if let Some(leader) = self.actors[service].leader.filter(|leader| leader.incarnation == incarnation) {
            self.outside.push((at, Outside::Ends(service, incarnation, leader.role, exit)));
        }
    }

    /// Nothing runs for so long, neither podinit nor its services.
    pub fn pause(&mut self, by: Millis) {
        self.now += by;
        self.outside.iter_mut().for_each(|(at, _)| *at += by);
    }

    /// Lets everything happen that happens by itself until then.
    pub fn run_until(&mut self, end: Millis) {
        for _ in 0..TICKS {
            if self.is_over() {
                return;
            }
            let tick = self.machine.deadline().filter(|at| *at <= end);
            let first = (0..self.outside.len()).min_by_key(|index| self.outside[*index].0);
            let outside = first.filter(|index| self.outside[*index].0 <= end);
            match (tick, outside) {
                (Some(at), Some(index)) if self.outside[index].0 < at => self.happens_by_itself(index),
                (Some(at), _) => {
                    self.now = self.now.max(at);
                    self.send(Event::Tick);
                }
                (None, Some(index)) => self.happens_by_itself(index),
                (None, None) if self.awaits_no_children && !self.has_children() => {
                    self.awaits_no_children = false;
                    self.send(Event::NoChildren);
                }
                (None, None) => {
                    self.now = self.now.max(end);
                    return;
                }
            }
        }
        self.note(Err(Broken { rule: "it comes to rest", what: format!("{TICKS} ticks until {end}") }));
    }

    fn happens_by_itself(&mut self, index: usize) {
        let (at, outside) = self.outside.remove(index);
        self.now = self.now.max(at);
        match outside {
            Outside::Ends(service, incarnation, role, exit) => {
                if self.actors[service].leader.is_some_and(|leader| leader.incarnation == incarnation && leader.role == role) {
                    self.ends(service, exit);
                }
            }
            Outside::TreeGone(service, incarnation) => {
                self.actors[service].killing = false;
                let killed = std::mem::take(&mut self.actors[service].left);
                self.send(Event::TreeGone { service, incarnation, killed });
            }
        }
    }

    fn has_children(&self) -> bool {
        self.strays > 0 || self.actors.iter().any(|actor| actor.leader.is_some() || actor.left > 0)
    }

    pub fn ends(&mut self, service: usize, exit: Exit) {
        if let Some(leader) = self.actors[service].leader {
            self.send_end(service, leader, Event::Exited { service, incarnation: leader.incarnation, exit });
        }
    }

    pub fn send_end(&mut self, service: usize, leader: Leader, event: Event) {
        self.witness.leader_ended(service, leader.role);
        self.actors[service].leader = None;
        if leader.role == Role::Command && matches!(event, Event::Exited { .. }) {
            self.actors[service].left += self.specs[service].leaves;
        }
        self.send(event);
    }
}
