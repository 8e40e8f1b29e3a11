//! From a schedule that breaks a rule to a minimal one that breaks the same.

use super::schedule::{Happening, Pod, Schedule, Spec};

/// The least that is found by leaving out and making plain, one thing after the other, as long as `fails` says that the
/// rest still does.
pub fn shrink(mut schedule: Schedule, fails: &dyn Fn(&Schedule) -> bool) -> Schedule {
    loop {
        let before = schedule.clone();
        schedule = fewer_happenings(schedule, fails);
        schedule = fewer_services(schedule, fails);
        schedule = plainer(schedule, fails);
        if schedule == before {
            return schedule;
        }
    }
}

/// The candidate when it still fails, else what it was made of.
fn if_fails(schedule: &mut Schedule, candidate: Schedule, fails: &dyn Fn(&Schedule) -> bool) -> bool {
    let better = candidate != *schedule && fails(&candidate);
    if better {
        *schedule = candidate;
    }
    better
}

/// Leaves out runs of happenings, long ones first.
fn fewer_happenings(mut schedule: Schedule, fails: &dyn Fn(&Schedule) -> bool) -> Schedule {
    let mut length = schedule.happenings.len();
    while length > 0 {
        let mut from = 0;
        while from < schedule.happenings.len() {
            let mut candidate = schedule.clone();
            candidate.happenings.drain(from..(from + length).min(schedule.happenings.len()));
            if !if_fails(&mut schedule, candidate, fails) {
                from += length;
            }
        }
        length /= 2;
    }
    schedule
}

fn fewer_services(mut schedule: Schedule, fails: &dyn Fn(&Schedule) -> bool) -> Schedule {
    for gone in (0..schedule.services.len()).rev() {
        if schedule.services.len() > 1 {
            let candidate = without(&schedule, gone);
            if_fails(&mut schedule, candidate, fails);
        }
    }
    schedule
}

/// The others get the numbers that follow.
fn without(schedule: &Schedule, gone: usize) -> Schedule {
    let mut rest = schedule.clone();
    rest.services.remove(gone);
    for spec in &mut rest.services {
        let below = spec.depends_on & ((1 << gone) - 1);
        spec.depends_on = below | (spec.depends_on >> (gone + 1)) << gone;
    }
    rest.happenings.retain_mut(|happening| match happening.service() {
        Some(id) if *id == gone => false,
        Some(id) => {
            *id -= usize::from(*id > gone);
            true
        }
        None => true,
    });
    rest
}

/// Makes settings those of a plain pod, and times short.
fn plainer(mut schedule: Schedule, fails: &dyn Fn(&Schedule) -> bool) -> Schedule {
    let candidate = Schedule { pod: Pod::PLAIN, ..schedule.clone() };
    if_fails(&mut schedule, candidate, fails);
    for index in 0..schedule.services.len() {
        for setting in SETTINGS {
            let mut candidate = schedule.clone();
            setting(&mut candidate.services[index]);
            if_fails(&mut schedule, candidate, fails);
        }
        for bit in 0..index {
            let mut candidate = schedule.clone();
            candidate.services[index].depends_on &= !(1 << bit);
            if_fails(&mut schedule, candidate, fails);
        }
    }
    for index in 0..schedule.happenings.len() {
        for time in [1, 1_000] {
            let mut candidate = schedule.clone();
            match &mut candidate.happenings[index] {
                Happening::After(by) if *by > time => *by = time,
                _ => continue,
            }
            if if_fails(&mut schedule, candidate, fails) {
                break;
            }
        }
    }
    schedule
}

/// Makes some settings of a service plain; those that go together, together.
type Setting = fn(&mut Spec);

const SETTINGS: &[Setting] = &[
    |spec| *spec = Spec { depends_on: spec.depends_on, ..Spec::PLAIN },
    |spec| (spec.scheduled, spec.kind) = (Spec::PLAIN.scheduled, Spec::PLAIN.kind),
    |spec| spec.scheduled = Spec::PLAIN.scheduled,
    |spec| spec.autostart = Spec::PLAIN.autostart,
    |spec| spec.waits = Spec::PLAIN.waits,
    |spec| spec.address = Spec::PLAIN.address,
    |spec| spec.priority = Spec::PLAIN.priority,
    |spec| spec.ready = Spec::PLAIN.ready,
    |spec| spec.check = Spec::PLAIN.check,
    |spec| spec.on_failure = Spec::PLAIN.on_failure,
    |spec| spec.check_retries = Spec::PLAIN.check_retries,
    |spec| spec.check_passes = Spec::PLAIN.check_passes,
    |spec| spec.start_period = Spec::PLAIN.start_period,
    |spec| spec.start_timeout = Spec::PLAIN.start_timeout,
    |spec| spec.policy = Spec::PLAIN.policy,
    |spec| spec.retries = Spec::PLAIN.retries,
    |spec| spec.stable_after = Spec::PLAIN.stable_after,
    |spec| spec.immediate = Spec::PLAIN.immediate,
    |spec| spec.linear = Spec::PLAIN.linear,
    |spec| spec.essential = Spec::PLAIN.essential,
    |spec| spec.grace = Spec::PLAIN.grace,
    |spec| spec.group = Spec::PLAIN.group,
    |spec| spec.kill_leftovers = Spec::PLAIN.kill_leftovers,
    |spec| spec.stop_order = Spec::PLAIN.stop_order,
    |spec| spec.signals = Spec::PLAIN.signals,
    |spec| spec.pre_start = Spec::PLAIN.pre_start,
    |spec| spec.post_stop = Spec::PLAIN.post_stop,
    |spec| spec.obeys = Spec::PLAIN.obeys,
    |spec| spec.leaves = Spec::PLAIN.leaves,
    |spec| spec.dies = Spec::PLAIN.dies,
];
