//! What the witness knows of each service, and of their order.

use super::rules::{Broken, must};
use super::schedule::{Hook, Spec};
use super::world::{Actor, Leader};
use crate::machine::transitions::Cause;
use crate::machine::{Millis, Role, ServiceId, Verb};
use podinit_plan::plan::{Kind, OnFailure, RestartPolicy};
use podinit_plan::state::State;

/// The default delays before another attempt, and their jitter.
const FIRST_DELAY: Millis = 1_000;
const LONGEST_DELAY: Millis = 30_000;

/// Why a service is being stopped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Why {
    Asked(Verb),
    Failed,
}

/// What has to follow an end.
#[derive(Debug)]
pub enum Expected {
    Asked(State),
    Policy(State),
}

impl Expected {
    pub fn state(&self) -> State {
        match self {
            Expected::Asked(state) | Expected::Policy(state) => *state,
        }
    }
}

/// What is known of one service. `own` times do not count pauses.
pub struct Known {
    pub spec: Spec,
    pub state: State,
    /// When it entered its state.
    pub since: Millis,
    own_since: Millis,
    pub incarnation: u64,
    /// The incarnation has spawned something.
    pub began: bool,
    pub pre_start_passed: bool,
    /// The incarnation's command runs or ran.
    pub ran: bool,
    pub command_at: Option<Millis>,
    /// The same, pauses counted.
    pub command_began: Millis,
    /// Checks in a row: those that passed while it is not ready, and those that failed since the last step.
    pub passes: u32,
    strikes: u32,
    /// How many steps were taken since the last that helped.
    steps: usize,
    /// What has to follow from the check that was heard of.
    pub step: Option<OnFailure>,
    pub post_stop_at: Option<Millis>,
    /// Since when it is ready without a break.
    ready_at: Option<Millis>,
    was_ready: bool,
    stable: bool,
    /// Failures in a row, and delays.
    failures: u32,
    delays: u32,
    pub failed: bool,
    /// Its last end was one that its exit codes expect.
    pub expected: bool,
    /// The exit code of a pod that its last end would stop.
    pub blow: i32,
    pub why: Option<Why>,
    last_asked: Option<Verb>,
    /// Somebody stopped it, and nobody has wanted it since.
    pub held_down: bool,
    /// The same, where the pod does not end for lack of it.
    pub by_hand: bool,
    pub out_of_line: bool,
    pub reached: bool,
    /// Which of its leaders ended last.
    pub ended_role: Option<Role>,
}

impl Known {
    pub fn new(spec: Spec) -> Known {
        Known {
            spec,
            state: State::Stopped,
            since: 0,
            own_since: 0,
            incarnation: 0,
            began: false,
            pre_start_passed: false,
            ran: false,
            command_at: None,
            command_began: 0,
            passes: 0,
            strikes: 0,
            steps: 0,
            step: None,
            post_stop_at: None,
            ready_at: None,
            was_ready: false,
            stable: false,
            failures: 0,
            delays: 0,
            failed: false,
            expected: false,
            blow: 0,
            why: None,
            last_asked: None,
            held_down: false,
            by_hand: false,
            out_of_line: false,
            reached: false,
            ended_role: None,
        }
    }

    pub fn is_alive(&self) -> bool {
        matches!(self.state, State::Starting | State::Ready | State::Unready)
    }

    /// What depends on it may start.
    pub fn satisfies(&self) -> bool {
        self.state == State::Ready || self.state == State::Done && !self.failed
    }

    pub fn owes_post_stop(&self) -> bool {
        self.ran && self.spec.post_stop != Hook::Absent && self.post_stop_at.is_none()
    }

    /// Time passes.
    pub fn grows_stable(&mut self, own: Millis) {
        if self.ready_at.is_some_and(|at| own >= at + self.spec.stable_after) {
            self.stable = true;
            self.forget_failures();
        }
    }

    fn forget_failures(&mut self) {
        self.failures = 0;
        self.delays = 0;
    }

