//! The state machine of a pod: events in, actions out. Pure: no clock, no system calls; the time is an argument.
//!
//! The machine knows services by their index. Every start of a service is an incarnation with
//! an id of its own; an event that carries the id of another one changes nothing.
//!
//! Where to look, along a service's life: [`gate`] says who may start, [`start`] how, [`ready`] when it counts as up,
//! [`check`] what probe results do, [`memory`] what a lack of memory
//! does, [`end`] what follows when a process has ended, [`stop`] how one service is stopped.
//! [`shutdown`] stops the pod, in the order of [`levels`]; [`request`] has what can be asked for, [`tell`] what everybody
//! is told, [`timers`] what is waited for by the clock, [`status`] and [`seen`] how it all looks from outside. [`rules`] is
//! the plan in numbers, [`change`] a plan that becomes another, [`service`] what is known of a service, [`transitions`] the
//! table of all changes of state.
#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

mod action;
mod change;
mod check;
mod end;
mod event;
mod gate;
mod levels;
mod memory;
mod ready;
mod request;
mod rules;
mod seen;
mod service;
mod shutdown;
mod start;
mod status;
mod stop;
mod tell;
#[cfg(test)]
mod tests;
mod timers;
mod transitions;

pub use action::{Action, RequestProblem, Role, Target};
pub use event::{Event, Notice, SpawnFailure, Verb};
pub use seen::Seen;

use gate::Gates;
use levels::Level;
use podinit_plan::plan::Plan;
use podinit_plan::protocol::{Event as Record, EventKind};
use service::{Dynamics, Service};
use shutdown::Phase;
use std::collections::BTreeSet;
use timers::Timer;
use transitions::Changes;

/// Services that are started or stopped between two ticks; the others follow with the next, which is due at once. So no
/// turn of the loop is long, however many services a plan has.
const MOVED_A_TURN: usize = 16;

/// Milliseconds since podinit started, from a clock that never goes back.
pub type Millis = u64;
/// The index of a service: those of the first plan are sorted by name, later ones take a free place or a new one.
pub type ServiceId = usize;
/// Which start of a service; counts up from 1, 0 is none.
pub type Incarnation = u64;
/// A request that wants an answer; made by the control room.
pub type RequestId = u64;

/// The machine.
#[derive(Debug)]
pub struct Machine {
    pod: String,
    stop_grace_period: Millis,
    exit_when_done: bool,
    services: Vec<Service>,
    /// The place of each among those that stop with the pod.
    levels: Vec<Level>,
    gates: Gates,
    /// How many services are not at rest.
    active: usize,
    timers: BTreeSet<(Millis, ServiceId, Timer)>,
    phase: Phase,
    /// How many services may still be started or stopped before the next tick.
    moves: usize,
    sequence: u64,
    changes: Changes,
    random: u64,
    now: Millis,
    out: Vec<Action>,
}

impl Machine {
    /// Makes a machine for a plan whose templates are filled in. `seed` is for the jitter of delays.
    ///
    /// # Errors
    /// What is wrong with the plan: a cycle, an unknown name, a signal that does not exist.
    pub fn new(plan: &Plan, seed: u64) -> Result<Machine, String> {
        let mut services = Vec::with_capacity(plan.services.len());
        for (name, planned) in &plan.services {
            let rules = rules::Rules::new(planned).map_err(|error| format!("{name}: {error}"))?;
            services.push(Service { name: name.clone(), rules, now: Dynamics::default(), removed: false });
        }
        change::relate(&mut services, rules::Missing::Wrong)?;
        Ok(Machine {
            pod: plan.name.clone(),
            stop_grace_period: plan.stop_grace_period_ms,
            exit_when_done: plan.exit_when_done,
            levels: levels::levels(services.iter().map(|service| &service.rules)),
            services,
            gates: Gates::default(),
            active: 0,
            timers: BTreeSet::new(),
            phase: Phase::New,
            moves: MOVED_A_TURN,
            sequence: 0,
            changes: Changes::default(),
            random: seed,
            now: 0,
            out: Vec::new(),
        })
    }

