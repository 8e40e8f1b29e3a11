//! podinit's surfaces: HTTP on unix sockets and ports. The control socket is for uid 0 and podinit's own uid; the public
//! one tells everybody in the container how the pod is, and nothing else; servers are those that the plan asks for, and
//! speak what supervisord speaks.
//!
//! Nothing here blocks, and everything is bounded: connections, requests, answers that nobody reads.

mod connection;
pub mod door;
mod events;
mod follow;
pub mod http;
mod routes;
#[cfg(test)]
mod tests;

use crate::machine::{Millis, ServiceId};
use crate::page;
use crate::rpc::{self, Asked, Begun, Log, Outcome, Refusal, Ticket, Wish};
use crate::sys::files::is_transient;
use crate::sys::unix_sockets::{Address, control_addresses};
use crate::sys::{Interest, Poller, Sys, Token};
use crate::xmlrpc::{self, Fault, Value};
use connection::{Connection, Fate, Stage};
use door::Door;
use events::Events;
use follow::{Follow, Whose};
use http::{Request, Response, STREAM_HEAD, text_stream_head};
use podinit_plan::protocol::{Done, Event, Health, PublicStatus, Status};
use routes::Route;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Connections taken in one turn.
const ACCEPTED_A_TURN: usize = 16;
/// How long a listener rests for lack of descriptors or memory. Whoever wants to connect waits meanwhile.
const REST: Millis = 1_000;
/// Most lines of a service's log in one answer.
const MAX_LINES: usize = 10_000;
/// A follower that has not taken this many bytes is sent no more for now.
const ENOUGH: usize = 64 * 1024;

/// What the surfaces show.
pub trait View: rpc::View {
    /// The pod.
    fn status(&self) -> Status;
    /// The service of that name.
    fn service(&self, name: &str) -> Option<ServiceId>;
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
        let mut control =
            Control { sys, poller, listeners: Vec::new(), connections: Vec::new(), events: Events::default(), last_ticket: 0 };
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

