//! Alerts, with a clock that is moved by hand.

use super::blank::Secrets;
use super::sink::Problem;
use super::{Book, Date, Particulars, store};
use podinit_plan::alert::{Alert, AlertKind, AlertStatus};
use podinit_plan::plan::{Alerts, Sink, Target};
use podinit_plan::protocol::{Event, EventKind, Exit, Usage};
use podinit_plan::state::State;
use std::collections::{BTreeMap, BTreeSet};

const MINUTE: Date = 60_000;
/// When podinit was started.
const BEGUN: Date = 1_700_000_000_000;

fn plan(repeat_ms: u64, rate: u32) -> Alerts {
    let to = Target::File { path: "/tmp/alerts".to_owned(), max_size_bytes: 0, max_files: 1 };
    let sink = Sink { to, on: Vec::new(), lines: true, timeout_ms: 1 };
    let sinks = BTreeMap::from([("a".to_owned(), sink)]);
    Alerts { sinks, repeat_ms, rate, rate_ms: 60 * MINUTE, queue: None, secrets: Vec::new() }
}

/// A book with one sink, and what it is told.
struct Desk {
    book: Book,
    now: Date,
    told: Vec<Alert>,
}

impl Desk {
    fn new(repeat_ms: u64, rate: u32) -> Desk {
        let book = Book::new(&plan(repeat_ms, rate), "pod", "host".to_owned(), Secrets::default(), BEGUN);
        Desk { book, now: BEGUN, told: Vec::new() }
    }

    /// Something happens, and all that is to be told is.
    fn happens(&mut self, record: Event) {
        self.observe(&record);
        self.deliver();
    }

    fn observe(&mut self, record: &Event) {
        self.book.observe(record, self.now, &mut || Particulars {
            output: "one\ntwo\n".to_owned(),
            usage: Some(Usage { memory_bytes: 10, ..Usage::default() }),
            peak_bytes: Some(20),
        });
    }

    fn passes(&mut self, time: Date) {
        self.now += time;
        self.deliver();
    }

    fn deliver(&mut self) {
        self.book.tick(self.now);
        while let Some(json) = self.book.begin(0, self.now) {
            self.told.push(serde_json::from_str(json).unwrap());
            self.book.ended(0, Ok(()), self.now);
        }
    }

    fn kinds(&mut self) -> Vec<(AlertKind, AlertStatus)> {
        std::mem::take(&mut self.told).iter().map(|alert| (alert.kind, alert.status)).collect()
    }
}

fn event(kind: EventKind) -> Event {
    Event { time: "2026-01-01T00:00:00.000Z".to_owned(), ..Event::new(kind) }
}

fn state(service: &str, incarnation: u64, previous: State, state: State) -> Event {
    Event {
        service: Some(service.to_owned()),
        incarnation: Some(incarnation),
        previous: Some(previous),
        state: Some(state),
        ..event(EventKind::State)
    }
}

fn crash(service: &str, incarnation: u64, exit: Exit) -> Event {
    let reason = Some(format!("ended with {exit}"));
    Event { exit: Some(exit), expected: Some(false), reason, ..state(service, incarnation, State::Ready, State::Backoff) }
}

fn unready() -> Event {
    Event { reason: Some("its check failed".to_owned()), ..state("web", 1, State::Ready, State::Unready) }
}

fn ready() -> Event {
    state("web", 1, State::Unready, State::Ready)
}

fn oom(service: Option<&str>) -> Event {
    let reason = Some("a process of it was killed".to_owned());
    Event { service: service.map(str::to_owned), incarnation: service.map(|_| 1), reason, ..event(EventKind::OomKill) }
}

const FIRING: AlertStatus = AlertStatus::Firing;
const RESOLVED: AlertStatus = AlertStatus::Resolved;

#[test]
fn an_end_is_told_in_one_sentence() {
    let mut desk = Desk::new(0, 100);
    desk.happens(state("auth-service", 1, State::Waiting, State::Starting));
    for incarnation in 1..=5 {
        desk.passes(192_345);
        desk.happens(crash("auth-service", incarnation, Exit::Code(1)));
        desk.happens(state("auth-service", incarnation + 1, State::Backoff, State::Starting));
    }
    let last = desk.told.last().unwrap();
    assert_eq!(last.summary, "auth-service ended with exit code 1 after 3m12s, restart 4");
    assert_eq!((last.peak_memory_bytes, last.lines.len()), (Some(20), 2));
}

