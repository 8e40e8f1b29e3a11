//! The loop: the only place that blocks. It waits for descriptors and deadlines, tells the machine what happened, and
//! has its actions carried out.
//!
//! Every turn is bounded: signals and timers first, then what each descriptor has for one read, 256 of the dead, a
//! millisecond of /proc.

mod actions;
mod alerts;
mod change;
mod checks;
mod figures;
mod helpers;
mod keep;
mod listeners;
mod memory;
mod roster;
mod signals;
mod turns;
mod watch;
mod window;
mod wishes;

use crate::alerts::desk::Desk;
use crate::control::Control;
use crate::errands::Errands;
use crate::health::Probes;
use crate::inputs::Inputs;
use crate::keeper::Keeper;
use crate::listeners::Listeners;
use crate::load::Source;
use crate::logs::Logs;
use crate::machine::{Action, Event, Incarnation, Machine, Millis, Notice, Role, ServiceId};
use crate::memory::Memory;
use crate::metrics::nginx::Nginx;
use crate::notify::Notify;
use crate::reload::{Loaded, Marks, Update};
use crate::schedule::Schedules;
use crate::spawn::Spawner;
use crate::sys::processes::{Dead, Limit, Reaped};
use crate::sys::signals::SignalSource;
use crate::sys::{Poller, Sys, Token};
use crate::tree::{Outcome, Trees};
use crate::watch::Watch;
use checks::Check;
use helpers::{Helper, Helpers, without_code};
use podinit_plan::plan::Plan;
use roster::Roster;
use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::time::Duration;
use turns::Turns;
use window::window;
use wishes::Wishes;

pub use signals::passed_on;

/// Children that are reaped in one turn, and for how long at most.
const REAPED_A_TURN: usize = 256;
const REAPING: Duration = Duration::from_millis(1);
/// A turn that comes this much later than it should was held up from outside.
const LATE: Millis = 1_000;
/// Signals or the dead that could not be asked for are asked for again after this.
const REST: Millis = 100;

/// What a reactor is made of.
#[derive(Debug)]
pub struct Parts<S: Sys> {
    /// What all of them register with.
    pub poller: Poller<S>,
    /// Decides.
    pub machine: Machine,
    /// Executes.
    pub spawner: Spawner<S>,
    /// Hears what services say of themselves.
    pub notify: Notify<S>,
    /// The stdin of services.
    pub inputs: Inputs<S>,
    /// The output.
    pub logs: Logs<S>,
    /// Who is told of events.
    pub listeners: Listeners,
    /// The checks.
    pub probes: Probes<S>,
    /// Looks whether the addresses that services wait for can be reached.
    pub reaches: Probes<S>,
    /// The sockets.
    pub control: Control<S>,
    /// Tells people what is wrong; none where the plan has no alerts.
    pub desk: Option<Desk<S>>,
}

/// How the pod ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// podinit's exit code.
    pub code: i32,
    /// Why, in words.
    pub reason: String,
    /// It is to be started anew.
    pub begins_anew: bool,
}

/// What a pod can be made again of.
#[derive(Debug)]
pub struct Means {
    /// Where its plan comes from.
    pub source: Source,
    /// The limit of open files that podinit had before it raised its own.
    pub open_files: Option<Limit>,
    /// By which the groups of the plan are told from later ones of the same name.
    pub marks: Marks,
}

