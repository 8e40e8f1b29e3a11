//! What the surfaces show of a pod.

use super::checks::Check;
use super::roster::Roster;
use super::turns::Turns;
use crate::alerts::desk::Desk;
use crate::control::View;
use crate::health::latency::Latency;
use crate::logs::{Logs, Outlet};
use crate::machine::{Machine, Millis, Seen, ServiceId};
use crate::memory::Memory;
use crate::metrics::Figures;
use crate::metrics::nginx::Nginx;
use crate::reload::Loaded;
use crate::rpc::{self, Configured, Log, Obstacle};
use crate::schedule::Schedules;
use crate::spawn::Spawner;
use crate::sys::Sys;
use crate::sys::clock::{local, rfc3339};
use crate::watch::{Flags, Watch};
use podinit_plan::plan::Stream;
use podinit_plan::protocol::Status;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// What the surfaces show.
pub(super) struct Window<'a, S: Sys> {
    pub sys: &'a S,
    pub machine: &'a Machine,
    pub schedules: &'a Schedules,
    pub logs: &'a Logs<S>,
    pub spawner: &'a Spawner<S>,
    pub roster: &'a Roster,
    pub turns: &'a Turns,
    pub memory: &'a Memory<S>,
    pub checks: &'a [Option<Box<Check>>],
    pub watch: &'a Watch,
    pub desk: Option<&'a Desk<S>>,
    pub nginx: &'a Nginx<S>,
    pub loaded: Option<&'a Loaded>,
    pub now: Millis,
    /// Since 1970.
    pub date: Duration,
    pub own_pid: i32,
    /// The pod is about to start anew.
    pub begins_anew: bool,
}

/// What the surfaces of a reactor show now. A macro, so that the control room itself can be changed meanwhile.
macro_rules! window {
    ($reactor:ident, $now:expr) => {
        $crate::reactor::window::Window {
            sys: &$reactor.sys,
            machine: &$reactor.parts.machine,
            schedules: &$reactor.schedules,
            logs: &$reactor.parts.logs,
            spawner: &$reactor.parts.spawner,
            roster: &$reactor.roster,
            turns: &$reactor.turns,
            memory: &$reactor.memory,
            checks: &$reactor.checks,
            watch: &$reactor.watch,
            desk: $reactor.parts.desk.as_ref(),
            nginx: &$reactor.nginx,
            loaded: $reactor.loaded.as_ref(),
            now: $now,
            date: $reactor.sys.date(),
            own_pid: $reactor.sys.own_pid(),
            begins_anew: $reactor.begins_anew,
        }
    };
}
pub(super) use window;

impl<S: Sys> View for Window<'_, S> {
    fn status(&self) -> Status {
        let mut status = self.machine.status(self.now);
        for (service, status) in self.roster.all().zip(status.services.iter_mut()) {
            status.next_run = self.schedules.next_run(service, self.now, self.date).map(rfc3339);
            status.usage = self.memory.usage(service, self.now);
            status.check = self.latency(service).map(Latency::status);
        }
        status.memory = self.memory.container();
        status.ready &= self.watch.flags.as_ref().is_none_or(Flags::are_down_for_the_ready);
        (status.longest_turn_us, status.long_turns) = (Some(self.turns.longest_us()), Some(self.turns.long));
        status.alerts = self.desk.map(Desk::status).unwrap_or_default();
        status
    }

    fn figures(&self) -> Figures {
        self.measured()
    }

    fn service(&self, name: &str) -> Option<ServiceId> {
        self.roster.find(name)
    }

    fn latency(&self, service: ServiceId) -> Option<&Latency> {
        self.checks.get(service)?.as_ref().map(|check| &check.latency)
    }

    fn lines(&self, service: ServiceId, lines: usize) -> String {
        self.logs.tail(service, lines)
    }
}

impl<S: Sys> rpc::View for Window<'_, S> {
    fn identity(&self) -> String {
        self.machine.pod().to_owned()
    }

    fn pid(&self) -> i32 {
        self.own_pid
    }

    fn is_stopping(&self) -> bool {
        self.begins_anew || self.machine.is_stopping()
    }

    fn clocks(&self) -> (Millis, Duration) {
        (self.now, self.date)
    }

    fn local(&self, seconds_since_1970: u64) -> [u32; 4] {
        local(seconds_since_1970)
    }

    fn processes(&self) -> Vec<ServiceId> {
        self.roster.by_group()
    }

    fn name(&self, service: ServiceId) -> (String, String) {
        self.roster.addressed(service)
    }

    fn process(&self, group: &str, name: &str) -> Option<ServiceId> {
        self.roster.process(group, name)
    }

    fn group(&self, group: &str) -> Option<Vec<ServiceId>> {
        self.roster.group(group)
    }

    fn seen(&self, service: ServiceId) -> Option<Seen> {
        self.machine.seen(service)
    }

    fn obstacle(&self, service: ServiceId) -> Option<Obstacle> {
        self.spawner.obstacle(service).map(|kind| match kind {
            io::ErrorKind::NotFound => Obstacle::Missing,
            _ => Obstacle::NotExecutable,
        })
    }

    fn program(&self, service: ServiceId) -> String {
        self.spawner.program(service).into_owned()
    }

    fn log(&self, service: ServiceId, stream: Stream) -> Log {
        match self.logs.outlet(service, stream) {
            Outlet::None => Log::None,
            Outlet::File(path) => Log::File(PathBuf::from(path)),
            Outlet::Container(stream) => {
                let (last, total) = self.logs.last(service);
                Log::Container { path: path(stream), last, total }
            }
        }
    }

    fn log_path(&self, service: ServiceId, stream: Stream) -> String {
        match self.logs.outlet(service, stream) {
            Outlet::None => String::new(),
            Outlet::File(path) => path.to_owned(),
            Outlet::Container(stream) => path(stream).to_owned(),
        }
    }

    fn own_log(&self) -> Log {
        let (last, total) = self.logs.own();
        Log::Container { path: path(Stream::Stdout), last, total }
    }

    fn configured(&self) -> Option<Vec<Configured>> {
        self.loaded.map(Loaded::configured)
    }
}

fn path(stream: Stream) -> &'static str {
    match stream {
        Stream::Stdout => "/dev/stdout",
        Stream::Stderr => "/dev/stderr",
    }
}
