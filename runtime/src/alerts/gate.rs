//! What a sink is told of all that goes on: the same only once in a while, of one service only so much, and that
//! something is well again only when it was told that it was not. Pure.
#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

use super::Date;
use super::signs::has_resolution;
use podinit_plan::alert::{Alert, AlertKind, AlertStatus};
use podinit_plan::plan::Alerts as Plan;
use std::collections::{BTreeMap, VecDeque};

/// So many keys are remembered before those are forgotten that do not matter any more.
const REMEMBERED: usize = 1_024;

/// What has passed, and what waits to.
#[derive(Debug)]
pub struct Gate {
    repeat: Date,
    rate: usize,
    within: Date,
    keys: BTreeMap<String, Known>,
    services: BTreeMap<String, Passed>,
    /// What did not pass, has no resolution yet, and its sink does not know of: it passes as soon as it may.
    held: BTreeMap<String, Alert>,
    /// How many have not passed, in all.
    pub suppressed: u64,
}

/// What is known of a key.
#[derive(Debug, Default)]
struct Known {
    /// When the last one passed.
    passed: Option<Date>,
    /// The sink knows that it is so, and not yet that it is not.
    is_open: bool,
    suppressed: u64,
}

/// What of a service has passed.
#[derive(Debug, Default)]
struct Passed {
    /// When, within the last while.
    times: VecDeque<Date>,
    suppressed: u64,
}

impl Gate {
    pub fn new(plan: &Plan) -> Gate {
        Gate {
            repeat: plan.repeat_ms,
            rate: (plan.rate as usize).max(1),
            within: plan.rate_ms,
            keys: BTreeMap::new(),
            services: BTreeMap::new(),
            held: BTreeMap::new(),
            suppressed: 0,
        }
    }

    /// Whether a resolution would be of any use.
    fn knows(&self, key: &str) -> bool {
        self.held.contains_key(key) || self.keys.get(key).is_some_and(|known| known.is_open)
    }

    /// Gives the alert back when it may pass now.
    pub fn pass(&mut self, mut alert: Alert, now: Date) -> Option<Alert> {
        if alert.status == AlertStatus::Resolved {
            if self.held.remove(&alert.key).is_some() {
                self.suppress(&alert.key, None);
            }
            let known = self.keys.get_mut(&alert.key)?;
            return std::mem::take(&mut known.is_open).then_some(alert);
        }
        let (allowed, by_rate) = self.allowed_at(&alert, now);
        if allowed > now {
            let is_open = self.keys.get(&alert.key).is_some_and(|known| known.is_open);
            let (key, service) = (alert.key.clone(), alert.service.clone().filter(|_| by_rate));
            if !has_resolution(alert.kind) || is_open || self.held.insert(key.clone(), alert).is_some() {
                self.suppress(&key, service);
            }
            return None;
        }
        if self.held.remove(&alert.key).is_some() {
            // This one says the same, and more recently.
            self.suppress(&alert.key, None);
        }
        if let Some(passed) = alert.service.as_ref().filter(|_| is_rated(&alert)).cloned() {
            let passed = self.services.entry(passed).or_default();
            passed.times.push_back(now);
            if passed.times.len() > self.rate {
                passed.times.pop_front();
            }
            alert.suppressed += std::mem::take(&mut passed.suppressed);
        }
        self.forget(now);
        let known = self.keys.entry(alert.key.clone()).or_default();
        alert.suppressed += std::mem::take(&mut known.suppressed);
        (known.passed, known.is_open) = (Some(now), has_resolution(alert.kind));
        Some(alert)
    }

    /// When one may pass, and whether it is the rate that keeps it until then.
    fn allowed_at(&self, alert: &Alert, now: Date) -> (Date, bool) {
        let passed = self.keys.get(&alert.key).and_then(|known| known.passed);
        let repeated = passed.map_or(0, |at| at.saturating_add(self.repeat));
        let service = alert.service.as_ref().filter(|_| is_rated(alert));
        let times = service.and_then(|service| self.services.get(service)).map(|passed| &passed.times);
        // Those that count are the last ones.
        let counts = times.and_then(|times| times.iter().rev().nth(self.rate - 1));
        let free = counts.map_or(0, |at| at.saturating_add(self.within));
        (repeated.max(free), free > repeated.max(now))
    }

    /// It is known, or counted, and nobody looks at it: it will not pass, now or later.
    pub fn ignores(&self, alert: &Alert, now: Date) -> bool {
        let is_known = || self.keys.get(&alert.key).is_some_and(|known| known.is_open) || self.held.contains_key(&alert.key);
        match alert.status {
            AlertStatus::Resolved => !self.knows(&alert.key),
            AlertStatus::Firing => self.allowed_at(alert, now).0 > now && (!has_resolution(alert.kind) || is_known()),
        }
    }

    /// One has not passed; by its rate when there is a service.
    fn suppress(&mut self, key: &str, service: Option<String>) {
        self.suppressed += 1;
        match service {
            Some(service) => self.services.entry(service).or_default().suppressed += 1,
            None => self.keys.entry(key.to_owned()).or_default().suppressed += 1,
        }
    }

