//! What somebody should know of, among all that happens. Pure.
#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

use super::Date;
use podinit_plan::alert::{AlertKind, AlertStatus};
use podinit_plan::protocol::{Event, EventKind, Exit};
use podinit_plan::state::State;
use std::collections::BTreeMap;

const SIGKILL: i32 = 9;

/// Something that somebody should know of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sign {
    pub kind: AlertKind,
    pub status: AlertStatus,
    /// How long the incarnation had run.
    pub uptime_ms: Option<u64>,
    /// How often the service had been restarted.
    pub restarts: Option<u64>,
}

impl Sign {
    /// It may be that the kernel did it for lack of memory, which is told a moment later.
    pub fn may_be_oom(&self, record: &Event) -> bool {
        self.kind == AlertKind::Exit && record.exit == Some(Exit::Signal(SIGKILL))
    }
}

/// What is known of the services, for that.
#[derive(Debug, Default)]
pub struct Signs {
    services: BTreeMap<String, Service>,
    /// The pod is on its way down.
    is_stopping: bool,
}

#[derive(Debug, Default)]
struct Service {
    started: Option<Date>,
    restarts: u64,
    /// It ended unasked, and is to start again.
    is_restarting: bool,
    /// The last incarnation of which the kernel killed something.
    oom: Option<u64>,
}

/// Whether there is a second alert when it is so no longer.
pub fn has_resolution(kind: AlertKind) -> bool {
    match kind {
        AlertKind::Fatal
        | AlertKind::Unhealthy
        | AlertKind::MemoryLimit
        | AlertKind::MemoryWarning
        | AlertKind::MemoryCritical
        | AlertKind::Disk => true,
        AlertKind::Exit | AlertKind::OomKill | AlertKind::PodStopping | AlertKind::Test => false,
    }
}

impl Signs {
    /// Something has happened. A resolution is given whether anything had been wrong or not.
    pub fn observe(&mut self, record: &Event, now: Date) -> Vec<Sign> {
        let signs: &[(AlertKind, AlertStatus)] = match record.event {
            EventKind::State => return self.entered(record, now),
            EventKind::MemoryWarning => {
                &[(AlertKind::MemoryCritical, AlertStatus::Resolved), (AlertKind::MemoryWarning, AlertStatus::Firing)]
            }
            EventKind::MemoryCritical => &[(AlertKind::MemoryCritical, AlertStatus::Firing)],
            EventKind::MemoryNormal => {
                &[(AlertKind::MemoryCritical, AlertStatus::Resolved), (AlertKind::MemoryWarning, AlertStatus::Resolved)]
            }
            EventKind::OverLimit => &[(AlertKind::MemoryLimit, AlertStatus::Firing)],
            EventKind::UnderLimit => &[(AlertKind::MemoryLimit, AlertStatus::Resolved)],
            EventKind::OomKill => {
                if let Some(name) = &record.service {
                    self.services.entry(name.clone()).or_default().oom = record.incarnation;
                }
                &[(AlertKind::OomKill, AlertStatus::Firing)]
            }
            EventKind::DiskFull => &[(AlertKind::Disk, AlertStatus::Firing)],
            EventKind::DiskNormal => &[(AlertKind::Disk, AlertStatus::Resolved)],
            EventKind::Stopping => {
                self.is_stopping = true;
                // That it was asked for, or is all done, is nothing to wake anybody for.
                if record.expected == Some(false) { &[(AlertKind::PodStopping, AlertStatus::Firing)] } else { &[] }
            }
            _ => &[],
        };
        let service = record.service.as_ref().and_then(|name| self.services.get(name));
        let restarts = service.map(|service| service.restarts);
        let uptime_ms = service.and_then(|service| service.started).map(|started| now.saturating_sub(started));
        signs.iter().map(|(kind, status)| Sign { kind: *kind, status: *status, uptime_ms, restarts }).collect()
    }

    /// A service has entered a state.
    fn entered(&mut self, record: &Event, now: Date) -> Vec<Sign> {
        let (Some(name), Some(state)) = (&record.service, record.state) else { return Vec::new() };
        let previous = record.previous.unwrap_or_default();
        let service = self.services.entry(name.clone()).or_default();
        if state == State::Starting {
            service.started = Some(now);
            service.restarts += u64::from(std::mem::take(&mut service.is_restarting));
        }
        let ended = previous.is_running() && !state.is_running();
        let uptime_ms = service.started.map(|started| now.saturating_sub(started));
        if ended {
            service.started = None;
            service.is_restarting = state == State::Backoff || (state == State::Waiting && previous != State::Stopping);
        }
        let was_oom = service.oom.is_some() && service.oom == record.incarnation;
        let kinds: &[(AlertKind, AlertStatus)] = match state {
            State::Fatal => &[(AlertKind::Fatal, AlertStatus::Firing), (AlertKind::MemoryLimit, AlertStatus::Resolved)],
            State::Unready if previous == State::Ready => &[(AlertKind::Unhealthy, AlertStatus::Firing)],
            State::Ready | State::Done if record.expected != Some(false) => {
                &[(AlertKind::Unhealthy, AlertStatus::Resolved), (AlertKind::Fatal, AlertStatus::Resolved)]
            }
            // Somebody has stopped it: it is not expected to be well.
            State::Stopped => &[(AlertKind::Unhealthy, AlertStatus::Resolved), (AlertKind::MemoryLimit, AlertStatus::Resolved)],
            // When the pod stops, services end as a consequence.
            _ if ended && record.expected == Some(false) && !self.is_stopping && !was_oom => {
                &[(AlertKind::Exit, AlertStatus::Firing), (AlertKind::MemoryLimit, AlertStatus::Resolved)]
            }
            _ if ended => &[(AlertKind::MemoryLimit, AlertStatus::Resolved)],
            _ => &[],
        };
        let restarts = Some(service.restarts);
        kinds.iter().map(|(kind, status)| Sign { kind: *kind, status: *status, uptime_ms, restarts }).collect()
    }
}
