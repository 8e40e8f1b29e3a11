//! Random pods in random weather: whatever happens, the rules hold and the pod ends.
//!
//! `PODINIT_SIMULATIONS=1000000 cargo test --release -p podinit --lib random_schedules` runs that many; what it takes in
//! all is printed with `-- --nocapture`. A seed whose schedule breaks a rule is shrunk to a minimal schedule, printed as
//! the body of a test for [`schedules`], and what was said to the machine and by it with it.
//! `PODINIT_SEED` is the first seed.

mod happening;
mod known;
mod random;
mod rules;
mod schedule;
mod schedules;
mod shrink;
mod world;

use super::super::transitions::{Cause, TRANSITIONS};
use podinit_plan::state::State;
use random::{Dice, random_happening, random_pod};
use rules::Broken;
use schedule::Schedule;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use world::World;

/// Without PODINIT_SIMULATIONS.
const SIMULATIONS: u64 = 20_000;
/// What happens to a pod at most before the weather gets fair.
const HAPPENINGS: usize = 40;

type Seen = BTreeSet<(Cause, State, State)>;

/// Has the schedule of a seed happen. What happens is chosen by what there is for it to happen to, and written down.
fn run(seed: u64, seen: &mut Seen) -> Result<(), (Schedule, Broken)> {
    let mut dice = Dice(seed);
    let (pod, services) = random_pod(&mut dice);
    let mut schedule = Schedule { pod, services, happenings: Vec::with_capacity(HAPPENINGS) };
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let mut world = World::new(&schedule);
        world.boot();
        for _ in 0..HAPPENINGS {
            if world.is_over() {
                break;
            }
            let happening = random_happening(&mut dice, &world);
            schedule.happenings.push(happening);
            world.happens(happening);
        }
        world.finish();
        seen.append(&mut world.witness.seen);
        world.broken
    }));
    match outcome {
        Ok(None) => Ok(()),
        Ok(Some(broken)) => Err((schedule, broken)),
        Err(_) => Err((schedule, panicked())),
    }
}

fn panicked() -> Broken {
    Broken { rule: "the machine does not panic", what: String::new() }
}

/// Has a schedule happen that is written down.
fn replay(schedule: &Schedule, trace: bool) -> Option<Broken> {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let mut world = World::new(schedule);
        world.trace = trace;
        world.boot();
        for happening in &schedule.happenings {
            if !world.is_over() {
                world.happens(*happening);
            }
        }
        world.finish();
        world.broken
    }));
    outcome.unwrap_or_else(|_| Some(panicked()))
}

/// For tests of schedules that once broke a rule.
fn holds(schedule: &Schedule) {
    if let Some(broken) = replay(schedule, false) {
        replay(schedule, true);
        panic!("{}: {}", broken.rule, broken.what);
    }
}

/// What is printed of a seed that breaks a rule.
fn report(seed: u64, schedule: Schedule, broken: &Broken) -> String {
    // The machine's own panics are only wanted once.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let rule = broken.rule;
    let minimal = shrink::shrink(schedule, &|candidate| replay(candidate, false).is_some_and(|broken| broken.rule == rule));
    std::panic::set_hook(hook);
    let again = replay(&minimal, true).map(|broken| broken.what).unwrap_or_default();
    let mut text = format!("seed {seed}: {rule}: {again}\n\n#[test]\nfn seed_{seed}() {{\n");
    write!(text, "{minimal}}}").expect("a string takes everything");
    text
}

#[expect(clippy::disallowed_methods, reason = "how many are run is asked for from outside")]
fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().map_or(otherwise, |text| text.parse().expect("a number"))
}

#[test]
fn random_schedules_keep_the_rules() {
    let (first, count) = (number("PODINIT_SEED", 0), number("PODINIT_SIMULATIONS", SIMULATIONS));
    let next = AtomicU64::new(first);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let work = || {
        let mut seen = Seen::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + count {
                return Ok(seen);
            }
            if let Err((schedule, broken)) = run(seed, &mut seen) {
                // The other threads stop, too.
                next.fetch_add(count, Ordering::Relaxed);
                return Err((seed, schedule, broken));
            }
        }
    };
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().expect("a worker ends")).collect()
    });
    let mut seen = Seen::new();
    for outcome in outcomes {
        match outcome {
            Ok(of_one) => seen.extend(of_one),
            Err((seed, schedule, broken)) => panic!("{}", report(seed, schedule, &broken)),
        }
    }
    if count >= SIMULATIONS {
        let never = TRANSITIONS.iter().flat_map(|line| line.from.iter().map(move |from| (line.cause, *from, line.to)));
        let never: Vec<_> = never.filter(|change| !seen.contains(change)).collect();
        assert!(never.is_empty(), "the table has what never happens: {never:?}");
    }
}
