//! What podinit says of the pod on the container's stdout: what an operator wants to know, a line each. Pure.

use podinit_plan::protocol::{Event, EventKind};
use podinit_plan::state::State;

/// The line for an event; none for what is everyday life.
#[must_use]
pub fn narrate(event: &Event) -> Option<String> {
    let reason = event.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let service = event.service.as_deref().unwrap_or_default();
    match (event.event, event.state) {
        (EventKind::State, Some(State::Waiting | State::Starting | State::Stopping) | None) => None,
        (EventKind::State, Some(State::Backoff)) => Some(format!("{service} will be tried again{reason}")),
        (EventKind::State, Some(state)) => Some(format!("{service} is {state}{reason}")),
        (EventKind::Leftovers, _) => Some(format!("{service}{reason}")),
        (EventKind::Stopping, _) => Some(format!("the pod stops{reason}")),
        (EventKind::Warning, _) if !service.is_empty() => Some(format!("warning: {service}{reason}")),
        (EventKind::Warning, _) => Some(format!("warning{reason}")),
        (EventKind::Skipped, _) => Some(format!("{service}{reason}")),
        (EventKind::Waits, _) => Some(format!("{service} {}", event.reason.as_deref().unwrap_or("takes long"))),
        (
            EventKind::MemoryWarning
            | EventKind::MemoryCritical
            | EventKind::MemoryNormal
            | EventKind::OomKill
            | EventKind::DiskFull
            | EventKind::DiskNormal,
            _,
        ) if service.is_empty() => event.reason.clone(),
        (EventKind::MemoryWarning | EventKind::MemoryCritical | EventKind::MemoryNormal, _)
        | (EventKind::OverLimit | EventKind::UnderLimit | EventKind::OomKill, _)
        | (EventKind::DiskFull | EventKind::DiskNormal, _) => Some(format!("{service}{reason}")),
        // An end is said on stderr, where it is looked for; a failed check when it has consequences.
        (EventKind::Stopped | EventKind::CheckFailed | EventKind::Unknown, _) => None,
    }
}
