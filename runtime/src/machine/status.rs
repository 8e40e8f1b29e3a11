//! What the pod looks like from outside.

use super::service::Service;
use super::shutdown::Phase;
use super::{Machine, Millis, ServiceId};
use podinit_plan::protocol::{ServiceStatus, Status};
use podinit_plan::state::State;
use std::collections::BTreeMap;

impl Machine {
    /// What the pod looks like now.
    #[must_use]
    pub fn status(&self, now: Millis) -> Status {
        Status {
            pod: self.pod.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ready: self.is_ready(),
            stopping: matches!(self.phase, Phase::Stopping(_) | Phase::Ended),
            uptime_ms: now,
            longest_turn_us: None,
            long_turns: None,
            // Others know of these; the loop fills them in.
            memory: None,
            alerts: BTreeMap::new(),
            services: self.by_name().into_iter().map(|id| self.service_status(id, now)).collect(),
        }
    }

    /// The services that there are, sorted by name.
    fn by_name(&self) -> Vec<ServiceId> {
        let mut ids: Vec<ServiceId> = (0..self.services.len()).filter(|id| !self.services[*id].removed).collect();
        ids.sort_by(|one, other| self.services[*one].name.cmp(&self.services[*other].name));
        ids
    }

    /// Whether every essential service that was ever wanted is ready or done, and the pod is not on its way down.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let counts = |service: &&Service| {
            let wanted = service.rules.autostart || service.now.ever_wanted;
            service.rules.essential && wanted && !service.rules.scheduled
        };
        matches!(self.phase, Phase::Running) && self.services.iter().filter(counts).all(Service::satisfies_dependants)
    }

    fn service_status(&self, id: ServiceId, now: Millis) -> ServiceStatus {
        let service = &self.services[id];
        let reason = match service.now.state {
            State::Waiting => self.waits_for(id),
            _ => service.now.reason.clone(),
        };
        ServiceStatus {
            name: service.name.clone(),
            state: service.now.state,
            essential: service.rules.essential,
            pid: service.now.pid,
            incarnation: service.now.incarnation,
            restarts: service.now.restarts,
            since_ms: now.saturating_sub(service.now.since),
            reason,
            // The machine knows no calendar; the loop fills it in.
            next_run: None,
            last_exit: service.now.last_exit,
            usage: None,
            check: None,
        }
    }
}
