//! The output of the services: to the container's output as lines, to their log files byte for byte, and the last of it
//! kept for the report of a crash.
//!
//! `readable` takes bytes from a [`pipe`] to a [`service`], which brings them where its plan says: to the
//! [`container`]'s outputs ([`sink`], [`queue`], [`format`]), to [`files`] ([`writer`], [`thread`], [`file`]) and to its
//! [`ring`]. Nothing here waits but [`Logs::flush`]. What was received is either written, or dropped and said to be.

mod ansi;
mod capture;
mod container;
mod file;
mod files;
mod flush;
mod format;
mod lines;
mod pipe;
mod pressure;
mod queue;
mod ring;
mod senders;
mod service;
mod sink;
mod tap;
mod thread;
mod watch;
mod writer;

use crate::machine::{Incarnation, Millis, Role, ServiceId};
use crate::sys::clock::rfc3339;
use crate::sys::files::is_transient;
use crate::sys::{Interest, Poller, Sys, Token};
use container::Container;
use files::LogFiles;
use pipe::{Pipe, TURN};
use podinit_plan::plan::{self as planned, Logging, Stream};
use pressure::PATIENCE_MS;
pub use service::{Counters, Outlet};
use service::{Outlets, Service};
use std::borrow::Cow;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;
pub use tap::Heard;

/// How long one turn of the loop reads output, in milliseconds; the rest is read first in the next one.
const TURN_TIME: Duration = Duration::from_millis(2);

/// What the logs need to know of a service.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// Its name, which its lines on the container's output begin with.
    pub name: String,
    /// Where its output goes.
    pub logging: Logging,
    /// Its stdout is what it says as an event listener, too.
    pub listens: bool,
    /// A text, not empty and without a newline, that [`Logs::take_matches`] tells of when a line contains it.
    pub watch: Option<String>,
}

impl LogSettings {
    /// Those of a service of a plan that was filled in.
    #[must_use]
    pub fn of(name: &str, service: &planned::Service) -> LogSettings {
        let watch = match &service.ready {
            planned::Ready::Log(text) => Some(text.clone()),
            _ => None,
        };
        LogSettings { name: name.to_owned(), logging: service.logging.clone(), listens: service.listener.is_some(), watch }
    }
}

/// What the child of a service writes to.
#[derive(Debug)]
pub struct Ends {
    stdout: OwnedFd,
    /// Where stderr is kept apart.
    stderr: Option<OwnedFd>,
}

impl Ends {
    /// For its descriptors 1 and 2.
    #[must_use]
    pub fn fds(&self) -> [BorrowedFd<'_>; 2] {
        [self.stdout.as_fd(), self.stderr.as_ref().unwrap_or(&self.stdout).as_fd()]
    }
}

/// The output of all services.
#[derive(Debug)]
pub struct Logs<S: Sys> {
    sys: S,
    poller: Poller<S>,
    services: Vec<Service>,
    pipes: Vec<Option<Pipe>>,
    /// What is read goes here first.
    buffer: Vec<u8>,
    outlets: Outlets<S>,
    /// Pipes that are not watched for now.
    held: Vec<usize>,
    /// Incarnations with a line that was watched for, and that nobody was told of.
    matches: Vec<(ServiceId, Incarnation)>,
    /// What is for event listeners, or the word of one, and that nobody was told of.
    heard: Vec<Heard>,
    /// Pipes that a turn had no time for.
    postponed: Vec<u32>,
    /// When this turn began.
    turn: Duration,
    now: Millis,
}

