//! podinit's own surfaces: HTTP on two unix sockets. The control socket is for uid 0 and podinit's own uid; the public
//! one tells everybody in the container how the pod is, and nothing else.
//!
//! Nothing here blocks, and everything is bounded: connections, requests, answers that nobody reads.

mod connection;
mod events;
pub mod http;
mod routes;
#[cfg(test)]
mod tests;

use crate::machine::{Millis, RequestId, RequestProblem, ServiceId, Verb};
use crate::sys::files::is_transient;
use crate::sys::unix_sockets::{Address, control_addresses};
use crate::sys::{Interest, Poller, Sys, Token};
use connection::{Connection, Fate, Stage};
use events::Events;
use http::{Request, Response, STREAM_HEAD};
use podinit_plan::protocol::{Done, Event, Health, PublicStatus, Status};
use podinit_plan::state::State;
use routes::Route;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

const MAX_CONTROL_CONNECTIONS: usize = 32;
const MAX_PUBLIC_CONNECTIONS: usize = 32;
/// Connections taken in one turn.
const ACCEPTED_A_TURN: usize = 16;
/// How long a listener rests for lack of descriptors or memory. Whoever wants to connect waits meanwhile.
const REST: Millis = 1_000;
/// Most lines of a service's log in one answer.
const MAX_LINES: usize = 10_000;

/// What the surfaces show.
pub trait View {
    /// The pod.
    fn status(&self) -> Status;
    /// The service of that name.
    fn service(&self, name: &str) -> Option<ServiceId>;
    /// The last lines of a service.
    fn log(&self, service: ServiceId, lines: usize) -> String;
}

/// Something that a client asks the machine for.
#[derive(Debug, PartialEq, Eq)]
pub struct Asked {
    /// The answer goes to [`Control::answered`] with this.
    pub request: RequestId,
    /// Of which service.
    pub service: ServiceId,
    /// What.
    pub verb: Verb,
}

/// The sockets and everybody who is connected to them.
#[derive(Debug)]
pub struct Control<S> {
    sys: S,
    poller: Poller<S>,
    listeners: Vec<Listener>,
    connections: Vec<Option<Connection>>,
    events: Events,
    next_request: RequestId,
}

#[derive(Debug)]
struct Listener {
    fd: OwnedFd,
    public: bool,
    /// Not watched until then: a connection could not be taken.
    rests_until: Option<Millis>,
}

impl<S: Sys> Control<S> {
    /// Opens the control socket at the first place that can be bound, and the public one where the plan wants it.
    /// Gives the surfaces and what could not be opened: podinit runs without as well.
    pub fn open(sys: S, poller: Poller<S>, public_socket: Option<&str>) -> (Control<S>, Vec<String>) {
        let mut control =
            Control { sys, poller, listeners: Vec::new(), connections: Vec::new(), events: Events::default(), next_request: 0 };
        let mut problems = Vec::new();
        if let Err(error) = control.open_control() {
            problems.push(format!("cannot open a control socket: {error}; start, stop and status by podctl will not work"));
        }
        if let Some(path) = public_socket {
            let address = Address::Path(PathBuf::from(path));
            if let Err(error) = control.listen(&address, 0o666, true) {
                problems.push(format!("cannot open {path}: {error}; the gateway will not know how the pod is"));
            }
        }
        (control, problems)
    }

