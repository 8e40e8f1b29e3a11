//! A plan that becomes another while the pod runs: services come, go, and take each other's places.
//!
//! Only what is at rest, with nothing left of it, can be replaced or removed: whoever wants that stops it first. A place
//! that became free is taken again, first by a service of the same name, and goes on counting its starts: nothing that
//! an earlier start left behind is ever taken for a later one's.

use super::levels;
use super::rules::{self, Missing, Rules};
use super::service::{Dynamics, Process, Service};
use super::shutdown::Phase;
use super::transitions::Cause;
use super::{Machine, ServiceId, gate::Gates};
use podinit_plan::plan;
use podinit_plan::state::State;

/// Completes the rules of all services that there are.
pub(super) fn relate(services: &mut [Service], missing: Missing) -> Result<(), String> {
    let mut names = Vec::with_capacity(services.len());
    for (id, service) in services.iter().enumerate() {
        // A free place has a name that no service has.
        names.push(if service.removed { format!("\0{id}") } else { service.name.clone() });
    }
    let mut related: Vec<(&str, &mut Rules)> =
        names.iter().map(String::as_str).zip(services.iter_mut().map(|service| &mut service.rules)).collect();
    rules::relate(&mut related, missing)
}

impl Machine {
    /// Takes a service in, in place of one of the same name or beside the others; [`Machine::changed`] has to follow.
    /// Gives its index.
    ///
    /// # Errors
    /// What is wrong with it; it still runs.
    pub fn put(&mut self, name: &str, planned: &plan::Service) -> Result<ServiceId, String> {
        let rules = Rules::new(planned).map_err(|error| format!("{name}: {error}"))?;
        let free = |service: &Service| service.removed;
        let place = self.services.iter().position(|service| service.name == name);
        let place = place.or_else(|| self.services.iter().position(free));
        let Some(id) = place else {
            self.services.push(Service { name: name.to_owned(), rules, now: Dynamics::default(), removed: false });
            return Ok(self.services.len() - 1);
        };
        if !self.services[id].removed {
            self.may_go(id)?;
        }
        let service = &mut self.services[id];
        let now = Dynamics { incarnation: service.now.incarnation, ..Dynamics::default() };
        *service = Service { name: name.to_owned(), rules, now, removed: false };
        Ok(id)
    }

    /// Lets a service go; [`Machine::changed`] has to follow.
    ///
    /// # Errors
    /// It still runs.
    pub fn remove(&mut self, id: ServiceId) -> Result<(), String> {
        self.may_go(id)?;
        let service = &mut self.services[id];
        service.now = Dynamics { incarnation: service.now.incarnation, ..Dynamics::default() };
        service.rules.retire();
        service.removed = true;
        Ok(())
    }

    /// Whether a service could be removed now.
    #[must_use]
    pub fn may_be_removed(&self, id: ServiceId) -> bool {
        self.may_go(id).is_ok()
    }

    fn may_go(&self, id: ServiceId) -> Result<(), String> {
        let service = self.services.get(id).ok_or("there is no such service")?;
        let is_gone = service.now.state.is_at_rest() && service.now.process == Process::Gone && !service.now.reaching;
        if is_gone { Ok(()) } else { Err(format!("{} still runs", service.name)) }
    }

    /// Gives a service another place in the order, where nothing else of it has changed; [`Machine::changed`] has to
    /// follow.
    pub fn reorder(&mut self, id: ServiceId, planned: &plan::Service) {
        if let Some(service) = self.services.get_mut(id) {
            service.rules.reorder(planned.priority, planned.stop.order);
        }
    }

    /// The plan has changed: everybody's place among the others is found anew.
    ///
    /// # Errors
    /// What is wrong with the whole; everybody keeps the place that he had.
    pub fn changed(&mut self) -> Result<(), String> {
        relate(&mut self.services, Missing::PassedOver)?;
        self.levels = levels::levels(self.services.iter().map(|service| &service.rules));
        self.gates = Gates::default();
        for (id, service) in self.services.iter().enumerate() {
            self.gates.changed(id, service);
        }
        Ok(())
    }

    /// What a service that came is to do: it starts if that is its plan. Carried out with the next [`Machine::step`].
    pub fn begin(&mut self, id: ServiceId) {
        let Some(service) = self.services.get(id).filter(|service| !service.removed) else { return };
        let wanted = service.rules.autostart && !service.rules.scheduled && service.now.state == State::Stopped;
        if matches!(self.phase, Phase::Running) && wanted {
            self.want(id, Cause::Boot);
        }
    }
}
