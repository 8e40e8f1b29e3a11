//! What must be true, seen from outside: the rules are those of the documents, and kept by a witness with an account of
//! its own. It believes the machine in nothing but which state it gives a service.

use super::known::{Expected, Known, Standing, Why};
use super::schedule::{Hook, Pod, Proof, Spec};
use super::world::Actor;
use crate::machine::transitions::{Cause, is_in_table};
use crate::machine::{Action, Event, Millis, Notice, RequestId, Role, ServiceId, Verb};
use podinit_plan::plan::{Kind, OnFailure};
use podinit_plan::protocol::{EventKind, Exit};
use podinit_plan::state::State;
use std::collections::BTreeSet;

const SIGTERM: i32 = 15;
/// What podinit keeps of the engine's grace.
const OWN_SHARE: Millis = 1_000;
/// From the last kill to podinit's end at the latest.
const REAP: Millis = 500;
/// From the second request to stop to the kill.
const HURRIED: Millis = 2_000;

/// A rule that was not kept.
#[derive(Debug, Clone)]
pub struct Broken {
    pub rule: &'static str,
    pub what: String,
}

/// Gives up when something is not so.
pub fn must(is: bool, rule: &'static str, what: impl FnOnce() -> String) -> Result<(), Broken> {
    if is { Ok(()) } else { Err(Broken { rule, what: what() }) }
}

/// Who keeps the account.
pub struct Witness {
    pod: Pod,
    standing: Standing,
    known: Vec<Known>,
    /// How long the pod was paused so far: no grace counts that.
    paused: Millis,
    /// Why the pod ends, by the first cause.
    code: Option<i32>,
    stopping: bool,
    /// When the pod is to be over at the latest; moves with pauses.
    over_by: Option<Millis>,
    /// When everything is killed, whatever its order; the engine does not wait for who was paused.
    deadline: Option<Millis>,
    asked: u32,
    open: Vec<(RequestId, ServiceId, Verb)>,
    sequence: u64,
    /// Every change that was seen.
    pub seen: BTreeSet<(Cause, State, State)>,
}

impl Witness {
    pub fn new(pod: Pod, specs: &[Spec]) -> Witness {
        Witness {
            pod,
            standing: Standing::of(specs),
            known: specs.iter().map(|spec| Known::new(*spec)).collect(),
            paused: 0,
            code: None,
            stopping: false,
            over_by: None,
            deadline: None,
            asked: 0,
            open: Vec::new(),
            sequence: 0,
            seen: BTreeSet::new(),
        }
    }

    pub fn state(&self, id: ServiceId) -> State {
        self.known[id].state
    }

