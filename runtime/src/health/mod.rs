//! Checks of services: all at once, none of them waited for, each within its time.

pub mod command;
mod connection;
mod http;
pub mod latency;

use crate::machine::{Incarnation, Millis, ServiceId};
use crate::sys::{Interest, Poller, Sys, Token};
use command::Tail;
use connection::{Connection, Step};
use podinit_plan::protocol::Exit;
use podinit_plan::units::format_duration_ms;
use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;

pub use http::Get;

/// The most that is read of a command's output in one turn, in bytes.
const TURN: usize = 64 * 1024;

/// What is asked, with nothing left to fill in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResolvedProbe {
    /// A GET on loopback.
    Http {
        /// The port.
        port: u16,
        /// What is asked, and what is well.
        get: Rc<Get>,
    },
    /// A connection is accepted on loopback.
    Tcp {
        /// The port.
        port: u16,
    },
    /// A connection is accepted on a unix socket, and a GET answered when there is one.
    Unix {
        /// The socket.
        socket: String,
        /// What is asked, and what is well.
        get: Option<Rc<Get>>,
    },
    /// The service's command ends with 0; the [`Launcher`] knows it.
    Exec {
        /// uid and gid of the service: its output belongs to them.
        owner: Option<(u32, u32)>,
    },
}

/// Who can start and kill processes.
pub trait Launcher {
    /// Starts the check of a service, as the leader of a process group of its own, with stdout and stderr to
    /// `output`; returns its pid.
    ///
    /// # Errors
    /// Why there is no process, in words.
    fn launch(&mut self, service: ServiceId, incarnation: Incarnation, output: OwnedFd) -> Result<i32, String>;

    /// Why the check of a service, which has just ended, never executed its program, if so.
    fn failure(&mut self, _service: ServiceId) -> Option<String> {
        None
    }

    /// Kills a check that was not reaped yet, with its process group.
    fn kill(&mut self, leader: i32);

    /// Kills what a check that was reaped has left of its process group.
    fn kill_leftovers(&mut self, leader: i32);
}

/// How a probe ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeResult {
    /// Whose it was.
    pub service: ServiceId,
    /// Which incarnation's.
    pub incarnation: Incarnation,
    /// What was wrong, in words.
    pub result: Result<(), String>,
    /// How long it took, in microseconds.
    pub took_us: u64,
}

/// The probes that are under way.
#[derive(Debug)]
pub struct Probes<S: Sys> {
    sys: S,
    poller: Poller<S>,
    /// What the poller knows each of them by, from its index.
    token: fn(u32) -> Token,
    slots: Vec<Option<Probe>>,
    results: Vec<ProbeResult>,
}

#[derive(Debug)]
struct Probe {
    service: ServiceId,
    incarnation: Incarnation,
    timeout_ms: u64,
    deadline: Millis,
    /// When it was started, by the clock that never goes back.
    begun: Duration,
    work: Work,
}

#[derive(Debug)]
enum Work {
    Connection(Connection),
    Command {
        pid: i32,
        /// None when the command has closed it.
        output: Option<OwnedFd>,
        tail: Tail,
    },
    /// A command that was killed, and whose end was not yet reported.
    Killed {
        pid: i32,
    },
}

impl Probe {
    fn pid(&self) -> Option<i32> {
        match self.work {
            Work::Command { pid, .. } | Work::Killed { pid } => Some(pid),
            Work::Connection(_) => None,
        }
    }
}

impl<S: Sys> Probes<S> {
    /// None is under way. `token` is what the poller knows them by.
    pub fn new(sys: S, poller: Poller<S>, token: fn(u32) -> Token) -> Probes<S> {
        Probes { sys, poller, token, slots: Vec::new(), results: Vec::new() }
    }

    /// Starts a probe. Its result comes by [`Probes::take_results`], after `timeout_ms` at the latest, and may be
    /// there at once.
    pub fn start(
        &mut self,
        (service, incarnation): (ServiceId, Incarnation),
        probe: ResolvedProbe,
        timeout_ms: u64,
        now: Millis,
        launcher: &mut impl Launcher,
    ) {
        let index = self.slots.iter().position(Option::is_none).unwrap_or(self.slots.len());
        let begun = self.sys.monotonic();
        let work = match probe {
            ResolvedProbe::Http { port, get } => self.connect(index, Connection::open(&self.sys, port, Some(get))),
            ResolvedProbe::Tcp { port } => self.connect(index, Connection::open(&self.sys, port, None)),
            ResolvedProbe::Unix { socket, get } => self.connect(index, Connection::open_unix(&self.sys, socket, get)),
            ResolvedProbe::Exec { owner } => self.launch(index, service, incarnation, owner, launcher),
        };
        match work {
            Ok(work) => {
                let probe = Some(Probe { service, incarnation, timeout_ms, deadline: now + timeout_ms, begun, work });
                match self.slots.get_mut(index) {
                    Some(slot) => *slot = probe,
                    None => self.slots.push(probe),
                }
            }
            Err(reason) => self.tell((service, incarnation), begun, Err(reason)),
        }
    }

