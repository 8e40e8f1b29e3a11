//! Carries out what clients ask for, and tells them what became of it.

use super::Reactor;
use super::window::window;
use crate::errands::{Done, Errand};
use crate::listeners::happening::Happening;
use crate::machine::{Event, ServiceId, Target};
use crate::rpc::{Asked, GroupProblem, Outcome, Refusal, Ticket, Wish};
use crate::sys::Sys;
use std::collections::{BTreeMap, VecDeque};

/// What is waited for on behalf of clients, besides what the machine answers.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    /// What a thread is to bring: log files that are being emptied, with those that are left.
    clearing: BTreeMap<Ticket, Vec<usize>>,
    /// What waits until the configuration was read.
    loading: Vec<(Option<Ticket>, Waiting)>,
    /// Somebody reads it already.
    is_loading: bool,
    /// Calls that go on in the next turn.
    paused: Vec<Ticket>,
    /// What clients ask for and was not looked at yet.
    asked: VecDeque<Asked>,
    /// Somebody looks at it already: what follows from one wish comes after those before it, however long the chain is.
    is_fulfilling: bool,
}

/// What is to be done with a configuration that was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    /// Say what is different.
    Changes,
    /// Let this group come.
    Add(String),
    /// Do all that is different.
    Update,
    /// Start anew.
    Restart,
}

impl<S: Sys> Reactor<S> {
    /// Does what clients ask for.
    pub(super) fn fulfil(&mut self, asked: Vec<Asked>) {
        self.wishes.asked.extend(asked);
        if std::mem::replace(&mut self.wishes.is_fulfilling, true) {
            return;
        }
        while let Some(Asked { ticket, wish }) = self.wishes.asked.pop_front() {
            match wish {
                Wish::Do(service, verb) => self.send(Event::Request { request: ticket, service, verb }),
                Wish::Signal(service, signal) => {
                    let sent = self.signal_for_client(service, signal);
                    self.settle(ticket, &Outcome::Done(sent));
                }
                Wish::Input(service, bytes) => {
                    let sent = self.input_for_client(service, &bytes);
                    self.settle(ticket, &Outcome::Done(sent));
                }
                Wish::Read(path, part) => {
                    if let Some(ticket) = ticket {
                        self.errands.run(ticket, Errand::Read(path, part));
                    }
                }
                Wish::Clear(service) => {
                    let files = self.parts.logs.clear(service);
                    match ticket {
                        Some(ticket) if !files.is_empty() => drop(self.wishes.clearing.insert(ticket, files)),
                        ticket => self.settle(ticket, &Outcome::Done(Ok(()))),
                    }
                }
                Wish::Measure => self.measure_for(ticket),
                Wish::Scrape => {
                    if let Some(ticket) = ticket {
                        self.nginx.ask(ticket, self.now());
                        self.take_measured();
                    }
                }
                Wish::Pause => self.wishes.paused.extend(ticket),
                Wish::ClearOwn => self.parts.logs.clear_own(),
                Wish::Reread => self.load_for(ticket, Waiting::Changes),
                Wish::Add(group) if self.loaded.is_none() => self.load_for(ticket, Waiting::Add(group)),
                Wish::Add(group) => {
                    let added = self.add_group(&group);
                    self.settle(ticket, &Outcome::Group(added));
                }
                Wish::Remove(group) => {
                    let removed = self.remove_group(&group);
                    self.settle(ticket, &Outcome::Group(removed));
                }
                Wish::Tell { kind, data } => self.tell_all(Happening::remote_communication(&kind, &data)),
                Wish::TestAlerts(sink) => self.try_sinks(ticket, sink.as_deref()),
                Wish::Shutdown => self.send(Event::Stop),
                Wish::Restart => self.load_for(ticket, Waiting::Restart),
            }
        }
        self.wishes.is_fulfilling = false;
    }

    /// Tells whoever asked, and does what follows.
    pub(super) fn settle(&mut self, ticket: Option<Ticket>, outcome: &Outcome) {
        let Some(ticket) = ticket else { return };
        let now = self.now();
        let view = window!(self, now);
        let asked = self.parts.control.settled(ticket, outcome, now, &view);
        self.fulfil(asked);
    }

    /// Tells those who waited for nginx's figures.
    pub(super) fn take_measured(&mut self) {
        for ticket in self.nginx.take() {
            self.settle(Some(ticket), &Outcome::Done(Ok(())));
        }
    }

    /// A call waits for its next turn.
    pub(super) fn has_paused(&self) -> bool {
        !self.wishes.paused.is_empty()
    }

    /// Calls go on that let everybody else have a turn.
    pub(super) fn go_on_calling(&mut self) {
        for ticket in std::mem::take(&mut self.wishes.paused) {
            self.settle(Some(ticket), &Outcome::Done(Ok(())));
        }
    }

    /// Threads have done something.
    pub(super) fn take_errands(&mut self) {
        for (ticket, done) in self.errands.take() {
            match done {
                Done::Read(read) => self.settle(Some(ticket), &Outcome::Slice(read)),
                Done::Loaded(loaded) => self.loaded(*loaded),
                Done::Kept(path, result) => self.kept(&path, result),
                Done::Space(path, found) => self.looked(&path, found),
            }
        }
    }

    /// Log files have been emptied, perhaps.
    pub(super) fn take_cleared(&mut self) {
        for (file, result) in self.parts.logs.take_cleared() {
            let waiting: Vec<Ticket> =
                self.wishes.clearing.iter().filter(|(_, files)| files.contains(&file)).map(|(ticket, _)| *ticket).collect();
            for ticket in waiting {
                let Some(files) = self.wishes.clearing.get_mut(&ticket) else { continue };
                files.retain(|other| *other != file);
                if let Err(reason) = &result {
                    self.wishes.clearing.remove(&ticket);
                    self.settle(Some(ticket), &Outcome::Done(Err(Refusal::Failed(reason.clone()))));
                } else if files.is_empty() {
                    self.wishes.clearing.remove(&ticket);
                    self.settle(Some(ticket), &Outcome::Done(Ok(())));
                }
            }
        }
    }

    /// Has the configuration read, for something that is to be done with it then.
    pub(super) fn load_for(&mut self, ticket: Option<Ticket>, what: Waiting) {
        self.wishes.loading.push((ticket, what));
        if !std::mem::replace(&mut self.wishes.is_loading, true) {
            // Whoever waits is known here; the ticket is nobody's.
            self.errands.run(0, Errand::Load(self.means.source.clone()));
        }
    }

    /// What waited for the configuration to be read.
    pub(super) fn take_loading(&mut self) -> Vec<(Option<Ticket>, Waiting)> {
        self.wishes.is_loading = false;
        std::mem::take(&mut self.wishes.loading)
    }

    fn signal_for_client(&mut self, service: ServiceId, signal: i32) -> Result<(), Refusal> {
        let seen = self.parts.machine.seen(service).filter(|seen| seen.pid.is_some()).ok_or(Refusal::NotRunning)?;
        match self.deliver(service, seen.incarnation, signal, Target::Leader) {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(Refusal::Failed(error.to_string())),
            None => Err(Refusal::NotRunning),
        }
    }

    /// Lets a group of the configuration that was read last come.
    pub(super) fn add_group(&mut self, group: &str) -> Result<(), GroupProblem> {
        if self.roster.group(group).is_some() {
            return Err(GroupProblem::Active);
        }
        let Some(loaded) = self.loaded.take() else { return Err(GroupProblem::Unknown) };
        let result = self.admit(group, &loaded);
        self.loaded = Some(loaded);
        result
    }
}
