//! Services that are killed at random, one or several at a time.

use super::{Killer, tireless};
use crate::support::plans::{idle, pod};
use crate::support::{Pod, scaled};
use podinit_plan::protocol::{EventKind, Exit};
use podinit_plan::state::State;
use std::collections::BTreeMap;
use std::time::Instant;

const SERVICES: usize = 20;

#[test]
fn every_kill_is_one_restart_and_nothing_is_lost() {
    let kills = scaled(100, 10_000);
    let mut pod = Pod::start(|_| {
        let mut plan = pod([]);
        plan.services = (0..SERVICES).map(|number| (format!("service-{number:02}"), tireless(idle()))).collect();
        plan
    });
    let names: Vec<String> = (0..SERVICES).map(|number| format!("service-{number:02}")).collect();
    // By service: how often it was killed, and its process. By number: every event is there, once.
    let mut killed: BTreeMap<&str, u64> = names.iter().map(|name| (name.as_str(), 0)).collect();
    let mut pids = BTreeMap::new();
    let mut sequence = 0;
    while pids.len() < SERVICES {
        next_ready(&mut pod, &mut pids, &mut sequence);
    }
    let mut killer = Killer::new(&pod);
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let begun = Instant::now();
    let mut done = 0;
    while done < kills {
        let mut victims: Vec<&String> = (0..=random.below(5)).map(|_| &names[random.below(SERVICES)]).collect();
        victims.sort_unstable();
        victims.dedup();
        victims.truncate(kills - done);
        for victim in &victims {
            killer.kill(pids.remove(*victim).unwrap());
            *killed.get_mut(victim.as_str()).unwrap() += 1;
            done += 1;
        }
        while pids.len() < SERVICES {
            next_ready(&mut pod, &mut pids, &mut sequence);
        }
    }
    println!("{kills} kills in {:?}", begun.elapsed());
    let status = pod.status();
    assert!(status.ready, "{status:?}");
    for service in &status.services {
        let count = killed[service.name.as_str()];
        assert_eq!((service.restarts, service.incarnation, service.state), (count, count + 1, State::Ready), "{}", service.name);
        assert_eq!(service.last_exit, (count > 0).then_some(Exit::Signal(9)), "{}", service.name);
        assert_eq!(service.pid, pids.get(&service.name).copied(), "{}", service.name);
    }
    assert_eq!(status.services.iter().map(|service| service.restarts).sum::<u64>(), kills as u64);
    drop(killer);
    assert_eq!(pod.processes().len(), SERVICES, "{:?}", pod.processes());
    assert_eq!(pod.stop().code, Some(0));
}

/// Waits until a service that was not ready is; notes its process.
fn next_ready(pod: &mut Pod, pids: &mut BTreeMap<String, i32>, sequence: &mut u64) {
    let seen = std::cell::Cell::new(*sequence);
    let event = pod.wait("a successor", |event| {
        assert_eq!(event.seq, seen.get() + 1, "an event is missing");
        seen.set(event.seq);
        event.event == EventKind::State && event.state == Some(State::Ready)
    });
    *sequence = seen.get();
    let service = event.service.unwrap();
    assert!(pids.insert(service.clone(), event.pid.unwrap()).is_none(), "{service} was ready already");
}

/// xorshift: the same kills every time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }
}