/// A running pod.
#[derive(Debug)]
pub struct Reactor<S: Sys> {
    sys: S,
    signals: SignalSource,
    parts: Parts<S>,
    trees: Trees<S>,
    schedules: Schedules,
    roster: Roster,
    checks: Vec<Option<Box<Check>>>,
    /// How many addresses each service waits for.
    addresses: Vec<u64>,
    /// The leaders that were not reaped yet, and what they are.
    running: BTreeMap<i32, (ServiceId, Incarnation)>,
    /// The last leader of every service.
    leaders: Vec<i32>,
    /// Which of its commands that one is.
    roles: Vec<Role>,
    /// Signals that services want to know of.
    passed_on: Vec<i32>,
    /// What the machine is still to be told, in order.
    events: VecDeque<Event>,
    /// What it wants done and was not done yet, and what answers those that were.
    actions: VecDeque<Action>,
    answers: Vec<Event>,
    begun: Duration,
    turns: Turns,
    /// When podinit last looked whether it had been held up.
    seen: Millis,
    /// There may be more to reap than one turn allows, or a signal was missed.
    reap_again: bool,
    /// When signals, which are not watched until then, and the dead are asked for again: it has failed.
    ask_again_at: Option<Millis>,
    /// The machine wants to know when there is no child any more.
    asks_for_children: bool,
    end: Option<End>,
    means: Means,
    /// What threads do.
    errands: Errands<S>,
    /// Files that they write.
    keeper: Keeper,
    /// What services and the container use.
    memory: Memory<S>,
    /// What is watched besides the services' checks.
    watch: Watch,
    /// Asked for its figures.
    nginx: Nginx<S>,
    /// What clients wait for.
    wishes: Wishes,
    /// The plan as it was read again last; none before the first time.
    loaded: Option<Loaded>,
    /// What of it is still to be done.
    update: Option<Update>,
    /// The pod stops to be started again.
    begins_anew: bool,
    /// The pod has ended, and podinit leaves by then at the latest.
    leaves_by: Option<Millis>,
}

impl<S: Sys> Reactor<S> {
    /// Puts the parts for a plan that was filled in together; nothing is started.
    ///
    /// # Errors
    /// The kernel's: no more descriptors.
    pub fn new(
        sys: S,
        signals: SignalSource,
        parts: Parts<S>,
        watch: Watch,
        plan: &Plan,
        means: Means,
    ) -> io::Result<Reactor<S>> {
        let mut roster = Roster::default();
        for (id, (name, service)) in plan.services.iter().enumerate() {
            roster.put(id, name, service.group.as_deref(), &means.marks);
        }
        let checks = plan.services.values().enumerate().map(|(id, service)| Check::of(id, service, &parts.spawner));
        let count = plan.services.len();
        let errands = Errands::new(sys.clone(), &parts.poller)?;
        let mut memory = Memory::new(sys.clone(), plan.monitor.memory.clone());
        plan.services.values().enumerate().for_each(|(id, service)| memory.put(id, service.memory.clone()));
        Ok(Reactor {
            trees: Trees::new(sys.clone()),
            schedules: Schedules::new(plan, 0, sys.date()),
            checks: checks.collect(),
            addresses: plan.services.values().map(|service| service.depends_on_addresses.len() as u64).collect(),
            leaders: vec![0; count],
            roles: vec![Role::Command; count],
            roster,
            running: BTreeMap::new(),
            passed_on: passed_on(plan),
            events: VecDeque::new(),
            actions: VecDeque::new(),
            answers: Vec::new(),
            begun: sys.monotonic(),
            turns: Turns::default(),
            seen: 0,
            reap_again: false,
            ask_again_at: None,
            asks_for_children: false,
            end: None,
            means,
            errands,
            keeper: Keeper::default(),
            memory,
            watch,
            nginx: Nginx::new(sys.clone(), parts.poller.clone(), plan.monitor.nginx.clone()),
            wishes: Wishes::default(),
            loaded: None,
            update: None,
            begins_anew: false,
            leaves_by: None,
            sys,
            signals,
            parts,
        })
    }

    /// The limit of open files that podinit had before it raised its own.
    #[must_use]
    pub fn open_files(&self) -> Option<Limit> {
        self.means.open_files
    }

    /// Runs until the pod has ended. Gives the logs back, for what is still to be written.
    pub fn run(mut self, warnings: Vec<String>) -> (End, Logs<S>) {
        self.turns.begin(self.sys.monotonic());
        for message in warnings {
            self.send(Event::Warning { message });
        }
        // A stop that was asked for while podinit booted comes before the start.
        self.read_signals();
        self.send(Event::Boot);
        self.turns.end(self.sys.monotonic());
        let mut tokens = Vec::new();
        loop {
            if self.may_leave()
                && let Some(end) = self.end.take()
            {
                self.parts.control.close_servers();
                return (end, self.parts.logs);
            }
            self.turn(&mut tokens);
        }
    }

    fn now(&self) -> Millis {
        let since = self.sys.monotonic().saturating_sub(self.begun);
        u64::try_from(since.as_millis()).unwrap_or(Millis::MAX)
    }

