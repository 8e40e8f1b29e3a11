//! Where the output of one service goes.

use crate::logs::LogSettings;
use crate::logs::container::Container;
use crate::logs::files::LogFiles;
use crate::logs::format::Shape;
use crate::logs::lines::{self, End};
use crate::logs::pipe::{Pipe, TURN};
use crate::logs::ring::Ring;
use crate::logs::sink::time_for;
use crate::logs::tap::Tap;
use crate::machine::{Millis, ServiceId};
use crate::sys::Sys;
use podinit_plan::plan::{Output, Stream};

/// The most that is read in one turn of a service whose lines are shorter than [`SHORT`] bytes on average: it is lines
/// that take time.
const TURN_OF_SHORT: usize = 8 * 1024;
const SHORT: u64 = 16;

/// What became of the output of a service so far. What is neither written nor dropped waits. A line that is too long
/// counts once for each of its pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Bytes that came.
    pub bytes: u64,
    /// Lines that came.
    pub lines: u64,
    /// Lines that were dropped on their way to the container's output.
    pub dropped_by_container: u64,
    /// Lines that were dropped on their way to log files.
    pub dropped_by_files: u64,
}

/// All that output can go to.
#[derive(Debug)]
pub struct Outlets<S: Sys> {
    /// The container's outputs.
    pub container: Container<S>,
    /// The log files.
    pub files: LogFiles<S>,
}

/// Where one stream goes.
#[derive(Debug)]
struct Route {
    /// A sink of the container, and how a line looks there.
    container: Option<(usize, Shape)>,
    /// A file, and whether sequences of the terminal are left out.
    file: Option<(usize, bool)>,
}

/// Where an output can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlet<'a> {
    /// Nowhere.
    None,
    /// In this file.
    File(&'a str),
    /// In the container's output; the end of it also in memory.
    Container(Stream),
}

/// A service, as its output sees it.
#[derive(Debug)]
pub struct Service {
    stdout: Route,
    /// Where it is kept apart.
    stderr: Option<Route>,
    /// What it said last.
    pub ring: Ring,
    /// What its lines are watched for.
    pub watch: Option<String>,
    counters: Counters,
    /// Where its output goes, if some of it is not only for logs.
    tapped: Option<Box<LogSettings>>,
}

impl Service {
    /// One of `count` services.
    pub fn new<S: Sys>(settings: LogSettings, count: usize, outlets: &Outlets<S>) -> Service {
        let route = |output: &Output, stream| Route {
            container: output.container.map(|container| {
                let shape = Shape::new(container.format, &settings.name, stream);
                (outlets.container.sink_of(container.stream), shape)
            }),
            file: output.file.as_ref().and_then(|file| Some((outlets.files.index_of(&file.path)?, file.strip_ansi))),
        };
        let outputs = std::iter::once(&settings.logging.stdout).chain(&settings.logging.stderr);
        let is_tapped = settings.listens || outputs.into_iter().any(|output| output.events || output.capture_bytes > 0);
        Service {
            stdout: route(&settings.logging.stdout, Stream::Stdout),
            stderr: settings.logging.stderr.as_ref().map(|stderr| route(stderr, Stream::Stderr)),
            ring: Ring::new(count),
            watch: settings.watch.clone(),
            counters: Counters::default(),
            tapped: is_tapped.then(|| Box::new(settings)),
        }
    }

    /// What taps a new pipe.
    #[must_use]
    pub fn tap(&self, stream: Stream) -> Option<Tap> {
        let LogSettings { logging, listens, .. } = self.tapped.as_deref()?;
        match (stream, &logging.stderr) {
            (Stream::Stdout, _) if *listens => Some(Tap::Answers),
            (Stream::Stdout, _) => Tap::of(&logging.stdout, stream),
            (Stream::Stderr, stderr) => Tap::of(stderr.as_ref()?, stream),
        }
    }

    /// Whether stderr is kept apart from stdout.
    #[must_use]
    pub fn has_two_streams(&self) -> bool {
        self.stderr.is_some()
    }

    /// Until when a stream is to wait for where it goes, if it is to.
    pub fn holds_until<S: Sys>(&self, stream: Stream, outlets: &Outlets<S>) -> Option<Millis> {
        let route = self.route(stream);
        let file = route.file.and_then(|_| outlets.files.holds_until());
        let sink = route.container.as_ref().and_then(|(sink, _)| outlets.container.holds_until(*sink));
        file.max(sink)
    }

