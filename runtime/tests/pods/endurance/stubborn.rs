//! Services that do not let go: of themselves, of their output, of their port.

use super::{Killer, tireless};
use crate::support::plans::{checked, pod, shell};
use crate::support::ports::free_port;
use crate::support::{Pod, scaled, wait_for};
use podinit_plan::plan::{HealthCheck, Probe};
use podinit_plan::protocol::Exit;
use podinit_plan::state::State;
use std::time::{Duration, Instant};

#[test]
fn deaf_services_are_killed_together_when_their_grace_is_over() {
    let grace = Duration::from_secs(1);
    // Deaf, mute, and so is a child that has left its session.
    let script = "trap '' TERM HUP INT; echo deaf; exec >&- 2>&-; setsid sleep 1000 & while :; do sleep 1000; done";
    let names: Vec<String> = (0..20).map(|number| format!("deaf-{number}")).collect();
    let pod = Pod::start(|_| {
        let mut service = shell(script);
        service.stop.grace_period_ms = u64::try_from(grace.as_millis()).unwrap();
        let mut plan = pod([]);
        plan.services = names.iter().map(|name| (name.clone(), service.clone())).collect();
        plan
    });
    // A shell, the child that it waits for, and the other one.
    wait_for("all of them", || (pod.processes().len() == 3 * names.len()).then_some(()));
    let begun = Instant::now();
    assert_eq!(pod.ask(&names[0], "stop").0, 200);
    let took = begun.elapsed();
    assert!(took >= grace && took < grace * 3, "{took:?}");
    assert_eq!(pod.status().services[0].last_exit, Some(Exit::Signal(9)));
    assert_eq!(pod.processes().len(), 3 * (names.len() - 1));
    let begun = Instant::now();
    let ended = pod.stop();
    let took = begun.elapsed();
    println!("{} deaf services were gone after {took:?}", names.len() - 1);
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    assert!(took < grace * 5, "one grace for all, not one after the other: {took:?}");
}

#[test]
fn the_port_of_a_killed_daemon_is_free_for_its_successor() {
    let kills = scaled(5, 200);
    let port = free_port();
    // A grandchild that has left group and session holds the port, and ignores what can be ignored. ReuseAddr as every
    // server has it: what is left of the checks' connections is in nobody's way, a listener is.
    let script = format!(
        "exec perl -MIO::Socket::INET -MPOSIX -e '
            $SIG{{$_}} = \"IGNORE\" for qw(TERM HUP INT);
            my $socket = IO::Socket::INET->new(LocalAddr => \"127.0.0.1:{port}\", Listen => 9, ReuseAddr => 1) or print(\"taken: $!\\n\"), exit 1;
            if (!fork) {{ setsid; exit if fork; setsid; while (1) {{ my $client = $socket->accept or next; close $client }} }}
            close $socket; wait; $SIG{{TERM}} = \"DEFAULT\"; print \"held\\n\"; sleep 1000'"
    );
    let mut pod = Pod::start(|_| {
        let mut service = tireless(checked("", shell(&script)));
        service.healthcheck = service.healthcheck.map(|check| HealthCheck { probe: Probe::Tcp { port }, ..check });
        pod([("daemon", service)])
    });
    let mut ready = pod.wait_state("daemon", State::Ready);
    let mut killer = Killer::new(&pod);
    for _ in 0..kills {
        killer.kill(ready.pid.unwrap());
        ready = pod.wait_state("daemon", State::Ready);
    }
    let status = &pod.status().services[0];
    assert_eq!((status.restarts, status.incarnation), (kills as u64, kills as u64 + 1));
    drop(killer);
    let ended = pod.stop();
    assert_eq!(ended.code, Some(0));
    assert!(!ended.output.contains("taken"), "{}", ended.output);
    assert!(ended.output.contains("that was left of it"), "the daemon was a leftover: {}", ended.output);
}
