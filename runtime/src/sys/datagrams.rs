//! Datagrams that services send to podinit, each with who sent it.

use crate::sys::{Faulty, Linux};
use nix::errno::Errno;
use nix::sys::socket::{self, AddressFamily, SockFlag, SockType, UnixAddr, sockopt};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

/// What a datagram was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram {
    /// How much of the buffer it filled.
    pub length: usize,
    /// The buffer was too small for it.
    pub cut: bool,
    /// The sender's uid; none when it is not in podinit's PID namespace.
    pub uid: Option<u32>,
}

/// Datagrams. Every error is the kernel's.
#[expect(clippy::missing_errors_doc, reason = "said once, above")]
pub trait Datagrams {
    /// A socket under an abstract name of the kernel's choice, which needs no folder and which nobody can have taken
    /// before; and that name. Non-blocking, closed on exec; it tells who sends.
    fn datagram_socket(&self) -> io::Result<(OwnedFd, String)>;
    /// The next datagram. Descriptors that came with it are closed.
    fn next_datagram(&self, socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Datagram>;
}

impl Datagrams for Linux {
    fn datagram_socket(&self) -> io::Result<(OwnedFd, String)> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket::socket(AddressFamily::Unix, SockType::Datagram, flags, None)?;
        socket::setsockopt(&socket, sockopt::PassCred, &true)?;
        socket::bind(socket.as_raw_fd(), &UnixAddr::new_unnamed())?;
        let address: UnixAddr = socket::getsockname(socket.as_raw_fd())?;
        let name = address.as_abstract().ok_or(io::ErrorKind::AddrNotAvailable)?;
        let name = String::from_utf8_lossy(name).into_owned();
        Ok((socket, name))
    }

    fn next_datagram(&self, socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Datagram> {
        // SAFETY: all of a control message's length is a number; CMSG_SPACE only computes one.
        const CREDENTIALS: usize = unsafe { libc::CMSG_SPACE(size_of::<libc::ucred>() as u32) } as usize;
        // Room for the credentials and nothing else: the kernel puts them first, and closes descriptors that have no
        // room. It is aligned as the kernel's header wants it.
        let mut control = [0u64; CREDENTIALS.div_ceil(size_of::<u64>())];
        let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
        // SAFETY: all zero is a message without any part.
        let mut message: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = CREDENTIALS as _;
        let flags = libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC;
        // SAFETY: the message points to `buffer`, `part` and `control`, with their sizes, which outlive the call.
        let length = Errno::result(unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, flags) })?;
        // SAFETY: the kernel has filled `control`, and said in the message how far; CMSG_FIRSTHDR keeps to that.
        let header = unsafe { libc::CMSG_FIRSTHDR(&raw const message).as_ref() };
        let credentials = header
            .filter(|header| header.cmsg_level == libc::SOL_SOCKET && header.cmsg_type == libc::SCM_CREDENTIALS)
            // SAFETY: a header of this type is followed by a ucred, which may be unaligned.
            .map(|header| unsafe { libc::CMSG_DATA(header).cast::<libc::ucred>().read_unaligned() });
        Ok(Datagram {
            length: usize::try_from(length).unwrap_or(0),
            cut: message.msg_flags & libc::MSG_TRUNC != 0,
            uid: credentials.filter(|credentials| credentials.pid > 0).map(|credentials| credentials.uid),
        })
    }
}

impl<S: Datagrams> Datagrams for Faulty<S> {
    fn datagram_socket(&self) -> io::Result<(OwnedFd, String)> {
        self.call("datagram_socket")?.datagram_socket()
    }
    fn next_datagram(&self, socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Datagram> {
        self.call("next_datagram")?.next_datagram(socket, buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::socket::{ControlMessage, MsgFlags};
    use std::io::{IoSlice, Read};
    use std::os::fd::AsFd;

    fn send(name: &str, bytes: &[u8], descriptors: &[i32]) {
        let flags = SockFlag::SOCK_CLOEXEC;
        let sender = socket::socket(AddressFamily::Unix, SockType::Datagram, flags, None).unwrap();
        let to = UnixAddr::new_abstract(name.as_bytes()).unwrap();
        let rights = [ControlMessage::ScmRights(descriptors)];
        let control = if descriptors.is_empty() { &[][..] } else { &rights };
        socket::sendmsg(sender.as_raw_fd(), &[IoSlice::new(bytes)], control, MsgFlags::empty(), Some(&to)).unwrap();
    }

    #[test]
    fn a_datagram_tells_who_sent_it() {
        let (socket, name) = Linux.datagram_socket().unwrap();
        let mut buffer = [0; 16];
        assert_eq!(Linux.next_datagram(socket.as_fd(), &mut buffer).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        send(&name, b"READY=1", &[]);
        let uid = Some(nix::unistd::geteuid().as_raw());
        assert_eq!(Linux.next_datagram(socket.as_fd(), &mut buffer).unwrap(), Datagram { length: 7, cut: false, uid });
        assert_eq!(&buffer[..7], b"READY=1");
        send(&name, &[b'x'; 17], &[]);
        assert_eq!(Linux.next_datagram(socket.as_fd(), &mut buffer).unwrap(), Datagram { length: 16, cut: true, uid });
    }

    #[test]
    fn descriptors_that_come_along_are_closed() {
        let (socket, name) = Linux.datagram_socket().unwrap();
        let (mut read, write) = std::io::pipe().unwrap();
        send(&name, b"FDSTORE=1", &[write.as_raw_fd(), write.as_raw_fd()]);
        drop(write);
        let datagram = Linux.next_datagram(socket.as_fd(), &mut [0; 16]).unwrap();
        assert_eq!((datagram.length, datagram.uid), (9, Some(nix::unistd::geteuid().as_raw())));
        // Nobody has the writing end any more.
        assert_eq!(read.read(&mut [0]).unwrap(), 0);
    }
}
