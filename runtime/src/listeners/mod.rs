//! Event listeners: who is told of what, as under supervisord. Pure; the loop hands in what happens and sends what is to
//! be sent.
//!
//! [`happening`] is what can happen and how it reads, [`history`] how the machine's records become changes between
//! supervisord's states, [`protocol`] what a listener says, [`pool`] who is sent what, [`ticks`] the clock.
#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

pub mod happening;
pub mod history;
pub mod pool;
pub mod protocol;
pub mod ticks;

use crate::machine::{Incarnation, Millis, ServiceId};
use happening::{Happening, Kind, Names};
use history::History;
use podinit_plan::plan::{Plan, Service, Stream};
use podinit_plan::protocol::{Event as Record, EventKind};
use podinit_plan::supervisord::ProcessState;
use pool::{Pool, Send};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use ticks::Ticks;

/// What a process has written that is more than its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// A listener: what it says of its events.
    Answer,
    /// A program whose output is an event.
    Log(Stream),
    /// A program: between the tokens that mark what is meant for listeners.
    Communication(Stream),
}

/// All pools, and what they have to know of every process.
#[derive(Debug, Default)]
pub struct Listeners {
    /// How the daemon calls itself.
    server: String,
    pools: Vec<Pool>,
    /// The groups of services whose names do not say them.
    groups: BTreeMap<ServiceId, String>,
    /// In which pool a service is.
    pool_of: BTreeMap<ServiceId, String>,
    /// Where each service is, by its id.
    histories: Vec<History>,
    /// How many events any pool was given.
    serial: u64,
    ticks: Ticks,
    /// There may be an event that somebody is ready for.
    has_news: bool,
    notices: Vec<String>,
}

impl Listeners {
    /// The listeners of a plan, which are told at once what there is.
    #[must_use]
    pub fn of(plan: &Plan, now: Millis, date: Duration) -> Listeners {
        let mut listeners = Listeners { server: plan.name.clone(), ..Listeners::default() };
        let mut services: Vec<_> = plan.services.iter().enumerate().collect();
        services.sort_by_key(|(_, (_, service))| service.priority);
        let mut last = None;
        for (id, (name, service)) in services {
            listeners.add(id, name, service, now, date);
            let group = Names::of(name, service.group.as_deref()).group;
            if last.replace(group) != Some(group) {
                listeners.happened(Happening::group(group, true));
            }
        }
        listeners.happened(Happening::supervisor(true));
        listeners
    }

    /// There is a service, which may be a listener.
    pub fn add(&mut self, id: ServiceId, name: &str, service: &Service, now: Millis, date: Duration) {
        if id >= self.histories.len() {
            self.histories.resize(id + 1, History::default());
        }
        self.histories[id] = History::default();
        self.groups.remove(&id);
        if let Some(group) = service.group.as_ref().filter(|_| !name.contains(':')) {
            self.groups.insert(id, group.clone());
        }
        let Some(listener) = &service.listener else { return };
        let size = usize::try_from(listener.buffer_size).unwrap_or(usize::MAX);
        let known = self.pools.iter().position(|pool| pool.name() == listener.pool);
        let at = known.unwrap_or_else(|| {
            self.pools.push(Pool::new(&listener.pool, &self.server, &listener.events, size));
            self.pools.len() - 1
        });
        self.pools[at].add(id, name);
        self.pool_of.insert(id, listener.pool.clone());
        self.want_ticks(now, date);
    }

    /// There is a service no longer. The last one of a pool takes its events with it.
    pub fn remove(&mut self, id: ServiceId, now: Millis, date: Duration) {
        if let Some(history) = self.histories.get_mut(id) {
            *history = History::default();
        }
        let Some(name) = self.pool_of.remove(&id) else { return };
        self.pools.retain_mut(|pool| pool.name() != name || pool.remove(id));
        self.want_ticks(now, date);
    }

    /// Something has happened: every pool that subscribes to it is given it.
    pub fn happened(&mut self, happening: Happening) {
        if !self.wants(happening.kind) {
            return;
        }
        let happening = Rc::new(happening);
        for pool in self.pools.iter_mut().filter(|pool| pool.wants(happening.kind)) {
            pool.accept(self.serial, &happening);
        }
        self.serial += 1;
        self.has_news = true;
    }

    /// The machine has said something of this service, or of the pod.
    pub fn published(&mut self, record: &Record, id: Option<ServiceId>) {
        if record.event == EventKind::Stopping {
            self.happened(Happening::supervisor(false));
        }
        let Some((id, history)) = id.and_then(|id| Some((id, self.histories.get_mut(id)?))) else { return };
        let entered = history.follow(record);
        let runs = history.state() == ProcessState::Running;
        if let Some(pool) = self.pool(id) {
            pool.runs(id, runs);
            self.has_news = true;
        }
        let name = record.service.as_deref().unwrap_or_default();
        for entered in entered {
            self.happened(Happening::process_state(Names::of(name, self.groups.get(&id).map(String::as_str)), entered));
        }
    }

    /// A process of a service was started.
    pub fn started(&mut self, id: ServiceId, incarnation: Incarnation) {
        if let Some(pool) = self.pool(id) {
            pool.started(id, incarnation);
        }
    }

    /// The leader of a service has ended, and all that it wrote was told of.
    pub fn ended(&mut self, id: ServiceId) {
        if let Some(pool) = self.pool(id) {
            pool.ended(id);
            self.has_news = true;
        }
    }

    /// A process of a service has written something; `pid` is that of its leader.
    pub fn wrote(&mut self, id: ServiceId, incarnation: Incarnation, pid: i32, name: &str, written: &Written, data: &[u8]) {
        let names = Names::of(name, self.groups.get(&id).map(String::as_str));
        let kind = match written {
            Written::Answer => None,
            Written::Log(stream) => Some(Kind::ProcessLog(*stream)),
            Written::Communication(stream) => Some(Kind::ProcessCommunication(*stream)),
        };
        // There may be much of it, and nobody to read it.
        if kind.is_some_and(|kind| !self.wants(kind)) {
            return;
        }
        match written {
            Written::Answer => {
                if let Some(pool) = self.pool(id) {
                    pool.heard(id, incarnation, data);
                    self.has_news = true;
                }
            }
            Written::Log(stream) => self.happened(Happening::process_log(names, pid, *stream, data)),
            Written::Communication(stream) => {
                self.happened(Happening::process_communication(names, pid, *stream, data));
            }
        }
    }

    /// When [`Listeners::tick`] is to be called at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Millis> {
        self.ticks.deadline()
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Millis, date: Duration) {
        self.ticks.tick(now, date).into_iter().for_each(|tick| self.happened(tick));
    }

    /// Sends what somebody is ready for.
    pub fn dispatch(&mut self, send: Send<'_>) {
        if std::mem::take(&mut self.has_news) {
            for pool in &mut self.pools {
                pool.dispatch(send);
                self.notices.append(&mut pool.take_notices());
            }
        }
    }

    /// What is to be said of them.
    pub fn take_notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    fn wants(&self, kind: Kind) -> bool {
        self.pools.iter().any(|pool| pool.wants(kind))
    }

    fn pool(&mut self, id: ServiceId) -> Option<&mut Pool> {
        let name = self.pool_of.get(&id)?;
        self.pools.iter_mut().find(|pool| pool.name() == name)
    }

    fn want_ticks(&mut self, now: Millis, date: Duration) {
        let pools = &self.pools;
        self.ticks.want(|tick| pools.iter().any(|pool| pool.subscribes(|event| tick.is(event))), now, date);
    }
}

#[cfg(test)]
mod tests;
