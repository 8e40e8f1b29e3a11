//! A schedule: a pod, and what happens to it. Plain values that shrink well, and print as the Rust that makes them.

use super::super::plan;
use crate::machine::Millis;
use podinit_plan::plan::{
    Backoff, Command, HealthCheck, Kind, OnFailure, Plan, Probe, Ready, Restart, RestartPolicy, Service, Stop,
};
use podinit_plan::plan::{Growth, Schedule as Clock};
use std::collections::BTreeMap;
use std::fmt;

/// The signal that services with `signals` get passed on.
pub const PASSED_ON: i32 = 10;

/// A pod, and what happens to it.
#[derive(Clone, PartialEq)]
pub struct Schedule {
    pub pod: Pod,
    pub services: Vec<Spec>,
    pub happenings: Vec<Happening>,
}

/// What is not a service's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pod {
    pub stop_grace_period: Millis,
    pub exit_when_done: bool,
    /// Processes of nobody.
    pub strays: usize,
    /// They end when they are asked to.
    pub strays_obey: bool,
}

impl Pod {
    pub const PLAIN: Pod = Pod { stop_grace_period: 11_000, exit_when_done: true, strays: 0, strays_obey: true };
}

/// A service, and how its processes behave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spec {
    pub kind: Kind,
    pub scheduled: bool,
    pub autostart: bool,
    pub waits: bool,
    /// One bit for each service; those of later ones are not looked at, so that there is no cycle.
    pub depends_on: u16,
    pub address: bool,
    pub priority: i64,
    pub ready: Proof,
    pub check: bool,
    pub on_failure: Steps,
    pub check_retries: u32,
    pub check_passes: u32,
    pub start_period: Millis,
    pub start_timeout: Millis,
    pub policy: RestartPolicy,
    pub retries: u32,
    pub stable_after: Millis,
    pub immediate: bool,
    pub linear: bool,
    pub essential: bool,
    pub grace: Millis,
    pub group: bool,
    pub kill_leftovers: bool,
    pub stop_order: Option<i64>,
    pub signals: bool,
    pub pre_start: Hook,
    pub post_stop: Hook,
    /// From a stop signal to its end; none when it hangs.
    pub obeys: Option<Millis>,
    /// Processes that it leaves at its end.
    pub leaves: usize,
    /// From SIGKILL to the end.
    pub dies: Millis,
}

/// What makes a service ready.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Proof {
    Check,
    Alive(Millis),
    /// It says so, and has to say that it is alive within this time; 0: it has not.
    Word(Millis),
}

/// What follows from a check that fails.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Steps(pub &'static [OnFailure]);

/// A command before or after a service's own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Hook {
    Absent,
    Passes(Millis),
    Fails(Millis),
    Hangs,
}

impl Spec {
    pub const PLAIN: Spec = Spec {
        kind: Kind::Service,
        scheduled: false,
        autostart: true,
        waits: true,
        depends_on: 0,
        address: false,
        priority: 100,
        ready: Proof::Alive(1_000),
        check: false,
        on_failure: Steps(&[OnFailure::Restart]),
        check_retries: 3,
        check_passes: 1,
        start_period: 0,
        start_timeout: 60_000,
        policy: RestartPolicy::Always,
        retries: 5,
        stable_after: 10_000,
        immediate: true,
        linear: false,
        essential: true,
        grace: 10_000,
        group: false,
        kill_leftovers: true,
        stop_order: None,
        signals: false,
        pre_start: Hook::Absent,
        post_stop: Hook::Absent,
        obeys: Some(0),
        leaves: 0,
        dies: 0,
    };

    /// The services that this one, the `index`th, depends on.
    pub fn dependencies(&self, index: usize) -> impl Iterator<Item = usize> + use<> {
        let bits = self.depends_on;
        (0..index).filter(move |on| bits & (1 << on) != 0)
    }

