//! podinit's surfaces: HTTP on unix sockets and ports. The control socket is for uid 0 and podinit's own uid; the public
//! one tells everybody in the container how the pod is, and nothing else; servers are those that the plan asks for, and
//! speak what supervisord speaks.
//!
//! Nothing here blocks, and everything is bounded: connections, requests, answers that nobody reads.

mod answers;
mod connection;
pub mod door;
mod events;
mod follow;
pub mod http;
mod listening;
mod routes;
mod scrape;
#[cfg(test)]
mod tests;

use crate::health::latency::Latency;
use crate::machine::{Millis, ServiceId};
use crate::metrics::Figures;
use crate::rpc::{self, Asked, Ticket};
use crate::sys::unix_sockets::Address;
use crate::sys::{Interest, Poller, Sys, Token};
use connection::{Connection, Fate, Stage};
use door::Door;
use events::Events;
use podinit_plan::protocol::{Event, Status};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::rc::Rc;

/// How long a listener rests for lack of descriptors or memory. Whoever wants to connect waits meanwhile.
const REST: Millis = 1_000;

/// What the surfaces show.
pub trait View: rpc::View {
    /// The pod.
    fn status(&self) -> Status;
    /// The pod in figures.
    fn figures(&self) -> Figures;
    /// The service of that name.
    fn service(&self, name: &str) -> Option<ServiceId>;
    /// How long its checks took; none without a check.
    fn latency(&self, _service: ServiceId) -> Option<&Latency> {
        None
    }
    /// The last lines of a service.
    fn lines(&self, service: ServiceId, lines: usize) -> String;
}

/// The sockets and everybody who is connected to them.
#[derive(Debug)]
pub struct Control<S> {
    sys: S,
    poller: Poller<S>,
    listeners: Vec<Listener>,
    connections: Vec<Option<Connection>>,
    events: Events,
    /// Connections with requests that a turn had no time for.
    postponed: Vec<usize>,
    /// The last ticket that was given out.
    last_ticket: Ticket,
}

#[derive(Debug)]
struct Listener {
    fd: OwnedFd,
    door: Rc<Door>,
    /// Removed at the end.
    path: Option<PathBuf>,
    /// Not watched until then: a connection could not be taken.
    rests_until: Option<Millis>,
}

impl<S: Sys> Control<S> {
    /// Opens the control socket at the first place that can be bound, and the public one where the plan wants it.
    /// Gives the surfaces and what could not be opened: podinit runs without as well.
    pub fn open(sys: S, poller: Poller<S>, public_socket: Option<&str>) -> (Control<S>, Vec<String>) {
        let mut control = Control {
            sys,
            poller,
            listeners: Vec::new(),
            connections: Vec::new(),
            events: Events::default(),
            postponed: Vec::new(),
            last_ticket: 0,
        };
        let mut problems = Vec::new();
        if let Err(error) = control.open_control() {
            problems.push(format!("cannot open a control socket: {error}; start, stop and status by podctl will not work"));
        }
        if let Some(path) = public_socket {
            let address = Address::Path(PathBuf::from(path));
            if let Err(error) = control.listen(&address, 0o666, Door::Public) {
                problems.push(format!("cannot open {path}: {error}; the gateway will not know how the pod is"));
            }
        }
        (control, problems)
    }

    /// A connection has news. Gives what it asks the machine for.
    pub fn ready(&mut self, index: u32, now: Millis, view: &dyn View) -> Vec<Asked> {
        let mut asked = Vec::new();
        let index = index as usize;
        let Some(connection) = self.connections.get_mut(index).and_then(Option::as_mut) else { return asked };
        if connection.interest != Interest::Write && connection.read(&self.sys, now) == Fate::Drop {
            self.close(index);
            return asked;
        }
        self.go_on(index, now, view, &mut asked);
        asked
    }

    /// Something has happened: it is kept, and sent to all who listen.
    pub fn published(&mut self, event: &Event, now: Millis) {
        let line = self.events.push(event);
        let mut touched = Vec::new();
        for (index, slot) in self.connections.iter_mut().enumerate() {
            let listens = |connection: &&mut Connection| matches!(connection.stage, Stage::Events);
            let Some(connection) = slot.as_mut().filter(listens) else { continue };
            let kept = connection.send(line) == Fate::Keep && connection.write(&self.sys, now) == Fate::Keep;
            touched.push((index, kept));
        }
        for (index, kept) in touched {
            if kept { self.watch(index) } else { self.close(index) }
        }
    }

    fn close(&mut self, index: usize) {
        if let Some(connection) = self.connections[index].take() {
            // To close it is not enough: a child that was forked a moment ago has a copy until it executes its program,
            // and for so long the loop would be woken for a connection that is nobody's.
            let _ = self.poller.remove(&connection.fd);
        }
    }

    /// Tells the loop what to watch a connection for.
    fn watch(&mut self, index: usize) {
        let Some(connection) = self.connections[index].as_mut() else { return };
        let interest = connection.wanted_interest();
        if interest != connection.interest {
            connection.interest = interest;
            let token = Token::Connection(index as u32);
            if self.poller.modify(&connection.fd, interest, token).is_err() {
                self.close(index);
            }
        }
    }

    /// Somebody has sent more requests than a turn answers.
    #[must_use]
    pub fn has_more(&self) -> bool {
        !self.postponed.is_empty()
    }

    /// When [`Control::tick`] is wanted at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Millis> {
        let rests = self.listeners.iter().filter_map(|listener| listener.rests_until);
        let looks = self.connections.iter().flatten().filter_map(Connection::look_at);
        self.connections.iter().flatten().filter_map(Connection::deadline).chain(rests).chain(looks).min()
    }

    /// Closes connections that have been idle for too long, looks at logs that are sent, and has listeners go on that have
    /// rested.
    pub fn tick(&mut self, now: Millis, view: &dyn View) -> Vec<Asked> {
        let mut asked = Vec::new();
        for index in std::mem::take(&mut self.postponed) {
            self.go_on(index, now, view, &mut asked);
        }
        for index in 0..self.connections.len() {
            if self.connections[index].as_ref().and_then(Connection::look_at).is_some_and(|at| at <= now) {
                self.look(index, now, view, &mut asked);
            }
            if self.connections[index].as_ref().and_then(Connection::deadline).is_some_and(|deadline| deadline <= now) {
                self.close(index);
            }
        }
        for (listener, index) in self.listeners.iter_mut().zip(0..) {
            if listener.rests_until.is_some_and(|until| until <= now) {
                let watched = self.poller.add(&listener.fd, Interest::Read, Token::Listener(index));
                listener.rests_until = watched.is_err().then_some(now + REST);
            }
        }
        asked
    }
}