impl<S: Sys> Logs<S> {
    /// Prepares the output of `services`, in the order of their ids, to what `fds`, podinit's descriptors 1 and 2, stand
    /// for. Starts threads for log files, and for an output of the container that could block the loop; the signals
    /// that the loop handles must be blocked before.
    ///
    /// # Errors
    /// A thread cannot be had.
    pub fn new(
        sys: S,
        poller: Poller<S>,
        fds: [BorrowedFd<'_>; 2],
        services: Vec<LogSettings>,
        now: Millis,
    ) -> io::Result<Logs<S>> {
        let container = Container::new(&sys, &poller, fds, &services)?;
        let files = LogFiles::new(&sys, &poller, services.iter().flat_map(|service| service.logging.files()))?;
        let outlets = Outlets { container, files };
        let count = services.len();
        Ok(Logs {
            services: services.into_iter().map(|service| Service::new(service, count, &outlets)).collect(),
            turn: sys.monotonic(),
            sys,
            poller,
            pipes: Vec::new(),
            buffer: vec![0; TURN],
            outlets,
            held: Vec::new(),
            matches: Vec::new(),
            heard: Vec::new(),
            postponed: Vec::new(),
            now,
        })
    }

    /// Makes the pipes for the output of a process of an incarnation, owned by `owner` (uid and gid), and returns their
    /// write ends. Only the output of the command itself is watched.
    ///
    /// # Errors
    /// The kernel's: no more descriptors, most likely.
    pub fn open(
        &mut self,
        service: ServiceId,
        incarnation: Incarnation,
        role: Role,
        owner: Option<(u32, u32)>,
    ) -> io::Result<Ends> {
        let planned = &self.services[service];
        let watched = role == Role::Command && planned.watch.is_some();
        let apart = planned.has_two_streams();
        let mut open = |stream| {
            let (read, write) = self.sys.pipe(owner)?;
            let index = self.pipes.iter().position(Option::is_none).unwrap_or(self.pipes.len());
            self.poller.add(&read, Interest::Read, token(index))?;
            let tap = if role == Role::Command { planned.tap(stream) } else { None };
            let pipe = Some(Pipe::new(read, service, incarnation, stream, watched, tap));
            match self.pipes.get_mut(index) {
                Some(slot) => *slot = pipe,
                None => self.pipes.push(pipe),
            }
            Ok::<OwnedFd, io::Error>(write)
        };
        // Where the second cannot be had, the first is closed by its end, as that of any child.
        Ok(Ends { stdout: open(Stream::Stdout)?, stderr: if apart { Some(open(Stream::Stderr)?) } else { None } })
    }

    /// Incarnations whose output has come to contain what their service is watched for, each once; as soon as it was
    /// read, and before the end of the incarnation when [`Logs::drain`] came before.
    pub fn take_matches(&mut self) -> Vec<(ServiceId, Incarnation)> {
        std::mem::take(&mut self.matches)
    }

    /// What event listeners are to be told of, or have said, in order; as [`Logs::take_matches`].
    pub fn take_heard(&mut self) -> Vec<Heard> {
        std::mem::take(&mut self.heard)
    }

    /// A turn of the loop begins: what the last one had no time for is read first.
    pub fn begin_turn(&mut self, now: Millis) {
        self.turn = self.sys.monotonic();
        for index in std::mem::take(&mut self.postponed) {
            self.readable(index, now);
        }
    }

    /// There is output, or the end of it, on the pipe of [`Token::Output`]. Reads once, 64 KB at most, and not at all
    /// when this turn has taken long.
    pub fn readable(&mut self, index: u32, now: Millis) {
        self.now = now;
        let at = index as usize;
        let Some(Some(pipe)) = self.pipes.get_mut(at) else { return };
        if self.services[pipe.service].holds_until(pipe.stream, &self.outlets).is_some() {
            // Without watching: a pipe whose writers are gone would report that all the time.
            if !pipe.held && self.poller.remove(&pipe.fd).is_ok() {
                pipe.held = true;
                self.held.push(at);
            }
            return;
        }
        if self.sys.monotonic().saturating_sub(self.turn) > TURN_TIME {
            if !self.postponed.contains(&index) {
                self.postponed.push(index);
            }
            return;
        }
        let turn = pipe.turn;
        self.read(at, turn);
        self.pump();
    }

    /// The leader of the incarnation ended: reads what it left in its pipes, and ends its last lines. A grandchild may
    /// hold the pipes open; they are read on.
    pub fn drain(&mut self, service: ServiceId, incarnation: Incarnation, now: Millis) {
        self.now = now;
        let of_it = |pipe: &Pipe| pipe.service == service && pipe.incarnation == incarnation;
        for index in 0..self.pipes.len() {
            if self.pipes[index].as_ref().is_some_and(of_it) {
                self.empty(index);
            }
        }
        self.pump();
    }

    /// Says something in podinit's own name.
    pub fn say(&mut self, text: &str) {
        self.outlets.container.say(text, &rfc3339(self.sys.date()));
        self.pump();
    }

    /// [`Token::Sink`]: an output of the container takes bytes again.
    pub fn sink_writable(&mut self, index: u32, now: Millis) {
        self.now = now;
        if let Some(sink) = self.outlets.container.sinks.get_mut(index as usize) {
            sink.writable();
        }
        self.pump();
    }

    /// [`Token::SinkWriter`]: the thread of an output of the container has written.
    pub fn sink_written(&mut self, index: u32, now: Millis) {
        self.now = now;
        if let Some(sink) = self.outlets.container.sinks.get_mut(index as usize) {
            sink.writer_event();
        }
        self.pump();
    }

    /// [`Token::LogWriter`]: the thread of the log files has news.
    pub fn writer_event(&mut self, now: Millis) {
        self.now = now;
        self.take_notices();
        self.pump();
    }

    /// When [`Logs::tick`] is to be called at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Millis> {
        let sinks = &self.outlets.container.sinks;
        let holds = sinks.iter().filter_map(|sink| sink.pressure.holds_until()).chain(self.outlets.files.holds_until()).min();
        // What could not be watched is tried once more: pipes that no queue holds any longer, and sinks.
        let again = !self.held.is_empty() || sinks.iter().any(sink::Sink::is_unattended);
        holds.or_else(|| again.then_some(self.now + PATIENCE_MS))
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Millis) {
        self.now = now;
        self.pump();
    }

