//! An alert in one sentence. Pure.
#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

use super::signs::Sign;
use podinit_plan::alert::{AlertKind, AlertStatus, Severity};
use podinit_plan::protocol::Event;
use podinit_plan::units::format_duration_ms;

/// What is said of it: `auth-service ended with exit code 1 after 3m12s, restart 4`.
pub fn sentence(sign: &Sign, record: &Event) -> String {
    let service = record.service.as_deref();
    let who = service.unwrap_or("the pod");
    let reason = record.reason.as_deref().unwrap_or_default();
    let because = |text: &str| if reason.is_empty() { text.to_owned() } else { format!("{text}: {reason}") };
    if sign.status == AlertStatus::Resolved {
        return match (sign.kind, &record.path) {
            (AlertKind::Unhealthy, _) => format!("{who} is not unhealthy any more"),
            (AlertKind::Fatal, _) => format!("{who} runs again"),
            (AlertKind::MemoryLimit, _) => format!("{who} is below its memory limit again"),
            (AlertKind::MemoryCritical, _) => "the pod's memory is not critical any more".to_owned(),
            (AlertKind::Disk, Some(path)) => format!("{path} is not nearly full any more"),
            _ => "the pod's memory is below its thresholds again".to_owned(),
        };
    }
    match sign.kind {
        AlertKind::Exit => {
            // What podinit says of an end begins with this; what hinders a start does not.
            let what = if reason.starts_with("ended") { format!("{who} {reason}") } else { because(who) };
            let uptime = sign.uptime_ms.map(|ms| if ms < 10_000 { ms } else { ms / 1_000 * 1_000 });
            let after = uptime.map(|ms| format!(" after {}", format_duration_ms(ms))).unwrap_or_default();
            let restart = sign.restarts.filter(|restarts| *restarts > 0);
            let restart = restart.map(|restarts| format!(", restart {restarts}")).unwrap_or_default();
            format!("{what}{after}{restart}")
        }
        AlertKind::Fatal => because(&format!("{who} is down for good")),
        AlertKind::Unhealthy => because(&format!("{who} is unhealthy")),
        AlertKind::PodStopping => because("the pod stops"),
        AlertKind::Test => "this is a test: nothing is wrong".to_owned(),
        // Who has seen it has said it, of the pod in a whole sentence.
        _ if service.is_none() && !reason.is_empty() => reason.to_owned(),
        AlertKind::MemoryLimit => because(&format!("{who} is above its memory limit")),
        AlertKind::MemoryWarning => because("the pod's memory is above its threshold for warnings"),
        AlertKind::MemoryCritical => because("the pod's memory is above its critical threshold"),
        AlertKind::OomKill => because(&format!("{who} was killed for lack of memory")),
        AlertKind::Disk => because(&format!("{} is nearly full", record.path.as_deref().unwrap_or("a disk"))),
    }
}

/// How bad it is; the same for an alert and its resolution, as receivers tell alerts apart by it.
pub fn severity(kind: AlertKind) -> Severity {
    match kind {
        AlertKind::Fatal | AlertKind::MemoryCritical | AlertKind::OomKill | AlertKind::PodStopping => Severity::Critical,
        AlertKind::Exit | AlertKind::Unhealthy | AlertKind::MemoryLimit | AlertKind::MemoryWarning | AlertKind::Disk => {
            Severity::Warning
        }
        AlertKind::Test => Severity::Info,
    }
}

/// A kind as it is written.
pub fn name(kind: AlertKind) -> &'static str {
    match kind {
        AlertKind::Exit => "exit",
        AlertKind::Fatal => "fatal",
        AlertKind::Unhealthy => "unhealthy",
        AlertKind::MemoryLimit => "memory_limit",
        AlertKind::MemoryWarning => "memory_warning",
        AlertKind::MemoryCritical => "memory_critical",
        AlertKind::OomKill => "oom_kill",
        AlertKind::Disk => "disk",
        AlertKind::PodStopping => "pod_stopping",
        AlertKind::Test => "test",
    }
}
