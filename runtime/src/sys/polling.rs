//! Waiting for file descriptors.

use crate::sys::Linux;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

/// Who is meant by an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Token {
    /// The thread that writes log files has news.
    LogWriter,
    /// An output of the container takes bytes again; the index is that of `logs::Logs`, as in the next.
    Sink(u32),
    /// The thread of an output of the container has written.
    SinkWriter(u32),
    /// Output of a service; the index is that of `logs::Logs`.
    Output(u32),
    /// A probe; the index is that of `health::Probes`.
    Probe(u32),
    /// What a service says of itself; the index is the service's.
    Notify(u32),
    /// A look whether addresses can be reached; the index is as that of a probe.
    Reach(u32),
    /// A signal came.
    Signals,
    /// Somebody wants to connect; the index is that of the control room's listeners.
    Listener(u32),
    /// A connection of the control room; the index is that of its connections.
    Connection(u32),
    /// Something that a thread was to do is done.
    Errands,
    /// The stdin of a service; the index is the service's.
    Input(u32),
    /// What delivers alerts to a sink has said something; the index is the sink's.
    Courier(u32),
    /// nginx, which is asked for its figures.
    Nginx,
    /// Nobody: what could not be removed.
    Nobody,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// Bytes, or an end.
    Read,
    /// Bytes that have come since the last time, whether those before were read or not.
    News,
    /// Room for bytes.
    Write,
    /// Nothing but the other side's being gone, which is always told.
    HangUp,
    /// Nothing. That the other side is gone is told once at most.
    Nothing,
}

impl Token {
    /// As the kernel carries it.
    #[must_use]
    pub fn encode(self) -> u64 {
        let (kind, index) = match self {
            Token::LogWriter => (0, 0),
            Token::Sink(index) => (1, index),
            Token::Output(index) => (2, index),
            Token::Probe(index) => (3, index),
            Token::Signals => (4, 0),
            Token::Listener(index) => (5, index),
            Token::Connection(index) => (6, index),
            Token::Notify(index) => (7, index),
            Token::Reach(index) => (8, index),
            Token::SinkWriter(index) => (9, index),
            Token::Errands => (12, 0),
            Token::Nginx => (14, 0),
            Token::Nobody => (10, 0),
            Token::Input(index) => (11, index),
            Token::Courier(index) => (13, index),
        };
        kind << 32 | u64::from(index)
    }

    /// From what the kernel carried.
    #[must_use]
    pub fn decode(value: u64) -> Option<Token> {
        let index = (value & 0xffff_ffff) as u32;
        match value >> 32 {
            0 => Some(Token::LogWriter),
            1 => Some(Token::Sink(index)),
            2 => Some(Token::Output(index)),
            3 => Some(Token::Probe(index)),
            4 => Some(Token::Signals),
            5 => Some(Token::Listener(index)),
            6 => Some(Token::Connection(index)),
            7 => Some(Token::Notify(index)),
            8 => Some(Token::Reach(index)),
            9 => Some(Token::SinkWriter(index)),
            10 => Some(Token::Nobody),
            14 => Some(Token::Nginx),
            12 => Some(Token::Errands),
            11 => Some(Token::Input(index)),
            13 => Some(Token::Courier(index)),
            _ => None,
        }
    }
}