    /// The last lines of a service's output, those of earlier incarnations among them.
    #[must_use]
    pub fn tail(&self, service: ServiceId, lines: usize) -> String {
        self.services.get(service).map_or_else(String::new, |service| service.ring.tail(lines))
    }

    /// What became of a service's output so far.
    #[must_use]
    pub fn counters(&self, service: ServiceId) -> Counters {
        self.services.get(service).map_or_else(Counters::default, |known| known.counters(service, &self.outlets))
    }

    /// Takes a service in, in the place of what had that number, or as the next.
    ///
    /// # Errors
    /// A thread for its log files cannot be had.
    pub fn put(&mut self, id: ServiceId, settings: LogSettings) -> io::Result<()> {
        self.outlets.files.add(settings.logging.files())?;
        let count = self.services.len().max(id + 1);
        let service = Service::new(settings, count, &self.outlets);
        match self.services.get_mut(id) {
            Some(place) => *place = service,
            None => self.services.push(service),
        }
        Ok(())
    }

    /// Takes a file in that is nobody's log; gives its number.
    ///
    /// # Errors
    /// A thread for it cannot be had.
    pub fn add_file(&mut self, file: &planned::LogFile) -> io::Result<usize> {
        self.outlets.files.add(std::iter::once(file))?;
        self.outlets.files.index_of(&file.path).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Adds a line to such a file for `tell`, which [`Logs::take_told`] names when it was written, or could not be; false
    /// when nobody can write it.
    pub fn tell(&mut self, file: usize, tell: usize, line: &str) -> bool {
        self.outlets.files.tell(file, line, tell)
    }

    /// Whose lines were written since the last call, or why they were not.
    #[must_use]
    pub fn take_told(&self) -> Vec<(usize, Result<(), String>)> {
        self.outlets.files.writer().map(writer::Writer::take_told).unwrap_or_default()
    }

    /// Where an output of a service goes.
    #[must_use]
    pub fn outlet(&self, service: ServiceId, stream: Stream) -> Outlet<'_> {
        self.services.get(service).map_or(Outlet::None, |known| known.outlet(stream, &self.outlets))
    }

    /// The last bytes of a service's output, both streams together, and how many there were in all.
    #[must_use]
    pub fn last(&self, service: ServiceId) -> (Vec<u8>, u64) {
        self.services
            .get(service)
            .map_or((Vec::new(), 0), |known| (known.ring.bytes(), known.counters(service, &self.outlets).bytes))
    }

    /// What podinit said last, and how many bytes that was in all.
    #[must_use]
    pub fn own(&self) -> (Vec<u8>, u64) {
        self.outlets.container.own()
    }

    /// Forgets what podinit said.
    pub fn clear_own(&mut self) {
        self.outlets.container.clear_own();
    }

    /// Forgets what the logs of a service hold. Gives the files that are being emptied; [`Logs::take_cleared`] tells when
    /// they are.
    pub fn clear(&mut self, service: ServiceId) -> Vec<usize> {
        let Some(known) = self.services.get_mut(service) else { return Vec::new() };
        known.ring.clear();
        let files = known.files();
        if let Some(writer) = self.outlets.files.writer() {
            files.iter().for_each(|file| writer.clear(*file));
        }
        files
    }

    /// Files that were emptied since the last call, or why they were not.
    #[must_use]
    pub fn take_cleared(&self) -> Vec<(usize, Result<(), String>)> {
        self.outlets.files.writer().map(writer::Writer::take_cleared).unwrap_or_default()
    }

