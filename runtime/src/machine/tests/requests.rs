//! What is asked for by hand, and that everybody who asks is answered.

use super::*;

#[test]
fn a_stop_that_a_later_start_undoes_is_answered() {
    for verb in [Verb::Start, Verb::Restart] {
        let mut world = World::booted(&[("a", service())]);
        world.advance(2_000);
        world.obedient = false;
        world.request(1, "a", Verb::Stop);
        world.request(2, "a", verb);
        let answer = world.answers.get(&1).cloned();
        assert!(answer.is_some_and(|answer| answer.is_err_and(|why| why.contains("started again: "))), "{verb:?}");
        world.ends("a", Exit::Code(0));
        world.send(Event::TreeGone { service: 0, incarnation: 1, killed: 0 });
        world.advance(2_000);
        assert_eq!(world.answers.get(&2), Some(&Ok(State::Ready)), "{verb:?}");
    }
}

#[test]
fn requests_that_nobody_waits_for_any_more_do_not_pile_up() {
    let mut world = World::booted(&[("a", after(&["b"], service())), ("b", checked(OnFailure::Unready))]);
    for request in 0..1_000 {
        world.request(request, "a", Verb::Start);
    }
    assert!(world.answers.len() > 900, "{} of 1000 were answered", world.answers.len());
    assert!(world.answers.keys().copied().eq(0..world.answers.len() as u64), "the oldest first");
    world.probed("b", Ok(()));
    world.advance(2_000);
    assert_eq!(world.answers.len(), 1_000);
    assert_eq!(world.answers.get(&999), Some(&Ok(State::Ready)));
}

#[test]
fn what_a_service_waits_for_is_said_in_a_few_words_however_many_there_are() {
    let names: Vec<String> = (0..1_000).map(|number| format!("service-{number:04}")).collect();
    let one = |(priority, name): (usize, &String)| (name.clone(), Service { priority: priority as i64, ..service() });
    let mut plan = plan(&[]);
    plan.services = names.iter().enumerate().map(one).collect();
    let last = plan.services.get_mut("service-0999").unwrap();
    last.depends_on = names[..900].to_vec();
    let mut world = World::of(&plan);
    world.send(Event::Boot);
    let dependencies = "waits for service-0000 (starting), service-0001 (waiting), service-0002 (waiting) and 897 more";
    assert_eq!(world.reason("service-0999"), dependencies);
    let earlier =
        "waits for lower priorities: service-0000 (starting), service-0001 (waiting), service-0002 (waiting) and 995 more";
    assert_eq!(world.reason("service-0998"), earlier);
}