    /// Takes an event in and appends what is to be done.
    ///
    /// `now` never goes back. [`Action::Spawn`] must be answered before any other event but [`Event::Late`] is sent.
    pub fn step(&mut self, now: Millis, event: Event, actions: &mut Vec<Action>) {
        self.now = self.now.max(now);
        if !matches!(self.phase, Phase::Ended) {
            self.take(event);
            self.fire_timers();
            self.settle();
        }
        actions.append(&mut self.out);
    }

    /// When the machine wants an [`Event::Tick`] at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Millis> {
        let pod = match &self.phase {
            Phase::Stopping(shutdown) => shutdown.timer,
            _ => None,
        };
        let service = self.timers.first().map(|(at, ..)| *at);
        let rest = self.has_more().then_some(self.now);
        pod.into_iter().chain(service).chain(rest).min()
    }

    /// Something is to be done at once that this turn had no room for.
    fn has_more(&self) -> bool {
        match &self.phase {
            Phase::Running => self.gates.has_more(),
            Phase::Stopping(_) => self.moves == 0,
            Phase::New | Phase::Ended => false,
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Boot => self.boot(),
            Event::Tick => self.moves = MOVED_A_TURN,
            Event::Spawned { service, incarnation, pid } if self.is_current(service, incarnation) => self.spawned(service, pid),
            Event::SpawnFailed { service, incarnation, failure } if self.is_current(service, incarnation) => {
                self.spawn_failed(service, failure);
            }
            Event::Exited { service, incarnation, exit } if self.is_current(service, incarnation) => self.exited(service, exit),
            Event::TreeGone { service, incarnation, killed } if self.is_current(service, incarnation) => {
                self.tree_gone(service, killed);
            }
            Event::Left { service, incarnation, alive } if self.is_current(service, incarnation) => self.left(service, alive),
            Event::Warning { message } => {
                let record = Record { reason: Some(message), ..self.record(EventKind::Warning, None) };
                self.publish(record);
            }
            Event::Observed { record } => self.publish(*record),
            Event::OverLimit { service, incarnation, reason } if self.is_current(service, incarnation) => {
                self.over_limit(service, reason);
            }
            Event::OomKilled { service, incarnation } if self.is_current(service, incarnation) => self.oom_killed(service),
            Event::Probed { service, incarnation, result } if self.is_current(service, incarnation) => {
                self.probed(service, result);
            }
            Event::Notified { service, incarnation, notice } if self.is_current(service, incarnation) => {
                self.notified(service, notice);
            }
            Event::Spawned { .. }
            | Event::SpawnFailed { .. }
            | Event::Exited { .. }
            | Event::TreeGone { .. }
            | Event::Left { .. }
            | Event::OverLimit { .. }
            | Event::OomKilled { .. }
            | Event::Probed { .. }
            | Event::Notified { .. } => {}
            Event::Reached { service, result } => self.reached(service, result),
            Event::Due { service } => self.due(service),
            Event::Signalled { signal } => self.pass_on(signal),
            Event::Request { request, service, verb } => self.request(request, service, verb),
            Event::Stop => self.asked_to_stop(),
            Event::Late { by } => {
                self.moves = MOVED_A_TURN;
                self.late(by);
            }
            Event::NoChildren => self.no_children(),
        }
    }

    fn is_current(&self, id: ServiceId, incarnation: Incarnation) -> bool {
        self.services.get(id).is_some_and(|service| service.now.incarnation == incarnation && incarnation > 0)
    }

    /// Everything that follows from what happened: gates that open, levels that are over, a pod that is done.
    fn settle(&mut self) {
        if matches!(self.phase, Phase::Running) {
            self.open_gates();
            self.end_when_done();
        }
        if matches!(self.phase, Phase::Stopping(_)) {
            self.shut_down_further();
        }
    }

    /// A number below `bound`, from splitmix64; good enough to keep pods from restarting in step.
    fn random_below(&mut self, bound: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound.max(1)
    }
}