/// epoll.
pub trait Polling {
    /// Watches a descriptor.
    ///
    /// # Errors
    /// The kernel's.
    fn epoll_add(&self, epoll: &Epoll, fd: BorrowedFd<'_>, interest: Interest, token: Token) -> io::Result<()>;
    /// Changes what is waited for.
    ///
    /// # Errors
    /// The kernel's.
    fn epoll_modify(&self, epoll: &Epoll, fd: BorrowedFd<'_>, interest: Interest, token: Token) -> io::Result<()>;
    /// Watches it no longer.
    ///
    /// # Errors
    /// The kernel's.
    fn epoll_remove(&self, epoll: &Epoll, fd: BorrowedFd<'_>) -> io::Result<()>;
    /// Waits until there is news, or the timeout is over; returns how many events there are.
    ///
    /// # Errors
    /// The kernel's.
    fn epoll_wait(&self, epoll: &Epoll, events: &mut [EpollEvent], timeout: EpollTimeout) -> io::Result<usize>;
}

fn event(interest: Interest, token: Token) -> EpollEvent {
    let flags = match interest {
        Interest::Read => EpollFlags::EPOLLIN,
        Interest::News => EpollFlags::EPOLLIN | EpollFlags::EPOLLET,
        Interest::Write => EpollFlags::EPOLLOUT,
        Interest::HangUp => EpollFlags::empty(),
        Interest::Nothing => EpollFlags::EPOLLONESHOT,
    };
    EpollEvent::new(flags, token.encode())
}

impl Polling for Linux {
    fn epoll_add(&self, epoll: &Epoll, fd: BorrowedFd<'_>, interest: Interest, token: Token) -> io::Result<()> {
        Ok(epoll.add(fd, event(interest, token))?)
    }
    fn epoll_modify(&self, epoll: &Epoll, fd: BorrowedFd<'_>, interest: Interest, token: Token) -> io::Result<()> {
        Ok(epoll.modify(fd, &mut event(interest, token))?)
    }
    fn epoll_remove(&self, epoll: &Epoll, fd: BorrowedFd<'_>) -> io::Result<()> {
        Ok(epoll.delete(fd)?)
    }
    fn epoll_wait(&self, epoll: &Epoll, events: &mut [EpollEvent], timeout: EpollTimeout) -> io::Result<usize> {
        Ok(epoll.wait(events, timeout)?)
    }
}

/// An epoll instance that several components register with.
#[derive(Debug, Clone)]
pub struct Poller<S> {
    sys: S,
    epoll: Arc<Epoll>,
}

impl<S: Polling> Poller<S> {
    /// Makes an instance.
    ///
    /// # Errors
    /// The kernel's.
    pub fn new(sys: S) -> io::Result<Poller<S>> {
        Ok(Poller { sys, epoll: Arc::new(Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?) })
    }
    /// Watches a descriptor.
    ///
    /// # Errors
    /// The kernel's.
    pub fn add(&self, fd: impl AsFd, interest: Interest, token: Token) -> io::Result<()> {
        match self.sys.epoll_add(&self.epoll, fd.as_fd(), interest, token) {
            // It could not be removed.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.modify(fd, interest, token),
            other => other,
        }
    }
    /// Changes what is waited for.
    ///
    /// # Errors
    /// The kernel's.
    pub fn modify(&self, fd: impl AsFd, interest: Interest, token: Token) -> io::Result<()> {
        self.sys.epoll_modify(&self.epoll, fd.as_fd(), interest, token)
    }
    /// Watches it no longer.
    ///
    /// # Errors
    /// The kernel's.
    pub fn remove(&self, fd: impl AsFd) -> io::Result<()> {
        // Watched on, what nobody takes would wake the loop all the time.
        let quieten = |_| self.modify(&fd, Interest::Nothing, Token::Nobody);
        self.sys.epoll_remove(&self.epoll, fd.as_fd()).or_else(quieten)
    }
    /// Waits at most `timeout_ms` (for ever without) and says who has news.
    ///
    /// # Errors
    /// The kernel's; EINTR is no news.
    pub fn wait(&self, timeout_ms: Option<u64>, tokens: &mut Vec<Token>) -> io::Result<()> {
        let mut events = [EpollEvent::empty(); 64];
        // The longest that epoll knows is 24 days; the caller asks again.
        let timeout = timeout_ms.map(|ms| i32::try_from(ms).unwrap_or(i32::MAX));
        let timeout = timeout.map_or(EpollTimeout::NONE, |ms| EpollTimeout::try_from(ms).unwrap_or(EpollTimeout::NONE));
        tokens.clear();
        match self.sys.epoll_wait(&self.epoll, &mut events, timeout) {
            Ok(count) => tokens.extend(events[..count].iter().filter_map(|event| Token::decode(event.data()))),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

impl<S: Polling> Polling for crate::sys::Faulty<S> {
    fn epoll_add(&self, epoll: &Epoll, fd: BorrowedFd<'_>, interest: Interest, token: Token) -> io::Result<()> {
        self.call("epoll_add")?.epoll_add(epoll, fd, interest, token)
    }
    fn epoll_modify(&self, epoll: &Epoll, fd: BorrowedFd<'_>, interest: Interest, token: Token) -> io::Result<()> {
        self.call("epoll_modify")?.epoll_modify(epoll, fd, interest, token)
    }
    fn epoll_remove(&self, epoll: &Epoll, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.call("epoll_remove")?.epoll_remove(epoll, fd)
    }
    fn epoll_wait(&self, epoll: &Epoll, events: &mut [EpollEvent], timeout: EpollTimeout) -> io::Result<usize> {
        self.call("epoll_wait")?.epoll_wait(epoll, events, timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::{Faulty, Files};
    use nix::errno::Errno;

    #[test]
    fn what_cannot_be_removed_wakes_nobody_and_may_be_watched_again() {
        let sys = Faulty::new(Linux);
        let poller = Poller::new(sys.clone()).unwrap();
        let (read, write) = Linux.pipe(None).unwrap();
        let token = Token::Output(7);
        let mut tokens = Vec::new();
        let mut wakes = |poller: &Poller<Faulty<Linux>>| {
            poller.wait(Some(0), &mut tokens).unwrap();
            tokens.contains(&token)
        };
        poller.add(&read, Interest::Read, token).unwrap();
        Linux.write(write.as_fd(), b"bytes").unwrap();
        assert!(wakes(&poller));
        sys.fail("epoll_remove", 0, 1, Errno::ENOMEM);
        poller.remove(&read).unwrap();
        assert!(!wakes(&poller));
        poller.add(&read, Interest::Read, token).unwrap();
        assert!(wakes(&poller));
        sys.fail("epoll_remove", 0, 1, Errno::ENOMEM);
        poller.remove(&read).unwrap();
        drop(write);
        // The end of a pipe is told of whatever is watched for; but not for ever.
        let _ = wakes(&poller);
        poller.wait(Some(0), &mut tokens).unwrap();
        assert!(tokens.is_empty(), "{tokens:?}");
    }
}
