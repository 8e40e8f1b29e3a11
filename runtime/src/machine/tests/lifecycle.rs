//! Order, readiness, failure and restart, requests.

use super::*;

#[test]
fn equal_priorities_start_together_and_higher_ones_wait_until_those_are_ready() {
    let late = Service { priority: 200, ..service() };
    let mut world = World::booted(&[("a", service()), ("b", service()), ("z", late)]);
    assert_eq!(world.told(), "z waiting, a starting, b starting");
    assert_eq!(world.reason("z"), "waits for lower priorities: a (starting), b (starting)");
    world.advance(1_000);
    assert_eq!(world.told(), "a ready, b ready, z starting");
}

#[test]
fn a_dependency_starts_with_the_priority_of_whoever_needs_it() {
    let first = after(&["db"], Service { priority: 10, ..service() });
    let db = Service { priority: 500, ..service() };
    let mut world = World::booted(&[("db", db), ("first", first), ("other", service())]);
    world.advance(1_000);
    assert_eq!(world.told(), "first waiting, other waiting, db starting, db ready, first starting");
    assert_eq!(world.reason("other"), "waits for lower priorities: first (starting)");
}

#[test]
fn a_oneshot_gates_until_it_is_done() {
    let mut world = World::booted(&[("app", after(&["migrate"], service())), ("migrate", oneshot())]);
    world.advance(5_000);
    assert_eq!(world.state("migrate"), State::Starting);
    assert_eq!(world.reason("app"), "waits for migrate (starting)");
    world.ends("migrate", Exit::Code(0));
    assert_eq!(world.told(), "app waiting, migrate starting, migrate done, app starting");
}

#[test]
fn a_oneshot_that_fails_is_tried_again_and_then_ends_the_pod_with_its_code() {
    let mut migrate = oneshot();
    migrate.restart.retries = 1;
    let mut world = World::booted(&[("app", after(&["migrate"], service())), ("migrate", migrate)]);
    world.ends("migrate", Exit::Code(3));
    assert_eq!(world.state("migrate"), State::Backoff);
    world.advance(1_000);
    world.ends("migrate", Exit::Code(3));
    assert_eq!(world.exit, Some((3, "migrate is down for good: ended with exit code 3; failed 2 times".to_owned())));
}

#[test]
fn a_check_makes_ready_and_a_failing_start_says_what_it_lacks() {
    let mut world = World::booted(&[("web", checked(OnFailure::Restart))]);
    world.probed("web", Err("connection refused"));
    assert_eq!((world.state("web"), world.reason("web").as_str()), (State::Starting, "connection refused"));
    world.advance(500);
    world.probed("web", Ok(()));
    assert_eq!(world.state("web"), State::Ready);
}

#[test]
fn a_start_that_takes_too_long_has_failed() {
    let mut web = checked(OnFailure::Restart);
    web.start_timeout_ms = 2_000;
    web.restart.retries = 0;
    let mut world = World::booted(&[("web", web)]);
    world.probed("web", Err("refused"));
    world.advance(2_000);
    assert_eq!(world.signals, ["web SIGTERM"]);
    let (code, reason) = world.exit.clone().unwrap();
    assert_eq!(code, 112);
    assert!(reason.contains("not ready within 2s: its check fails: refused"), "{reason}");
}

#[test]
fn retries_failures_in_a_row_make_a_service_unready_and_restart_it() {
    let mut world = World::booted(&[("web", checked(OnFailure::Restart))]);
    world.probed("web", Ok(()));
    for _ in 0..2 {
        world.advance(10_000);
        world.probed("web", Err("status 500"));
        assert_eq!(world.state("web"), State::Ready);
    }
    world.advance(10_000);
    world.told();
    world.probed("web", Err("status 500"));
    assert_eq!(world.told(), "web unready, web stopping, web waiting, web starting");
}

#[test]
fn a_success_in_between_forgets_the_failures() {
    let mut world = World::booted(&[("web", checked(OnFailure::Unready))]);
    world.probed("web", Ok(()));
    for result in [Err("x"), Err("x"), Ok(()), Err("x"), Err("x")] {
        world.advance(10_000);
        world.probed("web", result);
    }
    assert_eq!(world.state("web"), State::Ready);
    world.advance(10_000);
    world.probed("web", Err("x"));
    assert_eq!(world.state("web"), State::Unready);
    world.advance(10_000);
    world.probed("web", Ok(()));
    assert_eq!(world.state("web"), State::Ready);
}

#[test]
fn stop_pod_stops_the_pod_with_112() {
    let mut world = World::booted(&[("web", checked(OnFailure::StopPod))]);
    world.probed("web", Ok(()));
    for _ in 0..3 {
        world.advance(10_000);
        world.probed("web", Err("x"));
    }
    assert_eq!(world.exit, Some((112, "web is unhealthy: its check failed 3 times: x".to_owned())));
}

#[test]
fn delays_are_none_after_a_stable_run_none_at_the_first_failure_of_a_ready_one_then_doubled() {
    let mut world = World::booted(&[("a", service())]);
    world.advance(11_000);
    world.told();
    world.ends("a", Exit::Code(1));
    assert_eq!(world.told(), "a waiting, a starting", "stable: at once");
    world.advance(1_000);
    world.ends("a", Exit::Signal(9));
    assert_eq!(world.state("a"), State::Starting, "ready, first failure: at once");
    for delay in [1_000, 2_000, 4_000, 8_000] {
        world.ends("a", Exit::Code(7));
        world.advance(delay - 1);
        assert_eq!(world.state("a"), State::Backoff, "{delay}");
        world.advance(1);
        assert_eq!(world.state("a"), State::Starting, "{delay}");
    }
    world.ends("a", Exit::Code(7));
    assert_eq!(world.exit.as_ref().map(|(code, _)| *code), Some(7));
}

