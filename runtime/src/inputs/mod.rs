//! The stdin of services: nothing, a pipe for each incarnation, which podinit writes to when it is asked to and never
//! waits for, or one of the [`sockets`] that it listens at for them.

mod sockets;

use crate::machine::ServiceId;
use crate::sys::files::is_transient;
use crate::sys::{Interest, Poller, Sys, Token};
use podinit_plan::plan::{Socket, Stdin};
use sockets::Sockets;
use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};

/// What waits for a service that does not read, in bytes, at most; but for a single message that is longer.
const LONGEST: usize = 64 * 1024;

/// The stdin of all services.
#[derive(Debug)]
pub struct Inputs<S: Sys> {
    sys: S,
    poller: Poller<S>,
    /// What services are to have that have anything.
    planned: BTreeMap<ServiceId, Planned>,
    /// The pipes that they have.
    open: BTreeMap<ServiceId, Input>,
    sockets: Sockets,
}

/// What the stdin of a service is to be; small, as there may be many.
#[derive(Debug)]
enum Planned {
    Pipe,
    Socket(Box<Socket>),
}

/// The pipe of one incarnation.
#[derive(Debug)]
struct Input {
    /// The write end; non-blocking.
    fd: OwnedFd,
    /// What the pipe had no room for. While there is any, the pipe is watched.
    waiting: Vec<u8>,
}

/// Why bytes were not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsent {
    /// Nobody reads there: there is no process, no pipe, or it was closed.
    Closed,
    /// It has not read what it was sent before.
    Full,
}

impl<S: Sys> Inputs<S> {
    /// No service has one yet.
    pub fn new(sys: S, poller: Poller<S>) -> Inputs<S> {
        Inputs { sys, poller, planned: BTreeMap::new(), open: BTreeMap::new(), sockets: Sockets::new() }
    }

    /// There is a service; `owner`, uid and gid, is that of its socket.
    pub fn add(&mut self, service: ServiceId, stdin: &Stdin, owner: Option<(u32, u32)>) {
        self.remove(service);
        let planned = match stdin {
            Stdin::Null => return,
            Stdin::Pipe => Planned::Pipe,
            Stdin::Socket(socket) => {
                self.sockets.add(socket, owner);
                Planned::Socket(Box::new(socket.clone()))
            }
        };
        self.planned.insert(service, planned);
    }

    /// There is a service no longer.
    pub fn remove(&mut self, service: ServiceId) {
        self.close(service);
        if let Some(Planned::Socket(socket)) = self.planned.remove(&service) {
            self.sockets.remove(&socket);
        }
    }

    /// The stdin of a new incarnation, a pipe owned by `owner` (uid and gid); none is /dev/null.
    ///
    /// # Errors
    /// There can be none; in words.
    pub fn open(&mut self, service: ServiceId, owner: Option<(u32, u32)>) -> Result<Option<OwnedFd>, String> {
        self.close(service);
        match self.planned.get(&service) {
            None => Ok(None),
            Some(Planned::Pipe) => {
                let pipe = self.sys.input_pipe(owner);
                let (read, write) = pipe.map_err(|error| format!("cannot make a pipe for its input: {error}"))?;
                self.open.insert(service, Input { fd: write, waiting: Vec::new() });
                Ok(Some(read))
            }
            Some(Planned::Socket(socket)) => self.sockets.open(&self.sys, socket).map(Some),
        }
    }

    /// Sends bytes to a service, all of them or none; what does not fit into the pipe follows as it is read.
    ///
    /// # Errors
    /// It takes none.
    pub fn send(&mut self, service: ServiceId, bytes: &[u8]) -> Result<(), Unsent> {
        let input = self.open.get_mut(&service).ok_or(Unsent::Closed)?;
        if !input.waiting.is_empty() {
            if input.waiting.len() + bytes.len() > LONGEST {
                return Err(Unsent::Full);
            }
            input.waiting.extend_from_slice(bytes);
            return Ok(());
        }
        let sent = match self.sys.write(input.fd.as_fd(), bytes) {
            Ok(sent) => sent,
            Err(error) if is_transient(&error) => 0,
            Err(_) => {
                self.close(service);
                return Err(Unsent::Closed);
            }
        };
        if sent < bytes.len() {
            input.waiting.extend_from_slice(&bytes[sent..]);
            if self.poller.add(&input.fd, Interest::Write, token(service)).is_err() {
                // It would have half a message for ever.
                self.close(service);
                return Err(Unsent::Closed);
            }
        }
        Ok(())
    }

