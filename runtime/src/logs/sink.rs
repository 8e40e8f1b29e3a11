//! One of the container's outputs: never switched to non-blocking in place, as others may share it, and never waited
//! for.

use crate::logs::format::Shape;
use crate::logs::lines::End;
use crate::logs::pressure::Pressure;
use crate::logs::queue::Queue;
use crate::logs::writer::{Destination, Writer};
use crate::machine::{Millis, ServiceId};
use crate::sys::clock::rfc3339;
use crate::sys::files::{Kind, is_transient};
use crate::sys::{Interest, Poller, Sys, Token};
use podinit_plan::plan::{Format, Stream};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Lines that wait for a reader, in bytes; then the oldest are dropped.
pub const QUEUE_MAX: usize = 1024 * 1024;
/// The most that one turn of the loop writes, in bytes.
const TURN: usize = 64 * 1024;

/// How bytes get out without waiting.
#[derive(Debug)]
enum Way<S: Sys> {
    /// Opened anew, non-blocking: a pipe, a terminal.
    Own(OwnedFd),
    /// A socket cannot be opened anew, but sends can be told not to wait.
    Socket(OwnedFd),
    /// By a thread of its own: a file on a disk, or what cannot be opened anew.
    Thread(Writer<S>),
    /// There is none.
    Nowhere,
}

/// One of the container's outputs, and what waits for it.
#[derive(Debug)]
pub struct Sink<S: Sys> {
    sys: S,
    poller: Poller<S>,
    /// Its number: that of its tokens.
    index: u32,
    way: Way<S>,
    /// What waits. Lines are added here, then [`Sink::pump`] is called.
    pub queue: Queue,
    /// Whether services are to wait for it.
    pub pressure: Pressure,
    /// How podinit's own lines look.
    voice: Shape,
    /// The poller tells when there is room.
    watched: bool,
    /// The poller does not know such a device, because it takes everything at once: /dev/null.
    unwatchable: bool,
}

impl<S: Sys> Sink<S> {
    /// The output that `fd` stands for; podinit's own lines have `format`. Starts a thread where it could block the loop;
    /// the signals that the loop handles must be blocked before.
    ///
    /// # Errors
    /// The thread cannot be had.
    pub fn new(sys: S, poller: Poller<S>, index: u32, fd: BorrowedFd<'_>, format: Format) -> io::Result<Sink<S>> {
        let is_closed = |error: &io::Error| error.raw_os_error() == Some(libc::EBADF);
        let way = match sys.stat_fd(fd).map(|stat| stat.kind) {
            Err(error) if is_closed(&error) => Way::Nowhere,
            Ok(Kind::Socket) => Way::Socket(sys.duplicate(fd)?),
            Ok(Kind::Pipe | Kind::Device) => match sys.open_again(fd) {
                Ok(own) => Way::Own(own),
                Err(_) => Sink::by_thread(&sys, &poller, index, sys.duplicate(fd)?)?,
            },
            // A thread may write to whatever it is.
            Ok(Kind::Regular | Kind::Other) | Err(_) => Sink::by_thread(&sys, &poller, index, sys.duplicate(fd)?)?,
        };
        let (queue, voice) = (Queue::new(QUEUE_MAX), Shape::new(format, "podinit", Stream::Stdout));
        let pressure = Pressure::Flowing;
        Ok(Sink { sys, poller, index, way, queue, pressure, voice, watched: false, unwatchable: false })
    }

    fn by_thread(sys: &S, poller: &Poller<S>, index: u32, fd: OwnedFd) -> io::Result<Way<S>> {
        let writer = Writer::start(sys.clone(), vec![Destination::Descriptor(fd)])?;
        poller.add(writer.event(), Interest::Read, Token::SinkWriter(index))?;
        Ok(Way::Thread(writer))
    }

    /// Adds a line of podinit's own.
    pub fn say(&mut self, line: &str) {
        let (sys, voice) = (&self.sys, &self.voice);
        self.queue.push(None, |out| voice.write(out, &time_for(voice, sys), b"", line.as_bytes(), End::Line));
    }

    /// There is room again: the next [`Sink::pump`] writes.
    pub fn writable(&mut self) {
        if let (true, Some(fd)) = (self.watched, self.fd()) {
            // Fails only when it is not watched.
            let _ = self.poller.remove(fd);
        }
        self.watched = false;
    }

    /// The thread has news: the next [`Sink::pump`] gives it more.
    pub fn writer_event(&mut self) {
        if let Way::Thread(writer) = &self.way {
            // It has nothing to say: it is told of no file.
            let _ = writer.take_notices();
        }
    }