    fn turn(&mut self, tokens: &mut Vec<Token>) {
        let promised = earliest([self.parts.machine.deadline(), self.parts.probes.deadline()]);
        let parts = &self.parts;
        let others = [parts.logs.deadline(), parts.control.deadline(), parts.notify.deadline(), parts.reaches.deadline()];
        let others = earliest([
            earliest(others),
            self.alerts_deadline(),
            self.trees.deadline(),
            self.memory.deadline(),
            self.schedules.deadline(),
            parts.listeners.deadline(),
            self.watch.deadline(),
            self.ask_again_at,
            self.nginx.deadline(),
        ]);
        let has_more = self.has_more()
            || self.reap_again
            || self.errands.has_refused()
            || self.has_paused()
            || self.parts.control.has_more()
            || self.parts.probes.has_results()
            || self.parts.reaches.has_results();
        let deadline = if has_more { Some(0) } else { earliest([promised, others]) };
        let timeout = deadline.map(|at| at.saturating_sub(self.now()));
        if self.parts.poller.wait(timeout, tokens).is_err() {
            // It cannot fail. If it did all the same, a slow loop without events is better than a fast one.
            let _ = self.sys.wait(&[], 10);
            tokens.push(Token::Signals);
        }
        self.turns.begin(self.sys.monotonic());
        let now = self.now();
        if tokens.contains(&Token::Signals) || self.ask_again_at.is_some_and(|at| at <= now) {
            self.read_signals();
        }
        if let Some(by) = self.held_up(promised, now) {
            self.send(Event::Late { by });
        } else if self.has_more() {
            self.go_on();
        } else if promised.is_some_and(|at| at <= now) {
            self.send(Event::Tick);
        }
        self.parts.logs.begin_turn(now);
        for token in tokens.drain(..) {
            self.dispatch(token, now);
        }
        if self.reap_again {
            self.reap(now);
        }
        self.tick(now);
        // After everything that may have brought a service to rest: nothing else would wake the loop for it.
        if self.update.is_some() {
            self.go_on_updating();
        }
        self.turns.end(self.sys.monotonic());
    }

    /// How long podinit may have been held up, when a deadline was missed by so much that it was not its own doing. A
    /// pause may have begun at any time since podinit last looked, and its services did not run either.
    fn held_up(&mut self, deadline: Option<Millis>, now: Millis) -> Option<Millis> {
        let since = std::mem::replace(&mut self.seen, now);
        deadline.filter(|at| now > at + LATE).map(|_| now.saturating_sub(since))
    }

    fn dispatch(&mut self, token: Token, now: Millis) {
        let parts = &mut self.parts;
        match token {
            Token::Signals | Token::Nobody => {}
            Token::LogWriter => {
                parts.logs.writer_event(now);
                self.take_cleared();
                self.take_written(now);
            }
            Token::Errands => self.take_errands(),
            Token::Nginx => {
                self.nginx.ready();
                self.take_measured();
            }
            Token::Sink(index) => parts.logs.sink_writable(index, now),
            Token::SinkWriter(index) => parts.logs.sink_written(index, now),
            Token::Output(index) => parts.logs.readable(index, now),
            Token::Input(index) => parts.inputs.writable(index),
            Token::Probe(index) => parts.probes.ready(index),
            Token::Reach(index) => parts.reaches.ready(index),
            Token::Notify(index) => parts.notify.readable(index, now),
            Token::Courier(sink) => parts.desk.iter_mut().for_each(|desk| desk.ready(sink)),
            Token::Listener(index) => parts.control.accept(index, now),
            Token::Connection(index) => {
                let view = window!(self, now);
                let asked = self.parts.control.ready(index, now, &view);
                self.fulfil(asked);
            }
        }
    }