#[test]
fn exit_codes_of_the_pod_follow_the_last_end() {
    for (exit, code) in [(Exit::Code(5), 5), (Exit::Signal(11), 139), (Exit::Code(0), 113)] {
        let mut fragile = service();
        fragile.restart.retries = 0;
        let mut world = World::booted(&[("a", fragile)]);
        world.ends("a", exit);
        assert_eq!(world.exit.as_ref().map(|(code, _)| *code), Some(code), "{exit}");
    }
    let mut missing = service();
    missing.restart.retries = 0;
    let mut world = World::new(&[("a", missing)]);
    world.spawn_failure = Some(SpawnFailure { message: "cannot execute x: not found".to_owned(), code: 127 });
    world.send(Event::Boot);
    assert_eq!(world.exit.as_ref().map(|(code, _)| *code), Some(127));
}

#[test]
fn an_unessential_service_may_be_fatal_while_the_pod_goes_on() {
    let mut extra = service();
    extra.restart.retries = 0;
    extra.essential = false;
    let mut world = World::booted(&[("a", service()), ("extra", extra)]);
    world.ends("extra", Exit::Code(1));
    assert_eq!((world.state("extra"), world.state("a"), world.exit.clone()), (State::Fatal, State::Starting, None));
    world.advance(1_000);
    assert!(world.machine.is_ready());
}

#[test]
fn what_an_essential_service_needs_is_essential_too() {
    let mut cache = service();
    cache.restart.retries = 0;
    cache.essential = false;
    let mut world = World::booted(&[("app", after(&["cache"], service())), ("cache", cache)]);
    world.ends("cache", Exit::Code(9));
    assert_eq!(world.exit.as_ref().map(|(code, _)| *code), Some(9));
}

#[test]
fn policies_decide_which_ends_are_followed_by_a_restart() {
    use RestartPolicy::{Always, Never, OnFailure};
    for (policy, exit, want) in [
        (Always, Exit::Code(0), State::Starting),
        (OnFailure, Exit::Code(0), State::Done),
        (OnFailure, Exit::Code(1), State::Starting),
        (OnFailure, Exit::Signal(15), State::Starting),
        (Never, Exit::Code(1), State::Done),
    ] {
        let mut a = service();
        a.restart.policy = policy;
        a.essential = false;
        let mut world = World::booted(&[("a", a), ("b", service())]);
        world.advance(20_000);
        world.ends("a", exit);
        assert_eq!(world.state("a"), want, "{policy:?} {exit}");
    }
}

#[test]
fn events_of_another_incarnation_change_nothing() {
    let mut world = World::booted(&[("a", service())]);
    world.advance(20_000);
    world.ends("a", Exit::Code(1));
    world.told();
    world.send(Event::Exited { service: 0, incarnation: 1, exit: Exit::Code(0) });
    world.send(Event::Probed { service: 0, incarnation: 1, result: Err("late".to_owned()) });
    world.send(Event::TreeGone { service: 0, incarnation: 7, killed: 1 });
    assert_eq!((world.told().as_str(), world.state("a")), ("", State::Starting));
}

#[test]
fn requests_are_answered_when_they_are_done() {
    let mut world = World::booted(&[("a", service()), ("b", after(&["a"], service()))]);
    world.advance(2_000);
    world.request(1, "a", Verb::Stop);
    assert_eq!(world.answers[&1], Ok(State::Stopped));
    assert_eq!(world.state("b"), State::Ready, "a dependency lost later stops nobody");
    assert!(!world.machine.is_ready(), "an essential service is down");
    world.request(2, "b", Verb::Restart);
    assert_eq!(world.reason("b"), "waits for a (stopped)");
    world.request(3, "a", Verb::Start);
    assert_eq!(world.answers.get(&3), None);
    world.advance(1_000);
    assert_eq!(world.answers[&3], Ok(State::Ready));
    world.advance(1_000);
    assert_eq!(world.answers[&2], Ok(State::Ready));
    assert_eq!(world.exit, None);
}

#[test]
fn a_start_that_fails_is_answered_at_its_first_failure() {
    let mut world = World::booted(&[("a", service()), ("b", Service { autostart: "false".to_owned(), ..service() })]);
    world.request(1, "b", Verb::Start);
    world.ends("b", Exit::Code(1));
    assert_eq!(world.answers[&1], Err("b failed and will be tried again: ended with exit code 1".to_owned()));
}

#[test]
fn a_pause_discards_probes_and_prolongs_what_runs() {
    let mut slow = checked(OnFailure::Restart);
    slow.start_timeout_ms = 5_000;
    let mut world = World::booted(&[("web", slow)]);
    world.now += 60_000;
    world.send(Event::Late { by: 59_500 });
    assert!(world.probing.is_empty(), "the probe under way is forgotten");
    assert_eq!(world.state("web"), State::Starting);
    world.advance(500);
    world.probed("web", Ok(()));
    assert_eq!(world.state("web"), State::Ready);
}

#[test]
fn a_wrong_plan_is_refused_with_its_reason() {
    let refuse = |services: &[(&str, Service)]| Machine::new(&plan(services), 0).unwrap_err();
    assert_eq!(
        refuse(&[("a", after(&["b"], service())), ("b", after(&["a"], service()))]),
        "services depend on each other: a -> b -> a"
    );
    assert_eq!(refuse(&[("a", after(&["x"], service()))]), "a depends on x, which is not in the plan");
    let mut odd = service();
    odd.stop.signal = "SIGNOPE".to_owned();
    assert_eq!(refuse(&[("a", odd)]), "a: there is no signal SIGNOPE");
}