    fn planned(&self, index: usize) -> Service {
        let command = || Command::Words(vec!["true".to_owned()]);
        let hook = |hook: Hook| (hook != Hook::Absent).then(command);
        let check = HealthCheck {
            interval_ms: 1_000,
            start_interval_ms: 500,
            // Times that meet others are those that something goes wrong at.
            jitter_ms: 0,
            retries: self.check_retries,
            success_threshold: self.check_passes,
            start_period_ms: self.start_period,
            on_failure: self.on_failure.0.to_vec(),
            ..HealthCheck::new(Probe::Tcp { port: 1 })
        };
        let growth = if self.linear { Growth::Linear } else { Growth::Exponential };
        Service {
            kind: self.kind,
            schedule: self.scheduled.then_some(Clock::EveryMs(60_000)),
            autostart: self.autostart.to_string(),
            waits: self.waits,
            depends_on: self.dependencies(index).map(name).collect(),
            depends_on_addresses: self.address.then(|| "db:1".to_owned()).into_iter().collect(),
            priority: self.priority,
            ready: match self.ready {
                Proof::Check => Ready::Check,
                Proof::Alive(after) => Ready::AliveMs(after),
                Proof::Word(watchdog_ms) => Ready::NotifySocket { watchdog_ms },
            },
            healthcheck: (self.check || self.ready == Proof::Check).then_some(check),
            start_timeout_ms: self.start_timeout,
            restart: Restart {
                policy: self.policy,
                retries: self.retries,
                stable_after_ms: self.stable_after,
                backoff: Backoff { immediate_after_ready: self.immediate, growth, ..Backoff::default() },
                ..Restart::default()
            },
            essential: self.essential,
            stop: Stop {
                grace_period_ms: self.grace,
                group: self.group,
                kill_group: self.group,
                kill_leftovers: self.kill_leftovers,
                order: self.stop_order,
                ..Stop::default()
            },
            signals: self.signals.then(|| ("SIGUSR1".to_owned(), "SIGHUP".to_owned())).into_iter().collect(),
            pre_start: hook(self.pre_start),
            post_stop: hook(self.post_stop),
            ..Service::new(command())
        }
    }
}

/// What happens. The number is a service's; what cannot happen to it at that moment does not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Happening {
    After(Millis),
    Exits(usize, i32),
    Dies(usize, i32),
    CannotExecute(usize),
    /// Its next start fails.
    CannotFork(usize),
    Hangs(usize),
    Passes(usize),
    Fails(usize),
    SaysReady(usize),
    SaysStopping(usize),
    SaysAlive(usize),
    Reaches(usize),
    CannotReach(usize),
    Due(usize),
    AskStart(usize),
    AskStop(usize),
    AskRestart(usize),
    /// It uses too much memory.
    OverLimit(usize),
    /// News of its incarnation before.
    Stale(usize),
    Signalled,
    StopPod,
    /// The pod was paused for so long.
    Late(Millis),
    /// The pod is paused while podinit forks the next time.
    LateAtSpawn(Millis),
}

impl Happening {
    /// The service it happens to.
    pub fn service(&mut self) -> Option<&mut usize> {
        use Happening::*;
        match self {
            Exits(id, _)
            | Dies(id, _)
            | CannotExecute(id)
            | CannotFork(id)
            | Hangs(id)
            | Passes(id)
            | Fails(id)
            | SaysReady(id)
            | SaysStopping(id)
            | SaysAlive(id)
            | Reaches(id)
            | CannotReach(id)
            | Due(id)
            | AskStart(id)
            | AskStop(id)
            | AskRestart(id)
            | OverLimit(id)
            | Stale(id) => Some(id),
            After(_) | Signalled | StopPod | Late(_) | LateAtSpawn(_) => None,
        }
    }
}

fn name(index: usize) -> String {
    format!("s{index}")
}

impl Schedule {
    pub fn plan(&self) -> Plan {
        let services = self.services.iter().enumerate();
        let services: BTreeMap<_, _> = services.map(|(index, spec)| (name(index), spec.planned(index))).collect();
        let exit_when_done = self.pod.exit_when_done;
        Plan { stop_grace_period_ms: self.pod.stop_grace_period, exit_when_done, services, ..plan(&[]) }
    }
}

/// Writes the fields of a value that are not those of another one, as Rust does.
macro_rules! fields {
    ($f:ident, $value:expr, $plain:expr; $($field:ident $prefix:literal),*) => {
        $(if $value.$field != $plain.$field {
            write!($f, "{}: {}{:?}, ", stringify!($field), $prefix, $value.$field)?;
        })*
    };
}

/// A body of a test that has the schedule happen.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("    holds(&Schedule {\n        pod: Pod { ")?;
        fields!(f, self.pod, Pod::PLAIN; stop_grace_period "", exit_when_done "", strays "", strays_obey "");
        f.write_str("..Pod::PLAIN },\n        services: vec![\n")?;
        for spec in &self.services {
            f.write_str("            Spec { ")?;
            fields!(f, spec, Spec::PLAIN; kind "Kind::", scheduled "", autostart "", waits "");
            if spec.depends_on != 0 {
                write!(f, "depends_on: {:#b}, ", spec.depends_on)?;
            }
            fields!(f, spec, Spec::PLAIN; address "", priority "", ready "Proof::", check "", on_failure "",
                check_retries "", check_passes "", start_period "", start_timeout "", policy "RestartPolicy::", retries "", stable_after "",
                immediate "", linear "", essential "", grace "", group "", kill_leftovers "", stop_order "", signals "",
                pre_start "Hook::", post_stop "Hook::", obeys "", leaves "", dies "");
            f.write_str("..Spec::PLAIN },\n")?;
        }
        f.write_str("        ],\n        happenings: vec![\n")?;
        for happening in &self.happenings {
            writeln!(f, "            {happening:?},")?;
        }
        f.write_str("        ],\n    });\n")
    }
}
