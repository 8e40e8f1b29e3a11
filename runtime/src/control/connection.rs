//! One connection: bytes in, bytes out, and what it is in the middle of.

use super::http::{self, MAX_BODY, MAX_HEAD, Parsed, Request, Response};
use crate::machine::{Millis, RequestId};
use crate::sys::files::is_transient;
use crate::sys::{Interest, Sys};
use std::os::fd::{AsFd, OwnedFd};

/// Longer without a request, or without the other side reading its answer, and the connection is closed.
const IDLE: Millis = 10_000;
/// More than this not yet read by the other side, and the connection is closed.
const MAX_UNREAD: usize = 256 * 1024;

/// What a connection is in the middle of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// A request is awaited, or an answer on its way.
    Requests,
    /// The machine works on a request; nothing more is read until it answers.
    Waiting { request: RequestId, keep_alive: bool },
    /// Events are sent as they happen.
    Events,
    /// The connection ends when everything is written.
    Closing,
}

#[derive(Debug)]
pub struct Connection {
    pub fd: OwnedFd,
    pub public: bool,
    pub stage: Stage,
    /// What the loop watches for.
    pub interest: Interest,
    input: Vec<u8>,
    output: Vec<u8>,
    /// The other side sends nothing more; it may still read.
    input_ended: bool,
    /// When it was taken.
    pub begun: Millis,
    last_progress: Millis,
}

/// What is to become of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Keep,
    Drop,
}

impl Connection {
    pub fn new(fd: OwnedFd, public: bool, now: Millis) -> Connection {
        Connection {
            fd,
            public,
            stage: Stage::Requests,
            interest: Interest::Read,
            input: Vec::new(),
            output: Vec::new(),
            input_ended: false,
            begun: now,
            last_progress: now,
        }
    }

    /// Reads what is there, once.
    pub fn read(&mut self, sys: &impl Sys, now: Millis) -> Fate {
        if self.input_ended {
            // Watched for hang-ups only, and there is one when nothing is left to be written.
            return if self.output.is_empty() && self.interest == Interest::HangUp { Fate::Drop } else { Fate::Keep };
        }
        let mut buffer = [0; 4096];
        match sys.receive(self.fd.as_fd(), &mut buffer) {
            Ok(0) => {
                self.input_ended = true;
                let unanswered = matches!(self.stage, Stage::Waiting { .. } | Stage::Events) || !self.output.is_empty();
                if unanswered || self.has_request() { Fate::Keep } else { Fate::Drop }
            }
            // A stream of events takes no requests; what is sent all the same is thrown away.
            Ok(_) if self.stage == Stage::Events => Fate::Keep,
            Ok(count) => {
                self.input.extend_from_slice(&buffer[..count]);
                self.last_progress = now;
                if self.input.len() > MAX_HEAD + MAX_BODY + buffer.len() { Fate::Drop } else { Fate::Keep }
            }
            Err(error) if is_transient(&error) => Fate::Keep,
            Err(_) => Fate::Drop,
        }
    }

    fn has_request(&self) -> bool {
        !matches!(http::parse(&self.input), Parsed::Partial)
    }

    /// Takes the next whole request, if the connection is ready for one.
    pub fn next_request(&mut self) -> Option<Request> {
        if self.stage != Stage::Requests || !self.output.is_empty() {
            return None;
        }
        match http::parse(&self.input) {
            Parsed::Partial => {
                if self.input_ended {
                    self.stage = Stage::Closing;
                }
                None
            }
            Parsed::Whole(request, length) => {
                self.input.drain(..length);
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
        if self.output.len() > MAX_UNREAD { Fate::Drop } else { Fate::Keep }
    }

    /// It is sent events, and will never send anything itself.
    pub fn is_half_closed_listener(&self) -> bool {
        self.stage == Stage::Events && self.input_ended
    }

    /// Whether the other side has to read before there is anything more to be done.
    pub fn is_writing(&self) -> bool {
        !self.output.is_empty()
    }

    /// Writes what the other side takes.
    pub fn write(&mut self, sys: &impl Sys, now: Millis) -> Fate {
        while !self.output.is_empty() {
            match sys.send(self.fd.as_fd(), &self.output) {
                Ok(0) => return Fate::Drop,
                Ok(count) => {
                    self.output.drain(..count);
                    self.last_progress = now;
                }
                Err(error) if is_transient(&error) => return Fate::Keep,
                Err(_) => return Fate::Drop,
            }
        }
        if self.output.capacity() > MAX_HEAD {
            self.output = Vec::new();
        }
        if self.stage == Stage::Closing {
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
        if !self.output.is_empty() {
            Interest::Write
        } else if self.input_ended {
            Interest::HangUp
        } else {
            Interest::Read
        }
    }

    /// When the connection has been idle for too long. None while the machine works, and for events.
    pub fn deadline(&self) -> Option<Millis> {
        let lasts = matches!(self.stage, Stage::Waiting { .. } | Stage::Events) && self.output.is_empty();
        (!lasts).then(|| self.last_progress.saturating_add(IDLE))
    }

    /// The answer that was waited for has come: idleness counts from now on.
    pub fn touch(&mut self, now: Millis) {
        self.last_progress = now;
    }
}
