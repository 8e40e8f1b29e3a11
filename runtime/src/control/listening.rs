//! The sockets that podinit listens on, and who is taken in.

use super::connection::Connection;
use super::door::{self, Door};
use super::{Control, Listener, REST};
use crate::machine::Millis;
use crate::sys::files::is_transient;
use crate::sys::unix_sockets::{Address, control_addresses};
use crate::sys::{Interest, Sys, Token};
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Connections taken in one turn.
const ACCEPTED_A_TURN: usize = 16;

impl<S: Sys> Control<S> {
    /// Opens podinit's own socket at the first place that can be bound.
    pub(super) fn open_control(&mut self) -> io::Result<()> {
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for address in control_addresses(self.sys.pid_namespace()?) {
            match self.listen(&address, 0o600, Door::Own) {
                Ok(()) => return Ok(()),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    pub(super) fn listen(&mut self, address: &Address, mode: u32, door: Door) -> io::Result<()> {
        if let Address::Path(path) = address {
            self.sys.make_folder(path.parent().unwrap_or(Path::new("/")))?;
        }
        let fd = self.sys.listen(address, mode)?;
        self.keep_listener(fd, door, None)
    }

    fn keep_listener(&mut self, fd: OwnedFd, door: Door, path: Option<PathBuf>) -> io::Result<()> {
        let token = Token::Listener(u32::try_from(self.listeners.len()).unwrap_or(u32::MAX));
        self.poller.add(&fd, Interest::Read, token)?;
        self.listeners.push(Listener { fd, door: Rc::new(door), path, rests_until: None });
        Ok(())
    }

    /// Opens a server of the plan's on a unix socket, which belongs to `owner` (uid and gid) where that is not podinit.
    ///
    /// # Errors
    /// The kernel's.
    pub fn serve_unix(&mut self, path: &Path, mode: u32, owner: Option<(u32, u32)>, rules: door::Rules) -> io::Result<()> {
        self.sys.make_folder(path.parent().unwrap_or(Path::new("/")))?;
        let fd = self.sys.listen(&Address::Path(path.to_path_buf()), mode)?;
        if let Some((uid, gid)) = owner {
            self.sys.chown(path, uid, gid)?;
        }
        self.keep_listener(fd, Door::Server(rules), Some(path.to_path_buf()))
    }

    /// Opens a server of the plan's on a port; on all addresses without one.
    ///
    /// # Errors
    /// The kernel's.
    pub fn serve_port(&mut self, address: Option<IpAddr>, port: u16, rules: door::Rules) -> io::Result<()> {
        let fd = self.sys.listen_on_port(address, port)?;
        self.keep_listener(fd, Door::Server(rules), None)
    }

    /// Opens the port on which everybody may read the pod's figures.
    ///
    /// # Errors
    /// The kernel's.
    pub fn serve_metrics(&mut self, address: Option<IpAddr>, port: u16, host_name: String) -> io::Result<()> {
        let fd = self.sys.listen_on_port(address, port)?;
        self.keep_listener(fd, Door::Metrics { host_name }, None)
    }

    /// Closes the servers of the plan, and removes their sockets.
    pub fn close_servers(&mut self) {
        for listener in &mut self.listeners {
            if let Some(path) = listener.path.take() {
                let _ = self.poller.remove(&listener.fd);
                let _ = self.sys.remove(&path);
            }
        }
    }

    /// A listener has news.
    pub fn accept(&mut self, listener: u32, now: Millis) {
        for _ in 0..ACCEPTED_A_TURN {
            let Some(Listener { fd, door, rests_until, .. }) = self.listeners.get_mut(listener as usize) else { return };
            let door = Rc::clone(door);
            let connection = match self.sys.accept(fd.as_fd()) {
                Ok(connection) => connection,
                Err(error) if is_transient(&error) || error.kind() == io::ErrorKind::ConnectionAborted => return,
                Err(_) => {
                    // Watched, it would wake the loop all the time.
                    if self.poller.remove(&*fd).is_ok() {
                        *rests_until = Some(now + REST);
                    }
                    return;
                }
            };
            let is_own = |uid| uid == 0 || uid == self.sys.own_uid();
            let allowed = *door != Door::Own || self.sys.peer_uid(connection.as_fd()).is_ok_and(is_own);
            let open = self.connections.iter().flatten().filter(|connection| connection.door.is_kind_of(&door)).count();
            if allowed && (open < door.most() || self.make_room(&door)) {
                self.keep(Connection::new(connection, door, now));
            }
        }
    }

    /// Closes the connection that has listened for longest after its client stopped sending. Such a client may read on
    /// for ever; most are gone, and left an exec of the engine's behind that does not know. Without one, the connection
    /// that has been waiting for a request for longest.
    fn make_room(&mut self, door: &Door) -> bool {
        let candidates = || {
            let open = self.connections.iter().enumerate().filter_map(|(index, slot)| Some((index, slot.as_ref()?)));
            open.filter(|(_, connection)| connection.door.is_kind_of(door))
        };
        let gone = candidates().filter(|(_, connection)| connection.is_half_closed_listener());
        let gone = gone.min_by_key(|(_, connection)| connection.begun).map(|(index, _)| index);
        let idle = || candidates().filter_map(|(index, connection)| Some((connection.idle_since()?, index))).min();
        let Some(index) = gone.or_else(|| idle().map(|(_, index)| index)) else { return false };
        self.close(index);
        true
    }

    fn keep(&mut self, connection: Connection) {
        let free = self.connections.iter().position(Option::is_none).unwrap_or(self.connections.len());
        let Ok(token) = u32::try_from(free).map(Token::Connection) else { return };
        if self.poller.add(&connection.fd, Interest::Read, token).is_err() {
            return;
        }
        if free == self.connections.len() {
            self.connections.push(None);
        }
        self.connections[free] = Some(connection);
    }
}
