//! What is told of a pod in figures.

use super::window::Window;
use crate::control::View;
use crate::metrics::{Figures, Service};
use crate::sys::Sys;
use std::time::Duration;

impl<S: Sys> Window<'_, S> {
    /// Everything, as it is now.
    pub(super) fn measured(&self) -> Figures {
        let mut status = self.status();
        let statuses = std::mem::take(&mut status.services);
        // Both are sorted by name.
        let services = self.roster.all().zip(statuses).map(|(id, status)| {
            Service::new(status, self.machine.seen(id), self.now, self.latency(id).copied(), self.logs.counters(id))
        });
        Figures {
            services: services.collect(),
            status,
            started: self.date.saturating_sub(Duration::from_millis(self.now)),
            own: self.sys.own_usage().ok(),
            nginx: self.nginx.counts(),
        }
    }
}
