//! How the pod ends.

use super::*;

fn chain() -> Vec<(&'static str, Service)> {
    vec![("app", after(&["db"], service())), ("db", service()), ("gateway", Service { priority: 200, ..service() })]
}

#[test]
fn levels_stop_in_the_reverse_order_of_starting() {
    let mut world = World::booted(&chain());
    world.advance(5_000);
    world.told();
    world.send(Event::Stop);
    assert_eq!(world.signals, ["gateway SIGTERM", "app SIGTERM", "db SIGTERM"]);
    // The next level begins when the commands of the last one have ended, not only when all that they left is gone.
    let told = "gateway stopping, app stopping, gateway stopped, db stopping, app stopped, db stopped";
    assert_eq!(world.told(), told);
    assert_eq!(world.exit, Some((0, "asked to stop".to_owned())));
}

#[test]
fn a_service_that_does_not_obey_is_killed_so_that_later_levels_keep_their_share() {
    let mut world = World::booted(&chain());
    world.advance(5_000);
    world.obedient = false;
    world.send(Event::Stop);
    // 10 s for the pod, less one second for each of the two later levels.
    world.advance(7_999);
    assert_eq!(world.signals, ["gateway SIGTERM"]);
    world.advance(1);
    assert_eq!(world.signals[1..], ["gateway KILLTREE", "app SIGTERM"]);
    world.advance(2_000);
    assert_eq!(world.signals[3..], ["app KILLTREE", "db SIGTERM", "db KILLTREE"]);
    assert_eq!(world.exit.as_ref().map(|(code, _)| *code), Some(0));
}

#[test]
fn the_second_stop_hurries_and_the_third_kills() {
    let mut world = World::booted(&chain());
    world.advance(5_000);
    world.obedient = false;
    world.send(Event::Stop);
    world.send(Event::Stop);
    assert_eq!(world.signals, ["gateway SIGTERM", "app SIGTERM", "db SIGTERM"]);
    world.advance(1_000);
    world.send(Event::Stop);
    assert_eq!(world.signals[3..], ["app KILLTREE", "db KILLTREE", "gateway KILLTREE"]);
    assert_eq!(world.exit.as_ref().map(|(code, _)| *code), Some(0));
}

#[test]
fn a_stop_during_boot_is_a_stop() {
    let mut world = World::booted(&[("app", after(&["migrate"], service())), ("migrate", oneshot())]);
    world.send(Event::Stop);
    assert_eq!((world.state("app"), world.exit.as_ref().map(|(code, _)| *code)), (State::Stopped, Some(0)));
    assert_eq!(world.signals, ["migrate SIGTERM"]);

    let mut unborn = World::new(&chain());
    unborn.send(Event::Stop);
    assert_eq!(unborn.exit.as_ref().map(|(code, _)| *code), Some(0));
}

#[test]
fn the_first_cause_counts() {
    let mut fragile = service();
    fragile.restart.retries = 0;
    let mut world = World::booted(&[("a", fragile), ("b", service())]);
    world.obedient = false;
    world.ends("a", Exit::Code(42));
    world.send(Event::Stop);
    world.ends("b", Exit::Code(1));
    assert_eq!(world.exit.as_ref().map(|(code, _)| *code), Some(42));
}

#[test]
fn a_pod_whose_services_are_all_done_ends_with_0() {
    let mut world = World::booted(&[("a", oneshot()), ("b", after(&["a"], oneshot()))]);
    world.ends("a", Exit::Code(0));
    assert_eq!(world.exit, None);
    world.ends("b", Exit::Code(0));
    assert_eq!(world.exit, Some((0, "all services are done".to_owned())));
}

#[test]
fn a_pod_whose_services_were_stopped_by_hand_goes_on() {
    let mut world = World::booted(&[("a", service()), ("once", oneshot())]);
    world.ends("once", Exit::Code(0));
    world.advance(2_000);
    world.request(1, "a", Verb::Stop);
    assert_eq!((world.state("a"), world.exit.clone()), (State::Stopped, None));
    world.send(Event::Stop);
    world.request(2, "a", Verb::Start);
    assert_eq!(world.answers.get(&2), None, "the machine has ended");
}

#[test]
fn processes_of_nobody_are_terminated_and_then_killed() {
    let mut world = World::booted(&[("a", service())]);
    let mut actions = Vec::new();
    world.machine.step(10, Event::Stop, &mut actions);
    actions.clear();
    world.machine.step(20, Event::Exited { service: 0, incarnation: 1, exit: Exit::Code(0) }, &mut actions);
    actions.clear();
    world.machine.step(30, Event::TreeGone { service: 0, incarnation: 1, killed: 0 }, &mut actions);
    assert!(actions.contains(&Action::SignalStrays { signal: 15 }), "{actions:?}");
    actions.clear();
    world.machine.step(1_030, Event::Tick, &mut actions);
    assert_eq!(actions, [Action::SignalStrays { signal: 9 }]);
    actions.clear();
    world.machine.step(1_040, Event::NoChildren, &mut actions);
    assert!(matches!(actions.last(), Some(Action::Exit { code: 0, .. })), "{actions:?}");
}

#[test]
fn the_third_stop_does_not_wait_for_processes_of_nobody() {
    let mut world = World::booted(&[("a", service())]);
    let mut actions = Vec::new();
    world.machine.step(10, Event::Stop, &mut actions);
    world.machine.step(20, Event::Exited { service: 0, incarnation: 1, exit: Exit::Code(0) }, &mut actions);
    world.machine.step(30, Event::TreeGone { service: 0, incarnation: 1, killed: 0 }, &mut actions);
    world.machine.step(40, Event::Stop, &mut actions);
    assert!(!actions.contains(&Action::SignalStrays { signal: 9 }), "{actions:?}");
    world.machine.step(50, Event::Stop, &mut actions);
    assert!(actions.contains(&Action::SignalStrays { signal: 9 }), "{actions:?}");
}
