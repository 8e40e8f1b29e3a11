//! A check over TCP on loopback, or over a unix socket: connects, and asks for a path if there is one.

use crate::health::http::{ANSWER_MAX, Get, Verdict};
use crate::sys::files::is_transient;
use crate::sys::{Interest, Sockets};
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::rc::Rc;

/// The order in which addresses are tried.
const LOOPBACK: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// A check that is under way.
#[derive(Debug)]
pub struct Connection {
    /// The socket; another one after [`Step::Reconnected`].
    pub fd: OwnedFd,
    address: Address,
    /// Without one, a connection is all that is wanted.
    get: Option<Rc<Get>>,
    stage: Stage,
    /// What went wrong with the address before.
    earlier: Option<String>,
}

/// Who is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Address {
    Port(SocketAddr),
    Unix(String),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Port(address) => address.fmt(f),
            Address::Unix(path) => path.fmt(f),
        }
    }
}

#[derive(Debug)]
enum Stage {
    Connecting,
    Sending { sent: usize },
    Receiving { answer: Vec<u8> },
    Draining { read: usize },
}

/// What follows from readiness.
#[derive(Debug)]
pub enum Step {
    /// Wait for this.
    Wait(Interest),
    /// Wait for room on a new socket; this was the one before.
    Reconnected(OwnedFd),
    /// The result is known; the rest of the answer is read all the same, or servers complain of a reset connection.
    Answered(Result<(), String>),
    /// Nothing more is wanted.
    End,
    /// The result, and nothing more is wanted.
    Result(Result<(), String>),
}

impl Connection {
    /// Begins to connect to a port of this host, for an answer to `get` when there is one.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn open<S: Sockets>(sys: &S, port: u16, get: Option<Rc<Get>>) -> Result<Connection, String> {
        let mut first = None;
        for ip in LOOPBACK {
            let address = SocketAddr::new(ip, port);
            match sys.connect(address) {
                Ok(fd) => {
                    let address = Address::Port(address);
                    return Ok(Connection { fd, address, get, stage: Stage::Connecting, earlier: first });
                }
                Err(error) => first = first.or_else(|| Some(refusal(&error, &Address::Port(address)))),
            }
        }
        Err(first.unwrap_or_default())
    }

    /// Begins to connect to a unix socket, for an answer to `get` when there is one.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn open_unix<S: Sockets>(sys: &S, socket: String, get: Option<Rc<Get>>) -> Result<Connection, String> {
        let connected = sys.connect_socket(Path::new(&socket));
        let address = Address::Unix(socket);
        let fd = connected.map_err(|error| refusal(&error, &address))?;
        Ok(Connection { fd, address, get, stage: Stage::Connecting, earlier: None })
    }

    /// What it waits for, for the report of a timeout: `no answer to GET /health`.
    #[must_use]
    pub fn pending(&self) -> String {
        match (&self.stage, &self.get) {
            (Stage::Connecting, _) | (_, None) => format!("no connection to {}", self.address),
            (_, Some(get)) => format!("no answer from {}", get.path),
        }
    }

    /// The result was given already.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        matches!(self.stage, Stage::Draining { .. })
    }

    /// Goes on as far as it can without waiting, through 64 KB of an answer at most.
    pub fn step<S: Sockets>(&mut self, sys: &S) -> Step {
        match &mut self.stage {
            Stage::Connecting => self.connected(sys),
            Stage::Sending { sent } => {
                let request = self.get.as_ref().map_or(&[][..], |get| &get.request);
                match sys.send(self.fd.as_fd(), &request[*sent..]) {
                    Ok(count) => {
                        *sent += count;
                        if *sent < request.len() {
                            return Step::Wait(Interest::Write);
                        }
                        self.stage = Stage::Receiving { answer: Vec::new() };
                        Step::Wait(Interest::Read)
                    }
                    Err(error) if is_transient(&error) => Step::Wait(Interest::Write),
                    Err(error) => Step::Result(Err(format!("cannot ask {}: {}", self.address, words(&error)))),
                }
            }
            Stage::Receiving { answer } => {
                let mut buffer = [0; 4096];
                match sys.receive(self.fd.as_fd(), &mut buffer) {
                    Ok(count) => {
                        answer.extend_from_slice(&buffer[..count]);
                        self.judge(count == 0)
                    }
                    Err(error) if is_transient(&error) => Step::Wait(Interest::Read),
                    Err(error) => Step::Result(Err(format!("no answer from {}: {}", self.address, words(&error)))),
                }
            }
            Stage::Draining { read } => {
                let mut buffer = [0; 4096];
                match sys.receive(self.fd.as_fd(), &mut buffer) {
                    Ok(count @ 1..) if *read + count < ANSWER_MAX => {
                        *read += count;
                        Step::Wait(Interest::Read)
                    }
                    Err(error) if is_transient(&error) => Step::Wait(Interest::Read),
                    _ => Step::End,
                }
            }
        }
    }

    fn connected<S: Sockets>(&mut self, sys: &S) -> Step {
        match sys.connected(self.fd.as_fd()) {
            Ok(()) if self.get.is_none() => Step::Result(Ok(())),
            Ok(()) => {
                self.stage = Stage::Sending { sent: 0 };
                self.step(sys)
            }
            Err(error) if is_transient(&error) => Step::Wait(Interest::Write),
            Err(error) => {
                let reason = refusal(&error, &self.address);
                let Address::Port(address) = self.address else { return Step::Result(Err(reason)) };
                let next = SocketAddr::new(LOOPBACK[1], address.port());
                // What is wrong with the first address is the reason; hosts without IPv6 are many.
                let reason = self.earlier.take().unwrap_or(reason);
                if address == next {
                    return Step::Result(Err(reason));
                }
                match sys.connect(next) {
                    Ok(fd) => {
                        self.address = Address::Port(next);
                        self.earlier = Some(reason);
                        Step::Reconnected(std::mem::replace(&mut self.fd, fd))
                    }
                    Err(_) => Step::Result(Err(reason)),
                }
            }
        }
    }

    /// Looks at what has come; nothing more does when it has `ended`.
    fn judge(&mut self, ended: bool) -> Step {
        let (Stage::Receiving { answer }, Some(get)) = (&self.stage, &self.get) else { return Step::End };
        match get.judge(answer, ended) {
            Verdict::Incomplete if ended => {
                Step::Result(Err(format!("{} closed the connection without an answer", self.address)))
            }
            Verdict::Incomplete => Step::Wait(Interest::Read),
            Verdict::Garbage => Step::Result(Err(format!("the answer of {} is not HTTP/1.1", self.address))),
            Verdict::Result(result) if ended => Step::Result(result),
            Verdict::Result(result) => {
                self.stage = Stage::Draining { read: answer.len() };
                Step::Answered(result)
            }
        }
    }
}

fn refusal(error: &io::Error, address: &Address) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => format!("connection refused on {address}"),
        _ => format!("cannot connect to {address}: {}", words(error)),
    }
}

/// The kernel's reason without its number.
fn words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}
