//! Processes that end as children of podinit without ever having been its own.

use crate::support::plans::{idle, oneshot, pod};
use crate::support::{Pod, scaled, wait_for};
use podinit_plan::state::State;
use std::time::Instant;

/// What podinit may grow by, in KB, from the first tenth of the orphans to the last of them: pages of its heap that it
/// had not touched before.
const GROWTH: u64 = 256;

#[test]
fn orphans_leave_neither_zombies_nor_traces_in_podinit_s_memory() {
    let count = scaled(2_000, 100_000);
    let storm = |count: usize| oneshot(&format!("i=0; while [ $i -lt {count} ]; do (: &); i=$((i+1)); done; echo over"));
    let mut second = storm(count);
    second.autostart = "false".to_owned();
    let mut pod = Pod::start(|_| pod([("first", storm(count / 10)), ("other", idle()), ("second", second)]));
    let reaped = |pod: &Pod| wait_for("the last of the dead", || (pod.processes().len() == 1).then_some(()));
    pod.wait_state("first", State::Done);
    reaped(&pod);
    let before = anonymous(pod.pid());
    let begun = Instant::now();
    assert_eq!(pod.ask("second", "start").0, 200);
    pod.wait_state("second", State::Done);
    let stormed = begun.elapsed();
    reaped(&pod);
    let after = anonymous(pod.pid());
    println!("{count} orphans in {stormed:?}, all reaped after {:?}; podinit: {before} KB, then {after} KB", begun.elapsed());
    assert!(pod.processes()[0].contains("sleep"), "{:?}", pod.processes());
    assert!(after <= before + GROWTH, "{before} KB, then {after} KB");
    let ended = pod.stop();
    assert_eq!((ended.code, ended.of("second")), (Some(0), vec!["over"]));
}

/// The memory of a process that is not a file's, in KB.
fn anonymous(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