    fn open_control(&mut self) -> io::Result<()> {
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for address in control_addresses(self.sys.pid_namespace()?) {
            match self.listen(&address, 0o600, false) {
                Ok(()) => return Ok(()),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn listen(&mut self, address: &Address, mode: u32, public: bool) -> io::Result<()> {
        if let Address::Path(path) = address {
            self.sys.make_folder(path.parent().unwrap_or(Path::new("/")))?;
        }
        let fd = self.sys.listen(address, mode)?;
        let token = Token::Listener(u32::try_from(self.listeners.len()).unwrap_or(u32::MAX));
        self.poller.add(&fd, Interest::Read, token)?;
        self.listeners.push(Listener { fd, public, rests_until: None });
        Ok(())
    }

    /// A listener has news.
    pub fn accept(&mut self, listener: u32, now: Millis) {
        for _ in 0..ACCEPTED_A_TURN {
            let Some(Listener { fd, public, rests_until }) = self.listeners.get_mut(listener as usize) else { return };
            let public = *public;
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
            let allowed = public || self.sys.peer_uid(connection.as_fd()).is_ok_and(|uid| uid == 0 || uid == self.sys.own_uid());
            let limit = if public { MAX_PUBLIC_CONNECTIONS } else { MAX_CONTROL_CONNECTIONS };
            let open = self.connections.iter().flatten().filter(|connection| connection.public == public).count();
            if allowed && (open < limit || self.make_room(public)) {
                self.keep(Connection::new(connection, public, now));
            }
        }
    }

    /// Closes the connection that has listened to events for longest after its client stopped sending. Such a client may
    /// read on for ever; most are gone, and left an exec of the engine's behind that does not know.
    fn make_room(&mut self, public: bool) -> bool {
        let half_closed = |connection: &Connection| connection.public == public && connection.is_half_closed_listener();
        let candidates = self.connections.iter().enumerate().filter_map(|(index, slot)| Some((index, slot.as_ref()?)));
        let oldest = candidates.filter(|(_, connection)| half_closed(connection)).min_by_key(|(_, connection)| connection.begun);
        let Some((index, _)) = oldest else { return false };
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

    /// Answers requests and writes until nothing more can be done now.
    fn go_on(&mut self, index: usize, now: Millis, view: &dyn View, asked: &mut Vec<Asked>) {
        loop {
            let Some(connection) = self.connections[index].as_mut() else { return };
            let was_writing = connection.is_writing();
            let request = connection.next_request();
            let answered = request.is_some();
            if let Some(request) = request {
                let public = connection.public;
                match routes::route(&request, public) {
                    Ok(route) => self.answer(index, &request, route, view, asked),
                    Err(response) => connection.respond(&response, request.keep_alive, request.method == "HEAD"),
                }
            }
            let Some(connection) = self.connections[index].as_mut() else { return };
            if connection.write(&self.sys, now) == Fate::Drop {
                self.close(index);
                return;
            }
            // An answer that is out at last may have kept another request waiting.
            let has_written = was_writing && !connection.is_writing();
            if !answered && !has_written {
                break;
            }
        }
        self.watch(index);
    }

    fn answer(&mut self, index: usize, request: &Request, route: Route, view: &dyn View, asked: &mut Vec<Asked>) {
        let response = match route {
            Route::Status => Response::json(200, &view.status()),
            Route::Health => health(&view.status()),
            Route::PublicStatus => Response::json(200, &public_status(view.status())),
            Route::Logs { service, lines } => match view.service(&service) {
                Some(id) => Response::text(view.log(id, lines.min(MAX_LINES))),
                None => unknown(&service),
            },
            Route::Events { since } => {
                let Some(connection) = self.connections[index].as_mut() else { return };
                connection.stage = Stage::Events;
                connection.send(STREAM_HEAD);
                for line in self.events.since(since) {
                    connection.send(line);
                }
                return;
            }
            Route::Do { service, verb } => match view.service(&service) {
                Some(id) => {
                    self.next_request += 1;
                    let number = self.next_request;
                    if let Some(connection) = self.connections[index].as_mut() {
                        connection.stage = Stage::Waiting { request: number, keep_alive: request.keep_alive };
                    }
                    asked.push(Asked { request: number, service: id, verb });
                    return;
                }
                None => unknown(&service),
            },
        };
        if let Some(connection) = self.connections[index].as_mut() {
            connection.respond(&response, request.keep_alive, request.method == "HEAD");
        }
    }

    /// The machine has answered a request. Whoever asked may be gone.
    pub fn answered(
        &mut self,
        request: RequestId,
        result: Result<State, RequestProblem>,
        now: Millis,
        view: &dyn View,
    ) -> Vec<Asked> {
        let mut asked = Vec::new();
        for index in 0..self.connections.len() {
            let Some(connection) = self.connections[index].as_mut() else { continue };
            let Stage::Waiting { request: waiting, keep_alive } = connection.stage else { continue };
            if waiting == request {
                let response = match &result {
                    Ok(state) => Response::json(200, &Done { state: *state }),
                    Err(problem) => Response::problem(409, problem.message.as_str()),
                };
                connection.touch(now);
                connection.respond(&response, keep_alive, false);
                self.go_on(index, now, view, &mut asked);
            }
        }
        asked
    }

    /// Something has happened: it is kept, and sent to all who listen.
    pub fn published(&mut self, event: &Event, now: Millis) {
        let line = self.events.push(event);
        let mut touched = Vec::new();
        for (index, slot) in self.connections.iter_mut().enumerate() {
            let Some(connection) = slot.as_mut().filter(|connection| connection.stage == Stage::Events) else { continue };
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

    /// When [`Control::tick`] is wanted at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Millis> {
        let rests = self.listeners.iter().filter_map(|listener| listener.rests_until);
        self.connections.iter().flatten().filter_map(Connection::deadline).chain(rests).min()
    }

    /// Closes connections that have been idle for too long, and has listeners go on that have rested.
    pub fn tick(&mut self, now: Millis) {
        for index in 0..self.connections.len() {
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
    }
}

fn health(status: &Status) -> Response {
    let (code, text) = if status.ready { (200, "ready") } else { (503, "unready") };
    Response::json(code, &Health { status: text.to_owned() })
}

fn public_status(status: Status) -> PublicStatus {
    PublicStatus {
        pod: status.pod,
        status: if status.ready { "ready" } else { "unready" }.to_owned(),
        services: status.services.into_iter().map(|service| (service.name, service.state)).collect(),
    }
}

fn unknown(service: &str) -> Response {
    Response::problem(404, format!("there is no service {service}"))
}
