//! Pools whose listeners are numbers.

use super::*;
use crate::listeners::happening::Period;
use proptest::prelude::*;

fn pool(size: usize, members: usize) -> Pool {
    let mut pool = Pool::new("p", "s", &["TICK".to_owned()], size);
    for service in 0..members {
        pool.add(service, &format!("p:{service}"));
        pool.started(service, 1);
        pool.runs(service, true);
    }
    pool
}

fn tick(when: u64) -> Rc<Happening> {
    Rc::new(Happening::tick(Period::Five, when))
}

/// Who was sent which `poolserial`.
fn dispatch(pool: &mut Pool) -> Vec<(ServiceId, u64)> {
    let mut sent = Vec::new();
    pool.dispatch(&mut |service, bytes| {
        let text = String::from_utf8(bytes).unwrap();
        let serial = text.split(' ').find_map(|word| word.strip_prefix("poolserial:")).unwrap();
        sent.push((service, serial.parse().unwrap()));
        true
    });
    sent
}

#[test]
fn an_event_goes_to_one_listener_that_is_ready_and_runs() {
    let mut pool = pool(10, 3);
    for when in 0..3 {
        pool.accept(when, &tick(when));
    }
    assert_eq!(dispatch(&mut pool), []);
    pool.heard(1, 1, b"READY\n");
    pool.heard(2, 1, b"READY\n");
    pool.runs(1, false);
    assert_eq!(dispatch(&mut pool), [(2, 0)]);
    pool.runs(1, true);
    assert_eq!(dispatch(&mut pool), [(1, 1)]);
    pool.heard(2, 1, b"RESULT 2\nOKREADY\n");
    assert_eq!(dispatch(&mut pool), [(2, 2)]);
}

#[test]
fn what_was_rejected_or_whose_listener_died_is_sent_again_first() {
    let mut pool = pool(10, 2);
    pool.accept(0, &tick(0));
    pool.accept(1, &tick(5));
    pool.heard(0, 1, b"READY\n");
    assert_eq!(dispatch(&mut pool), [(0, 0)]);
    pool.heard(0, 1, b"RESULT 4\nFAILREADY\n");
    assert_eq!(dispatch(&mut pool), [(0, 0)]);
    pool.ended(0);
    // What its grandchildren say is not its word.
    pool.started(0, 2);
    pool.runs(0, true);
    pool.heard(0, 1, b"READY\n");
    assert_eq!(dispatch(&mut pool), []);
    pool.heard(1, 1, b"READY\n");
    pool.heard(0, 2, b"READY\n");
    assert_eq!(dispatch(&mut pool), [(0, 0), (1, 1)]);
}

#[test]
fn who_breaks_the_protocol_is_sent_nothing_until_it_is_started_anew() {
    let mut pool = pool(10, 1);
    pool.accept(0, &tick(0));
    pool.heard(0, 1, b"READY\n");
    assert_eq!(dispatch(&mut pool), [(0, 0)]);
    pool.heard(0, 1, b"hello\n");
    assert!(pool.take_notices()[0].contains("p:0 is sent no more events"));
    pool.heard(0, 1, b"READY\n");
    assert_eq!(dispatch(&mut pool), []);
    pool.started(0, 2);
    pool.runs(0, true);
    pool.heard(0, 2, b"READY\n");
    assert_eq!(dispatch(&mut pool), [(0, 0)]);
}

#[test]
fn a_full_buffer_loses_its_oldest_and_says_so_once_and_how_many_more() {
    let mut pool = pool(2, 1);
    for when in 0..5 {
        pool.accept(when, &tick(when));
    }
    assert_eq!(pool.take_notices(), ["pool p event buffer overflowed, discarding event 0"]);
    pool.heard(0, 1, b"READY\n");
    assert_eq!(dispatch(&mut pool), [(0, 3)]);
    assert_eq!(pool.take_notices(), ["pool p discarded 2 more events"]);
}

#[test]
fn large_events_take_no_more_than_a_megabyte() {
    let mut pool = pool(1_000, 0);
    for serial in 0..100 {
        let payload = "x".repeat(100_000);
        pool.accept(serial, &Rc::new(Happening { payload, ..Happening::tick(Period::Five, 0) }));
    }
    assert_eq!(pool.waiting.events.len(), 10);
}

#[test]
fn an_event_that_a_closed_stdin_did_not_take_goes_to_another_or_waits() {
    let mut pool = pool(10, 2);
    pool.accept(0, &tick(0));
    pool.heard(0, 1, b"READY\n");
    pool.heard(1, 1, b"READY\n");
    pool.dispatch(&mut |_, _| false);
    assert_eq!(pool.waiting.events.len(), 1);
    let mut asked = Vec::new();
    pool.dispatch(&mut |service, _| {
        asked.push(service);
        service == 1
    });
    assert_eq!((asked, pool.waiting.events.len()), (vec![0, 1], 0));
}

#[derive(Debug, Clone)]
enum Step {
    Accept,
    Says(ServiceId, &'static str),
    Ends(ServiceId),
    Dispatch,
}

fn step() -> impl Strategy<Value = Step> {
    let word = prop_oneof![Just("READY\n"), Just("RESULT 2\nOK"), Just("RESULT 4\nFAIL"), Just("x")];
    prop_oneof![
        3 => Just(Step::Accept),
        6 => (0usize..3, word).prop_map(|(service, word)| Step::Says(service, word)),
        1 => (0usize..3).prop_map(Step::Ends),
        3 => Just(Step::Dispatch),
    ]
}

proptest! {
    /// Whatever listeners do: nobody has an event that another has or that waits, those that wait are in order, and none
    /// is lost that was not said to be.
    #[test]
    fn every_event_is_in_one_place(steps in proptest::collection::vec(step(), 0..60), size in 1usize..6) {
        let mut pool = pool(size, 3);
        let mut incarnations = [1; 3];
        let mut accepted = 0;
        for step in steps {
            match step {
                Step::Accept => {
                    pool.accept(accepted, &tick(accepted));
                    accepted += 1;
                }
                Step::Says(service, word) => pool.heard(service, incarnations[service], word.as_bytes()),
                Step::Ends(service) => {
                    incarnations[service] += 1;
                    pool.started(service, incarnations[service]);
                    pool.runs(service, true);
                }
                Step::Dispatch => drop(dispatch(&mut pool)),
            }
            prop_assert!(pool.waiting.events.len() <= size);
            let mut places: Vec<u64> = pool.waiting.events.iter().map(|event| event.serial).collect();
            places.extend(pool.members.iter().filter_map(|member| member.has.as_ref()).map(|event| event.serial));
            places.sort_unstable();
            let count = places.len();
            places.dedup();
            prop_assert_eq!(places.len(), count);
            for member in &pool.members {
                prop_assert_eq!(member.has.is_some(), member.protocol.state() == ListenerState::Busy);
            }
        }
    }
}
