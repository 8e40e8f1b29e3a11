//! What must hold for a pod, whatever fails.

use crate::fault::Fault;
use crate::plan::{LINES, LOG_FILES};
use crate::pod::{LOOKS, Seen};
use nix::errno::Errno;
use std::collections::BTreeMap;
use std::time::Duration;

/// The exit code of a system call that failed at boot.
const SYSTEM: i32 = 111;
/// From the request to stop to the end: the pod's grace of 2 s, a second for logs, and what a busy machine takes.
const STOP: Duration = Duration::from_secs(15);
/// What podinit may do more than without a fault: so many calls of a kind, and so many a second.
const CALLS_MORE: f64 = 300.0;
const CALLS_A_SECOND: f64 = 200.0;

/// A pod without a fault.
#[derive(Debug)]
pub struct Good {
    /// How often podinit makes each call.
    pub calls: BTreeMap<String, u32>,
    /// How many descriptors it has when nothing happens.
    pub descriptors: usize,
}

/// Everything that is wrong with a pod.
pub fn problems(fault: Fault, seen: &Seen, good: &Good) -> Vec<String> {
    if std::env::var_os("PODINIT_FAULT").is_some() {
        println!("{}", seen.stdout);
        println!("{:#?}", Seen { stdout: String::new(), ..seen.clone() });
    }
    let mut problems = Vec::new();
    let mut check = |holds: bool, problem: String| {
        if !holds {
            problems.push(problem);
        }
    };
    check(!seen.stderr.contains("panicked"), format!("it panics: {}", seen.stderr));
    let leaked = seen.calls.get("leaked").copied().unwrap_or(0);
    check(leaked == 0, format!("{leaked} descriptors are open at its end"));
    if is_failed_boot(seen) {
        return problems;
    }
    check(!seen.ended_early, format!("it ends by itself: {:?}, {}", seen.code, seen.stderr));
    check(seen.settled || fault.lasts, "not all services are ready".to_owned());
    check(
        seen.descriptors.len() <= good.descriptors + more_descriptors(fault.call),
        format!("{} descriptors, not {}: {:?}", seen.descriptors.len(), good.descriptors, seen.descriptors),
    );
    check(seen.log_files <= LOG_FILES, format!("{} log files are open", seen.log_files));
    let is_reaped = seen.zombies == 0 || (fault.lasts && fault.call == "reap");
    check(is_reaped, format!("{} children are not reaped", seen.zombies));
    check(seen.busy <= LOOKS / 2, format!("it runs {} of {LOOKS} times with nothing to do", seen.busy));
    for (call, count) in &seen.calls {
        let usual = f64::from(good.calls.get(call).copied().unwrap_or(0));
        let most = 3.0 * usual + CALLS_MORE + CALLS_A_SECOND * seen.time.as_secs_f64();
        check(f64::from(*count) <= most || call == "failed", format!("{count} calls of {call}, {usual} without a fault"));
    }
    match seen.stop {
        None if fault.is_deafening() => {}
        None => check(false, "it does not stop".to_owned()),
        Some(time) => check(time < STOP, format!("it stops after {time:?}")),
    }
    check(seen.code == Some(0) || seen.stop.is_none(), format!("exit code {:?}: {}", seen.code, seen.stderr));
    // These are what the last line is written with.
    let is_silenced = seen.stop.is_none() || matches!(fault.call, "send" | "write" | "wait");
    check(is_silenced || seen.stderr.contains("podinit: asked to stop (exit code 0)"), format!("stderr: {}", seen.stderr));
    // A pipe that cannot be read has its lines to itself; and what cannot be written for ever cannot be said.
    let is_told = fault.call != "read" && !(fault.lasts && fault.call == "write") && seen.stop.is_some();
    if seen.settled && is_told {
        let sent = LINES * seen.runs;
        let written = count(&seen.stdout, |line| line.starts_with("talker | line "));
        let dropped = dropped(&seen.stdout, &seen.stderr, "the container's output");
        check(accounts(sent, written, dropped), format!("of {sent} lines {written} were written, {dropped} dropped"));
        // To say that a file is not there which is there has podinit move another one over it.
        let is_misled = fault.call == "rename" && fault.errno == Errno::ENOENT;
        let (written, dropped) = (seen.lines_in_files, self::dropped(&seen.stdout, &seen.stderr, "logs/talker"));
        check(
            is_misled || accounts(sent, written, dropped),
            format!("of {sent} lines {written} are in files, {dropped} dropped"),
        );
    }
    problems
}

/// podinit could not begin, said why, and has not started anything.
fn is_failed_boot(seen: &Seen) -> bool {
    seen.code == Some(SYSTEM) && seen.runs == 0 && seen.stderr.contains("cannot ")
}

/// What podinit may have open besides, where there is no other way.
fn more_descriptors(call: &str) -> usize {
    match call {
        // An output of the container that cannot be known or opened anew is written by a thread, which has an event.
        "open_again" | "stat_fd" => 2,
        // Processes that cannot be found, or not be killed, keep their pipes; two services leave one behind.
        "variable" | "kill" | "process" | "process_ids" => 3,
        // Whose end is not told of.
        "epoll_wait" => 3,
        _ => 0,
    }
}

/// Every line is written or dropped; podinit's own lines may be dropped, too.
fn accounts(sent: u64, written: u64, dropped: u64) -> bool {
    written <= sent && written + dropped >= sent && (dropped > 0 || written == sent)
}

fn count(text: &str, is_one: impl Fn(&str) -> bool) -> u64 {
    text.lines().filter(|line| is_one(line)).count() as u64
}

/// How many lines podinit says that it dropped, on their way to what is named.
fn dropped(stdout: &str, stderr: &str, goal: &str) -> u64 {
    let number = |line: &str| {
        let (before, _) = line.split_once(" lines dropped").or_else(|| line.split_once(" lines were dropped"))?;
        before.rsplit(|char: char| !char.is_ascii_digit()).next()?.parse::<u64>().ok()
    };
    let own = stdout.lines().chain(stderr.lines()).filter(|line| line.contains("podinit") && line.contains(goal));
    own.filter_map(number).sum()
}