    /// What became of its output.
    pub fn counters<S: Sys>(&self, id: ServiceId, outlets: &Outlets<S>) -> Counters {
        Counters {
            dropped_by_container: outlets.container.dropped(id),
            dropped_by_files: outlets.files.dropped(id),
            ..self.counters
        }
    }

    /// Where an output can be read. Of two that go together, stderr is nowhere of its own.
    pub fn outlet<'o, S: Sys>(&self, stream: Stream, outlets: &'o Outlets<S>) -> Outlet<'o> {
        if stream == Stream::Stderr && self.stderr.is_none() {
            return Outlet::None;
        }
        let route = self.route(stream);
        match (&route.file, &route.container) {
            (Some((file, _)), _) => Outlet::File(outlets.files.path(*file)),
            (None, Some((sink, _))) => Outlet::Container(if *sink == 0 { Stream::Stdout } else { Stream::Stderr }),
            (None, None) => Outlet::None,
        }
    }

    /// The files that its output goes to, each once.
    pub fn files(&self) -> Vec<usize> {
        let routes = [Some(&self.stdout), self.stderr.as_ref()].into_iter().flatten();
        let mut files: Vec<usize> = routes.filter_map(|route| Some(route.file.as_ref()?.0)).collect();
        files.dedup();
        files
    }

    fn route(&self, stream: Stream) -> &Route {
        match (stream, &self.stderr) {
            (Stream::Stderr, Some(stderr)) => stderr,
            _ => &self.stdout,
        }
    }

    /// Takes what was read from a pipe to everywhere it belongs. Returns whether it contains what is watched for.
    pub fn take<S: Sys>(&mut self, pipe: &mut Pipe, bytes: &[u8], outlets: &mut Outlets<S>, sys: &S, now: Millis) -> bool {
        self.counters.bytes += bytes.len() as u64;
        let matches = match (&mut pipe.search, &self.watch) {
            (Some(search), Some(text)) => search.find(text.as_bytes(), bytes),
            _ => false,
        };
        pipe.turn = TURN;
        let split = match &self.route(pipe.stream).container {
            Some((sink, shape)) => {
                let queue = &mut outlets.container.sinks[*sink].queue;
                let time = time_for(shape, sys);
                let split = lines::split(&pipe.partial, bytes, |head, piece, end| {
                    queue.push(Some(pipe.service), |out| shape.write(out, &time, head, piece, end));
                });
                if split.pieces * SHORT > bytes.len() as u64 {
                    pipe.turn = TURN_OF_SHORT;
                }
                split
            }
            None => lines::gather(&pipe.partial, bytes),
        };
        if split.pieces > 0 {
            let head = std::mem::take(&mut pipe.partial);
            self.keep(pipe, &[&head, &bytes[..split.taken]], split.pieces, outlets, now);
            // Given back, so that a steady flow allocates nothing.
            pipe.partial = head;
            pipe.partial.clear();
        }
        pipe.partial.extend_from_slice(&bytes[split.taken..]);
        matches
    }

    /// Ends a line that has no newline: nothing will follow. A file gets none all the same.
    pub fn end_line<S: Sys>(&mut self, pipe: &mut Pipe, outlets: &mut Outlets<S>, sys: &S, now: Millis) {
        let line = std::mem::take(&mut pipe.partial);
        if line.is_empty() {
            return;
        }
        if let Some((sink, shape)) = &self.route(pipe.stream).container {
            let queue = &mut outlets.container.sinks[*sink].queue;
            queue.push(Some(pipe.service), |out| shape.write(out, &time_for(shape, sys), b"", &line, End::Line));
        }
        self.keep(pipe, &[&line], 1, outlets, now);
        self.ring.push(b"\n");
    }

    /// Takes lines to the file and keeps them for the report of a crash.
    fn keep<S: Sys>(&mut self, pipe: &mut Pipe, parts: &[&[u8]], lines: u64, outlets: &mut Outlets<S>, now: Millis) {
        self.counters.lines += lines;
        parts.iter().for_each(|part| self.ring.push(part));
        match self.route(pipe.stream).file {
            Some((file, true)) => {
                let mut kept = Vec::new();
                let text = parts.concat();
                let text = pipe.stripper.strip(&text, &mut kept);
                outlets.files.push(file, pipe.service, &[text], lines, now);
            }
            Some((file, false)) => outlets.files.push(file, pipe.service, parts, lines, now),
            None => {}
        }
    }
}
