//! What follows from figures: who is told of what, and who has to go. Pure.

use crate::machine::{Incarnation, Millis, ServiceId};
use podinit_plan::plan::{MemoryLimit, OnExceed};
use podinit_plan::protocol::{Event as Record, EventKind};
use podinit_plan::units::format_size;

/// Who is above a threshold is below it again when it is so much of it below: what goes up and down around a threshold
/// crosses it once.
const HYSTERESIS: u64 = 16;

/// How the container's memory stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Below all thresholds.
    #[default]
    Normal,
    /// Above that for warnings.
    Warning,
    /// Above the critical one.
    Critical,
}

impl Level {
    /// The level that `bytes` of `of` are, coming from this one. The thresholds are percents.
    #[must_use]
    pub fn next(self, bytes: u64, of: u64, warn: u8, critical: u8) -> Level {
        let is_above = |threshold: u8, level: Level| {
            let threshold = u128::from(of) * u128::from(threshold) / 100;
            // Who was there stays there for longer.
            let threshold = if self >= level { threshold - threshold / u128::from(HYSTERESIS) } else { threshold };
            of > 0 && u128::from(bytes) >= threshold
        };
        if is_above(critical, Level::Critical) {
            Level::Critical
        } else if is_above(warn, Level::Warning) {
            Level::Warning
        } else {
            Level::Normal
        }
    }
}

/// What was measured of a service that has a limit.
#[derive(Debug, Clone, Copy)]
pub struct Measured<'a> {
    /// Which.
    pub service: ServiceId,
    /// The incarnation that it was measured of.
    pub incarnation: Incarnation,
    /// The memory of its whole tree.
    pub bytes: u64,
    /// Its rule.
    pub limit: &'a MemoryLimit,
    /// It runs, and nobody stops it yet.
    pub may_go: bool,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Everybody is told; the service's name is still to be filled in.
    Tell(Option<ServiceId>, Box<Record>),
    /// A service has to go, and why.
    Restart(ServiceId, Incarnation, String),
}

/// Keeps account of what was told and who had to go.
#[derive(Debug, Default)]
pub struct Judge {
    level: Level,
    services: Vec<Standing>,
    /// Who had to go last because the container's memory was critical: nobody else does while it is on its way.
    going: Option<(ServiceId, Incarnation)>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Standing {
    /// The last incarnation that was above the limit, until one is below it.
    over: Option<Incarnation>,
    /// When it was restarted for its memory the last time.
    restarted: Option<Millis>,
}

impl Judge {
    /// Looks at the container: `bytes` of `of`, which is its limit or the host's memory.
    pub fn container(&mut self, bytes: u64, of: u64, limit: Option<u64>, (warn, critical): (u8, u8)) -> Option<Verdict> {
        let level = self.level.next(bytes, of, warn, critical);
        let before = std::mem::replace(&mut self.level, level);
        let share = u128::from(bytes) * 100 / u128::from(of.max(1));
        let whose = if limit.is_some() { "the container's limit" } else { "the host's memory" };
        let what = format!("memory is at {share} % of {whose}: {} of {}", format_size(bytes), format_size(of));
        let (kind, reason) = match (before, level) {
            _ if before == level => return None,
            (_, Level::Critical) => (EventKind::MemoryCritical, format!("{what}, critical from {critical} % on")),
            (Level::Critical, Level::Warning) => (EventKind::MemoryWarning, format!("{what}, no longer critical")),
            (_, Level::Warning) => (EventKind::MemoryWarning, format!("{what}, warned of from {warn} % on")),
            (_, Level::Normal) => (EventKind::MemoryNormal, what),
        };
        Some(Verdict::Tell(None, record(kind, bytes, of, reason)))
    }

    /// Looks at the services that have a limit.
    pub fn services(&mut self, now: Millis, measured: &[Measured<'_>]) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        for one in measured {
            verdicts.extend(self.crossing(one));
        }
        let is_going = |(service, incarnation)| {
            measured.iter().any(|one| (one.service, one.incarnation) == (service, incarnation) && one.bytes > 0)
        };
        self.going = self.going.filter(|going| is_going(*going));
        let offence = |one: &&Measured<'_>| one.bytes.saturating_sub(one.limit.limit_bytes);
        let offenders = measured.iter().filter(|one| offence(one) > 0 && one.may_go && self.is_cool(now, one));
        let chosen: Vec<&Measured<'_>> = if self.level == Level::Critical {
            let largest = offenders.max_by_key(offence).filter(|_| self.going.is_none());
            self.going = largest.map(|one| (one.service, one.incarnation)).or(self.going);
            largest.into_iter().collect()
        } else {
            offenders.filter(|one| one.limit.on_exceed == OnExceed::Restart).collect()
        };
        for one in chosen {
            self.standing(one.service).restarted = Some(now);
            let mut reason = above(one);
            if self.level == Level::Critical {
                reason.push_str(", and the container's memory is critical");
            }
            verdicts.push(Verdict::Restart(one.service, one.incarnation, reason));
        }
        verdicts
    }

    /// Another service is at this place now.
    pub fn forget(&mut self, service: ServiceId) {
        *self.standing(service) = Standing::default();
    }

    /// What is told when a service crosses its limit.
    fn crossing(&mut self, one: &Measured<'_>) -> Option<Verdict> {
        let (bytes, limit) = (one.bytes, one.limit.limit_bytes);
        let standing = self.standing(one.service);
        let (kind, reason) = if bytes > limit && standing.over != Some(one.incarnation) {
            standing.over = Some(one.incarnation);
            (EventKind::OverLimit, above(one))
        } else if bytes <= limit - limit / HYSTERESIS && standing.over.is_some() {
            standing.over = None;
            (EventKind::UnderLimit, format!("it uses {}, below its limit of {} again", format_size(bytes), format_size(limit)))
        } else {
            return None;
        };
        let record = Record { incarnation: Some(one.incarnation), ..*record(kind, bytes, limit, reason) };
        Some(Verdict::Tell(Some(one.service), Box::new(record)))
    }

    fn is_cool(&self, now: Millis, one: &Measured<'_>) -> bool {
        let restarted = self.services.get(one.service).and_then(|standing| standing.restarted);
        restarted.is_none_or(|at| now >= at.saturating_add(one.limit.cool_down_ms))
    }

    fn standing(&mut self, service: ServiceId) -> &mut Standing {
        if service >= self.services.len() {
            self.services.resize(service + 1, Standing::default());
        }
        &mut self.services[service]
    }
}

fn above(one: &Measured<'_>) -> String {
    format!("it uses {}, above its limit of {}", format_size(one.bytes), format_size(one.limit.limit_bytes))
}

fn record(kind: EventKind, bytes: u64, limit: u64, reason: String) -> Box<Record> {
    Box::new(Record { bytes: Some(bytes), limit_bytes: Some(limit), reason: Some(reason), ..Record::new(kind) })
}

#[cfg(test)]
mod tests;
