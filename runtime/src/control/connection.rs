//! One connection: bytes in, bytes out, and what it is in the middle of.

use super::door::Door;
use super::follow::Follow;
use super::http::{self, MAX_BODY, MAX_HEAD, Parsed, Request, Response};
use super::scrape::Scrape;
use crate::machine::{Millis, RequestId};
use crate::rpc::Session;
use crate::sys::files::is_transient;
use crate::sys::{Interest, Sys};
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;

/// Longer without a request, or without the other side reading its answer, and the connection is closed.
const IDLE: Millis = 10_000;
/// A request that has not come whole after this long does not come any more, however busy its client seems.
const SLOWEST: Millis = 30_000;
/// More than this not yet read by the other side, and the connection is closed.
const MAX_UNREAD: usize = 256 * 1024;

/// What a connection is in the middle of.
#[derive(Debug)]
pub enum Stage {
    /// A request is awaited, or an answer on its way.
    Requests,
    /// The machine works on a request; nothing more is read until it answers.
    Waiting { request: RequestId, keep_alive: bool },
    /// A call of a method goes on; nothing more is read until it is answered.
    Calling { session: Box<Session>, keep_alive: bool },
    /// Events are sent as they happen.
    Events,
    /// A log is sent as it grows.
    Following(Box<Follow>),
    /// The pod's figures are sent.
    Scraping(Box<Scrape>),
    /// The connection ends when everything is written.
    Closing,
}

#[derive(Debug)]
pub struct Connection {
    pub fd: OwnedFd,
    /// By which it came in.
    pub door: Rc<Door>,
    pub stage: Stage,
    /// What the loop watches for.
    pub interest: Interest,
    input: Vec<u8>,
    output: Vec<u8>,
    /// How much of the output was written.
    written: usize,
    /// The other side sends nothing more; it may still read.
    input_ended: bool,
    /// It is still listened to by a client that has closed its side.
    pub lingers: bool,
    /// When it was taken.
    pub begun: Millis,
    last_progress: Millis,
    /// Since when a request is on its way.
    request_since: Option<Millis>,
}

/// What is to become of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Keep,
    Drop,
}

impl Connection {
    pub fn new(fd: OwnedFd, door: Rc<Door>, now: Millis) -> Connection {
        Connection {
            fd,
            door,
            stage: Stage::Requests,
            interest: Interest::Read,
            input: Vec::new(),
            output: Vec::new(),
            written: 0,
            input_ended: false,
            lingers: true,
            begun: now,
            last_progress: now,
            request_since: None,
        }
    }

    /// Reads what is there, once.
    pub fn read(&mut self, sys: &impl Sys, now: Millis) -> Fate {
        if self.input_ended {
            // Watched for hang-ups only, and there is one when nothing is left to be written.
            return if !self.is_writing() && self.interest == Interest::HangUp { Fate::Drop } else { Fate::Keep };
        }
        let mut buffer = [0; 4096];
        match sys.receive(self.fd.as_fd(), &mut buffer) {
            Ok(0) if !self.lingers => Fate::Drop,
            Ok(0) => {
                self.input_ended = true;
                let unanswered = self.lasts() || self.is_writing();
                if unanswered || self.has_request() { Fate::Keep } else { Fate::Drop }
            }
            // A stream takes no requests; what is sent all the same is thrown away.
            Ok(_) if matches!(self.stage, Stage::Events | Stage::Following(_)) => Fate::Keep,
            Ok(count) => {
                self.input.extend_from_slice(&buffer[..count]);
                self.last_progress = now;
                self.request_since.get_or_insert(now);
                if self.input.len() > MAX_HEAD + MAX_BODY + buffer.len() { Fate::Drop } else { Fate::Keep }
            }
            Err(error) if is_transient(&error) => Fate::Keep,
            Err(_) => Fate::Drop,
        }
    }

    fn has_request(&self) -> bool {
        !matches!(http::parse(&self.input), Parsed::Partial | Parsed::Head(_))
    }

    /// It lasts until somebody ends it, or something happens elsewhere.
    fn lasts(&self) -> bool {
        !matches!(self.stage, Stage::Requests | Stage::Closing)
    }

