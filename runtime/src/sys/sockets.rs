//! Sockets: connections to services on loopback, and what podinit's own surfaces need.

use crate::sys::{Faulty, Linux};
use nix::errno::Errno;
use nix::sys::socket::{self, AddressFamily, MsgFlags, SockFlag, SockType, SockaddrStorage, UnixAddr, sockopt};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// Sockets. Every error is the kernel's.
#[expect(clippy::missing_errors_doc, reason = "said once, above")]
pub trait Sockets {
    /// Starts to connect and does not wait: the socket becomes writable when the outcome is known, see
    /// [`Sockets::connected`].
    fn connect(&self, to: SocketAddr) -> io::Result<OwnedFd>;
    /// The same to a unix socket.
    fn connect_socket(&self, to: &Path) -> io::Result<OwnedFd>;
    /// The outcome of [`Sockets::connect`]; `WouldBlock` while there is none.
    fn connected(&self, fd: BorrowedFd<'_>) -> io::Result<()>;
    /// Sends what fits; never blocks, whatever the mode of the descriptor.
    fn send(&self, fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize>;
    /// Receives what is there; never blocks; 0 is the end.
    fn receive(&self, fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize>;
}

impl Sockets for Linux {
    fn connect(&self, to: SocketAddr) -> io::Result<OwnedFd> {
        let family = if to.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
        let fd = socket::socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, None)?;
        match socket::connect(fd.as_raw_fd(), &SockaddrStorage::from(to)) {
            Ok(()) | Err(Errno::EINPROGRESS) => Ok(fd),
            Err(errno) => Err(errno.into()),
        }
    }

    fn connect_socket(&self, to: &Path) -> io::Result<OwnedFd> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let fd = socket::socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
        socket::connect(fd.as_raw_fd(), &UnixAddr::new(to)?)?;
        Ok(fd)
    }

    fn connected(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        match socket::getsockopt(&fd, sockopt::SocketError)? {
            0 => {}
            errno => return Err(io::Error::from_raw_os_error(errno)),
        }
        // A port in the range of local ports that nobody listens on may be given to the connecting socket itself,
        // which is then connected to itself.
        let own: SockaddrStorage = socket::getsockname(fd.as_raw_fd())?;
        let peer: SockaddrStorage = match socket::getpeername(fd.as_raw_fd()) {
            Err(Errno::ENOTCONN) => return Err(io::ErrorKind::WouldBlock.into()),
            other => other?,
        };
        if own != peer {
            return Ok(());
        }
        // Closed in the ordinary way, the port would be busy for a minute.
        socket::setsockopt(&fd, sockopt::Linger, &libc::linger { l_onoff: 1, l_linger: 0 })?;
        Err(Errno::ECONNREFUSED.into())
    }

    fn send(&self, fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
        Ok(socket::send(fd.as_raw_fd(), bytes, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL)?)
    }

    fn receive(&self, fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(socket::recv(fd.as_raw_fd(), buffer, MsgFlags::MSG_DONTWAIT)?)
    }
}

impl<S: Sockets> Sockets for Faulty<S> {
    fn connect(&self, to: SocketAddr) -> io::Result<OwnedFd> {
        self.call("connect")?.connect(to)
    }
    fn connect_socket(&self, to: &Path) -> io::Result<OwnedFd> {
        self.call("connect_socket")?.connect_socket(to)
    }
    fn connected(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.call("connected")?.connected(fd)
    }
    fn send(&self, fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
        self.call("send")?.send(fd, bytes)
    }
    fn receive(&self, fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
        self.call("receive")?.receive(fd, buffer)
    }
}