    /// When [`Gate::due`] is to be called at the latest.
    pub fn deadline(&self, now: Date) -> Option<Date> {
        self.held.values().map(|alert| self.allowed_at(alert, now).0).min()
    }

    /// What was held and may pass now; all of it when this is the end.
    pub fn due(&mut self, now: Date, is_end: bool) -> Vec<Alert> {
        if self.held.is_empty() {
            return Vec::new();
        }
        let mut due = Vec::new();
        for (key, alert) in std::mem::take(&mut self.held) {
            if is_end {
                // Later is never.
                self.keys.entry(key).or_default().passed = None;
                self.services.remove(alert.service.as_deref().unwrap_or_default());
            }
            due.extend(self.pass(alert, now));
        }
        due
    }

    /// One that passed will never be told: then nobody needs to know that it is well again.
    pub fn given_up(&mut self, key: &str) {
        if let Some(known) = self.keys.get_mut(key) {
            known.is_open = false;
        }
    }

    /// What is to be remembered after a restart of the pod: what passed when, and whether it was told to be well again.
    pub fn memory(&self) -> BTreeMap<&str, (Date, bool)> {
        self.keys.iter().filter_map(|(key, known)| Some((key.as_str(), (known.passed?, known.is_open)))).collect()
    }

    /// Takes that in.
    pub fn remember(&mut self, memory: BTreeMap<String, (Date, bool)>) {
        for (key, (passed, is_open)) in memory {
            self.keys.insert(key, Known { passed: Some(passed), is_open, suppressed: 0 });
        }
    }

    fn forget(&mut self, now: Date) {
        if self.keys.len() >= REMEMBERED {
            let repeat = self.repeat;
            let is_recent = |known: &Known| known.passed.is_some_and(|at| at.saturating_add(repeat) > now);
            self.keys.retain(|_, known| known.is_open || is_recent(known));
        }
        if self.services.len() >= REMEMBERED {
            let within = self.within;
            let is_recent = |passed: &Passed| passed.times.back().is_some_and(|at| at.saturating_add(within) > now);
            self.services.retain(|_, passed| is_recent(passed));
        }
    }
}

/// Whether it counts for the rate of its service: that it is down for good is told in any case.
fn is_rated(alert: &Alert) -> bool {
    alert.kind != AlertKind::Fatal
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn alert(service: usize, kind: AlertKind, status: AlertStatus) -> Alert {
        let json = serde_json::json!({"id": "1", "key": format!("pod/{service}/{kind:?}"), "time": "", "kind": kind,
            "status": status, "severity": "warning", "summary": "", "pod": "pod", "host": "", "service": service.to_string()});
        serde_json::from_value(json).unwrap()
    }

    fn gate(repeat: Date, rate: usize, within: Date) -> Gate {
        let plan = Plan {
            sinks: BTreeMap::new(),
            repeat_ms: repeat,
            rate: rate as u32,
            rate_ms: within,
            queue: None,
            secrets: Vec::new(),
        };
        Gate::new(&plan)
    }

    proptest! {
        #[test]
        fn nothing_passes_too_often_and_everything_is_counted(
            repeat in 0_u64..50,
            rate in 1_usize..4,
            within in 0_u64..200,
            steps in proptest::collection::vec((0_u64..20, 0_usize..2, 0_usize..2, 0_usize..3, 0..2), 1..200),
        ) {
            let mut gate = gate(repeat, rate, within);
            let (mut now, mut offered, mut passed) = (1_000, 0, Vec::<(Date, Alert)>::new());
            for (time, service, kind, status, late) in steps {
                now += time;
                if late == 0 {
                    passed.extend(gate.due(now, false).into_iter().map(|alert| (now, alert)));
                    prop_assert!(gate.deadline(now).is_none_or(|at| at > now), "what may pass has passed");
                }
                let kind = [AlertKind::Exit, AlertKind::Unhealthy][kind];
                let resolves = status == 0 && kind == AlertKind::Unhealthy;
                let status = if resolves { AlertStatus::Resolved } else { AlertStatus::Firing };
                offered += u64::from(!resolves);
                let alert = alert(service, kind, status);
                let (ignored, held) = (gate.ignores(&alert, now), gate.held.len());
                let given = gate.pass(alert, now);
                prop_assert!(!ignored || (given.is_none() && gate.held.len() == held));
                passed.extend(given.map(|alert| (now, alert)));
            }
            let firing: Vec<&(Date, Alert)> = passed.iter().filter(|(_, alert)| alert.status == AlertStatus::Firing).collect();
            prop_assert_eq!(offered, firing.len() as u64 + gate.suppressed + gate.held.len() as u64);
            for (index, (at, alert)) in firing.iter().enumerate() {
                let before = &firing[..index];
                let like = before.iter().rev().find(|(_, other)| other.key == alert.key);
                prop_assert!(like.is_none_or(|(other, _)| other + repeat <= *at), "repeated too soon");
                let of_service = before.iter().filter(|(other, before)| before.service == alert.service && other + within > *at);
                prop_assert!(of_service.count() < rate, "too many of a service");
            }
        }
    }
}