    /// Takes the next whole request, if the connection is ready for one.
    pub fn next_request(&mut self) -> Option<Request> {
        if !matches!(self.stage, Stage::Requests) || self.is_writing() || self.input.is_empty() && !self.input_ended {
            return None;
        }
        match http::parse(&self.input) {
            Parsed::Partial => {
                if self.input_ended {
                    self.stage = Stage::Closing;
                }
                None
            }
            Parsed::Head(request) => {
                if self.input_ended {
                    self.stage = Stage::Closing;
                } else if let Err(response) = self.door.admit(&request) {
                    // Nobody waits for the body of a request that is refused anyway.
                    self.respond(&response, false, request.method == "HEAD");
                }
                None
            }
            Parsed::Whole(request, length) => {
                self.input.drain(..length);
                if self.input.is_empty() {
                    self.input = Vec::new();
                }
                self.request_since = if self.input.is_empty() { None } else { Some(self.last_progress) };
                Some(request)
            }
            Parsed::Bad(status, problem) => {
                self.respond(&Response::problem(status, problem), false, false);
                None
            }
        }
    }

    pub fn respond(&mut self, response: &Response, keep_alive: bool, head_only: bool) {
        response.write(keep_alive, head_only, &mut self.output);
        self.stage = if keep_alive { Stage::Requests } else { Stage::Closing };
    }

    /// Appends to a stream of events; a reader that is too slow loses its connection, never podinit its memory.
    pub fn send(&mut self, bytes: &[u8]) -> Fate {
        self.output.extend_from_slice(bytes);
        if self.unread() > MAX_UNREAD { Fate::Drop } else { Fate::Keep }
    }

    /// It is sent what happens, and will never send anything itself.
    pub fn is_half_closed_listener(&self) -> bool {
        matches!(self.stage, Stage::Events | Stage::Following(_)) && self.input_ended
    }

    /// It waits for a request, or for the rest of one; since when.
    pub fn idle_since(&self) -> Option<Millis> {
        (matches!(self.stage, Stage::Requests) && !self.is_writing()).then_some(self.last_progress)
    }

    /// Whether the other side has to read before there is anything more to be done.
    pub fn is_writing(&self) -> bool {
        self.unread() > 0
    }

    /// How much the other side has not taken.
    pub fn unread(&self) -> usize {
        self.output.len() - self.written
    }

    /// Writes what the other side takes.
    pub fn write(&mut self, sys: &impl Sys, now: Millis) -> Fate {
        while self.is_writing() {
            match sys.send(self.fd.as_fd(), &self.output[self.written..]) {
                Ok(0) => return Fate::Drop,
                Ok(count) => {
                    self.written += count;
                    self.last_progress = now;
                }
                Err(error) if is_transient(&error) => return Fate::Keep,
                Err(_) => return Fate::Drop,
            }
        }
        self.written = 0;
        if self.output.capacity() > MAX_HEAD {
            self.output = Vec::new()
        } else {
            self.output.clear()
        }
        if matches!(self.stage, Stage::Closing) {
            self.discard_input(sys);
            return Fate::Drop;
        }
        Fate::Keep
    }

    /// Reads what was sent and will not be looked at: closing with unread bytes would cost the other side its answer.
    fn discard_input(&self, sys: &impl Sys) {
        let mut buffer = [0; 4096];
        for _ in 0..(MAX_HEAD + MAX_BODY) / buffer.len() {
            if !matches!(sys.receive(self.fd.as_fd(), &mut buffer), Ok(count) if count > 0) {
                return;
            }
        }
    }

    /// What should be watched for now.
    pub fn wanted_interest(&self) -> Interest {
        if self.is_writing() {
            Interest::Write
        } else if self.input_ended {
            Interest::HangUp
        } else {
            Interest::Read
        }
    }

    /// When the connection has been idle for too long. None while the machine works, and for events.
    pub fn deadline(&self) -> Option<Millis> {
        let idle = (!self.lasts() || self.is_writing()).then(|| self.last_progress.saturating_add(IDLE));
        let slow = self.request_since.filter(|_| !self.lasts() && !self.is_writing()).map(|since| since.saturating_add(SLOWEST));
        idle.into_iter().chain(slow).min()
    }

    /// When the log that is sent is looked at next.
    pub fn look_at(&self) -> Option<Millis> {
        match &self.stage {
            Stage::Following(follow) if follow.reading.is_none() => Some(follow.look_at),
            _ => None,
        }
    }

    /// The answer that was waited for has come: idleness counts from now on.
    pub fn touch(&mut self, now: Millis) {
        self.last_progress = now;
    }
}