    /// Its check passed or failed.
    pub fn probed(&mut self, now: Millis, is_well: bool) {
        let is_up = matches!(self.state, State::Ready | State::Unready);
        match is_well {
            true => {
                self.strikes = 0;
                self.passes += u32::from(self.state != State::Ready);
                if self.state == State::Ready && self.stable {
                    self.steps = 0;
                }
            }
            false if is_up && now < self.command_began + self.spec.start_period => self.passes = 0,
            false => {
                self.passes = 0;
                self.strikes += u32::from(is_up);
                if is_up && self.strikes >= self.spec.check_retries.max(1) {
                    let steps = self.spec.on_failure.0;
                    self.step = Some(steps[self.steps.min(steps.len() - 1)]);
                    self.steps += 1;
                    self.strikes = 0;
                }
            }
        }
    }

    pub fn asked(&mut self, verb: Verb) {
        match (verb, self.state) {
            (Verb::Start, State::Ready) | (Verb::Stop, State::Stopped) => return,
            (Verb::Stop, _) => {
                self.held_down = true;
                self.by_hand = true;
            }
            (Verb::Start | Verb::Restart, _) => self.is_wanted(),
        }
        self.last_asked = Some(verb);
        if self.state == State::Stopping {
            self.why = Some(Why::Asked(verb));
        }
    }

    pub fn due(&mut self, idle: bool) {
        if self.spec.scheduled && self.state.is_at_rest() && idle {
            self.is_wanted();
        }
    }

    fn is_wanted(&mut self) {
        self.forget_failures();
        self.steps = 0;
        self.held_down = false;
        self.by_hand = false;
        self.out_of_line = true;
    }

    /// Counts an end that nobody asked for, and says what has to follow.
    pub fn follows(&mut self, own: Millis) -> Expected {
        self.grows_stable(own);
        if self.why == Some(Why::Failed) && self.state == State::Stopping {
            self.expected = false;
            self.blow = 112;
        }
        self.failed = !self.expected;
        let again = match (self.spec.kind, self.spec.policy) {
            (Kind::Oneshot, RestartPolicy::Never) => false,
            (Kind::Oneshot, _) | (_, RestartPolicy::OnFailure) => self.failed,
            (_, RestartPolicy::Always) => true,
            (_, RestartPolicy::Never) => self.failed && !self.was_ready && self.spec.retries > 0,
        };
        Expected::Policy(if !again {
            State::Done
        } else if self.stable {
            State::Waiting
        } else {
            self.failures += 1;
            if self.failures > self.spec.retries {
                State::Fatal
            } else if self.was_ready && self.failures == 1 && self.spec.immediate {
                State::Waiting
            } else {
                self.delays += 1;
                State::Backoff
            }
        })
    }

    /// The least and the greatest time until the next attempt.
    pub fn delay(&self) -> (Millis, Millis) {
        let n = u64::from(self.delays.max(1));
        let factor = if self.spec.linear { n } else { 1 << (n - 1).min(10) };
        let delay = (FIRST_DELAY * factor).min(LONGEST_DELAY);
        (delay - delay / 10, delay + delay / 10)
    }

    pub fn enters(&mut self, now: Millis, own: Millis, cause: Cause, to: State) {
        match to {
            State::Waiting => self.reached = false,
            State::Starting => {
                self.incarnation += 1;
                self.began = false;
                self.pre_start_passed = false;
                self.ran = false;
                self.command_at = None;
                self.post_stop_at = None;
                self.was_ready = false;
                self.stable = false;
                self.passes = 0;
                self.strikes = 0;
                self.failed = false;
                self.out_of_line = true;
            }
            State::Ready => {
                self.was_ready = true;
                self.passes = 0;
                self.strikes = 0;
                self.ready_at = Some(own);
                self.stable |= self.spec.stable_after == 0;
                if self.stable {
                    self.forget_failures();
                }
            }
            State::Stopping => {
                self.why = Some(match (cause, self.last_asked) {
                    (Cause::StopAsked, Some(verb)) => Why::Asked(verb),
                    (Cause::StopAsked, None) => Why::Asked(Verb::Stop),
                    _ => Why::Failed,
                });
            }
            _ => {}
        }
        if to != State::Ready {
            self.ready_at = None;
        }
        self.state = to;
        self.since = now;
        self.own_since = own;
    }

