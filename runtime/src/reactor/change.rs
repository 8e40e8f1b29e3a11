//! A plan that becomes another while the pod runs.

use super::checks::Check;
use super::wishes::Waiting;
use super::{End, Reactor};
use crate::attributes;
use crate::listeners::happening::Happening;
use crate::logs::LogSettings;
use crate::machine::{Event, Role, ServiceId, Verb};
use crate::reload::{self, Loaded, Step, Update};
use crate::rpc::{Changes, GroupProblem, Outcome};
use crate::sys::Sys;
use podinit_plan::plan::Service;

impl<S: Sys> Reactor<S> {
    /// The configuration was read, or could not be.
    pub(super) fn loaded(&mut self, loaded: Result<Loaded, String>) {
        let waiting = self.take_loading();
        let changes = match loaded {
            Ok(mut loaded) => {
                let changes = reload::changes(&self.roster.marks(), &loaded.marks);
                for message in std::mem::take(&mut loaded.warnings) {
                    self.send(Event::Warning { message });
                }
                self.loaded = Some(loaded);
                // What was needed to read it is not needed to know it.
                self.sys.release_memory();
                Ok(changes)
            }
            Err(error) => Err(error),
        };
        for (ticket, what) in waiting {
            match (what, &changes) {
                (Waiting::Changes, changes) => self.settle(ticket, &Outcome::Changes(changes.clone())),
                (Waiting::Add(group), Ok(_)) => {
                    let added = self.add_group(&group);
                    self.settle(ticket, &Outcome::Group(added));
                }
                (Waiting::Add(_), Err(error)) => {
                    self.settle(ticket, &Outcome::Group(Err(GroupProblem::Wrong(error.clone()))));
                }
                (Waiting::Update, Ok(changes)) => self.update(&changes.clone()),
                (Waiting::Restart, Ok(_)) => self.begin_anew(),
                (Waiting::Update | Waiting::Restart, Err(error)) => {
                    let message = format!("everything goes on as it was: {error}");
                    self.send(Event::Warning { message });
                }
            }
        }
    }

    /// Makes the pod what was read: what is gone or different is stopped first.
    fn update(&mut self, changes: &Changes) {
        let Changes { added, changed, removed } = changes;
        let named = [("new", added), ("different", changed), ("gone", removed)];
        let named = named.into_iter().filter(|(_, groups)| !groups.is_empty());
        let named: Vec<String> = named.map(|(what, groups)| format!("{what}: {}", groups.join(", "))).collect();
        let text = if named.is_empty() { "nothing is different".to_owned() } else { named.join("; ") };
        self.parts.logs.say(&format!("the plan was read again; {text}"));
        let update = Update::new(changes);
        for group in update.to_stop() {
            for service in self.roster.group(group).unwrap_or_default() {
                self.events.push_back(Event::Request { request: None, service, verb: Verb::Stop });
            }
        }
        self.update = Some(update);
        self.go_on();
    }

    /// Goes on with an update as far as it goes.
    pub(super) fn go_on_updating(&mut self) {
        let Some(mut update) = self.update.take() else { return };
        // What is removed makes room for what is added.
        while self.update_further(&mut update) {}
        if update.is_done() {
            self.parts.logs.say("the plan that was read again is what runs");
        } else {
            self.update = Some(update);
        }
    }

    /// Takes the steps that can be taken; whether there were any.
    fn update_further(&mut self, update: &mut Update) -> bool {
        let mut has_moved = false;
        for step in update.steps() {
            match step {
                Step::Remove(group) => match self.remove_group(&group) {
                    Err(GroupProblem::Running) => {}
                    Ok(()) | Err(_) => {
                        update.removed(&group);
                        has_moved = true;
                    }
                },
                Step::Add(group) => {
                    if let Err(GroupProblem::Wrong(error)) = self.add_group(&group) {
                        self.send(Event::Warning { message: error });
                    }
                    has_moved = true;
                }
            }
        }
        has_moved
    }

    /// Stops everything, to start anew when nothing is left.
    fn begin_anew(&mut self) {
        self.begins_anew = true;
        self.send(Event::Stop);
    }

    /// The pod has ended, or begins anew.
    pub(super) fn ended_with(&mut self, code: i32, reason: String) {
        let now = self.now();
        self.end_alerts(now);
        self.end = Some(End { code, reason, begins_anew: self.begins_anew });
    }

