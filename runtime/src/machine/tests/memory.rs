//! Restarts for too much memory, and ends for the lack of it.

use super::*;

fn over_limit(world: &mut World, name: &str) {
    let service = world.id(name);
    let incarnation = world.running[&service];
    world.send(Event::OverLimit { service, incarnation, reason: "it uses 3MB".to_owned() });
}

#[test]
fn who_uses_too_much_is_stopped_and_comes_back_for_nothing_when_it_had_been_stable() {
    let mut web = service();
    web.restart.retries = 0;
    let mut world = World::booted(&[("web", web)]);
    for _ in 0..3 {
        world.advance(20_000);
        world.told();
        over_limit(&mut world, "web");
        assert_eq!(world.told(), "web stopping, web waiting, web starting");
    }
    assert_eq!(world.signals, ["web SIGTERM"; 3]);
    let status = world.machine.status(world.now);
    assert_eq!((status.services[0].restarts, world.exit), (3, None));
}

#[test]
fn who_uses_too_much_as_soon_as_it_is_up_is_given_up() {
    let mut web = service();
    web.restart.retries = 1;
    let mut world = World::booted(&[("web", web)]);
    for _ in 0..2 {
        world.advance(1_100);
        over_limit(&mut world, "web");
    }
    assert_eq!(world.exit, Some((112, "web is down for good: it uses 3MB; failed 2 times".to_owned())));
}

#[test]
fn an_end_says_that_it_was_the_kernel_s_doing() {
    let mut world = World::booted(&[("web", service())]);
    world.advance(1_100);
    let (service, incarnation) = (world.id("web"), 1);
    world.send(Event::OomKilled { service, incarnation });
    world.obedient = false;
    let mut actions = Vec::new();
    world.machine.step(world.now, Event::Exited { service, incarnation, exit: Exit::Signal(9) }, &mut actions);
    let reasons: Vec<_> = actions
        .iter()
        .filter_map(|action| if let Action::Publish(record) = action { record.reason.as_deref() } else { None })
        .collect();
    assert_eq!(reasons, ["ended with SIGKILL, killed by the kernel: out of memory"]);
}