    fn connect(&self, index: usize, connection: Result<Connection, String>) -> Result<Work, String> {
        let connection = connection?;
        self.poller.add(&connection.fd, Interest::Write, self.token(index)).map_err(|error| format!("cannot check: {error}"))?;
        Ok(Work::Connection(connection))
    }

    fn launch(
        &self,
        index: usize,
        service: ServiceId,
        incarnation: Incarnation,
        owner: Option<(u32, u32)>,
        launcher: &mut impl Launcher,
    ) -> Result<Work, String> {
        if self.slots.iter().flatten().any(|probe| probe.service == service && probe.pid().is_some()) {
            return Err("the check before it was killed and has not ended yet".into());
        }
        let problem = |error| format!("cannot check: {error}");
        let (output, write) = self.sys.pipe(owner).map_err(problem)?;
        self.poller.add(&output, Interest::Read, self.token(index)).map_err(problem)?;
        let pid = launcher.launch(service, incarnation, write)?;
        Ok(Work::Command { pid, output: Some(output), tail: Tail::default() })
    }

    /// Forgets the probe of an incarnation; a command is killed.
    pub fn cancel(&mut self, service: ServiceId, incarnation: Incarnation, launcher: &mut impl Launcher) {
        for index in 0..self.slots.len() {
            let probe = self.slots[index].as_ref();
            if probe.is_some_and(|probe| probe.service == service && probe.incarnation == incarnation) {
                self.abandon(index, launcher);
            }
        }
        self.results.retain(|result| (result.service, result.incarnation) != (service, incarnation));
    }

    /// Forgets all probes; commands are killed.
    pub fn cancel_all(&mut self, launcher: &mut impl Launcher) {
        (0..self.slots.len()).for_each(|index| self.abandon(index, launcher));
        self.results.clear();
    }

    /// Its token: there is news for the probe of that index.
    pub fn ready(&mut self, index: u32) {
        let index = index as usize;
        let Some(Some(probe)) = self.slots.get_mut(index) else { return };
        match &mut probe.work {
            Work::Connection(connection) => {
                let step = connection.step(&self.sys);
                self.follow(index, step);
            }
            Work::Command { output, tail, .. } => {
                if let Some(fd) = output.take_if(|fd| !read_on(&self.sys, fd, tail)) {
                    // It is closed anyway.
                    let _ = self.poller.remove(&fd);
                }
            }
            Work::Killed { .. } => {}
        }
    }

    fn follow(&mut self, index: usize, step: Step) {
        let Some(Some(probe)) = self.slots.get(index) else { return };
        let Work::Connection(connection) = &probe.work else { return };
        let (whose, begun) = ((probe.service, probe.incarnation), probe.begun);
        let is_answered = connection.is_answered();
        let watched = match &step {
            Step::Wait(interest) => self.poller.modify(&connection.fd, *interest, self.token(index)),
            Step::Reconnected(earlier) => {
                let _ = self.poller.remove(earlier);
                self.poller.add(&connection.fd, Interest::Write, self.token(index))
            }
            Step::Answered(_) | Step::End | Step::Result(_) => Ok(()),
        };
        match step {
            Step::Answered(result) => self.tell(whose, begun, result),
            Step::Result(result) => {
                self.tell(whose, begun, result);
                self.forget(index);
            }
            Step::End => self.forget(index),
            Step::Wait(_) | Step::Reconnected(_) => {
                if let Err(error) = watched {
                    if !is_answered {
                        self.tell(whose, begun, Err(format!("cannot check: {error}")));
                    }
                    self.forget(index);
                }
            }
        }
    }