#[test]
fn a_kill_for_lack_of_memory_is_told_in_place_of_the_end_whichever_is_known_first() {
    for end_first in [true, false] {
        let mut desk = Desk::new(0, 100);
        desk.happens(state("web", 1, State::Waiting, State::Starting));
        let records = [crash("web", 1, Exit::Signal(9)), oom(Some("web"))];
        for index in if end_first { [0, 1] } else { [1, 0] } {
            desk.happens(records[index].clone());
        }
        desk.passes(10 * MINUTE);
        assert_eq!(desk.told.len(), 1, "{:?}", desk.told);
        let told = &desk.told[0];
        assert_eq!((told.kind, told.incarnation), (AlertKind::OomKill, Some(1)));
        assert_eq!(told.exit, end_first.then_some(Exit::Signal(9)));
        assert_eq!(told.summary, "web was killed for lack of memory: a process of it was killed");
    }
    // Nobody explains it: it is told as it is.
    let mut desk = Desk::new(0, 100);
    desk.happens(crash("web", 1, Exit::Signal(9)));
    assert!(desk.told.is_empty());
    desk.passes(500);
    assert_eq!(desk.kinds(), [(AlertKind::Exit, FIRING)]);
    desk.happens(oom(Some("other")));
    assert_eq!(desk.kinds(), [(AlertKind::OomKill, FIRING)]);
}

#[test]
fn who_was_above_its_limit_and_has_ended_uses_nothing_any_more() {
    let mut desk = Desk::new(0, 100);
    let over = Event { service: Some("web".to_owned()), bytes: Some(50), ..event(EventKind::OverLimit) };
    desk.happens(over);
    desk.happens(state("web", 1, State::Stopping, State::Backoff));
    let told = std::mem::take(&mut desk.told);
    let seen: Vec<_> = told.iter().map(|alert| (alert.kind, alert.status, alert.memory_bytes, alert.peak_memory_bytes)).collect();
    assert_eq!(seen, [(AlertKind::MemoryLimit, FIRING, Some(50), Some(20)), (AlertKind::MemoryLimit, RESOLVED, None, Some(20))]);
}

#[test]
fn memory_has_two_thresholds_and_each_its_resolution() {
    let mut desk = Desk::new(5 * MINUTE, 100);
    desk.happens(event(EventKind::MemoryNormal));
    assert_eq!(desk.kinds(), [], "nothing had been wrong");
    desk.happens(event(EventKind::MemoryWarning));
    desk.happens(event(EventKind::MemoryCritical));
    desk.happens(event(EventKind::MemoryNormal));
    let (warning, critical) = (AlertKind::MemoryWarning, AlertKind::MemoryCritical);
    assert_eq!(desk.kinds(), [(warning, FIRING), (critical, FIRING), (critical, RESOLVED), (warning, RESOLVED)]);
    let disk = |kind, path: &str| Event { path: Some(path.to_owned()), ..event(kind) };
    desk.happens(disk(EventKind::DiskFull, "/"));
    desk.happens(disk(EventKind::DiskFull, "/var"));
    desk.happens(disk(EventKind::DiskNormal, "/"));
    let keys: Vec<&str> = desk.told.iter().map(|alert| alert.key.as_str()).collect();
    assert_eq!(keys, ["pod/disk:/", "pod/disk:/var", "pod/disk:/"]);
}

