//! Sockets that podinit listens at for services, which accept from them as descriptor 0: as FastCGI has it.
//!
//! A socket is opened with the first start of one of its services, and stays for as long as one of them is there: who
//! connects while they are started anew is not turned away.

use crate::sys::Sys;
use crate::sys::sockets::Place;
use podinit_plan::plan::Socket;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

/// All of them.
#[derive(Debug)]
pub struct Sockets {
    shared: Vec<Shared>,
}

/// One that some services share.
#[derive(Debug)]
struct Shared {
    socket: Socket,
    owner: Option<(u32, u32)>,
    services: usize,
    open: Option<OwnedFd>,
}

impl Sockets {
    /// None yet.
    pub fn new() -> Sockets {
        Sockets { shared: Vec::new() }
    }

    /// A service uses this one; it belongs to the owner that the first one says.
    pub fn add(&mut self, socket: &Socket, owner: Option<(u32, u32)>) {
        match self.shared.iter_mut().find(|shared| shared.socket == *socket) {
            Some(shared) => shared.services += 1,
            None => self.shared.push(Shared { socket: socket.clone(), owner, services: 1, open: None }),
        }
    }

    /// A service uses it no longer; with the last one it is closed.
    pub fn remove(&mut self, socket: &Socket) {
        if let Some(shared) = self.shared.iter_mut().find(|shared| shared.socket == *socket) {
            shared.services -= 1;
        }
        self.shared.retain(|shared| shared.services > 0);
    }

    /// A descriptor of it for a new process.
    ///
    /// # Errors
    /// In words.
    pub fn open<S: Sys>(&mut self, sys: &S, socket: &Socket) -> Result<OwnedFd, String> {
        let address = &socket.address;
        let shared = self.shared.iter_mut().find(|shared| shared.socket == *socket).ok_or("it has no socket")?;
        if shared.open.is_none() {
            let place = place(socket, shared.owner)?;
            let opened =
                sys.listen_for(&place, socket.backlog).map_err(|error| format!("cannot listen at {address}: {error}"))?;
            shared.open = Some(opened);
        }
        let open = shared.open.as_ref().ok_or("it has no socket")?;
        sys.duplicate(open.as_fd()).map_err(|error| format!("cannot copy the socket {address}: {error}"))
    }
}

fn place(socket: &Socket, owner: Option<(u32, u32)>) -> Result<Place, String> {
    let address = &socket.address;
    let wrong = || format!("cannot listen at {address}: expected unix:///path, or tcp://host:port with a number for its host");
    if let Some(path) = address.strip_prefix("unix://") {
        return Ok(Place::Unix { path: PathBuf::from(path), mode: socket.mode, owner });
    }
    let (host, port) = address.strip_prefix("tcp://").and_then(|rest| rest.rsplit_once(':')).ok_or_else(wrong)?;
    // podinit has nobody to ask for other names without waiting.
    let host = match host.trim_start_matches('[').trim_end_matches(']') {
        "" | "*" => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        number => number.parse().map_err(|_| wrong())?,
    };
    Ok(Place::Tcp(SocketAddr::new(host, port.parse().map_err(|_| wrong())?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::{Faulty, Linux};
    use nix::errno::Errno;
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::{UnixListener, UnixStream};

    fn socket(address: String) -> Socket {
        Socket { address, backlog: Some(10), owner: None, mode: Some(0o700) }
    }

    #[test]
    fn services_share_a_socket_that_outlives_their_processes_but_not_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let socket = socket(format!("unix://{}", path.display()));
        let mut sockets = Sockets::new();
        sockets.add(&socket, None);
        sockets.add(&socket, None);
        assert!(!path.exists());
        let one = sockets.open(&Linux, &socket).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        drop(one);
        let mut client = UnixStream::connect(&path).unwrap();
        client.write_all(b"x").unwrap();
        // It waits for whoever accepts, as programs expect of their descriptor 0.
        let listener = UnixListener::from(sockets.open(&Linux, &socket).unwrap());
        listener.accept().unwrap().0.read_exact(&mut [0; 1]).unwrap();
        drop(listener);
        sockets.remove(&socket);
        UnixStream::connect(&path).unwrap();
        sockets.remove(&socket);
        assert!(UnixStream::connect(&path).is_err());
    }

    #[test]
    fn a_port_is_listened_at_and_who_listens_there_already_is_said() {
        let mut sockets = Sockets::new();
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let socket = socket(format!("tcp://localhost:{port}"));
        sockets.add(&socket, None);
        let error = sockets.open(&Linux, &socket).unwrap_err();
        assert!(error.starts_with(&format!("cannot listen at tcp://localhost:{port}: ")), "{error}");
        drop(taken);
        let _open = sockets.open(&Linux, &socket).unwrap();
        TcpStream::connect(("127.0.0.1", port)).unwrap();
    }

    #[test]
    fn a_socket_that_cannot_be_opened_now_is_tried_again_with_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let socket = socket(format!("unix://{}/s", folder.path().display()));
        let sys = Faulty::new(Linux);
        let mut sockets = Sockets::new();
        sockets.add(&socket, None);
        sys.fail("listen_for", 0, 1, Errno::EACCES);
        assert!(sockets.open(&sys, &socket).is_err());
        assert!(sockets.open(&sys, &socket).is_ok());
    }

    #[test]
    fn hosts_are_numbers() {
        let at = |address: &str| place(&socket(address.to_owned()), None);
        assert_eq!(at("tcp://*:9000"), Ok(Place::Tcp("0.0.0.0:9000".parse().unwrap())));
        assert_eq!(at("tcp://[::1]:9000"), Ok(Place::Tcp("[::1]:9000".parse().unwrap())));
        for wrong in ["tcp://php:9000", "tcp://127.0.0.1", "tcp://127.0.0.1:x", "udp://127.0.0.1:1"] {
            assert!(at(wrong).is_err(), "{wrong}");
        }
    }
}
