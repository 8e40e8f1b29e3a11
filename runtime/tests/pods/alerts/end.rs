//! The end of a pod, and its next life: what was promised is told before, or after.

use super::delivery::{KEEP, deliveries, stand_in};
use super::*;
use std::time::{Duration, Instant};

/// A plan that ends by itself at once, with an alert of it to an address.
fn ends(sinks: Alerts) -> Plan {
    with(sinks, pod([("web", no_retries(shell("exit 7")))]))
}

#[test]
fn the_last_alerts_are_delivered_before_podinit_ends() {
    let (folder, setting) = stand_in(&format!("sleep 0.3\n{KEEP}"));
    let pod = Pod::start_in(setting, |_| ends(alerts([("hook", http("http://x"))])));
    assert_eq!(pod.end().code, Some(7));
    let told: Vec<Alert> = deliveries(&folder).into_iter().map(|delivery| delivery.alert).collect();
    assert_eq!(kinds(&told), [(AlertKind::Fatal, AlertStatus::Firing), (AlertKind::PodStopping, AlertStatus::Firing)]);
}

#[test]
fn nobody_who_hangs_keeps_a_pod_from_ending() {
    let (_folder, setting) = stand_in("trap '' TERM; cat > /dev/null; sleep 1000");
    let begun = Instant::now();
    let pod = Pod::start_in(setting, |_| ends(alerts([("hook", http("http://x"))])));
    let ended = pod.end();
    assert_eq!(ended.code, Some(7));
    assert!(ended.output.contains("2 alerts to hook were not delivered\n"), "{}", ended.output);
    // Two seconds, and what a busy machine takes.
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn a_pod_that_is_asked_to_stop_waits_for_nobody() {
    let (folder, setting) = stand_in("cat > /dev/null; touch begun; sleep 1000");
    let pod = Pod::start_in(setting, |_| with(alerts([("hook", http("http://x"))]), pod([("web", crashes_once("true"))])));
    wait_for("the delivery to begin", || folder.path().join("begun").exists().then_some(()));
    let begun = Instant::now();
    let ended = pod.stop();
    assert_eq!(ended.code, Some(0));
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert!(ended.output.contains("1 alerts to hook were not delivered\n"), "{}", ended.output);
}

#[test]
fn what_was_not_delivered_is_after_a_restart_of_the_pod() {
    let volume = tempfile::tempdir().unwrap();
    let queue = volume.path().join("queue").to_str().unwrap().to_owned();
    let life = |setting: Setting| {
        let sinks = Alerts { queue: Some(queue.clone()), ..alerts([("hook", http("http://x"))]) };
        Pod::start_in(setting, |_| ends(sinks))
    };
    let (_folder, setting) = stand_in("cat > /dev/null; exit 75");
    let ended = life(setting).end();
    assert_eq!(ended.code, Some(7));
    assert!(ended.output.contains("2 alerts to hook were not delivered; they are kept for the next start"), "{}", ended.output);
    let (folder, setting) = stand_in(KEEP);
    assert_eq!(life(setting).end().code, Some(7));
    let told: Vec<Alert> = deliveries(&folder).into_iter().map(|delivery| delivery.alert).collect();
    // Those of the first life; what is the same in the second comes too soon after them to be told, until it ends.
    let of_first = [(AlertKind::Fatal, AlertStatus::Firing), (AlertKind::PodStopping, AlertStatus::Firing)];
    assert_eq!(kinds(&told)[..2], of_first, "{told:?}");
    let mut ids: Vec<&str> = told.iter().map(|alert| alert.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), told.len(), "{told:?}");
}

#[test]
fn a_queue_that_cannot_be_read_is_said_and_nothing_else() {
    let volume = tempfile::tempdir().unwrap();
    std::fs::write(volume.path().join("hook.json"), "{\"waiting\":[{}").unwrap();
    let (folder, setting) = stand_in(KEEP);
    let queue = Some(volume.path().to_str().unwrap().to_owned());
    let pod = Pod::start_in(setting, |_| ends(Alerts { queue, ..alerts([("hook", http("http://x"))]) }));
    let ended = pod.end();
    assert!(ended.output.contains("they are lost"), "{}", ended.output);
    assert_eq!(deliveries(&folder).len(), 2);
}