    /// Writes what can be written now, unless it is known that nothing can.
    pub fn pump(&mut self, now: Millis) {
        match &self.way {
            Way::Own(_) | Way::Socket(_) if !self.watched => self.write(),
            Way::Own(_) | Way::Socket(_) => {}
            Way::Thread(_) => self.hand_over(),
            Way::Nowhere => self.queue.clear(),
        }
        self.pressure = self.pressure.next(self.queue.len(), QUEUE_MAX, now);
    }

    fn write(&mut self) {
        let mut left = if self.unwatchable { usize::MAX } else { TURN };
        let (sys, voice) = (&self.sys, &self.voice);
        while left > 0 && !self.queue.is_empty() {
            let bytes = self.queue.front(|missing| notice(voice, sys, missing));
            let bytes = &bytes[..bytes.len().min(left)];
            let result = match &self.way {
                Way::Own(fd) => sys.write(fd.as_fd(), bytes),
                Way::Socket(fd) => sys.send(fd.as_fd(), bytes),
                Way::Thread(_) | Way::Nowhere => return,
            };
            match result {
                Ok(count) => {
                    self.queue.wrote(count);
                    left -= count;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_transient(&error) => break,
                // The reader is gone; another one may come.
                Err(_) => self.queue.clear(),
            }
        }
        if !self.queue.is_empty() {
            self.watch();
        }
    }

    fn hand_over(&mut self) {
        let Way::Thread(writer) = &self.way else { return };
        if self.queue.is_empty() || !writer.is_idle() {
            return;
        }
        let (sys, voice) = (&self.sys, &self.voice);
        if let Some((bytes, senders)) = self.queue.take(|missing| notice(voice, sys, missing)) {
            writer.hand(0, bytes, senders);
            writer.wake_at(0);
        }
    }

    fn watch(&mut self) {
        if let (false, Some(fd)) = (self.watched, self.fd()) {
            let result = self.poller.add(fd, Interest::Write, Token::Sink(self.index));
            self.watched = result.is_ok();
            self.unwatchable = result.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
        }
    }

    /// Bytes wait and nobody will tell when they can be written: [`Sink::pump`] is to be called after a while.
    #[must_use]
    pub fn is_unattended(&self) -> bool {
        !self.queue.is_empty() && !self.watched && self.fd().is_some()
    }

    /// Whether everything is written.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let written = match &self.way {
            Way::Thread(writer) => writer.is_idle(),
            Way::Own(_) | Way::Socket(_) | Way::Nowhere => true,
        };
        written && self.queue.is_empty()
    }

    /// For podinit's end: gives up what was not written, and returns how many lines that is.
    pub fn abandon(&mut self) -> u64 {
        self.queue.clear();
        match &self.way {
            Way::Thread(writer) => writer.abandon().iter().sum::<u64>() + self.queue.untold(),
            Way::Own(_) | Way::Socket(_) => self.queue.untold(),
            // Nobody wanted them.
            Way::Nowhere => 0,
        }
    }

    /// What is to be waited for while it is not idle, and whether for room to write.
    #[must_use]
    pub fn waits_for(&self) -> Option<(BorrowedFd<'_>, bool)> {
        match &self.way {
            Way::Own(fd) | Way::Socket(fd) => Some((fd.as_fd(), true)),
            Way::Thread(writer) => Some((writer.event(), false)),
            Way::Nowhere => None,
        }
    }

    /// How many lines of a service were dropped.
    #[must_use]
    pub fn dropped(&self, service: ServiceId) -> u64 {
        let by_thread = match &self.way {
            Way::Thread(writer) => writer.lost(service),
            Way::Own(_) | Way::Socket(_) | Way::Nowhere => 0,
        };
        by_thread + self.queue.dropped(service)
    }

    fn fd(&self) -> Option<&OwnedFd> {
        match &self.way {
            Way::Own(fd) | Way::Socket(fd) => Some(fd),
            Way::Thread(_) | Way::Nowhere => None,
        }
    }
}

fn notice<S: Sys>(voice: &Shape, sys: &S, missing: u64) -> Vec<u8> {
    let text = format!("{missing} lines dropped: the container's output is not read, or not fast enough");
    let mut bytes = Vec::new();
    voice.write(&mut bytes, &time_for(voice, sys), b"", text.as_bytes(), End::Line);
    bytes
}

/// The time, where the shape of a line needs it.
pub fn time_for<S: Sys>(shape: &Shape, sys: &S) -> String {
    if shape.has_time() { rfc3339(sys.date()) } else { String::new() }
}