    /// [`Token::Input`]: there is room in the pipe of the service of that index, or nobody to read it.
    pub fn writable(&mut self, index: u32) {
        let service = index as usize;
        let Some(input) = self.open.get_mut(&service) else { return };
        match self.sys.write(input.fd.as_fd(), &input.waiting) {
            Ok(sent) => drop(input.waiting.drain(..sent)),
            Err(error) if is_transient(&error) => {}
            Err(_) => return self.close(service),
        }
        if input.waiting.is_empty() {
            input.waiting = Vec::new();
            // Fails only when it is not watched.
            let _ = self.poller.remove(&input.fd);
        }
    }

    /// The process has ended, or there was none. To close the descriptor is not enough: a child that was forked a moment
    /// ago has a copy until it executes its program.
    pub fn close(&mut self, service: ServiceId) {
        if let Some(Input { fd, waiting }) = self.open.remove(&service)
            && !waiting.is_empty()
        {
            let _ = self.poller.remove(&fd);
        }
    }
}

fn token(service: ServiceId) -> Token {
    Token::Input(service as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::{Faulty, Files, Linux};
    use nix::errno::Errno;
    use std::io::Read;

    fn inputs<S: Sys>(sys: &S) -> (Inputs<S>, Poller<S>) {
        let poller = Poller::new(sys.clone()).unwrap();
        let mut inputs = Inputs::new(sys.clone(), poller.clone());
        (0..4).for_each(|service| inputs.add(service, &Stdin::Pipe, None));
        (inputs, poller)
    }

    #[test]
    fn what_the_pipe_has_no_room_for_follows_when_it_is_read() {
        let (mut inputs, poller) = inputs(&Linux);
        let mut read = std::fs::File::from(inputs.open(3, None).unwrap().unwrap());
        let long: Vec<u8> = (0..300_000u32).map(|n| (n % 251) as u8).collect();
        assert_eq!(inputs.send(3, &long), Ok(()));
        assert_eq!(inputs.send(3, &[0; 1]), Err(Unsent::Full));
        let mut tokens = Vec::new();
        let mut got = Vec::new();
        while got.len() < long.len() {
            let mut buffer = [0; 10_000];
            let count = read.read(&mut buffer).unwrap();
            got.extend_from_slice(&buffer[..count]);
            poller.wait(Some(0), &mut tokens).unwrap();
            tokens.iter().for_each(|token| assert_eq!(*token, Token::Input(3)));
            if !tokens.is_empty() {
                inputs.writable(3);
            }
        }
        assert_eq!(got, long);
        // With nothing left to be sent, nobody is woken by the room that there is.
        poller.wait(Some(0), &mut tokens).unwrap();
        assert_eq!(tokens, []);
        assert_eq!(inputs.send(3, b"more"), Ok(()));
    }

    #[test]
    fn a_pipe_that_nobody_reads_is_closed() {
        let (mut inputs, _poller) = inputs(&Linux);
        assert_eq!(inputs.send(0, b"x"), Err(Unsent::Closed));
        drop(inputs.open(0, None).unwrap().unwrap());
        assert_eq!(inputs.send(0, b"x"), Err(Unsent::Closed));
        assert!(inputs.open.is_empty());
        let read = inputs.open(0, None).unwrap().unwrap();
        inputs.send(0, &[0; 100_000]).unwrap();
        drop(read);
        inputs.writable(0);
        assert!(inputs.open.is_empty());
    }

    #[test]
    fn a_service_reads_its_stdin_without_end_until_it_is_closed_and_waits_for_it() {
        let (mut inputs, _poller) = inputs(&Linux);
        let read = inputs.open(0, None).unwrap().unwrap();
        let sent = std::thread::spawn(move || std::io::read_to_string(std::fs::File::from(read)).unwrap());
        inputs.send(0, b"one ").unwrap();
        inputs.send(0, b"two").unwrap();
        inputs.close(0);
        // A read end that did not block would have failed.
        assert_eq!(sent.join().unwrap(), "one two");
    }

    #[test]
    fn what_cannot_be_watched_is_closed_rather_than_left_in_the_middle() {
        let sys = Faulty::new(Linux);
        let (mut inputs, _poller) = inputs(&sys);
        let read = inputs.open(0, None).unwrap().unwrap();
        sys.fail("epoll_add", 0, 1, Errno::ENOMEM);
        assert_eq!(inputs.send(0, &[0; 100_000]), Err(Unsent::Closed));
        let mut all = Vec::new();
        while Linux.read(read.as_fd(), &mut [0; 4096]).is_ok_and(|count| count > 0) {
            all.push(());
        }
        assert!(inputs.open.is_empty() && !all.is_empty());
    }
}
