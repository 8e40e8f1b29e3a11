//! Asks nginx for what its stub_status counts, when somebody wants to know, and never waits for it longer than
//! [`PATIENCE`].

use crate::machine::Millis;
use crate::rpc::Ticket;
use crate::sys::files::is_transient;
use crate::sys::{Interest, Poller, Sys, Token};
use podinit_plan::plan::NginxStatus;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};

/// How long it may take.
const PATIENCE: Millis = 200;
/// The longest answer.
const MAX_ANSWER: usize = 4096;

/// Active connections; those that were accepted and handled, and requests; those that are read, written, kept.
pub type Counts = [u64; 7];

/// The way to nginx.
#[derive(Debug)]
pub struct Nginx<S: Sys> {
    sys: S,
    poller: Poller<S>,
    /// Where it is asked; none in a pod without it.
    status: Option<NginxStatus>,
    asking: Option<Asking>,
    /// Who waits for the answer.
    waiting: Vec<Ticket>,
    /// The last answer.
    counts: Option<Counts>,
}

#[derive(Debug)]
struct Asking {
    fd: OwnedFd,
    deadline: Millis,
    /// Until the connection is there.
    request: Option<String>,
    answer: Vec<u8>,
}

impl<S: Sys> Nginx<S> {
    /// Nobody has asked yet.
    pub fn new(sys: S, poller: Poller<S>, status: Option<NginxStatus>) -> Nginx<S> {
        Nginx { sys, poller, status, asking: None, waiting: Vec::new(), counts: None }
    }

    /// What it counted when it was asked last, or that it did not answer; none in a pod without it.
    #[must_use]
    pub fn counts(&self) -> Option<Option<Counts>> {
        self.status.as_ref().map(|_| self.counts)
    }

    /// Somebody wants to know; [`Nginx::take`] tells when.
    pub fn ask(&mut self, ticket: Ticket, now: Millis) {
        self.waiting.push(ticket);
        let Some(status) = self.status.as_ref().filter(|_| self.asking.is_none()) else { return };
        self.counts = None;
        let path = &status.path;
        let request = Some(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
        let Ok(fd) = self.sys.connect(SocketAddr::from((Ipv4Addr::LOCALHOST, status.port))) else { return };
        if self.poller.add(&fd, Interest::Write, Token::Nginx).is_ok() {
            self.asking = Some(Asking { fd, deadline: now + PATIENCE, request, answer: Vec::new() });
        }
    }

    /// [`Token::Nginx`]: goes on.
    pub fn ready(&mut self) {
        if let Some(asking) = &mut self.asking
            && !asking.go_on(&self.sys, &self.poller)
        {
            let counts = parse(&asking.answer);
            self.end(counts);
        }
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Millis) {
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            self.end(None);
        }
    }

    /// When [`Nginx::tick`] is to be called at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Millis> {
        self.asking.as_ref().map(|asking| asking.deadline)
    }

    /// Those who need not wait any longer.
    pub fn take(&mut self) -> Vec<Ticket> {
        if self.asking.is_some() { Vec::new() } else { std::mem::take(&mut self.waiting) }
    }

    fn end(&mut self, counts: Option<Counts>) {
        self.counts = counts;
        if let Some(asking) = self.asking.take() {
            let _ = self.poller.remove(&asking.fd);
        }
    }
}

impl Asking {
    /// Goes on as far as it can without waiting; false is the end of the answer, or of the connection.
    fn go_on<S: Sys>(&mut self, sys: &S, poller: &Poller<S>) -> bool {
        if let Some(request) = &self.request {
            // A request of this size fits into what the kernel keeps for any connection.
            let sent = sys.connected(self.fd.as_fd()).and_then(|()| sys.send(self.fd.as_fd(), request.as_bytes()));
            return match sent {
                Ok(count) if count == request.len() => {
                    self.request = None;
                    poller.modify(&self.fd, Interest::Read, Token::Nginx).is_ok()
                }
                Err(error) => is_transient(&error),
                Ok(_) => false,
            };
        }
        let mut buffer = [0; 1024];
        match sys.receive(self.fd.as_fd(), &mut buffer) {
            Ok(count @ 1..) if self.answer.len() + count <= MAX_ANSWER => {
                self.answer.extend_from_slice(&buffer[..count]);
                true
            }
            Err(error) => is_transient(&error),
            Ok(_) => false,
        }
    }
}

/// The numbers of an answer, which are in this order since there is stub_status:
///
/// ```text
/// Active connections: 1
/// server accepts handled requests
///  7 7 12
/// Reading: 0 Writing: 1 Waiting: 0
/// ```
fn parse(answer: &[u8]) -> Option<Counts> {
    let (head, body) = std::str::from_utf8(answer).ok()?.split_once("\r\n\r\n")?;
    if head.split(' ').nth(1) != Some("200") || !body.starts_with("Active connections:") {
        return None;
    }
    let numbers: Vec<u64> = body.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect();
    numbers.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_of_stub_status_is_one() {
        let body = "Active connections: 2 \nserver accepts handled requests\n 7 6 12 \nReading: 0 Writing: 1 Waiting: 3 \n";
        let answer = |head: &str, body: &str| parse(format!("{head}\r\nServer: nginx\r\n\r\n{body}").as_bytes());
        assert_eq!(answer("HTTP/1.1 200 OK", body), Some([2, 7, 6, 12, 0, 1, 3]));
        assert_eq!(answer("HTTP/1.1 404 Not Found", body), None);
        assert_eq!(answer("HTTP/1.1 200 OK", "<html> 1 2 3 4 5 6 7"), None);
        assert_eq!(answer("HTTP/1.1 200 OK", &body[..60]), None);
        assert_eq!(parse(b""), None);
    }
}
