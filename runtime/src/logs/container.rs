//! The container's outputs: its stdout, and its stderr where a service writes there.

use crate::logs::LogSettings;
use crate::logs::ring::Ring;
use crate::logs::sink::Sink;
use crate::machine::{Millis, ServiceId};
use crate::sys::{Poller, Sys};
use podinit_plan::plan::{Container as Goal, Format, Stream};
use std::io;
use std::os::fd::BorrowedFd;

/// The container's outputs. podinit's own lines go to the first.
#[derive(Debug)]
pub struct Container<S: Sys> {
    /// Stdout; then stderr, where a service writes there and it is not the same thing.
    pub sinks: Vec<Sink<S>>,
    /// What podinit said last.
    own: Ring,
    /// How many bytes that was in all.
    own_total: u64,
}

impl<S: Sys> Container<S> {
    /// What `fds`, podinit's stdout and stderr, stand for, as far as `services` need it.
    ///
    /// # Errors
    /// A thread cannot be had.
    pub fn new(sys: &S, poller: &Poller<S>, fds: [BorrowedFd<'_>; 2], services: &[LogSettings]) -> io::Result<Container<S>> {
        let goals = || services.iter().flat_map(|service| goals(service).into_iter().flatten());
        // Who reads envelopes reads nothing else.
        let has_json = goals().any(|goal| goal.format == Format::Json);
        let format = if has_json { Format::Json } else { Format::Prefix };
        let mut sinks = vec![Sink::new(sys.clone(), poller.clone(), 0, fds[0], format)?];
        let identity = |fd| sys.stat_fd(fd).ok().map(|stat| stat.id);
        let same = identity(fds[0]).is_some_and(|stdout| identity(fds[1]) == Some(stdout));
        // Two queues for the same thing would tear each other's lines.
        if !same && goals().any(|goal| goal.stream == Stream::Stderr) {
            sinks.push(Sink::new(sys.clone(), poller.clone(), 1, fds[1], format)?);
        }
        Ok(Container { sinks, own: Ring::new(1), own_total: 0 })
    }

    /// The number of the sink for a stream.
    #[must_use]
    pub fn sink_of(&self, stream: Stream) -> usize {
        match stream {
            Stream::Stdout => 0,
            Stream::Stderr => self.sinks.len() - 1,
        }
    }

    /// Adds lines of podinit's own.
    pub fn say(&mut self, text: &str, date: &str) {
        for line in text.lines() {
            self.sinks[0].say(line);
            let line = format!("{date} {line}\n");
            self.own.push(line.as_bytes());
            self.own_total += line.len() as u64;
        }
    }

    /// What podinit said last, and how many bytes it was in all.
    #[must_use]
    pub fn own(&self) -> (Vec<u8>, u64) {
        (self.own.bytes(), self.own_total)
    }

    /// Forgets what podinit said.
    pub fn clear_own(&mut self) {
        self.own.clear();
    }

    /// Writes what can be written now.
    pub fn pump(&mut self, now: Millis) {
        self.sinks.iter_mut().for_each(|sink| sink.pump(now));
    }

    /// Whether everything is written.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.sinks.iter().all(Sink::is_idle)
    }

    /// Until when services are to wait for that sink, if they are to.
    #[must_use]
    pub fn holds_until(&self, sink: usize) -> Option<Millis> {
        self.sinks[sink].pressure.holds_until()
    }

    /// How many lines of a service were dropped.
    #[must_use]
    pub fn dropped(&self, service: ServiceId) -> u64 {
        self.sinks.iter().map(|sink| sink.dropped(service)).sum()
    }
}

/// Where the streams of a service go in the container's output.
fn goals(service: &LogSettings) -> [Option<Goal>; 2] {
    let stderr = service.logging.stderr.as_ref().and_then(|output| output.container);
    [service.logging.stdout.container, stderr]
}
