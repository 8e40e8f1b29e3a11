//! Unix sockets: podinit's own surfaces, and the way to them.

use crate::sys::{Faulty, Linux};
use nix::errno::Errno;
use nix::sys::socket::{self, AddressFamily, Backlog, SockFlag, SockType, UnixAddr, sockopt};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Where a unix socket is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// In a folder.
    Path(PathBuf),
    /// In the network namespace, by name; needs no folder that can be written.
    Abstract(String),
}

/// Unix sockets. Every error is the kernel's.
#[expect(clippy::missing_errors_doc, reason = "said once, above")]
pub trait UnixSockets {
    /// Listens. A socket that somebody left behind is replaced; one that somebody listens on is not, nor anything
    /// else. `mode` is that of the file.
    fn listen(&self, address: &Address, mode: u32) -> io::Result<OwnedFd>;
    /// Takes the next connection: non-blocking, closed on exec. `WouldBlock` when there is none.
    fn accept(&self, listener: BorrowedFd<'_>) -> io::Result<OwnedFd>;
    /// The uid of whoever connected.
    fn peer_uid(&self, connection: BorrowedFd<'_>) -> io::Result<u32>;
    /// Connects, and waits until it is.
    fn connect_unix(&self, address: &Address) -> io::Result<OwnedFd>;
    /// The inode of the PID namespace; two pods that share a network namespace differ in it.
    fn pid_namespace(&self) -> io::Result<u64>;
    /// The effective uid.
    fn own_uid(&self) -> u32;
}

impl UnixSockets for Linux {
    fn listen(&self, address: &Address, mode: u32) -> io::Result<OwnedFd> {
        let listener = bind_unix(SockFlag::SOCK_NONBLOCK, address)?;
        if let Address::Path(path) = address {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
        }
        socket::listen(&listener, Backlog::new(64)?)?;
        Ok(listener)
    }

    fn accept(&self, listener: BorrowedFd<'_>) -> io::Result<OwnedFd> {
        let fd = socket::accept4(listener.as_raw_fd(), SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC)?;
        // SAFETY: accept4 has just made this descriptor, and nobody else knows it.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }

    fn peer_uid(&self, connection: BorrowedFd<'_>) -> io::Result<u32> {
        Ok(socket::getsockopt(&connection, sockopt::PeerCredentials)?.uid())
    }

    fn connect_unix(&self, address: &Address) -> io::Result<OwnedFd> {
        let connection = stream(SockFlag::empty())?;
        socket::connect(connection.as_raw_fd(), &unix_addr(address)?)?;
        Ok(connection)
    }

    fn pid_namespace(&self) -> io::Result<u64> {
        Ok(std::fs::metadata("/proc/self/ns/pid")?.ino())
    }

    fn own_uid(&self) -> u32 {
        nix::unistd::geteuid().as_raw()
    }
}

/// A socket at this address, where nobody listens.
pub(super) fn bind_unix(flags: SockFlag, address: &Address) -> io::Result<OwnedFd> {
    let listener = stream(flags)?;
    let name = unix_addr(address)?;
    match (socket::bind(listener.as_raw_fd(), &name), address) {
        (Err(Errno::EADDRINUSE), Address::Path(path)) if is_socket(path) && Linux.connect_unix(address).is_err() => {
            std::fs::remove_file(path)?;
            socket::bind(listener.as_raw_fd(), &name)?;
        }
        (other, _) => other?,
    }
    Ok(listener)
}

/// Whether a socket is there, not a link to one.
fn is_socket(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket())
}

fn stream(flags: SockFlag) -> io::Result<OwnedFd> {
    Ok(socket::socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC | flags, None)?)
}

fn unix_addr(address: &Address) -> io::Result<UnixAddr> {
    Ok(match address {
        Address::Path(path) => UnixAddr::new(path.as_path())?,
        Address::Abstract(name) => UnixAddr::new_abstract(name.as_bytes())?,
    })
}

impl<S: UnixSockets> UnixSockets for Faulty<S> {
    fn listen(&self, address: &Address, mode: u32) -> io::Result<OwnedFd> {
        self.call("listen")?.listen(address, mode)
    }
    fn accept(&self, listener: BorrowedFd<'_>) -> io::Result<OwnedFd> {
        self.call("accept")?.accept(listener)
    }
    fn peer_uid(&self, connection: BorrowedFd<'_>) -> io::Result<u32> {
        self.call("peer_uid")?.peer_uid(connection)
    }
    fn connect_unix(&self, address: &Address) -> io::Result<OwnedFd> {
        self.call("connect_unix")?.connect_unix(address)
    }
    fn pid_namespace(&self) -> io::Result<u64> {
        self.call("pid_namespace")?.pid_namespace()
    }
    fn own_uid(&self) -> u32 {
        self.inner().own_uid()
    }
}

/// Where podinit's control socket may be, the best place first. Servers bind the first that they can, clients connect
/// to the first that answers.
#[must_use]
pub fn control_addresses(pid_namespace: u64) -> [Address; 3] {
    [
        Address::Path(Path::new(podinit_plan::plan::RUN_DIR).join("ctl.sock")),
        Address::Path(PathBuf::from(format!("/dev/shm/podinit-{pid_namespace}/ctl.sock"))),
        Address::Abstract(format!("podinit-{pid_namespace}")),
    ]
}