#[test]
fn what_flaps_is_told_once_and_at_last_when_it_stays() {
    let mut desk = Desk::new(5 * MINUTE, 100);
    desk.happens(unready());
    desk.happens(ready());
    assert_eq!(desk.kinds(), [(AlertKind::Unhealthy, FIRING), (AlertKind::Unhealthy, RESOLVED)]);
    for _ in 0..7 {
        desk.passes(1_000);
        desk.happens(unready());
        desk.happens(ready());
    }
    assert_eq!(desk.kinds(), [], "it would be the same again");
    desk.happens(unready());
    assert_eq!(desk.kinds(), []);
    assert!(desk.book.deadline(desk.now).is_some_and(|at| at > desk.now && at <= BEGUN + 5 * MINUTE));
    desk.passes(5 * MINUTE);
    assert_eq!(desk.told[0].suppressed, 7);
    assert_eq!(desk.kinds(), [(AlertKind::Unhealthy, FIRING)]);
    desk.happens(ready());
    assert_eq!(desk.kinds(), [(AlertKind::Unhealthy, RESOLVED)]);
}

#[test]
fn a_service_that_is_down_for_good_is_told_whatever_its_rate() {
    let mut desk = Desk::new(0, 2);
    for _ in 0..5 {
        desk.happens(crash("web", 1, Exit::Code(1)));
    }
    desk.happens(crash("other", 1, Exit::Code(1)));
    let fatal = Event { expected: Some(false), ..state("web", 1, State::Ready, State::Fatal) };
    desk.happens(fatal);
    let services: Vec<_> = desk.told.iter().map(|alert| (alert.service.as_deref().unwrap(), alert.kind)).collect();
    let (exit, fatal) = (AlertKind::Exit, AlertKind::Fatal);
    assert_eq!(services, [("web", exit), ("web", exit), ("other", exit), ("web", fatal)]);
    desk.passes(60 * MINUTE);
    desk.happens(crash("web", 2, Exit::Code(1)));
    assert_eq!(desk.told.last().unwrap().suppressed, 3);
}

#[test]
fn the_end_of_a_pod_is_told_when_nobody_asked_for_it() {
    let stopping = |expected| Event { reason: Some("why".to_owned()), expected: Some(expected), ..event(EventKind::Stopping) };
    let mut desk = Desk::new(0, 100);
    desk.happens(stopping(true));
    desk.happens(crash("web", 1, Exit::Code(1)));
    assert_eq!(desk.kinds(), [], "services end with the pod");
    assert!(!desk.book.hurry());
    let mut desk = Desk::new(5 * MINUTE, 100);
    desk.happens(unready());
    desk.happens(ready());
    desk.kinds();
    desk.happens(unready());
    desk.happens(crash("other", 1, Exit::Signal(9)));
    desk.happens(stopping(false));
    let kinds = [(AlertKind::PodStopping, FIRING), (AlertKind::Exit, FIRING), (AlertKind::Unhealthy, FIRING)];
    assert_eq!(desk.kinds(), kinds, "nothing is held back any longer");
    assert!(desk.book.hurry());
}

/// Fails an attempt; gives how long the next one waits.
fn fail(desk: &mut Desk, problem: Problem) -> Option<Date> {
    desk.book.begin(0, desk.now)?;
    desk.book.ended(0, Err(problem), desk.now);
    desk.book.deadline(desk.now).map(|at| at.saturating_sub(desk.now))
}

#[test]
fn attempts_are_repeated_at_growing_distances_for_a_day() {
    let mut desk = Desk::new(0, 100);
    desk.observe(&unready());
    let again = || Problem::TryAgain("away".to_owned());
    for want in [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000] {
        let pause = fail(&mut desk, again()).unwrap();
        assert!(pause <= want && pause > want / 4 * 3 - 1, "{pause} for {want}");
        assert!(desk.book.begin(0, desk.now + pause - 1).is_none());
        desk.now += pause;
    }
    desk.observe(&ready());
    assert_eq!(desk.book.status()["a"].pending, 2);
    desk.now = BEGUN + 24 * 60 * MINUTE;
    assert_eq!(fail(&mut desk, again()), None, "it is given up, and its resolution with it");
    let status = desk.book.status()["a"].clone();
    assert_eq!((status.pending, status.failed, status.problem.as_deref()), (0, 2, Some("away")));
}

#[test]
fn what_was_refused_needs_no_resolution() {
    let mut desk = Desk::new(0, 100);
    desk.observe(&unready());
    assert_eq!(fail(&mut desk, Problem::Refused("404".to_owned())), None);
    desk.happens(ready());
    assert_eq!(desk.kinds(), []);
    desk.happens(unready());
    desk.happens(ready());
    assert_eq!(desk.kinds(), [(AlertKind::Unhealthy, FIRING), (AlertKind::Unhealthy, RESOLVED)]);
}

