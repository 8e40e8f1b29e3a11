//! The machine in a world of its own: processes, probes and a clock that tests move by hand.

mod checks;
mod lifecycle;
mod memory;
mod requests;
mod simulation;
mod stopping;
mod transitions;

use super::{Action, Event, Incarnation, Machine, Millis, RequestId, SpawnFailure, Target, Verb};
use podinit_plan::plan::{Backoff, Command, HealthCheck, Kind, OnFailure, Plan, Probe, Ready, Restart, RestartPolicy, Service};
use podinit_plan::protocol::{EventKind, Exit};
use podinit_plan::state::State;
use std::collections::BTreeMap;

/// A service of pod.yaml's defaults that is ready after one second.
fn service() -> Service {
    Service {
        restart: Restart { backoff: Backoff { jitter_percent: 0, ..Backoff::default() }, ..Restart::default() },
        ..Service::new(Command::Words(vec!["true".to_owned()]))
    }
}

fn checked(on_failure: OnFailure) -> Service {
    let check = HealthCheck {
        start_interval_ms: 500,
        jitter_ms: 0,
        on_failure: vec![on_failure],
        ..HealthCheck::new(Probe::Tcp { port: 1 })
    };
    Service { ready: Ready::Check, healthcheck: Some(check), ..service() }
}

fn oneshot() -> Service {
    Service { kind: Kind::Oneshot, ..service() }
}

fn after(dependencies: &[&str], service: Service) -> Service {
    Service { depends_on: dependencies.iter().map(|name| (*name).to_owned()).collect(), ..service }
}

fn plan(services: &[(&str, Service)]) -> Plan {
    Plan {
        version: 1,
        name: "pod".to_owned(),
        stop_grace_period_ms: 11_000,
        exit_when_done: true,
        environment: BTreeMap::new(),
        directories: Vec::new(),
        files: Vec::new(),
        public_socket: None,
        servers: Vec::new(),
        monitor: Default::default(),
        alerts: None,
        services: services.iter().map(|(name, service)| ((*name).to_owned(), service.clone())).collect(),
    }
}

/// A machine, and the world that it acts on.
struct World {
    machine: Machine,
    plan: Plan,
    names: Vec<String>,
    now: Millis,
    /// The leaders that run, by service.
    running: BTreeMap<usize, Incarnation>,
    /// Probes under way.
    probing: BTreeMap<usize, Incarnation>,
    /// Leaders that obey a stop signal at once.
    obedient: bool,
    /// Spawning fails with this.
    spawn_failure: Option<SpawnFailure>,
    /// `name state`, in the order of being told.
    told: Vec<String>,
    /// `name signal` and `name KILLTREE`.
    signals: Vec<String>,
    answers: BTreeMap<RequestId, Result<State, String>>,
    exit: Option<(i32, String)>,
}

impl World {
    fn new(services: &[(&str, Service)]) -> World {
        World::of(&plan(services))
    }

    fn of(plan: &Plan) -> World {
        World {
            machine: Machine::new(plan, 1).unwrap(),
            plan: plan.clone(),
            names: plan.services.keys().cloned().collect(),
            now: 0,
            running: BTreeMap::new(),
            probing: BTreeMap::new(),
            obedient: true,
            spawn_failure: None,
            told: Vec::new(),
            signals: Vec::new(),
            answers: BTreeMap::new(),
            exit: None,
        }
    }

    fn booted(services: &[(&str, Service)]) -> World {
        let mut world = World::new(services);
        world.send(Event::Boot);
        world
    }

    fn id(&self, name: &str) -> usize {
        self.names.iter().position(|known| known == name).unwrap()
    }