    /// Nothing takes longer than it may.
    pub fn is_in_time(
        &self,
        id: ServiceId,
        now: Millis,
        own: Millis,
        pod_stops: bool,
        leader: Option<Leader>,
    ) -> Result<(), Broken> {
        let (grace, dies) = (self.spec.grace, self.spec.dies);
        let in_state = own - self.own_since;
        match self.state {
            State::Stopping => must(in_state <= 2 * grace + 4 * dies, "a stop ends within its grace", || {
                format!("s{id} is stopping for {in_state}")
            })?,
            State::Starting if self.spec.start_timeout > 0 && !pod_stops => {
                must(in_state <= self.spec.start_timeout, "a start ends within its time", || {
                    format!("s{id} is starting for {in_state}")
                })?;
            }
            State::Backoff => {
                let (_, most) = self.delay();
                must(now - self.since <= most || own - self.own_since <= most, "a delay ends", || {
                    format!("s{id} waits for {}", now - self.since)
                })?;
            }
            _ => {}
        }
        if let (Some(at), Some(Leader { role: Role::PostStop, .. })) = (self.post_stop_at, leader) {
            must(own - at <= grace + 2 * dies, "a post_stop ends within its grace", || format!("s{id}, {}", own - at))?;
        }
        Ok(())
    }

    /// A state says whether something runs.
    pub fn runs_as_it_says(&self, id: ServiceId, actor: &Actor) -> Result<(), Broken> {
        let leads = actor.leader.filter(|leader| leader.role != Role::PostStop);
        let is_own = leads.is_none_or(|leader| leader.incarnation == self.incarnation);
        must(is_own, "what runs is the incarnation", || format!("s{id}: {leads:?}, not {}", self.incarnation))?;
        must(!self.is_alive() || leads.is_some(), "what is up runs", || format!("s{id} is {} and does not run", self.state))?;
        let known = leads.is_none() || actor.killing || self.state.is_running();
        must(known, "what runs is not forgotten", || format!("s{id} runs and is {}", self.state))
    }
}

/// What follows from the graph.
pub struct Standing {
    /// Its own, or that of a service which depends on it.
    pub essential: Vec<bool>,
    priority: Vec<i64>,
    /// Those that depend on it, directly or not; a bit each.
    dependants: Vec<u16>,
}

impl Standing {
    pub fn of(specs: &[Spec]) -> Standing {
        let mut standing = Standing {
            essential: specs.iter().map(|spec| spec.essential && !spec.scheduled).collect(),
            priority: specs.iter().map(|spec| spec.priority).collect(),
            dependants: vec![0; specs.len()],
        };
        // Only earlier services are depended on, so that from the end each hands on what is final.
        for id in (0..specs.len()).rev() {
            for on in specs[id].dependencies(id) {
                standing.essential[on] |= standing.essential[id];
                standing.priority[on] = standing.priority[on].min(standing.priority[id]);
                standing.dependants[on] |= 1 << id | standing.dependants[id];
            }
        }
        standing
    }

    /// The services of lower effective priority that are not settled.
    pub fn earlier<'a>(&'a self, id: ServiceId, known: &'a [Known]) -> impl Iterator<Item = ServiceId> + 'a {
        let holds_up = move |other: &ServiceId| {
            self.priority[*other] < self.priority[id] && !known[*other].spec.scheduled && !known[*other].state.is_settled()
        };
        (0..known.len()).filter(holds_up)
    }

    /// Whether one service has to have stopped before the other is.
    pub fn stops_before(&self, one: ServiceId, other: ServiceId, known: &[Known]) -> bool {
        match (known[one].spec.stop_order, known[other].spec.stop_order) {
            (None, None) if self.priority[one] != self.priority[other] => self.priority[one] > self.priority[other],
            (None, None) => self.dependants[other] & (1 << one) != 0,
            (one, other) => one.unwrap_or(0) > other.unwrap_or(0),
        }
    }

    /// The services that wait for one that is down, or for one that waits in vain itself.
    pub fn locked(&self, known: &[Known]) -> Vec<bool> {
        let mut locked = vec![false; known.len()];
        loop {
            let mut more = false;
            for (id, service) in known.iter().enumerate() {
                if locked[id] || service.state != State::Waiting || !service.spec.waits {
                    continue;
                }
                let in_vain = |on: ServiceId| locked[on] || known[on].state.is_at_rest() && !known[on].satisfies();
                let by_order = !service.out_of_line && self.earlier(id, known).any(|other| locked[other]);
                if by_order || service.spec.dependencies(id).any(in_vain) {
                    locked[id] = true;
                    more = true;
                }
            }
            if !more {
                return locked;
            }
        }
    }
}