#[test]
fn a_queue_is_bounded_and_what_is_stored_of_it_is_told_by_the_next_life() {
    let mut desk = Desk::new(5 * MINUTE, 100_000);
    for service in 0..1_500 {
        let mut record = unready();
        record.service = Some(format!("web-{service}"));
        desk.observe(&record);
    }
    let status = desk.book.status()["a"].clone();
    assert_eq!((status.pending, status.failed), (1_000, 500));
    // One is under way when the pod ends.
    assert!(desk.book.begin(0, desk.now).is_some());
    let stored = desk.book.take_changed(0).unwrap();
    assert!(desk.book.take_changed(0).is_none());
    let mut next = Desk::new(5 * MINUTE, 100_000);
    next.book.restore(0, store::read(&stored).unwrap());
    next.now = desk.now + 1_000;
    // What was told then is not told again so soon, and what was open then can end now.
    let mut record = unready();
    record.service = Some("web-700".to_owned());
    next.observe(&record);
    record.state = Some(State::Ready);
    next.happens(record);
    assert_eq!(next.told.len(), 1_000);
    assert_eq!((next.told[999].service.as_deref(), next.told[999].status), (Some("web-700"), RESOLVED));
    assert_eq!(next.told[0].service.as_deref(), Some("web-501"), "the oldest made room");
    for broken in ["", "{}", "{\"waiting\":[{}],\"passed\":{}}"] {
        assert!(store::read(broken.as_bytes()).is_err(), "{broken}");
    }
}

/// Random weather: whatever happens, and however its receiver is, a sink is told what it was promised, in order, once, and
/// nothing else.
#[test]
fn promises_are_kept_in_any_weather() {
    for seed in 1..400_u64 {
        let mut random = seed;
        let mut below = |bound: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % bound
        };
        let (repeat, rate) = ([0, MINUTE, 10 * MINUTE][below(3) as usize], 1 + below(5) as u32);
        let mut desk = Desk::new(repeat, rate);
        let mut delivered: Vec<Alert> = Vec::new();
        for _ in 0..200 {
            desk.now += [0, 10, 1_000, MINUTE, 20 * MINUTE][below(5) as usize];
            let service = ["a", "b"][below(2) as usize];
            let mut record = match below(5) {
                0 => unready(),
                1 => ready(),
                2 => crash(service, 1, Exit::Code(1)),
                3 => crash(service, 1, Exit::Signal(9)),
                _ => oom(Some(service)),
            };
            record.service = Some(service.to_owned());
            desk.observe(&record);
            desk.book.tick(desk.now);
            for _ in 0..below(4) {
                let Some(json) = desk.book.begin(0, desk.now) else { break };
                let alert: Alert = serde_json::from_str(json).unwrap();
                let result = match below(4) {
                    0 => Err(Problem::TryAgain("away".to_owned())),
                    1 if below(3) == 0 => Err(Problem::Refused("no".to_owned())),
                    _ => Ok(()),
                };
                if result.is_ok() {
                    delivered.push(alert);
                }
                desk.book.ended(0, result, desk.now);
            }
        }
        check(&delivered, seed);
    }
}

fn check(delivered: &[Alert], seed: u64) {
    let ids: BTreeSet<&str> = delivered.iter().map(|alert| alert.id.as_str()).collect();
    assert_eq!(ids.len(), delivered.len(), "one was delivered twice; seed {seed}");
    let mut open: BTreeSet<&str> = BTreeSet::new();
    let mut numbers: BTreeMap<&str, u64> = BTreeMap::new();
    for alert in delivered {
        let number = alert.id.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap();
        let before = numbers.insert(&alert.key, number);
        assert!(before.is_none_or(|before| before < number), "out of order; seed {seed}");
        match alert.status {
            AlertStatus::Firing => drop(open.insert(&alert.key)),
            AlertStatus::Resolved => assert!(open.remove(alert.key.as_str()), "a resolution of nothing; seed {seed}"),
        }
    }
}
