//! When scheduled services are due. Pure: both clocks are arguments.
//!
//! Cron lines follow the date, which may jump: forward, what was missed runs once; backward, what ran does not run again.
//! As nobody tells podinit of a jump, it looks at the date once a minute where there is a cron line, and never where
//! there is none. `every` follows the clock that never jumps.

use crate::machine::{Incarnation, Millis, ServiceId};
use podinit_plan::plan::{Plan, Schedule, Service};
use podinit_plan::schedule::Cron;
use std::time::Duration;

/// The longest time between two looks at the date.
const LOOK_EVERY: Millis = 60_000;
/// A date that is set back by more than this, in seconds, was wrong before: what runs is decided by the new one alone.
const CORRECTION: u64 = 3 * 3_600;

/// The scheduled services.
#[derive(Debug)]
pub struct Schedules {
    /// Sorted by service.
    entries: Vec<Entry>,
    look_at: Option<Millis>,
}

#[derive(Debug)]
struct Entry {
    service: ServiceId,
    when: When,
}

#[derive(Debug)]
enum When {
    Cron {
        cron: Cron,
        /// In seconds since 1970; none when there will be no such time.
        next: Option<u64>,
        /// When it last ran, in the same way.
        last: Option<u64>,
    },
    Every {
        interval: Millis,
        next: Millis,
        /// The last one that was started.
        incarnation: Incarnation,
    },
}

impl When {
    /// When a service of a plan that was checked and filled in is due, if ever.
    fn of(service: &Service, now: Millis, date: Duration) -> Option<When> {
        let schedule = service.schedule.as_ref().filter(|_| service.autostart != "false")?;
        Some(match schedule {
            Schedule::Cron(line) => {
                let cron = Cron::parse(line).ok()?;
                When::Cron { next: cron.next_after(date.as_secs()), cron, last: None }
            }
            Schedule::EveryMs(interval) => {
                When::Every { interval: *interval, next: now.saturating_add(*interval), incarnation: 0 }
            }
        })
    }
}

impl Schedules {
    /// Those of a plan that was checked and filled in; `date` is the time since 1970. What is not to start by itself does
    /// not by the clock either.
    #[must_use]
    pub fn new(plan: &Plan, now: Millis, date: Duration) -> Schedules {
        let all = plan.services.values().enumerate();
        let entries = all.filter_map(|(id, service)| Some(Entry { service: id, when: When::of(service, now, date)? }));
        let mut schedules = Schedules { entries: entries.collect(), look_at: None };
        schedules.plan_look(now, date);
        schedules
    }

    /// Takes a service in, in the place of what had that number.
    pub fn put(&mut self, id: ServiceId, service: &Service, now: Millis, date: Duration) {
        self.remove(id);
        if let Some(when) = When::of(service, now, date) {
            let place = self.entries.partition_point(|entry| entry.service < id);
            self.entries.insert(place, Entry { service: id, when });
        }
        self.plan_look(now, date);
    }

    /// Lets a service go.
    pub fn remove(&mut self, id: ServiceId) {
        self.entries.retain(|entry| entry.service != id);
    }

    /// When [`Schedules::due`] is to be called at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Millis> {
        self.look_at
    }

    /// Those whose time has come since the last call, each once.
    pub fn due(&mut self, now: Millis, date: Duration) -> Vec<ServiceId> {
        let due = self.entries.iter_mut().filter_map(|entry| entry.when.pass(now, date.as_secs()).then_some(entry.service));
        let due = due.collect();
        self.plan_look(now, date);
        due
    }

    /// A service was started, by the clock or otherwise: `every` counts from here.
    pub fn started(&mut self, service: ServiceId, started: Incarnation, now: Millis) {
        let Some(index) = self.find(service) else { return };
        if let When::Every { interval, next, incarnation } = &mut self.entries[index].when
            && *incarnation != started
        {
            (*next, *incarnation) = (now.saturating_add(*interval), started);
        }
    }

    /// When the clock starts a service next, since 1970; none for one that has no schedule.
    #[must_use]
    pub fn next_run(&self, service: ServiceId, now: Millis, date: Duration) -> Option<Duration> {
        match &self.entries[self.find(service)?].when {
            When::Cron { next, .. } => next.map(Duration::from_secs),
            When::Every { next, .. } => Some(date + Duration::from_millis(next.saturating_sub(now))),
        }
    }

    fn find(&self, service: ServiceId) -> Option<usize> {
        self.entries.binary_search_by_key(&service, |entry| entry.service).ok()
    }

    fn plan_look(&mut self, now: Millis, date: Duration) {
        let looks = self.entries.iter().filter_map(|entry| match &entry.when {
            When::Cron { next, .. } => {
                let left = Duration::from_secs((*next)?).saturating_sub(date).as_nanos().div_ceil(1_000_000);
                Some(now.saturating_add(Millis::try_from(left).unwrap_or(Millis::MAX).min(LOOK_EVERY)))
            }
            When::Every { next, .. } => Some(*next),
        });
        self.look_at = looks.min();
    }
}

