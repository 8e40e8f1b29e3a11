//! What podinit is started with by careless hands, and what its children start with all the same.

use crate::support::plans::{oneshot, pod, shell};
use crate::support::{Pod, Setting, wait_for};
use nix::sys::signal::Signal;
use podinit_plan::plan::Command;
use podinit_plan::state::State;

/// Prints what a process does with signals, a line each.
const SIGNALS: &str = "exec awk '/^(Sig(Blk|Ign)|ShdPnd)/ { print $1 $2 }' /proc/self/status";
const CLEAN: [&str; 3] = ["ShdPnd:0000000000000000", "SigBlk:0000000000000000", "SigIgn:0000000000000000"];

#[test]
fn signals_that_were_ignored_or_blocked_are_not_in_children() {
    // All but SIGKILL, SIGSTOP and the two that are the C library's own.
    let before = "exec perl -MPOSIX -e '\
        $SIG{$_} = \"IGNORE\" for qw(HUP INT QUIT PIPE TERM CHLD USR1 USR2 TSTP TTIN TTOU WINCH); \
        sigprocmask(SIG_BLOCK, POSIX::SigSet->new(grep { $_ != 32 && $_ != 33 } 1..64)); \
        exec @ARGV' \"$0\" --plan \"$1\"";
    let setting = Setting { before: before.to_owned(), ..Setting::default() };
    let pod = Pod::start_in(setting, |_| {
        let mut hooked = oneshot("true");
        let hook = Command::Words(["/bin/sh", "-c", SIGNALS].map(str::to_owned).to_vec());
        (hooked.pre_start, hooked.post_stop) = (Some(hook.clone()), Some(hook));
        // To be stopped by SIGTERM it must be neither ignored nor blocked; SIGKILL would take longer than the test.
        let mut stopped = shell("exec sleep 1000");
        stopped.stop.grace_period_ms = 600_000;
        let mut plan = pod([("hooked", hooked), ("main", oneshot(SIGNALS)), ("stopped", stopped)]);
        plan.stop_grace_period_ms = 600_000;
        plan
    });
    wait_for("the ends of two", || {
        let states: Vec<State> = pod.status().services.iter().map(|service| service.state).collect();
        (states == [State::Done, State::Done, State::Ready]).then_some(())
    });
    pod.signal(Signal::SIGTERM);
    let ended = pod.end();
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    for (service, runs) in [("main", 1), ("hooked", 2)] {
        let mut said = ended.of(service);
        said.sort_unstable();
        let want: Vec<&str> = CLEAN.iter().flat_map(|line| std::iter::repeat_n(*line, runs)).collect();
        assert_eq!(said, want, "{service}");
    }
}
