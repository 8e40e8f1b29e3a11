//! The processes that deliver alerts: at most one for each sink, each within its time. They belong to no service.

use super::sink::Problem;
use crate::health::command::{self, Tail};
use crate::machine::{Incarnation, Millis, Role, ServiceId};
use crate::notify::Voice;
use crate::spawn::Spawner;
use crate::sys::processes::signal_group_of;
use crate::sys::{Interest, Poller, Sys, Token, files};
use podinit_plan::alert::REFUSED;
use podinit_plan::protocol::Exit;
use podinit_plan::units::format_duration_ms;
use std::os::fd::{AsFd, OwnedFd};

/// By which processes know them as nobody's.
pub const NOBODY: (ServiceId, Incarnation) = (ServiceId::MAX, 0);
/// The most that is read of what one says in one turn, in bytes.
const TURN: usize = 16 * 1024;

/// The processes.
#[derive(Debug)]
pub struct Couriers<S: Sys> {
    sys: S,
    poller: Poller<S>,
    /// Knows the commands, by the numbers of the sinks.
    spawner: Spawner<S>,
    running: Vec<Option<Courier>>,
    count: Incarnation,
}

#[derive(Debug)]
struct Courier {
    pid: i32,
    /// None when it has closed it.
    output: Option<OwnedFd>,
    tail: Tail,
    deadline: Millis,
    timeout_ms: u64,
    /// It was killed; none when that was because its time was over.
    killed: bool,
    /// Nobody wants to know how it ends.
    abandoned: bool,
}

impl<S: Sys> Couriers<S> {
    /// None runs. `spawner` has a command for each sink.
    pub fn new(sys: S, poller: Poller<S>, spawner: Spawner<S>, sinks: usize) -> Couriers<S> {
        Couriers { sys, poller, spawner, running: (0..sinks).map(|_| None).collect(), count: 0 }
    }

    /// Starts one with this as its stdin. How it ends is told by [`Couriers::exited`].
    ///
    /// # Errors
    /// There is no process.
    pub fn start(&mut self, sink: usize, input: &[u8], timeout_ms: u64, now: Millis) -> Result<(), Problem> {
        let problem = |error: std::io::Error| Problem::TryAgain(format!("cannot start what delivers them: {error}"));
        if self.running[sink].is_some() {
            return Err(Problem::TryAgain("the process before was killed and has not ended yet".to_owned()));
        }
        // Secrets may be in it: no other process sees it, as it would arguments, and it is gone with its last reader.
        let input = self.sys.memory_file(input).map_err(problem)?;
        let (output, write) = self.sys.pipe(self.spawner.owner(sink)).map_err(problem)?;
        self.poller.add(&output, Interest::Read, Token::Courier(sink as u32)).map_err(problem)?;
        self.count += 1;
        let outputs = [write.as_fd(), write.as_fd()];
        let voice = Voice::default();
        let started = self.spawner.start(sink, self.count, Role::Command, Some(input.as_fd()), outputs, &voice);
        let pid = started.map_err(|failure| Problem::TryAgain(failure.message)).inspect_err(|_| {
            let _ = self.poller.remove(&output);
        })?;
        let deadline = now.saturating_add(timeout_ms);
        self.running[sink] = Some(Courier {
            pid,
            output: Some(output),
            tail: Tail::default(),
            deadline,
            timeout_ms,
            killed: false,
            abandoned: false,
        });
        Ok(())
    }

    /// Its token: one has said something.
    pub fn ready(&mut self, sink: u32) {
        let Some(Some(courier)) = self.running.get_mut(sink as usize) else { return };
        if let Some(fd) = courier.output.take_if(|fd| !read_on(&self.sys, fd, &mut courier.tail)) {
            let _ = self.poller.remove(&fd);
        }
    }

    /// A process has ended. None when it is none of these; the inner none when nobody wants to know.
    pub fn exited(&mut self, pid: i32, exit: Exit) -> Option<Option<(usize, Result<(), Problem>)>> {
        let is_it = |slot: &Option<Courier>| slot.as_ref().is_some_and(|courier| courier.pid == pid);
        let sink = self.running.iter().position(is_it)?;
        let mut courier = self.running[sink].take()?;
        if let Some(output) = courier.output.take() {
            read_on(&self.sys, &output, &mut courier.tail);
            let _ = self.poller.remove(&output);
        }
        // What it leaves behind would be more with every alert. Fails when there is nothing.
        let _ = self.sys.kill_group(pid, 9);
        if courier.abandoned {
            return Some(None);
        }
        let result = match self.spawner.failure(sink, Role::Command) {
            Some(failure) => Err(Problem::TryAgain(failure.message)),
            None if courier.killed => {
                Err(Problem::TryAgain(format!("not done within {}", format_duration_ms(courier.timeout_ms))))
            }
            None => judge(exit, &mut courier.tail),
        };
        Some(Some((sink, result)))
    }

    /// When [`Couriers::tick`] is to be called at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Millis> {
        self.running.iter().flatten().filter(|courier| !courier.killed).map(|courier| courier.deadline).min()
    }

    /// Time has passed: kills those whose time is over.
    pub fn tick(&mut self, now: Millis) {
        for courier in self.running.iter_mut().flatten().filter(|courier| !courier.killed && courier.deadline <= now) {
            courier.killed = true;
            // Fails when it has changed its user, and podinit may not signal that one.
            let _ = signal_group_of(&self.sys, courier.pid, 9);
        }
    }

    /// Kills all; nobody wants to know how they end.
    pub fn abandon(&mut self) {
        for courier in self.running.iter_mut().flatten().filter(|courier| !courier.abandoned) {
            (courier.killed, courier.abandoned) = (true, true);
            let _ = signal_group_of(&self.sys, courier.pid, 9);
        }
    }

    /// The processes, which are nobody's leftovers.
    pub fn processes(&self) -> impl Iterator<Item = (i32, (ServiceId, Incarnation))> {
        self.running.iter().flatten().map(|courier| (courier.pid, NOBODY))
    }
}

/// What an end means.
fn judge(exit: Exit, tail: &mut Tail) -> Result<(), Problem> {
    let Err(how) = command::judge(exit, tail) else { return Ok(()) };
    // The line that says why, without podinit's word for the end.
    let text = how.split_once(": ").map_or(how.as_str(), |(_, line)| line).to_owned();
    match exit {
        Exit::Code(REFUSED) => Err(Problem::Refused(text)),
        Exit::Code(podinit_plan::alert::TRY_AGAIN) => Err(Problem::TryAgain(text)),
        _ => Err(Problem::TryAgain(how)),
    }
}

/// Reads what there is; false is its end.
fn read_on<S: Sys>(sys: &S, fd: &OwnedFd, tail: &mut Tail) -> bool {
    let mut buffer = [0; 4096];
    for _ in 0..TURN / buffer.len() {
        match sys.read(fd.as_fd(), &mut buffer) {
            Ok(count @ 1..) => tail.push(&buffer[..count]),
            Err(error) if files::is_transient(&error) => return true,
            _ => return false,
        }
    }
    true
}