impl When {
    /// Whether its time has come; `seconds` is the date. Then its next time is another.
    fn pass(&mut self, now: Millis, seconds: u64) -> bool {
        match self {
            When::Cron { cron, next, last } => {
                let is_due = next.is_some_and(|next| next <= seconds);
                if is_due {
                    *last = Some(seconds);
                }
                // The date may have been set back since it last ran.
                let from = last.filter(|last| last.saturating_sub(seconds) <= CORRECTION).unwrap_or(0).max(seconds);
                *next = cron.next_after(from);
                is_due
            }
            When::Every { interval, next, .. } => {
                let is_due = *next <= now;
                if is_due {
                    *next = now.saturating_add(*interval);
                }
                is_due
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use podinit_plan::plan::{Command, Service, VERSION};
    use std::collections::BTreeMap;

    /// A full hour, 2026-03-01 00:00:00.
    const HOUR: u64 = 1_772_323_200;

    fn schedules(schedule: Schedule, date: u64) -> Schedules {
        let service = Service { schedule: Some(schedule), ..Service::new(Command::Line(String::new())) };
        let other = Service { schedule: None, ..service.clone() };
        let off = Service { autostart: "false".to_owned(), ..service.clone() };
        let plan = Plan {
            version: VERSION,
            name: "pod".to_owned(),
            stop_grace_period_ms: 0,
            exit_when_done: true,
            environment: BTreeMap::new(),
            directories: Vec::new(),
            files: Vec::new(),
            public_socket: None,
            servers: Vec::new(),
            monitor: Default::default(),
            alerts: None,
            services: BTreeMap::from([("a".to_owned(), other), ("job".to_owned(), service), ("off".to_owned(), off)]),
        };
        Schedules::new(&plan, 0, at(date))
    }

    fn cron(line: &str, date: u64) -> Schedules {
        schedules(Schedule::Cron(line.to_owned()), date)
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_line_is_due_when_its_minute_begins_and_once() {
        let mut schedules = cron("0 * * * *", HOUR - 30);
        assert_eq!(schedules.deadline(), Some(30_000));
        assert_eq!(schedules.next_run(1, 0, at(HOUR - 30)), Some(at(HOUR)));
        assert_eq!(schedules.due(29_999, at(HOUR) - Duration::from_micros(1)), [0; 0]);
        assert_eq!(schedules.deadline(), Some(30_000));
        assert_eq!(schedules.due(30_000, at(HOUR)), [1]);
        assert_eq!(schedules.due(30_001, at(HOUR)), [0; 0]);
        // The next is an hour away, and the date may jump before.
        assert_eq!(schedules.deadline(), Some(30_001 + LOOK_EVERY));
        assert_eq!(schedules.next_run(1, 30_001, at(HOUR)), Some(at(HOUR + 3_600)));
        assert_eq!(schedules.next_run(0, 30_001, at(HOUR)), None);
        assert_eq!(schedules.next_run(2, 30_001, at(HOUR)), None, "it is not to start by itself");
    }

    #[test]
    fn what_a_jump_or_a_pause_passed_over_runs_once() {
        let mut schedules = cron("*/10 * * * *", HOUR);
        assert_eq!(schedules.due(1_000, at(HOUR + 86_400 + 5)), [1]);
        assert_eq!(schedules.due(1_001, at(HOUR + 86_400 + 5)), [0; 0]);
        assert_eq!(schedules.next_run(1, 0, at(0)), Some(at(HOUR + 86_400 + 600)));
    }

    #[test]
    fn a_date_that_is_set_back_does_not_repeat_what_ran() {
        let mut schedules = cron("* * * * *", HOUR - 1);
        assert_eq!(schedules.due(1_000, at(HOUR)), [1]);
        assert_eq!(schedules.due(2_000, at(HOUR - 100)), [0; 0]);
        assert_eq!(schedules.due(42_000, at(HOUR - 60)), [0; 0]);
        assert_eq!(schedules.due(102_000, at(HOUR)), [0; 0]);
        assert_eq!(schedules.due(162_000, at(HOUR + 60)), [1]);
        // A date in the far future was a mistake, and nothing waits for it to come again.
        assert_eq!(schedules.due(170_000, at(HOUR + 1_000_000)), [1]);
        assert_eq!(schedules.due(171_000, at(HOUR + 61)), [0; 0]);
        assert_eq!(schedules.due(240_000, at(HOUR + 120)), [1]);
    }

    #[test]
    fn every_counts_from_start_to_start() {
        let mut schedules = schedules(Schedule::EveryMs(10_000), HOUR);
        assert_eq!(schedules.deadline(), Some(10_000));
        assert_eq!(schedules.due(10_003, at(HOUR)), [1]);
        schedules.started(1, 1, 10_005);
        // Another process of the same start counts for nothing.
        schedules.started(1, 1, 15_000);
        assert_eq!(schedules.due(20_004, at(HOUR)), [0; 0]);
        assert_eq!(schedules.next_run(1, 15_005, at(HOUR)), Some(at(HOUR + 5)));
        // Not started, as it still runs; and a pause.
        assert_eq!(schedules.due(20_005, at(HOUR)), [1]);
        assert_eq!(schedules.due(95_000, at(HOUR)), [1]);
        assert_eq!(schedules.due(95_001, at(HOUR)), [0; 0]);
        // By hand.
        schedules.started(1, 2, 96_000);
        assert_eq!(schedules.due(105_500, at(HOUR)), [0; 0]);
        assert_eq!(schedules.due(106_000, at(HOUR)), [1]);
    }
}
