//! What follows from checks: passes that are needed, steps that are taken one after the other, intervals that differ.

use super::*;

/// A service that is checked every ten seconds, and stable when it was ready for ten.
fn stepped(steps: &[OnFailure]) -> Service {
    let mut service = checked(OnFailure::Restart);
    if let Some(check) = &mut service.healthcheck {
        check.on_failure = steps.to_vec();
    }
    service
}

/// Its check fails until something follows.
fn fails(world: &mut World) {
    for _ in 0..3 {
        world.advance(10_000);
        world.probed("web", Err("no answer"));
    }
}

#[test]
fn steps_are_taken_one_after_the_other_when_the_one_before_did_not_help() {
    let mut world = World::booted(&[("web", stepped(&[OnFailure::Restart, OnFailure::Restart, OnFailure::StopPod]))]);
    for _ in 0..2 {
        world.probed("web", Ok(()));
        world.told();
        // It hangs as soon as it is ready: to be ready for ten seconds until the first check finds that out is no help.
        fails(&mut world);
        assert_eq!(world.told(), "web unready, web stopping, web waiting, web starting");
    }
    world.probed("web", Ok(()));
    fails(&mut world);
    assert_eq!(world.exit, Some((112, "web is unhealthy: its check failed 3 times: no answer".to_owned())));
}

#[test]
fn a_stable_service_whose_check_passes_begins_with_the_first_step_again() {
    let mut world = World::booted(&[("web", stepped(&[OnFailure::Restart, OnFailure::StopPod]))]);
    for _ in 0..3 {
        world.probed("web", Ok(()));
        world.advance(10_000);
        world.probed("web", Ok(()));
        fails(&mut world);
        assert_eq!((world.state("web"), &world.exit), (State::Starting, &None));
    }
}

#[test]
fn somebody_who_restarts_it_begins_with_the_first_step_again() {
    let mut world = World::booted(&[("web", stepped(&[OnFailure::Restart, OnFailure::StopPod]))]);
    for _ in 0..3 {
        world.probed("web", Ok(()));
        fails(&mut world);
        assert_eq!((world.state("web"), &world.exit), (State::Starting, &None));
        world.probed("web", Ok(()));
        world.request(1, "web", Verb::Restart);
        world.answers.clear();
    }
}

#[test]
fn a_service_that_stays_unready_is_followed_by_the_next_step() {
    let mut world = World::booted(&[("web", stepped(&[OnFailure::Unready, OnFailure::Restart]))]);
    world.probed("web", Ok(()));
    fails(&mut world);
    assert_eq!(world.state("web"), State::Unready);
    world.told();
    fails(&mut world);
    assert_eq!(world.told(), "web stopping, web waiting, web starting");
}

#[test]
fn nothing_follows_from_none_but_the_next_step() {
    let mut world = World::booted(&[("web", stepped(&[OnFailure::None, OnFailure::Unready]))]);
    world.probed("web", Ok(()));
    fails(&mut world);
    assert_eq!(world.state("web"), State::Ready);
    fails(&mut world);
    assert_eq!(world.state("web"), State::Unready);
}

#[test]
fn so_many_passes_in_a_row_make_ready() {
    let mut web = checked(OnFailure::Unready);
    if let Some(check) = &mut web.healthcheck {
        check.success_threshold = 2;
    }
    let mut world = World::booted(&[("web", web)]);
    for result in [Ok(()), Err("no"), Ok(())] {
        world.probed("web", result);
        assert_eq!(world.state("web"), State::Starting);
        world.advance(500);
    }
    world.probed("web", Ok(()));
    assert_eq!(world.state("web"), State::Ready);
    fails(&mut world);
    assert_eq!(world.state("web"), State::Unready);
    for state in [State::Unready, State::Ready] {
        world.advance(10_000);
        world.probed("web", Ok(()));
        assert_eq!(world.state("web"), state);
    }
}

#[test]
fn intervals_differ_by_their_jitter() {
    let mut web = checked(OnFailure::Unready);
    if let Some(check) = &mut web.healthcheck {
        check.jitter_ms = 1_000;
    }
    let mut world = World::booted(&[("web", web)]);
    let mut intervals = std::collections::BTreeSet::new();
    for _ in 0..20 {
        world.probed("web", Ok(()));
        let begun = world.now;
        while world.probing.is_empty() {
            let next = world.machine.deadline().unwrap();
            world.advance(next - world.now);
        }
        intervals.insert(world.now - begun);
    }
    assert!(intervals.len() > 10 && intervals.iter().all(|interval| (10_000..=11_000).contains(interval)), "{intervals:?}");
}