    /// Gives the connection of a probe up. To close it is not enough: a child that was forked a moment ago has a copy
    /// until it executes its program, and for so long the loop would be woken for a probe that is no more.
    fn forget(&mut self, index: usize) {
        if let Some(Probe { work: Work::Connection(connection), .. }) = self.slots[index].take() {
            let _ = self.poller.remove(&connection.fd);
        }
    }

    /// The processes of checks that were not reported as ended yet, and whom they check.
    #[must_use]
    pub fn processes(&self) -> BTreeMap<i32, (ServiceId, Incarnation)> {
        let process = |probe: &Probe| Some((probe.pid()?, (probe.service, probe.incarnation)));
        self.slots.iter().flatten().filter_map(process).collect()
    }

    /// A process ended. Returns whether it was that of a probe.
    pub fn exited(&mut self, pid: i32, exit: Exit, launcher: &mut impl Launcher) -> bool {
        let Some(slot) = self.slots.iter_mut().find(|slot| slot.as_ref().is_some_and(|probe| probe.pid() == Some(pid))) else {
            return false;
        };
        let Some(probe) = slot.take() else { return false };
        if let Work::Command { output, mut tail, .. } = probe.work {
            if let Some(output) = output {
                read_on(&self.sys, &output, &mut tail);
                let _ = self.poller.remove(&output);
            }
            // What a check leaves behind would be more with every check.
            launcher.kill_leftovers(pid);
            let result = match launcher.failure(probe.service) {
                Some(failure) => Err(failure),
                None => command::judge(exit, &mut tail),
            };
            self.tell((probe.service, probe.incarnation), probe.begun, result);
        }
        true
    }

    /// When [`Probes::tick`] is to be called at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Millis> {
        let timed = self.slots.iter().flatten().filter(|probe| !matches!(probe.work, Work::Killed { .. }));
        timed.map(|probe| probe.deadline).min()
    }

    /// Time has passed: ends the probes whose time is over.
    pub fn tick(&mut self, now: Millis, launcher: &mut impl Launcher) {
        for index in 0..self.slots.len() {
            let Some(probe) = self.slots[index].as_ref().filter(|probe| probe.deadline <= now) else { continue };
            let pending = match &probe.work {
                Work::Connection(connection) if connection.is_answered() => None,
                Work::Connection(connection) => Some(connection.pending()),
                Work::Command { .. } => Some("not done".into()),
                Work::Killed { .. } => continue,
            };
            if let Some(pending) = pending {
                let reason = format!("{pending} within {}", format_duration_ms(probe.timeout_ms));
                let (whose, begun) = ((probe.service, probe.incarnation), probe.begun);
                self.tell(whose, begun, Err(reason));
            }
            self.abandon(index, launcher);
        }
    }

    fn tell(&mut self, (service, incarnation): (ServiceId, Incarnation), begun: Duration, result: Result<(), String>) {
        let took = self.sys.monotonic().saturating_sub(begun);
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.results.push(ProbeResult { service, incarnation, result, took_us });
    }

    /// Whether there are results to be taken: some are there as soon as a probe is started.
    #[must_use]
    pub fn has_results(&self) -> bool {
        !self.results.is_empty()
    }

    /// Takes the results away.
    pub fn take_results(&mut self) -> Vec<ProbeResult> {
        std::mem::take(&mut self.results)
    }

    fn token(&self, index: usize) -> Token {
        // There are never four billion probes: descriptors and pids are 31-bit numbers.
        (self.token)(index as u32)
    }

    /// Gives a probe up; a command that is killed stays known until its end is reported.
    fn abandon(&mut self, index: usize, launcher: &mut impl Launcher) {
        let Some(Some(probe)) = self.slots.get_mut(index) else { return };
        match &mut probe.work {
            Work::Command { pid, output, .. } => {
                let pid = *pid;
                launcher.kill(pid);
                if let Some(output) = output {
                    let _ = self.poller.remove(&*output);
                }
                probe.work = Work::Killed { pid };
            }
            Work::Connection(_) => self.forget(index),
            Work::Killed { .. } => {}
        }
    }
}

/// Reads what there is of a command's output; false is its end.
fn read_on<S: Sys>(sys: &S, fd: &OwnedFd, tail: &mut Tail) -> bool {
    let mut buffer = [0; 4096];
    for _ in 0..TURN / buffer.len() {
        match sys.read(fd.as_fd(), &mut buffer) {
            Ok(count @ 1..) => tail.push(&buffer[..count]),
            Err(error) if crate::sys::files::is_transient(&error) => return true,
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests;
