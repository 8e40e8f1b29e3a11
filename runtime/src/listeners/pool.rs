//! A pool of listeners: processes that share one queue of events. Pure.

use super::happening::{Happening, Kind};
use super::protocol::{ListenerState, Protocol, Said, envelope};
use crate::machine::{Incarnation, ServiceId};
use std::collections::VecDeque;
use std::rc::Rc;

/// What the payloads of a pool's waiting events may take together, in bytes, however many events they are.
const LARGEST: usize = 1024 * 1024;

/// Sends bytes to the stdin of a service; false when nobody reads there.
pub type Send<'a> = &'a mut dyn FnMut(ServiceId, Vec<u8>) -> bool;

/// A pool.
#[derive(Debug)]
pub struct Pool {
    name: String,
    /// What its events say of the daemon.
    server: String,
    events: Vec<String>,
    size: usize,
    /// How many events it was given so far.
    accepted: u64,
    waiting: Queue,
    members: Vec<Member>,
    /// Events that were discarded and not spoken of, since one was last sent.
    discarded: Option<u64>,
    notices: Vec<String>,
}

/// An event that waits for a listener, or that one has.
#[derive(Debug, Clone)]
struct Waiting {
    serial: u64,
    poolserial: u64,
    happening: Rc<Happening>,
    /// It was rejected before.
    is_rejected: bool,
}

/// Events that wait, the next one first.
#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<Waiting>,
    /// What their payloads take.
    bytes: usize,
}

/// A process of a pool.
#[derive(Debug)]
struct Member {
    service: ServiceId,
    name: String,
    incarnation: Incarnation,
    is_running: bool,
    protocol: Protocol,
    has: Option<Waiting>,
}

impl Pool {
    /// A pool without members.
    #[must_use]
    pub fn new(name: &str, server: &str, events: &[String], size: usize) -> Pool {
        Pool {
            name: name.to_owned(),
            server: server.to_owned(),
            events: events.to_vec(),
            size: size.max(1),
            accepted: 0,
            waiting: Queue::default(),
            members: Vec::new(),
            discarded: None,
            notices: Vec::new(),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Adds a process; those that were added first are sent events first.
    pub fn add(&mut self, service: ServiceId, name: &str) {
        let (protocol, name) = (Protocol::default(), name.to_owned());
        self.members.push(Member { service, name, incarnation: 0, is_running: false, protocol, has: None });
    }

    /// Removes a process; returns whether there are others.
    pub fn remove(&mut self, service: ServiceId) -> bool {
        self.ended(service);
        self.members.retain(|member| member.service != service);
        !self.members.is_empty()
    }

    /// Whether it is told of that.
    #[must_use]
    pub fn wants(&self, kind: Kind) -> bool {
        self.subscribes(|event| kind.is(event))
    }

    /// Whether one of the events that it subscribes to is such a one.
    pub fn subscribes(&self, is_it: impl Fn(&str) -> bool) -> bool {
        self.events.iter().any(|event| is_it(event))
    }

    /// Takes an event in.
    pub fn accept(&mut self, serial: u64, happening: &Rc<Happening>) {
        let event = Waiting { serial, poolserial: self.accepted, happening: Rc::clone(happening), is_rejected: false };
        self.accepted += 1;
        self.make_room(event.size());
        self.waiting.bytes += event.size();
        self.waiting.events.push_back(event);
    }

    /// A process of it was started.
    pub fn started(&mut self, service: ServiceId, incarnation: Incarnation) {
        self.ended(service);
        if let Some(member) = self.member(service) {
            (member.incarnation, member.protocol) = (incarnation, Protocol::default());
        }
    }

    /// A process of it is up, or is so no longer; only those that are up are sent events.
    pub fn runs(&mut self, service: ServiceId, is_running: bool) {
        if let Some(member) = self.member(service) {
            member.is_running = is_running;
        }
    }

    /// A process of it has ended: what it had was not taken care of.
    pub fn ended(&mut self, service: ServiceId) {
        let Some(member) = self.member(service) else { return };
        member.is_running = false;
        let has = member.has.take();
        self.put_back(has);
    }

    /// An incarnation of one of its processes has said something.
    pub fn heard(&mut self, service: ServiceId, incarnation: Incarnation, bytes: &[u8]) {
        let Some(member) = self.member(service).filter(|member| member.incarnation == incarnation) else { return };
        let mut rejected = None;
        let mut notices = Vec::new();
        for said in member.protocol.hear(bytes) {
            match said {
                Said::Ready => {}
                Said::Processed => member.has = None,
                Said::Rejected => {
                    rejected = member.has.take();
                    // It may do so for ever.
                    if let Some(event) = rejected.as_mut().filter(|event| !event.is_rejected) {
                        event.is_rejected = true;
                        notices.push(format!("{} rejected event {}, which will be sent again", member.name, event.serial));
                    }
                }
                Said::Broken => {
                    rejected = member.has.take().or(rejected);
                    notices.push(format!(
                        "{} is sent no more events until it is started anew: what it said on its stdout is not the protocol of \
                         event listeners",
                        member.name
                    ));
                }
            }
        }
        self.notices.append(&mut notices);
        self.put_back(rejected);
    }

    /// Sends events for as long as there are any and somebody is ready for them.
    pub fn dispatch(&mut self, send: Send<'_>) {
        while let Some(event) = self.waiting.events.front() {
            let is_free = |member: &&mut Member| member.is_running && member.protocol.state() == ListenerState::Ready;
            let bytes = || envelope(&self.server, &self.name, event.serial, event.poolserial, &event.happening);
            let taken = self.members.iter_mut().filter(is_free).find(|member| send(member.service, bytes()));
            let Some(member) = taken else { return };
            member.protocol.sent();
            member.has = self.waiting.pop();
            if let Some(more @ 1..) = self.discarded.take() {
                self.notices.push(format!("pool {} discarded {more} more events", self.name));
            }
        }
    }

    /// What is to be said of it.
    pub fn take_notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    fn member(&mut self, service: ServiceId) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.service == service)
    }

    /// An event that was not taken care of is the first to be sent again, to whoever of this pool is ready then.
    fn put_back(&mut self, event: Option<Waiting>) {
        if let Some(event) = event {
            self.make_room(event.size());
            self.waiting.bytes += event.size();
            self.waiting.events.push_front(event);
        }
    }

    /// Discards the oldest until one more has room.
    fn make_room(&mut self, bytes: usize) {
        while self.waiting.events.len() >= self.size || self.waiting.bytes + bytes > LARGEST {
            let Some(oldest) = self.waiting.pop() else { return };
            match &mut self.discarded {
                Some(more) => *more += 1,
                none => {
                    *none = Some(0);
                    let serial = oldest.serial;
                    self.notices.push(format!("pool {} event buffer overflowed, discarding event {serial}", self.name));
                }
            }
        }
    }
}

impl Waiting {
    fn size(&self) -> usize {
        self.happening.payload.len()
    }
}

impl Queue {
    fn pop(&mut self) -> Option<Waiting> {
        let event = self.events.pop_front()?;
        self.bytes -= event.size();
        Some(event)
    }
}

#[cfg(test)]
mod tests;
