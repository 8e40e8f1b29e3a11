//! The whole of the logs against the real kernel.

mod outputs;
mod routes;
mod stuck;

use super::*;
use crate::sys::{Faulty, Files, Linux};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use podinit_plan::plan::{self, Format, LogFile, Output};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::Instant;

type Kernel = Faulty<Linux>;

/// A loop around the logs, with the reader's end of what the container's output is.
struct Rig {
    logs: Logs<Kernel>,
    poller: Poller<Kernel>,
    sys: Kernel,
    reader: Option<OwnedFd>,
    out: Vec<u8>,
    start: Instant,
}

/// Services whose output goes to the container with their names, and to a file where one is given; stdout and stderr of
/// the container are one pipe.
fn rig(services: &[(&str, Option<&Path>)]) -> Rig {
    rig_of(Faulty::new(Linux), services.iter().map(|(name, path)| settings(name, with_file(*path))).collect())
}

/// The same for services with any settings.
fn rig_of(sys: Kernel, services: Vec<LogSettings>) -> Rig {
    let (reader, stdout) = Linux.pipe(None).unwrap();
    Rig { reader: Some(reader), ..rig_to(sys, [&stdout, &stdout], services) }
}

/// The same with any outputs of the container.
fn rig_to(sys: Kernel, fds: [&dyn AsFd; 2], services: Vec<LogSettings>) -> Rig {
    let poller = Poller::new(sys.clone()).unwrap();
    let logs = Logs::new(sys.clone(), poller.clone(), fds.map(AsFd::as_fd), services, 0).unwrap();
    Rig { logs, poller, sys, reader: None, out: Vec::new(), start: Instant::now() }
}

fn settings(name: &str, logging: Logging) -> LogSettings {
    LogSettings { name: name.into(), logging, listens: false, watch: None }
}

fn with_file(path: Option<&Path>) -> Logging {
    let mut logging = Logging::default();
    logging.stdout.file = path.map(log_file);
    logging
}

fn log_file(path: &Path) -> LogFile {
    LogFile { path: path.to_str().unwrap().into(), max_size_bytes: 1024 * 1024 * 1024, max_files: 3, strip_ansi: false }
}

impl Rig {
    fn now(&self) -> Millis {
        self.start.elapsed().as_millis() as Millis
    }

    /// The write end of a service with one pipe.
    fn service(&mut self, service: ServiceId, incarnation: Incarnation) -> File {
        self.logs.open(service, incarnation, Role::Command, None).unwrap().stdout.into()
    }

    /// One turn of the loop: waits for news, at most until the logs' deadline.
    fn turn(&mut self) {
        let now = self.now();
        let timeout = self.logs.deadline().map_or(50, |at| at.saturating_sub(now).min(50));
        let mut tokens = Vec::new();
        self.poller.wait(Some(timeout), &mut tokens).unwrap();
        let now = self.now();
        self.logs.begin_turn(now);
        for token in tokens {
            match token {
                Token::Output(index) => self.logs.readable(index, now),
                Token::Sink(index) => self.logs.sink_writable(index, now),
                Token::SinkWriter(index) => self.logs.sink_written(index, now),
                Token::LogWriter => self.logs.writer_event(now),
                // What could not be removed may still have something to say.
                Token::Nobody => {}
                other => panic!("{other:?}"),
            }
        }
        self.logs.tick(now);
    }

    /// Takes what is in the container's output.
    fn read_out(&mut self) {
        let Some(reader) = &self.reader else { return };
        let mut buffer = [0; 65_536];
        while let Ok(count @ 1..) = Linux.read(reader.as_fd(), &mut buffer) {
            self.out.extend_from_slice(&buffer[..count]);
        }
    }

    /// Turns, and reads the container's output, until `done`.
    fn turn_until(&mut self, mut done: impl FnMut(&mut Rig) -> bool) {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            self.read_out();
            if done(self) {
                return;
            }
            assert!(Instant::now() < end, "waited in vain; output: {}", String::from_utf8_lossy(&self.out));
            self.turn();
        }
    }

    fn expect(&mut self, text: &str) {
        self.turn_until(|rig| contains(&rig.out, text));
    }

    /// Turns until every pipe has come to its end.
    fn turn_to_the_end(&mut self) {
        self.turn_until(|rig| rig.logs.pipes.iter().all(Option::is_none));
    }

    fn text(&self) -> String {
        String::from_utf8(self.out.clone()).unwrap()
    }

    fn queue(&self) -> &queue::Queue {
        &self.logs.outlets.container.sinks[0].queue
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    memchr::memmem::find(bytes, text.as_bytes()).is_some()
}

/// Writes `count` numbered lines from a thread, as a service does.
fn flood(mut to: File, count: u64) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut block = String::new();
        for number in 0..count {
            block += &format!("{number:08} {:-<90}\n", "");
            if block.len() > 60_000 || number + 1 == count {
                to.write_all(block.as_bytes()).unwrap();
                block.clear();
            }
        }
    })
}

/// The numbers of the lines of [`flood`] that begin with `prefix`, and those that were said to be dropped.
fn account(out: &str, prefix: &str) -> (Vec<u64>, u64) {
    let line = |line: &str| {
        let (number, rest) = line.strip_prefix(prefix)?.split_once(' ')?;
        (rest.len() == 90).then_some(number.parse().ok()?)
    };
    let said = |line: &str| line.strip_prefix("podinit | ")?.split_once(" lines dropped: ")?.0.parse::<u64>().ok();
    (out.lines().filter_map(line).collect(), out.lines().filter_map(said).sum())
}