    /// Lets a group go.
    pub(super) fn remove_group(&mut self, group: &str) -> Result<(), GroupProblem> {
        let Some(services) = self.roster.group(group) else { return Err(GroupProblem::Unknown) };
        // All or nothing.
        if services.iter().any(|service| !self.parts.machine.may_be_removed(*service)) {
            return Err(GroupProblem::Running);
        }
        services.into_iter().for_each(|service| self.dismiss(service));
        self.tell_all(Happening::group(group, false));
        self.parts.machine.changed().map_err(GroupProblem::Wrong)
    }

    /// Takes the services of a group in.
    pub(super) fn admit(&mut self, group: &str, loaded: &Loaded) -> Result<(), GroupProblem> {
        let of_group = |name: &str, service: &Service| service.group.as_deref().unwrap_or(name) == group;
        let services: Vec<_> = loaded.plan.services.iter().filter(|(name, service)| of_group(name, service)).collect();
        if services.is_empty() {
            return Err(GroupProblem::Unknown);
        }
        let mut warnings = Vec::new();
        let mut taken = Vec::new();
        for (name, service) in services {
            match self.admit_one(name, service, loaded, &mut warnings) {
                Ok(id) => taken.push(id),
                Err(error) => {
                    // All of a group or nothing of it.
                    taken.into_iter().for_each(|id| self.dismiss(id));
                    return Err(GroupProblem::Wrong(error));
                }
            }
        }
        // Where everybody else stands may be another place now.
        for (name, service) in &loaded.plan.services {
            if let Some(id) = self.roster.find(name) {
                self.parts.machine.reorder(id, service);
            }
        }
        self.parts.machine.changed().map_err(GroupProblem::Wrong)?;
        for message in warnings {
            self.events.push_back(Event::Warning { message });
        }
        self.tell_all(Happening::group(group, true));
        for id in taken {
            self.parts.machine.begin(id);
        }
        self.send(Event::Tick);
        Ok(())
    }

    /// Takes a service in, wherever something has to be known of it.
    fn admit_one(
        &mut self,
        name: &str,
        service: &Service,
        loaded: &Loaded,
        warnings: &mut Vec<String>,
    ) -> Result<ServiceId, String> {
        let (now, date) = (self.now(), self.sys.date());
        let id = self.parts.machine.put(name, service)?;
        let identity = loaded.identities.get(name).cloned().flatten();
        let attributes = attributes::of_service(name, service, self.means.open_files, self.sys.capabilities(), warnings);
        if !self.parts.spawner.put(id, &loaded.plan, name, identity, attributes) {
            let _ = self.parts.machine.remove(id);
            return Err("there are too many services".to_owned());
        }
        if let Err(error) = self.parts.logs.put(id, LogSettings::of(name, service)) {
            warnings.push(format!("{name}: cannot write its log files: {error}"));
        }
        self.parts.notify.put(id, service.ready.clone(), self.parts.spawner.owner(id));
        let owner = loaded.socket_owners.get(name).copied().or_else(|| self.parts.spawner.owner(id));
        self.parts.inputs.add(id, &service.stdin, owner);
        self.parts.listeners.add(id, name, service, now, date);
        self.schedules.put(id, service, now, date);
        self.memory.put(id, service.memory.clone());
        self.roster.put(id, name, service.group.as_deref(), &loaded.marks);
        let check = Check::of(id, service, &self.parts.spawner);
        let addresses = service.depends_on_addresses.len() as u64;
        if id == self.checks.len() {
            self.checks.push(check);
            self.addresses.push(addresses);
            self.leaders.push(0);
            self.roles.push(Role::Command);
        } else {
            (self.checks[id], self.addresses[id], self.leaders[id]) = (check, addresses, 0);
        }
        Ok(id)
    }

    /// Lets a service go that has nothing left, wherever something was known of it.
    fn dismiss(&mut self, id: ServiceId) {
        if self.parts.machine.remove(id).is_err() {
            return;
        }
        let (now, date) = (self.now(), self.sys.date());
        self.roster.remove(id);
        self.schedules.remove(id);
        self.memory.put(id, None);
        self.parts.notify.close(id);
        self.parts.inputs.remove(id);
        self.parts.listeners.remove(id, now, date);
        self.checks[id] = None;
    }
}
