//! Figures of the pod, as Prometheus reads them: [`families`] are what there is to be told, [`text`] writes it, piece by
//! piece, [`nginx`] asks the gateway for its own. Pure but for the last one.
//!
//! No environment, argument or line of a log is in them. What is told of a service is a fixed number of series, so that
//! their number grows with the services and with nothing else.

pub mod families;
pub mod nginx;
pub mod text;

use crate::health::latency::Latency;
use crate::logs::Counters;
use crate::machine::{Millis, Seen};
use crate::sys::procfs::OwnUsage;
use nginx::Counts;
use podinit_plan::protocol::{ServiceStatus, Status};
use std::time::Duration;

/// Everything that is told, as it was at one moment.
#[derive(Debug)]
pub struct Figures {
    /// The pod; its services are in [`Figures::services`].
    pub status: Status,
    /// Its services.
    pub services: Vec<Service>,
    /// When podinit started, since 1970.
    pub started: Duration,
    /// What podinit itself uses; none when the kernel does not say.
    pub own: Option<OwnUsage>,
    /// What nginx counts, or that it does not answer; none in a pod without it.
    pub nginx: Option<Option<Counts>>,
}

/// What is told of a service.
#[derive(Debug)]
pub struct Service {
    /// What everybody is told.
    pub status: ServiceStatus,
    /// For how long its present process has run.
    pub uptime_ms: Option<Millis>,
    /// How long its last start took until it was ready.
    pub startup_ms: Option<Millis>,
    /// How its checks went.
    pub latency: Option<Latency>,
    /// What became of its output.
    pub output: Counters,
}

impl Service {
    /// What is told of a service that was seen to be so.
    #[must_use]
    pub fn new(status: ServiceStatus, seen: Option<Seen>, now: Millis, latency: Option<Latency>, output: Counters) -> Service {
        let started = seen.and_then(|seen| seen.started);
        let ready_at = seen.and_then(|seen| seen.ready_at);
        Service {
            uptime_ms: started.filter(|_| status.pid.is_some()).map(|started| now.saturating_sub(started)),
            startup_ms: started.zip(ready_at).map(|(started, ready)| ready.saturating_sub(started)),
            status,
            latency,
            output,
        }
    }
}
