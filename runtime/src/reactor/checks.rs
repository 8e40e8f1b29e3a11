//! What asks whether services are well, and what came of it.

use super::Reactor;
use crate::health::latency::Latency;
use crate::health::{Get, ResolvedProbe};
use crate::machine::{Event, ServiceId};
use crate::spawn::Spawner;
use crate::sys::Sys;
use podinit_plan::plan::{Probe, Service};
use std::rc::Rc;

/// The check of a service.
#[derive(Debug)]
pub(super) struct Check {
    pub probe: ResolvedProbe,
    pub timeout_ms: u64,
    /// How long it has taken, over all starts of the service.
    pub latency: Latency,
}

impl Check {
    /// That of a service of a plan that was filled in; none when it has none.
    pub fn of<S: Sys>(id: ServiceId, planned: &Service, spawner: &Spawner<S>) -> Option<Box<Check>> {
        let check = planned.healthcheck.as_ref()?;
        let probe = match &check.probe {
            Probe::Http { port, get } => ResolvedProbe::Http { port: *port, get: Rc::new(Get::new(get)) },
            Probe::Tcp { port } => ResolvedProbe::Tcp { port: *port },
            Probe::Unix { socket, get } => {
                let get = get.as_ref().map(|get| Rc::new(Get::new(get)));
                ResolvedProbe::Unix { socket: socket.clone(), get }
            }
            Probe::Exec { .. } => ResolvedProbe::Exec { owner: spawner.owner(id) },
        };
        Some(Box::new(Check { probe, timeout_ms: check.timeout_ms, latency: Latency::default() }))
    }
}

impl<S: Sys> Reactor<S> {
    /// Tells the machine what checks have said.
    pub(super) fn take_checked(&mut self) {
        for checked in self.parts.probes.take_results() {
            let service = checked.service;
            if let Some(check) = &mut self.checks[service] {
                check.latency.observe(checked.took_us, checked.result.is_ok());
            }
            self.send(Event::Probed { service, incarnation: checked.incarnation, result: checked.result });
        }
    }
}
