//! The same programs, with the same ends, kills, stops and starts, under supervisord and under `podinit -c`: every
//! process goes through the same states, and event listeners are told the same of it.
//!
//! PODCTL_SUPERVISORD names supervisord 4.3; without it nothing is compared. With PODCTL_SUPERVISORD_CORPUS real
//! configurations are compared, too, with their programs replaced by scripts. docs/supervisord.md lists on purpose what
//! [`normalized`] passes over.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a test's own means is a failure of the test")]

#[path = "../../../plan/tests/corpus/case.rs"]
mod case;
mod daemons;
mod scenario;

use daemons::{Daemon, Podinit, Supervisord};
use scenario::{Dice, Scenario};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// Pairs of daemons that run at once; they wait most of the time.
const AT_ONCE: usize = 4;
/// Nothing happens for this long: longer than supervisord's loop sleeps.
const QUIET: Duration = Duration::from_millis(2_500);
/// What no scenario takes to come to rest.
const PATIENCE: Duration = Duration::from_secs(90);

/// The states of each process, in order.
type Histories = BTreeMap<String, Vec<String>>;

#[test]
fn processes_go_through_the_states_that_supervisord_takes_them_through() {
    let Ok(supervisord) = std::env::var("PODCTL_SUPERVISORD") else { return };
    let random = (1..=8).map(|seed| (format!("seed {seed}"), Scenario::random(&mut Dice(seed))));
    let real = case::cases().into_iter().zip(1..).filter_map(|((name, case), seed)| {
        let config = case.read().ok()?.config;
        Scenario::of(&config, &mut Dice(seed)).map(|scenario| (name, scenario))
    });
    let scenarios: Vec<(String, Scenario)> = random.chain(real).collect();
    let next = Mutex::new(scenarios.iter());
    let results = Mutex::new((0, Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((name, scenario)) = { next.lock().unwrap().next() } {
                    let [wanted, found] = play_both(scenario, Path::new(&supervisord));
                    let mut results = results.lock().unwrap();
                    results.0 += wanted.values().map(Vec::len).sum::<usize>();
                    for (process, wanted) in &wanted {
                        let found = found.get(process).cloned().unwrap_or_default();
                        if *wanted != found {
                            let (wanted, found) = (wanted.join(" "), found.join(" "));
                            results.1.push(format!("{name}: {process}\n  supervisord {wanted}\n  podinit     {found}"));
                        }
                    }
                }
            });
        }
    });
    let (changes, differing) = results.into_inner().unwrap();
    println!("{} scenarios, {changes} changes of state, {} processes differ", scenarios.len(), differing.len());
    assert!(changes > 0 && differing.is_empty(), "{}", differing.join("\n"));
}

fn play_both(scenario: &Scenario, supervisord: &Path) -> [Histories; 2] {
    thread::scope(|scope| {
        let original = scope.spawn(|| play(scenario, Supervisord::start(scenario, supervisord)));
        let own = play(scenario, Podinit::start(scenario));
        [original.join().unwrap(), own]
    })
}

/// Plays a scenario to its end.
fn play(scenario: &Scenario, mut daemon: impl Daemon) -> Histories {
    settle(&daemon, &Histories::new(), scenario.started_at_once());
    let before = daemon.histories();
    std::fs::write(daemon.folder().join("die"), "").unwrap();
    for name in scenario.killed() {
        let file = daemon.folder().join(format!("{}.pid", name.replace(':', "_")));
        daemon.kill(std::fs::read_to_string(file).unwrap().trim());
    }
    scenario.stopped().for_each(|name| daemon.ask("stop", name));
    settle(&daemon, &before, scenario.killed().chain(scenario.stopped()).chain(scenario.dying()));
    let before = daemon.histories();
    let at_rest = |name: &String| before.get(name).and_then(|states| states.last()).is_none_or(|state| state != "RUNNING");
    let started: Vec<String> = scenario.started().filter(at_rest).collect();
    started.iter().for_each(|name| daemon.ask("start", name.clone()));
    settle(&daemon, &before, started.into_iter());
    let before = daemon.histories();
    let told = daemon.told();
    assert!(before.keys().all(|name| told.contains_key(name)), "listeners were not told of all processes: {told:?}");
    daemon.stop();
    let after = daemon.histories();
    let told = told.into_iter().map(|(name, events)| (format!("what is told of {name}"), events));
    after
        .into_iter()
        .map(|(name, states)| (name.clone(), normalized(&states, before.get(&name).map_or(0, Vec::len))))
        .chain(told)
        .collect()
}

/// Waits until something happened to each of these processes, and nothing is on its way from one state to another any
/// more.
fn settle(daemon: &impl Daemon, before: &Histories, awaited: impl Iterator<Item = String>) {
    let awaited: Vec<String> = awaited.collect();
    let begun = Instant::now();
    let mut last = (Histories::new(), Instant::now());
    loop {
        let now = daemon.histories();
        let length = |of: &Histories, name: &String| of.get(name).map_or(0, Vec::len);
        let missing: Vec<&String> = awaited.iter().filter(|name| length(&now, name) == length(before, name)).collect();
        let is_at_rest = |state: &String| ["RUNNING", "EXITED", "FATAL", "STOPPED"].contains(&state.as_str());
        let rests = missing.is_empty() && now.values().all(|states| states.last().is_some_and(is_at_rest));
        assert!(begun.elapsed() < PATIENCE, "it does not come to rest, {missing:?} above all: {now:#?}");
        if now != last.0 {
            last = (now, Instant::now());
        } else if last.1.elapsed() > QUIET && rests {
            return;
        }
        thread::park_timeout(Duration::from_millis(50));
    }
}

/// What remains when what differs on purpose is left out: from `down` on the daemon is going down, where supervisord
/// calls a process in BACKOFF FATAL.
fn normalized(states: &[String], down: usize) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for (index, state) in states.iter().enumerate() {
        let backs_off = kept.last().is_some_and(|last| last == "BACKOFF");
        if index >= down && backs_off && (state == "FATAL" || state == "STOPPED") {
            continue;
        }
        kept.push(state.clone());
    }
    kept
}
