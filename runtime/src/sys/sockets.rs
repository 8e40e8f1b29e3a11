//! Sockets: connections to services on loopback, and what podinit's own surfaces need.

use crate::sys::unix_sockets::{Address, bind_unix};
use crate::sys::{Faulty, Linux};
use nix::errno::Errno;
use nix::sys::socket::{self, AddressFamily, Backlog, MsgFlags, SockFlag, SockType, SockaddrStorage, UnixAddr, sockopt};
use std::fs::Permissions;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// Where to listen for others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// At a path; with the rights of its file, and whose it is, where they are not podinit's defaults.
    Unix {
        /// Absolute.
        path: PathBuf,
        /// Its rights.
        mode: Option<u32>,
        /// uid and gid.
        owner: Option<(u32, u32)>,
    },
    /// At a port.
    Tcp(SocketAddr),
}
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
    /// Listens on a port, of an address or, without one, of all.
    fn listen_on_port(&self, address: Option<IpAddr>, port: u16) -> io::Result<OwnedFd>;
    /// Listens, for another process to accept from: the socket waits, and is closed on exec. A unix socket that somebody
    /// left behind is replaced, as with [`super::UnixSockets::listen`]. Without `backlog` as many connections wait as may.
    fn listen_for(&self, place: &Place, backlog: Option<i32>) -> io::Result<OwnedFd>;
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

    fn listen_on_port(&self, address: Option<IpAddr>, port: u16) -> io::Result<OwnedFd> {
        match address {
            Some(address) => listen(SocketAddr::new(address, port)),
            // The one of IPv6 takes connections of IPv4, too.
            None => match listen(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port)) {
                Err(error) if matches!(error.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL)) => {
                    listen(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port))
                }
                other => other,
            },
        }
    }

    fn listen_for(&self, place: &Place, backlog: Option<i32>) -> io::Result<OwnedFd> {
        let listener = match place {
            Place::Unix { path, mode, owner } => {
                let listener = bind_unix(SockFlag::empty(), &Address::Path(path.clone()))?;
                if let Some((uid, gid)) = owner {
                    std::os::unix::fs::lchown(path, Some(*uid), Some(*gid))?;
                }
                if let Some(mode) = mode {
                    std::fs::set_permissions(path, Permissions::from_mode(*mode))?;
                }
                listener
            }
            Place::Tcp(address) => {
                let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
                let listener = socket::socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
                // Connections of an earlier listener may still be on their way out.
                socket::setsockopt(&listener, sockopt::ReuseAddr, &true)?;
                socket::bind(listener.as_raw_fd(), &SockaddrStorage::from(*address))?;
                listener
            }
        };
        let backlog = backlog.and_then(|backlog| Backlog::new(backlog).ok()).unwrap_or(Backlog::MAXCONN);
        socket::listen(&listener, backlog)?;
        Ok(listener)
    }

    fn send(&self, fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
        Ok(socket::send(fd.as_raw_fd(), bytes, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL)?)
    }

    fn receive(&self, fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(socket::recv(fd.as_raw_fd(), buffer, MsgFlags::MSG_DONTWAIT)?)
    }
}

fn listen(on: SocketAddr) -> io::Result<OwnedFd> {
    let family = if on.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let fd = socket::socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, None)?;
    // A pod that starts anew gets its port although old connections linger.
    socket::setsockopt(&fd, sockopt::ReuseAddr, &true)?;
    socket::bind(fd.as_raw_fd(), &SockaddrStorage::from(on))?;
    socket::listen(&fd, Backlog::new(64)?)?;
    Ok(fd)
}

impl<S: Sockets> Sockets for Faulty<S> {
    fn listen_on_port(&self, address: Option<IpAddr>, port: u16) -> io::Result<OwnedFd> {
        self.call("listen_on_port")?.listen_on_port(address, port)
    }
    fn connect(&self, to: SocketAddr) -> io::Result<OwnedFd> {
        self.call("connect")?.connect(to)
    }
    fn connect_socket(&self, to: &Path) -> io::Result<OwnedFd> {
        self.call("connect_socket")?.connect_socket(to)
    }
    fn connected(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.call("connected")?.connected(fd)
    }
    fn listen_for(&self, place: &Place, backlog: Option<i32>) -> io::Result<OwnedFd> {
        self.call("listen_for")?.listen_for(place, backlog)
    }
    fn send(&self, fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
        self.call("send")?.send(fd, bytes)
    }
    fn receive(&self, fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
        self.call("receive")?.receive(fd, buffer)
    }
}