    /// Has the log files opened anew by their paths, after somebody moved them.
    pub fn reopen(&mut self) {
        if let Some(writer) = self.outlets.files.writer() {
            writer.reopen();
        }
    }

    /// Reads what is in the pipe now and ends its last line; as much as a pipe holds, whoever goes on writing.
    fn empty(&mut self, index: usize) {
        let Some(Some(pipe)) = self.pipes.get(index) else { return };
        // A pipe that cannot be asked has no more than it holds by default.
        let mut left = self.sys.pending(pipe.fd.as_fd()).unwrap_or(TURN);
        loop {
            let count = self.read(index, TURN);
            left = left.saturating_sub(count);
            if count == 0 || left == 0 {
                break;
            }
        }
        self.end_line(index);
    }

    /// Reads once; returns how many bytes there were. The end closes the pipe.
    fn read(&mut self, index: usize, most: usize) -> usize {
        let Some(Some(pipe)) = self.pipes.get_mut(index) else { return 0 };
        match self.sys.read(pipe.fd.as_fd(), &mut self.buffer[..most]) {
            Ok(count) if count > 0 => {
                let bytes = tap(pipe, Some(&self.buffer[..count]), &mut self.heard);
                let service = &mut self.services[pipe.service];
                if service.take(pipe, &bytes, &mut self.outlets, &self.sys, self.now) {
                    self.matched(index);
                }
                count
            }
            Err(error) if is_transient(&error) => 0,
            // The end; or an error, after which there is nothing to be had from it either.
            _ => {
                self.end_line(index);
                if let Some(pipe) = self.pipes[index].take() {
                    // Fails only when it is held.
                    let _ = self.poller.remove(&pipe.fd);
                }
                0
            }
        }
    }

    /// What is watched for was found: neither output of the incarnation is searched any longer.
    fn matched(&mut self, index: usize) {
        let Some(Some(found)) = self.pipes.get(index) else { return };
        let of = (found.service, found.incarnation);
        self.pipes.iter_mut().flatten().filter(|pipe| (pipe.service, pipe.incarnation) == of).for_each(|pipe| pipe.search = None);
        self.matches.push(of);
    }

    fn end_line(&mut self, index: usize) {
        let Some(Some(pipe)) = self.pipes.get_mut(index) else { return };
        let service = &mut self.services[pipe.service];
        let rest = tap(pipe, None, &mut self.heard);
        if !rest.is_empty() {
            service.take(pipe, &rest, &mut self.outlets, &self.sys, self.now);
        }
        service.end_line(pipe, &mut self.outlets, &self.sys, self.now);
    }

    fn take_notices(&mut self) {
        let date = rfc3339(self.sys.date());
        self.outlets.files.take_notices().iter().for_each(|notice| self.outlets.container.say(notice, &date));
    }

    /// Moves what can be moved, and lets services wait or go on accordingly.
    fn pump(&mut self) {
        self.outlets.container.pump(self.now);
        self.outlets.files.pump(self.now);
        if !self.held.is_empty() {
            self.release();
        }
    }

    /// Watches the held pipes again, but those which are still to wait.
    fn release(&mut self) {
        let (services, pipes, poller, outlets) = (&self.services, &mut self.pipes, &self.poller, &self.outlets);
        self.held.retain(|&index| {
            let Some(pipe) = pipes[index].as_mut().filter(|pipe| pipe.held) else { return false };
            if services[pipe.service].holds_until(pipe.stream, outlets).is_some() {
                return true;
            }
            pipe.held = poller.add(&pipe.fd, Interest::Read, token(index)).is_err();
            pipe.held
        });
    }
}

/// Takes what is for event listeners out of what was read, or at its end out of what was kept back.
fn tap<'a>(pipe: &mut Pipe, bytes: Option<&'a [u8]>, heard: &mut Vec<Heard>) -> Cow<'a, [u8]> {
    let (service, incarnation) = (pipe.service, pipe.incarnation);
    let tell = |written, data| heard.push(Heard { service, incarnation, written, data });
    match &mut pipe.tap {
        Some(tap) => tap.take(bytes, tell),
        None => Cow::Borrowed(bytes.unwrap_or_default()),
    }
}

fn token(index: usize) -> Token {
    // There are never four billion pipes: descriptors are 31-bit numbers.
    Token::Output(index as u32)
}

#[cfg(test)]
mod tests;