    /// Whose time has come.
    fn tick(&mut self, now: Millis) {
        let is_due = |deadline: Option<Millis>| deadline.is_some_and(|at| at <= now);
        if is_due(self.parts.logs.deadline()) {
            self.parts.logs.tick(now);
        }
        if is_due(self.parts.control.deadline()) || self.parts.control.has_more() {
            let view = window!(self, now);
            let asked = self.parts.control.tick(now, &view);
            self.fulfil(asked);
        }
        if is_due(self.nginx.deadline()) {
            self.nginx.tick(now);
            self.take_measured();
        }
        if self.has_paused() {
            self.go_on_calling();
        }
        if self.errands.has_refused() {
            self.take_errands();
        }
        if is_due(self.schedules.deadline()) {
            for service in self.schedules.due(now, self.sys.date()) {
                self.send(Event::Due { service });
            }
        }
        if is_due(self.parts.listeners.deadline()) {
            self.parts.listeners.tick(now, self.sys.date());
        }
        let parts = &mut self.parts;
        parts.notify.tick(now, |service| parts.spawner.is_cleared(service));
        self.hear();
        let mut helpers = Helpers { sys: &self.sys, spawner: &self.parts.spawner, what: Helper::Check };
        self.parts.probes.tick(now, &mut helpers);
        helpers.what = Helper::Reach;
        self.parts.reaches.tick(now, &mut helpers);
        self.take_checked();
        for reached in self.parts.reaches.take_results() {
            self.send(Event::Reached { service: reached.service, result: reached.result.map_err(without_code) });
        }
        if is_due(self.watch.deadline()) {
            self.watch(now);
        }
        self.go_on_alerting(now);
        // A tree may be asked for by what has just happened, and is often gone already.
        if is_due(self.trees.deadline()) {
            let mut checks = self.parts.probes.processes();
            checks.extend(self.parts.reaches.processes());
            // Strays are what belongs to nobody, and what delivers alerts is nobody's leftover.
            let mut running = Cow::Borrowed(&self.running);
            for (pid, nobody) in self.parts.desk.iter().flat_map(Desk::processes) {
                running.to_mut().insert(pid, nobody);
            }
            for ((service, incarnation), outcome) in self.trees.work(now, &running, &checks) {
                self.send(match outcome {
                    Outcome::Gone { killed } => Event::TreeGone { service, incarnation, killed },
                    Outcome::Left { alive } => Event::Left { service, incarnation, alive },
                });
            }
        }
        if is_due(self.memory.deadline()) {
            self.watch_memory(now);
        }
    }

    /// Tells the machine what services have said of themselves.
    fn hear(&mut self) {
        for (service, incarnation) in self.parts.logs.take_matches() {
            self.send(Event::Notified { service, incarnation, notice: Notice::Ready });
        }
        for (service, incarnation, notice) in self.parts.notify.take() {
            self.send(Event::Notified { service, incarnation, notice });
        }
        self.tell_listeners();
    }

    fn reap(&mut self, now: Millis) {
        let begun = self.sys.monotonic();
        for _ in 0..REAPED_A_TURN {
            if self.sys.monotonic().saturating_sub(begun) > REAPING {
                return;
            }
            match self.sys.reap() {
                Ok(Reaped::Child(dead)) => self.ended(dead, now),
                Ok(Reaped::Nobody) => {
                    self.reap_again = false;
                    return;
                }
                Ok(Reaped::NoChildren) => {
                    self.reap_again = false;
                    if self.asks_for_children {
                        self.send(Event::NoChildren);
                    }
                    return;
                }
                Err(_) => {
                    self.reap_again = false;
                    self.ask_again_at = Some(now + REST);
                    return;
                }
            }
        }
    }

    /// A child has ended: a leader, a check, or an orphan.
    fn ended(&mut self, Dead { pid, exit, peak_bytes }: Dead, now: Millis) {
        self.trees.reaped(pid);
        if let Some((service, incarnation)) = self.running.remove(&pid) {
            self.memory.ended((service, incarnation), peak_bytes);
            if self.is_oom_kill(pid, exit) {
                self.send(Event::OomKilled { service, incarnation });
            }
            self.parts.logs.drain(service, incarnation, now);
            self.parts.notify.ended(service);
            self.hear();
            self.parts.inputs.close(service);
            self.parts.listeners.ended(service);
            self.send(match self.parts.spawner.failure(service, self.roles[service]) {
                Some(failure) => Event::SpawnFailed { service, incarnation, failure },
                None => Event::Exited { service, incarnation, exit },
            });
        } else if !self.courier_ended(pid, exit, now) {
            let mut helpers = Helpers { sys: &self.sys, spawner: &self.parts.spawner, what: Helper::Check };
            if !self.parts.probes.exited(pid, exit, &mut helpers) {
                helpers.what = Helper::Reach;
                self.parts.reaches.exited(pid, exit, &mut helpers);
                self.orphan_ended(pid, exit);
            }
        }
        self.memory.reaped(pid);
    }
}

fn earliest<const N: usize>(deadlines: [Option<Millis>; N]) -> Option<Millis> {
    deadlines.into_iter().flatten().min()
}