    pub fn states(&self) -> impl Iterator<Item = State> + '_ {
        self.known.iter().map(|known| known.state)
    }

    /// Everything is up, down for good, or waits for what is down for good.
    pub fn is_calm(&self) -> bool {
        let locked = self.standing.locked(&self.known);
        let is_calm = |(id, known): (ServiceId, &Known)| match known.state {
            State::Waiting => locked[id],
            state => state.is_at_rest() || state == State::Ready,
        };
        self.known.iter().enumerate().all(is_calm)
    }

    pub fn leader_ended(&mut self, id: ServiceId, role: Role) {
        self.known[id].ended_role = Some(role);
    }

    /// Before the machine hears of something.
    pub fn hears(&mut self, now: Millis, event: &Event, actors: &[Actor]) {
        if let Event::Late { by } = event {
            self.paused += by;
            self.over_by = self.over_by.map(|at| at + by);
        }
        let own = now - self.paused;
        self.known.iter_mut().for_each(|known| known.grows_stable(own));
        match event {
            Event::Exited { service, exit, .. } => {
                let known = &mut self.known[*service];
                known.expected = *exit == Exit::Code(0) && known.ended_role == Some(Role::Command);
                known.pre_start_passed = *exit == Exit::Code(0) && known.ended_role == Some(Role::PreStart);
                // An end of a post_stop decides nothing.
                if known.ended_role != Some(Role::PostStop) && known.is_alive() {
                    known.blow = match exit {
                        Exit::Code(0) => 113,
                        Exit::Code(code) => *code,
                        Exit::Signal(signal) => 128 + signal,
                    };
                }
            }
            Event::SpawnFailed { service, failure, .. } if actors[*service].leader.is_none() => {
                let known = &mut self.known[*service];
                known.expected = false;
                known.blow = failure.code;
                known.ran &= known.post_stop_at.is_some();
            }
            Event::Spawned { service, .. } => {
                let known = &mut self.known[*service];
                if actors[*service].leader.is_some_and(|leader| leader.role == Role::Command) {
                    known.command_at = Some(own);
                    known.command_began = now;
                    known.ran = true;
                }
            }
            Event::Probed { service, result, .. } => self.known[*service].probed(now, result.is_ok()),
            Event::Reached { service, result } => self.known[*service].reached = result.is_ok(),
            Event::Request { request: Some(request), service, verb } => {
                self.open.push((*request, *service, *verb));
                if !self.stopping {
                    self.known[*service].asked(*verb);
                }
            }
            Event::Due { service } if !self.stopping => {
                let idle = actors[*service].leader.is_none() && !actors[*service].killing;
                self.known[*service].due(idle);
            }
            Event::Stop => {
                self.code.get_or_insert(0);
                self.asked += 1;
                let kills_in = if self.asked == 2 { HURRIED } else { 0 };
                if self.stopping && self.asked >= 2 {
                    self.over_within(now, kills_in + REAP);
                }
            }
            _ => {}
        }
    }

    fn over_within(&mut self, now: Millis, time: Millis) {
        self.over_by = Some(self.over_by.map_or(now + time, |at| at.min(now + time)));
    }

    /// The changes of state that an event made.
    pub fn changed(
        &mut self,
        now: Millis,
        event: &Event,
        changes: &[(ServiceId, State, Cause, State)],
        actors: &[Actor],
    ) -> Result<(), Broken> {
        let own = now - self.paused;
        for &(id, from, cause, to) in changes {
            let known = &self.known[id];
            must(known.state == from, "a change begins where the last one ended", || format!("s{id} {from} -> {to}"))?;
            must(is_in_table(from, cause, to), "every change is in the table", || format!("s{id} {from} -{cause:?}-> {to}"))?;
            self.seen.insert((cause, from, to));
            match to {
                State::Starting => self.may_start(id, &actors[id])?,
                State::Ready => known.may_be_ready(id, own, event, &actors[id])?,
                State::Waiting if cause == Cause::DelayOver => {
                    let (least, _) = known.delay();
                    must(now >= known.since + least, "a delay is waited for", || format!("s{id} after {}", now - known.since))?;
                }
                _ => {}
            }
            let ended = from.is_running() && (cause == Cause::Ended || cause == Cause::Gone);
            if ended && !self.stopping && self.code.is_none() {
                let known = &mut self.known[id];
                let expected = match known.why {
                    Some(Why::Asked(Verb::Stop)) if cause == Cause::Gone => Expected::Asked(State::Stopped),
                    Some(Why::Asked(_)) if cause == Cause::Gone => Expected::Asked(State::Waiting),
                    _ => known.follows(own),
                };
                must(expected.state() == to, "what follows an end is what the policy says", || {
                    format!("s{id} {from} -> {to}, not {expected:?}")
                })?;
            }
            if ended && self.standing.essential[id] && !self.stopping && self.code.is_none() {
                let known = &self.known[id];
                if to == State::Fatal || to == State::Done && known.failed {
                    self.code = Some(known.blow);
                }
            }
            if cause == Cause::Unhealthy {
                let is_due = self.known[id].step.is_some_and(|step| step != OnFailure::None);
                must(is_due, "a check has consequences when it failed often enough", || format!("s{id} {from} -> {to}"))?;
            }
            self.known[id].enters(now, own, cause, to);
        }
        match event {
            Event::Probed { service, .. } => self.step_is_taken(*service),
            _ => Ok(()),
        }
    }

    /// A check that failed often enough is followed by the step whose turn it is.
    fn step_is_taken(&mut self, id: ServiceId) -> Result<(), Broken> {
        let known = &mut self.known[id];
        let Some(step) = known.step.take().filter(|_| !self.stopping) else { return Ok(()) };
        let wanted = match step {
            OnFailure::Restart => State::Stopping,
            OnFailure::Unready => State::Unready,
            OnFailure::StopPod => {
                self.code.get_or_insert(112);
                return Ok(());
            }
            OnFailure::None => return Ok(()),
        };
        must(known.state == wanted, "steps are taken one after the other", || format!("s{id} is {}, for {step:?}", known.state))
    }

    fn may_start(&self, id: ServiceId, actor: &Actor) -> Result<(), Broken> {
        let known = &self.known[id];
        must(actor.leader.is_none(), "one incarnation at a time", || format!("s{id} is started while it runs"))?;
        let is_clean = actor.left == 0 || !known.spec.kill_leftovers;
        must(is_clean, "what a dead leader left is gone before the next start", || format!("s{id}, {} left", actor.left))?;
        must(!known.held_down, "who was stopped stays down until somebody wants it", || format!("s{id} is started"))?;
        must(!known.owes_post_stop(), "post_stop runs after each end", || format!("s{id} is started without"))?;
        if !known.spec.waits {
            return Ok(());
        }
        for on in known.spec.dependencies(id) {
            let other = &self.known[on];
            must(other.satisfies(), "who depends on a service waits for it", || {
                format!("s{id} starts while s{on} is {}", other.state)
            })?;
        }
        must(!known.spec.address || known.reached, "addresses are waited for", || format!("s{id} starts"))?;
        let earlier = self.standing.earlier(id, &self.known).find(|_| !known.out_of_line);
        must(earlier.is_none(), "lower priorities settle first", || format!("s{id} starts before s{}", earlier.unwrap_or(id)))
    }

    /// Whether the machine may want this.
    pub fn wants(&mut self, now: Millis, action: &Action, actors: &[Actor]) -> Result<(), Broken> {
        match action {
            Action::Spawn { service, incarnation, role } => self.may_spawn(*service, *incarnation, *role, now, actors),
            Action::Signal { service, signal: SIGTERM, .. }
                if self.stopping && self.asked < 2 && self.deadline.is_none_or(|at| now < at) =>
            {
                let above = |other: &ServiceId| self.standing.stops_before(*other, *service, &self.known);
                let runs = |other: &ServiceId| actors[*other].leader.is_some() || self.known[*other].owes_post_stop();
                let other = (0..actors.len()).filter(above).find(runs);
                must(other.is_none(), "services stop in the reverse order of starting", || {
                    format!("s{service} is stopped before s{}", other.unwrap_or(0))
                })
            }
            Action::Probe { service, incarnation } => {
                let actor = &actors[*service];
                must(actor.probing.is_none(), "one probe at a time", || format!("s{service}"))?;
                let runs = actor.leader.is_some_and(|l| l.incarnation == *incarnation && l.role == Role::Command);
                must(runs, "only what runs is probed", || format!("s{service} {:?}", actor.leader))
            }
            Action::Reach { service } => {
                must(!actors[*service].reaching, "one look at addresses at a time", || format!("s{service}"))
            }
            Action::Answer { request, result } => {
                let place = self.open.iter().position(|(open, ..)| open == request);
                let Some(place) = place else {
                    return must(false, "every request is answered once", || format!("request {request} again"));
                };
                let (_, _, verb) = self.open.remove(place);
                let is_true = match (verb, result) {
                    (_, Err(_)) => true,
                    (Verb::Stop, Ok(state)) => state.is_at_rest(),
                    (_, Ok(state)) => matches!(state, State::Ready | State::Done),
                };
                must(is_true, "an answer is true", || format!("{verb:?}: {result:?}"))
            }
            Action::Publish(record) => {
                self.sequence += 1;
                must(record.seq == self.sequence, "events are numbered", || format!("{} for {}", record.seq, self.sequence))?;
                if record.event == EventKind::Stopping { self.begins_to_stop(now) } else { Ok(()) }
            }
            Action::Exit { code, reason } => {
                must(self.code == Some(*code), "the first cause gives the exit code", || {
                    format!("{code} ({reason}), not {:?}", self.code)
                })?;
                let runs = actors.iter().position(|actor| actor.leader.is_some() && !actor.killing);
                must(runs.is_none(), "nothing runs at the end that was not killed", || format!("s{}", runs.unwrap_or(0)))?;
                must(self.open.is_empty(), "every request is answered", || format!("{:?}", self.open))
            }
            _ => Ok(()),
        }
    }

    fn begins_to_stop(&mut self, now: Millis) -> Result<(), Broken> {
        must(!self.stopping, "the pod stops once", String::new)?;
        if self.code.is_none() {
            must(self.is_done(), "the pod stops for a cause", || format!("{:?}", self.states().collect::<Vec<_>>()))?;
            self.code = Some(0);
        }
        self.stopping = true;
        let (grace, dies) = (self.pod.stop_grace_period, |known: &Known| 4 * known.spec.dies);
        let time = match grace {
            0 => self.known.iter().map(|known| 2 * known.spec.grace + dies(known)).sum::<Millis>() + 1_000,
            _ => grace.saturating_sub(OWN_SHARE).max(grace / 2),
        };
        self.deadline = (grace > 0).then_some(now + time);
        self.over_within(now, time + REAP);
        Ok(())
    }

    fn is_done(&self) -> bool {
        let at_rest = self.states().all(State::is_at_rest);
        let comes_again = self.known.iter().any(|known| known.by_hand || known.spec.scheduled);
        self.pod.exit_when_done && at_rest && self.states().any(|state| state == State::Done) && !comes_again
    }

    fn may_spawn(&mut self, id: ServiceId, incarnation: u64, role: Role, now: Millis, actors: &[Actor]) -> Result<(), Broken> {
        let (actor, known, own) = (&actors[id], &mut self.known[id], now - self.paused);
        must(actor.leader.is_none(), "one incarnation at a time", || format!("s{id} runs twice"))?;
        must(known.incarnation == incarnation, "incarnations count up", || format!("s{id} {incarnation}"))?;
        must(!self.stopping || role == Role::PostStop, "nothing starts in a pod that stops", || format!("s{id} {role:?}"))?;
        let in_turn = match role {
            Role::PreStart => !known.began,
            Role::Command if known.spec.pre_start == Hook::Absent => !known.began,
            Role::Command => known.began && known.pre_start_passed && !known.ran,
            Role::PostStop => {
                known.owes_post_stop() && (actor.left == 0 || !known.spec.kill_leftovers || known.state == State::Done)
            }
        };
        must(in_turn, "pre_start, command and post_stop run in their order, once", || format!("s{id} {role:?}"))?;
        known.began = true;
        if role == Role::PostStop {
            known.post_stop_at = Some(own);
        }
        Ok(())
    }

    /// When the machine has said all that it wants after an event.
    pub fn after(&self, now: Millis, event: &Event, is_answered: bool, actors: &[Actor]) -> Result<(), Broken> {
        let must_stop = self.code.is_some() || self.is_done();
        must(!must_stop || self.stopping, "a cause to end the pod ends it", || format!("{event:?}: {:?}", self.code))?;
        if is_answered {
            let is_late = self.over_by.is_some_and(|at| now > at);
            must(!is_late, "the pod ends within its grace", || format!("{now}, not {:?}", self.over_by))?;
            for (id, known) in self.known.iter().enumerate() {
                known.is_in_time(id, now, now - self.paused, self.stopping, actors[id].leader)?;
                known.runs_as_it_says(id, &actors[id])?;
            }
        }
        if let Event::OverLimit { service, .. } = event {
            let known = &self.known[*service];
            must(self.stopping || !known.is_alive(), "who uses too much memory is stopped", || {
                format!("s{service} is {}", known.state)
            })?;
        }
        for (request, id, verb) in &self.open {
            let state = self.known[*id].state;
            let is_decided = match verb {
                Verb::Stop => state.is_at_rest(),
                Verb::Start | Verb::Restart => state.is_at_rest() || matches!(state, State::Ready | State::Backoff),
            };
            must(!is_decided, "a request is answered when it is decided", || format!("{request}, {verb:?}: s{id} is {state}"))?;
        }
        Ok(())
    }
}

impl Known {
    /// Whether what happened is what makes this service ready.
    fn may_be_ready(&self, id: ServiceId, own: Millis, event: &Event, actor: &Actor) -> Result<(), Broken> {
        let runs = actor.leader.is_some_and(|leader| leader.role == Role::Command);
        must(runs, "only what runs is ready", || format!("s{id} {:?}", actor.leader))?;
        must(self.spec.kind == Kind::Service, "a oneshot is done, never ready", || format!("s{id}"))?;
        let passed = matches!(event, Event::Probed { service, result: Ok(()), .. } if *service == id);
        let said = matches!(event, Event::Notified { service, notice: Notice::Ready, .. } if *service == id);
        let proven = match (self.state, self.spec.ready) {
            (State::Unready, _) => passed && self.passes >= self.spec.check_passes,
            // Where a check is asked for besides, it only watches.
            (_, Proof::Check) => passed && self.passes >= self.spec.check_passes,
            (_, Proof::Word(_)) => said,
            (_, Proof::Alive(after)) => self.command_at.is_some_and(|at| own >= at + after),
        };
        must(proven, "who is ready has proved it", || format!("s{id} is ready by {event:?}"))
    }
}