    fn send(&mut self, event: Event) {
        let mut events = std::collections::VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let mut actions = Vec::new();
            self.machine.step(self.now, event, &mut actions);
            let mut answers = Vec::new();
            for action in actions {
                self.act(action, &mut answers);
            }
            // Answers come before anything else that is on its way.
            for answer in answers.into_iter().rev() {
                events.push_front(answer);
            }
        }
    }

    fn act(&mut self, action: Action, answers: &mut Vec<Event>) {
        match action {
            Action::Spawn { service, incarnation, role: _ } => {
                assert!(!self.running.contains_key(&service), "{} runs twice", self.names[service]);
                self.check_gate(service);
                answers.push(match self.spawn_failure.clone() {
                    Some(failure) => Event::SpawnFailed { service, incarnation, failure },
                    None => {
                        self.running.insert(service, incarnation);
                        Event::Spawned { service, incarnation, pid: incarnation as i32 * 1_000 + service as i32 }
                    }
                });
            }
            Action::Signal { service, incarnation, signal, to } => {
                let group = if to == Target::Group { " group" } else { "" };
                let name = podinit_plan::signal::name(signal);
                self.signals.push(format!("{} {name}{group}", self.names[service]));
                if (self.obedient || signal == 9) && self.running.get(&service) == Some(&incarnation) {
                    self.running.remove(&service);
                    let exit = if signal == 9 { Exit::Signal(9) } else { Exit::Code(0) };
                    answers.push(Event::Exited { service, incarnation, exit });
                }
            }
            Action::KillTree { service, incarnation } => {
                let mut killed = 0;
                if self.running.get(&service) == Some(&incarnation) {
                    self.running.remove(&service);
                    self.signals.push(format!("{} KILLTREE", self.names[service]));
                    killed = 1;
                    answers.push(Event::Exited { service, incarnation, exit: Exit::Signal(9) });
                }
                answers.push(Event::TreeGone { service, incarnation, killed });
            }
            Action::Probe { service, incarnation } => {
                assert!(self.probing.insert(service, incarnation).is_none(), "two probes at once");
            }
            Action::CancelProbe { service, .. } => drop(self.probing.remove(&service)),
            Action::SignalStrays { .. } => {
                if self.running.is_empty() {
                    answers.push(Event::NoChildren);
                }
            }
            Action::LeaveTree { .. } | Action::Reach { .. } => {}
            Action::Publish(record) => {
                if record.event == EventKind::State {
                    self.told.push(format!("{} {}", record.service.unwrap(), record.state.unwrap()));
                }
            }
            Action::Answer { request, result } => {
                let answered = self.answers.insert(request, result.map_err(|problem| problem.message));
                assert!(answered.is_none(), "answered twice");
            }
            Action::Exit { code, reason } => self.exit = Some((code, reason)),
        }
    }

    /// A start is allowed only when every dependency is ready or done.
    fn check_gate(&self, service: usize) {
        let status = self.machine.status(self.now);
        for dependency in &self.plan.services[&self.names[service]].depends_on {
            let state = status.services[self.id(dependency)].state;
            let name = &self.names[service];
            assert!(matches!(state, State::Ready | State::Done), "{name} started while {dependency} was {state}");
        }
    }

    /// Moves the clock, deadline by deadline, as the loop does.
    fn advance(&mut self, by: Millis) {
        let end = self.now + by;
        while let Some(at) = self.machine.deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.send(Event::Tick);
        }
        self.now = end;
        self.send(Event::Tick);
    }

    fn ends(&mut self, name: &str, exit: Exit) {
        let service = self.id(name);
        let incarnation = self.running.remove(&service).unwrap_or_else(|| panic!("{name} does not run"));
        self.send(Event::Exited { service, incarnation, exit });
    }

    fn probed(&mut self, name: &str, result: Result<(), &str>) {
        let service = self.id(name);
        let incarnation = self.probing.remove(&service).unwrap_or_else(|| panic!("{name} is not probed"));
        self.send(Event::Probed { service, incarnation, result: result.map_err(str::to_owned) });
    }

    fn request(&mut self, request: RequestId, name: &str, verb: Verb) {
        let service = self.id(name);
        self.send(Event::Request { request: Some(request), service, verb });
    }

    fn state(&self, name: &str) -> State {
        self.machine.status(self.now).services[self.id(name)].state
    }

    fn reason(&self, name: &str) -> String {
        self.machine.status(self.now).services[self.id(name)].reason.clone().unwrap_or_default()
    }

    /// What was told since the last call.
    fn told(&mut self) -> String {
        std::mem::take(&mut self.told).join(", ")
    }
}
