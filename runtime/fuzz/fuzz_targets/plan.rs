//! Whatever a plan says: it is refused with words, or its machine runs without a panic, without starting what already
//! runs, and without turning in circles.
#![no_main]

use libfuzzer_sys::fuzz_target;
use podinit::load::prepare;
use podinit::machine::{Action, Event};
use podinit_plan::plan::Plan;
use podinit_plan::protocol::Exit;
use std::collections::BTreeMap;

/// Steps that follow from a boot at the most, answers and ticks at one moment.
const STEPS: usize = 100_000;

fuzz_target!(|bytes: &[u8]| {
    let Ok(plan) = serde_json::from_slice::<Plan>(bytes) else { return };
    if plan.services.len() > 20 {
        return;
    }
    let again = serde_json::to_vec(&plan).expect("a plan can be written");
    assert_eq!(serde_json::from_slice::<Plan>(&again).expect("and read again"), plan);
    let _ = plan.variables();
    let Ok((_, mut machine)) = prepare(plan, 1, &|name| (name != "NONE").then(|| name.to_owned())) else { return };
    let (mut now, mut events, mut running) = (0, vec![Event::Boot], BTreeMap::new());
    for step in 0..STEPS {
        let Some(event) = events.pop() else {
            match machine.deadline() {
                // Far enough to have seen what a plan does by itself.
                Some(at) if at < 1_000_000_000 => now = at.max(now),
                _ => return,
            }
            events.push(Event::Tick);
            continue;
        };
        let mut actions = Vec::new();
        machine.step(now, event, &mut actions);
        for action in actions.into_iter().rev() {
            // The last is taken first.
            let answer = match action {
                Action::Spawn { service, incarnation, .. } => {
                    assert!(running.insert(service, incarnation).is_none(), "it runs already");
                    Some(Event::Spawned { service, incarnation, pid: 1_000 + service as i32 })
                }
                Action::Signal { service, incarnation, .. } if running.get(&service) == Some(&incarnation) => {
                    running.remove(&service);
                    Some(Event::Exited { service, incarnation, exit: Exit::Code(0) })
                }
                Action::KillTree { service, incarnation } => {
                    let gone = Event::TreeGone { service, incarnation, killed: 0 };
                    let ran = running.remove(&service).is_some();
                    events.push(gone);
                    ran.then_some(Event::Exited { service, incarnation, exit: Exit::Signal(9) })
                }
                Action::Probe { service, incarnation } => {
                    let result = if step % 7 == 0 { Err("no".to_owned()) } else { Ok(()) };
                    Some(Event::Probed { service, incarnation, result })
                }
                Action::SignalStrays { .. } => Some(Event::NoChildren),
                Action::Exit { code, .. } => {
                    assert!((0..=255).contains(&code), "{code} is no exit code");
                    return;
                }
                _ => None,
            };
            events.extend(answer);
        }
    }
});