    fn open_control(&mut self) -> io::Result<()> {
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for address in control_addresses(self.sys.pid_namespace()?) {
            match self.listen(&address, 0o600, Door::Own) {
                Ok(()) => return Ok(()),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn listen(&mut self, address: &Address, mode: u32, door: Door) -> io::Result<()> {
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
                let door = Rc::clone(&connection.door);
                match door.admit(&request).and_then(|()| routes::route(&request, &door)) {
                    Ok(route) => self.answer(index, &request, route, now, view, asked),
                    Err(response) => {
                        let keep_alive = request.keep_alive && !response.is_refusal();
                        connection.respond(&response, keep_alive, request.method == "HEAD");
                    }
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

    fn answer(&mut self, index: usize, request: &Request, route: Route, now: Millis, view: &dyn View, asked: &mut Vec<Asked>) {
        let wish = |service: &str, wish: &dyn Fn(ServiceId) -> Wish| match view.service(service) {
            Some(id) => Ok(wish(id)),
            None => Err(unknown(service)),
        };
        let response = match route {
            Route::Status => Response::json(200, &view.status()),
            Route::Health => health(&view.status()),
            Route::PublicStatus => Response::json(200, &public_status(view.status())),
            Route::Page => Response::page(page::CONTENT_TYPE, page::HEAD, page::BODY),
            Route::Logs { service, lines } => match view.service(&service) {
                Some(id) => Response::text(view.lines(id, lines.min(MAX_LINES))),
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
            Route::Do { service, verb } => match wish(&service, &|id| Wish::Do(id, verb)) {
                Ok(wish) => return self.wait(index, request, wish, asked),
                Err(response) => response,
            },
            Route::Clear { service } => match wish(&service, &Wish::Clear) {
                Ok(wish) => return self.wait(index, request, wish, asked),
                Err(response) => response,
            },
            Route::Call => match xmlrpc::decode_call(&request.body) {
                Ok(call) if !call.method.is_empty() => {
                    let Some(connection) = self.connections[index].as_mut() else { return };
                    let read_only = connection.door.is_read_only();
                    match rpc::begin(&call, read_only, view, &mut self.last_ticket, asked) {
                        Begun::Answered(result) => xml(result),
                        Begun::Goes(session) => {
                            connection.stage = Stage::Calling { session, keep_alive: request.keep_alive };
                            return;
                        }
                    }
                }
                Ok(_) => Response::problem(400, "the call names no method"),
                Err(malformed) => Response::problem(400, malformed.to_string()),
            },
            Route::FollowOwn => return self.follow(index, request, Whose::Own, now, view, asked),
            Route::Follow { service, stream, is_tail } => {
                let found = if is_tail { rpc::names::find_one(&service, view) } else { view.service(&service) };
                match found.filter(|id| follow::exists(&view.log(*id, stream))) {
                    Some(id) => return self.follow(index, request, Whose::Service(id, stream), now, view, asked),
                    None => unknown(&service),
                }
            }
        };
        if let Some(connection) = self.connections[index].as_mut() {
            connection.respond(&response, request.keep_alive, request.method == "HEAD");
        }
    }

    /// Asks for something that the answer has to wait for.
    fn wait(&mut self, index: usize, request: &Request, wish: Wish, asked: &mut Vec<Asked>) {
        self.last_ticket += 1;
        let ticket = self.last_ticket;
        if let Some(connection) = self.connections[index].as_mut() {
            connection.stage = Stage::Waiting { request: ticket, keep_alive: request.keep_alive };
        }
        asked.push(Asked { ticket: Some(ticket), wish });
    }

    /// Begins to send a log as it grows.
    fn follow(&mut self, index: usize, request: &Request, whose: Whose, now: Millis, view: &dyn View, asked: &mut Vec<Asked>) {
        let Some(connection) = self.connections[index].as_mut() else { return };
        connection.send(text_stream_head(!request.is_old));
        connection.stage = Stage::Following(Box::new(Follow::new(whose, !request.is_old, now)));
        self.look(index, now, view, asked);
    }

    /// Looks for what has come to a log since the last look.
    fn look(&mut self, index: usize, now: Millis, view: &dyn View, asked: &mut Vec<Asked>) {
        let Some(connection) = self.connections[index].as_mut() else { return };
        let has_enough = connection.unread() > ENOUGH;
        let Stage::Following(follow) = &mut connection.stage else { return };
        if has_enough {
            follow.look_at = now + REST;
            return;
        }
        let log = match follow.whose {
            Whose::Service(id, stream) => view.log(id, stream),
            Whose::Own => view.own_log(),
        };
        match log {
            Log::None => self.close(index),
            Log::File(path) => {
                if follow.reading.is_none() {
                    self.last_ticket += 1;
                    follow.reading = Some(self.last_ticket);
                    asked.push(Asked { ticket: Some(self.last_ticket), wish: follow.wish(&path) });
                }
            }
            Log::Container { last, total, .. } => {
                let piece = follow.look(&last, total, now);
                connection.send(&piece);
                if connection.write(&self.sys, now) == Fate::Drop { self.close(index) } else { self.watch(index) }
            }
        }
    }

    /// Something that was asked for has come to an end. Whoever asked may be gone.
    pub fn settled(&mut self, ticket: Ticket, outcome: &Outcome, now: Millis, view: &dyn View) -> Vec<Asked> {
        let mut asked = Vec::new();
        for index in 0..self.connections.len() {
            let Some(connection) = self.connections[index].as_mut() else { continue };
            match &mut connection.stage {
                Stage::Waiting { request, keep_alive } if *request == ticket => {
                    let keep_alive = *keep_alive;
                    connection.touch(now);
                    connection.respond(&response(outcome), keep_alive, false);
                }
                Stage::Calling { session, keep_alive } => {
                    let answer = session.settle(ticket, outcome, view, &mut self.last_ticket, &mut asked);
                    let Some(result) = answer else { continue };
                    let keep_alive = *keep_alive;
                    connection.touch(now);
                    connection.respond(&xml(result), keep_alive, false);
                }
                Stage::Following(follow) if follow.reading == Some(ticket) => {
                    let Outcome::Slice(read) = outcome else { continue };
                    let piece = follow.read(read.clone(), now);
                    connection.send(&piece);
                }
                _ => continue,
            }
            self.go_on(index, now, view, &mut asked);
            return asked;
        }
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

/// The answer to something that was waited for.
fn response(outcome: &Outcome) -> Response {
    match outcome {
        Outcome::State(Ok(state)) => Response::json(200, &Done { state: *state }),
        Outcome::State(Err(problem)) => Response::problem(409, problem.message.as_str()),
        Outcome::Done(Ok(())) => Response::json(200, &serde_json::Map::new()),
        Outcome::Done(Err(Refusal::Failed(reason))) => Response::problem(409, reason.as_str()),
        _ => Response::problem(409, "it could not be done"),
    }
}

/// The answer to a call.
fn xml(result: Result<Value, Fault>) -> Response {
    Response::xml(xmlrpc::encode_response(result.as_ref()))
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
