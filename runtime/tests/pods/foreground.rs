//! `podinit COMMAND`: what dumb-init and tini assert of themselves, as PID 1 and as anybody else.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "what goes wrong in a test's own means is a failure of the test")]

use crate::support::{PODINIT, unshare, wait_for};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};

const SIGUSR1: i32 = 10;
const SIGUSR2: i32 = 12;
const SIGTERM: i32 = 15;
const SIGCONT: i32 = 18;
const SIGTSTP: i32 = 20;

/// Every signal that can be caught but SIGCHLD, which podinit itself needs; 32 and 33 are the C library's.
fn catchable() -> impl Iterator<Item = i32> {
    (1..=64).filter(|signal| ![9, 17, 19, 32, 33].contains(signal))
}

/// Whether podinit is PID 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum As {
    Init,
    Subreaper,
}

fn podinit(place: As) -> Command {
    match place {
        As::Subreaper => Command::new(PODINIT),
        As::Init => {
            let mut command = unshare();
            command.arg(PODINIT);
            command
        }
    }
}

fn output(place: As, words: &[&str]) -> Output {
    podinit(place).args(words).output().unwrap()
}

fn shell(place: As, script: &str) -> Output {
    output(place, &["sh", "-c", script])
}

/// A running command under podinit, which says lines and listens to its stdin.
struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    pid: i32,
}

impl Running {
    fn start(place: As, script: &str) -> Running {
        let mut command = podinit(place);
        let mut child = command.args(["sh", "-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            BufReader::new(stdout).lines().map_while(Result::ok).try_for_each(|line| sender.send(line).ok());
        });
        let own = i32::try_from(child.id()).unwrap();
        let pid = if place == As::Init { wait_for("podinit", || children(own).first().copied()) } else { own };
        Running { stdin: child.stdin.take(), child, lines, pid }
    }

    fn line(&self) -> String {
        self.lines.recv_timeout(crate::support::PATIENCE).expect("the command says no more")
    }

    fn signal(&self, signal: i32) {
        send(self.pid, signal);
    }

    /// Ends its stdin, and waits.
    fn end(mut self) -> ExitStatus {
        self.stdin.take();
        wait_for("its end", || self.child.try_wait().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A subreaper that is killed leaves everybody behind.
        for pid in descendants(self.pid) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn send(pid: i32, signal: i32) {
    // SAFETY: touches no memory.
    assert_eq!(unsafe { libc::kill(pid, signal) }, 0, "signal {signal} to {pid}");
}

fn children(pid: i32) -> Vec<i32> {
    let list = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

/// The letter that the kernel has for what a process does.
fn state(pid: i32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

#[test]
fn every_exit_code_is_the_command_s() {
    for code in 0..=255 {
        let ended = shell(As::Subreaper, &format!("exit {code}"));
        assert_eq!(ended.status.code(), Some(code), "{ended:?}");
    }
    for code in [0, 1, 127, 255] {
        assert_eq!(shell(As::Init, &format!("exit {code}")).status.code(), Some(code));
    }
}

#[test]
fn a_command_that_died_of_a_signal_is_told_as_a_shell_would() {
    for place in [As::Init, As::Subreaper] {
        for signal in [1, 2, 6, 9, 11, 15, 31, 40] {
            let ended = shell(place, &format!("ulimit -c 0; kill -{signal} $$"));
            assert_eq!(ended.status.code(), Some(128 + signal), "{place:?}");
        }
    }
}

#[test]
fn a_command_that_cannot_be_executed_has_the_exit_code_of_shells_and_is_named() {
    for place in [As::Init, As::Subreaper] {
        for (command, code, said) in [
            ("no-such-program", 127, "podinit: cannot execute no-such-program: it is not in PATH\n"),
            ("/no/such/program", 127, "podinit: cannot execute /no/such/program: it, or its interpreter, is not there\n"),
            ("/etc/passwd", 126, "podinit: cannot execute /etc/passwd: Permission denied (os error 13)\n"),
            ("/etc", 126, "podinit: cannot execute /etc: Permission denied (os error 13)\n"),
        ] {
            let ended = output(place, &[command, "word"]);
            assert_eq!((ended.status.code(), &*String::from_utf8_lossy(&ended.stderr)), (Some(code), said), "{place:?}");
        }
    }
}

#[test]
fn two_dashes_make_a_command_of_podinit_s_own_words() {
    let code = |words: &[&str]| output(As::Subreaper, words).status.code();
    assert_eq!(code(&["--", "dial"]), Some(127), "not podinit's dial");
    assert_eq!(code(&["--", "sh", "-c", "exit 7"]), Some(7));
    assert_eq!(code(&["sh", "-c", "test \"$1\" = --", "sh", "--"]), Some(0), "the command's own are left alone");
    assert_eq!(code(&["--"]), Some(100));
    assert_eq!(code(&["--no-such-option"]), Some(100));
}

#[test]
fn the_environment_the_folder_and_the_files_are_the_command_s_as_they_are_podinit_s() {
    let folder = tempfile::tempdir().unwrap();
    let script = "pwd; echo $GREETING; umask; ulimit -n; readlink /proc/self/fd/0";
    let mut command = Command::new("sh");
    command.args(["-c", "umask 027; ulimit -n 123; exec \"$@\" <&-", "sh", PODINIT, "sh", "-c", script]);
    let ended = command.current_dir(&folder).env("GREETING", "two words").output().unwrap();
    let want = format!("{}\ntwo words\n0027\n123\n/dev/null\n", folder.path().display());
    assert_eq!(String::from_utf8_lossy(&ended.stdout), want, "a closed stdin is an empty one");
    // A folder that vanished, or that podinit may not enter, stays where the command is.
    let script = "mkdir gone && cd gone && rmdir ../gone && exec \"$@\"";
    let ended = Command::new("sh").args(["-c", script, "sh", PODINIT, "true"]).current_dir(&folder).output().unwrap();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
}

#[test]
fn the_command_begins_with_clean_signals() {
    for place in [As::Init, As::Subreaper] {
        let podinit = podinit(place);
        let mut command = Command::new("env");
        // Whoever started podinit ignores and blocks what it can.
        command.args(["--ignore-signal=HUP,INT,TSTP,PIPE,USR1,CHLD", "--block-signal=TERM,USR2,CHLD"]);
        command.arg(podinit.get_program()).args(podinit.get_args());
        let ended = command.args(["grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"]).output().unwrap();
        let zero = "0000000000000000";
        let want = format!("SigBlk:\t{zero}\nSigIgn:\t{zero}\n");
        assert_eq!(String::from_utf8_lossy(&ended.stdout), want, "{place:?}: {ended:?}");
    }
}

#[test]
fn every_signal_that_can_be_caught_is_handed_on() {
    // The numbers as they are trapped, one line each; a read is interrupted by signals.
    let traps: String = catchable().map(|signal| format!("trap 'echo {signal}' {signal}; ")).collect();
    let script = format!("{traps} echo ready; until read line && test \"$line\" = end; do :; done; exit 9");
    let mut running = Running::start(As::Init, &script);
    assert_eq!(running.line(), "ready");
    for signal in catchable() {
        running.signal(signal);
        assert_eq!(running.line(), signal.to_string());
    }
    running.stdin.as_mut().unwrap().write_all(b"end\n").unwrap();
    assert_eq!(running.end().code(), Some(9));
}

#[test]
fn the_whole_group_is_signalled_and_nobody_who_left_it() {
    for place in [As::Init, As::Subreaper] {
        // Says a letter for each signal, and its own pid first.
        let listen = |name: &str| {
            format!("trap 'echo {name} one' USR1; trap 'echo {name} two' USR2; echo {name} $$; while :; do sleep 0.01; done")
        };
        let script = format!(
            "{{ setsid sh -c \"{}\"; }} & {{ sh -c \"{}\"; }} & {}",
            listen("apart").replace('$', "\\$"),
            listen("inner").replace('$', "\\$"),
            listen("outer")
        );
        let running = Running::start(place, &script);
        let said = |running: &Running, count: usize| {
            let mut lines: Vec<String> = (0..count).map(|_| running.line()).collect();
            lines.sort();
            lines
        };
        let began = said(&running, 3);
        assert!(began.iter().zip(["apart", "inner", "outer"]).all(|(line, name)| line.starts_with(name)), "{began:?}");
        running.signal(SIGUSR1);
        assert_eq!(said(&running, 2), ["inner one", "outer one"], "{place:?}");
        // The lower of two signals comes first: would it have got the other one, it would say so before.
        let apart = descendants(running.pid).into_iter().find(|pid| is_leader_of_session(*pid)).unwrap();
        send(apart, SIGUSR2);
        assert_eq!(running.line(), "apart two", "{place:?}");
    }
}

fn descendants(pid: i32) -> Vec<i32> {
    let children = children(pid);
    children.iter().flat_map(|child| descendants(*child)).chain(children.iter().copied()).collect()
}

fn is_leader_of_session(pid: i32) -> bool {
    // SAFETY: touches no memory.
    unsafe { libc::getsid(pid) == pid }
}

#[test]
fn orphans_are_adopted_and_reaped_while_the_command_runs() {
    for place in [As::Init, As::Subreaper] {
        // Orphans that end when podinit has become their parent, in the group and out of it.
        let orphan = "while read -r _ _ _ parent _ </proc/self/stat; test $parent != $0; do :; done; echo orphan";
        let script = format!(
            "for i in 1 2 3 4 5 6 7 8 9 10; do (sh -c '{orphan}' $PPID &); (setsid sh -c '{orphan}' $PPID &); done; read line"
        );
        let running = Running::start(place, &script);
        for _ in 0..20 {
            assert_eq!(running.line(), "orphan", "{place:?}");
        }
        wait_for("podinit to have one child", || (children(running.pid).len() == 1).then_some(()));
        assert_eq!(running.end().code(), Some(1), "read was at its end");
    }
}

#[test]
fn a_storm_of_orphans_leaves_no_zombie_and_the_exit_code_is_still_the_command_s() {
    for place in [As::Init, As::Subreaper] {
        let script = "i=0; while [ $i -lt 300 ]; do (true &); i=$((i+1)); done; exit 42";
        assert_eq!(shell(place, script).status.code(), Some(42), "{place:?}");
    }
}

#[test]
fn a_subreaper_ends_what_the_command_left() {
    // One ends on SIGTERM and says so, one ignores it, one is stopped; two are in sessions of their own.
    let script = "
        setsid sh -c 'trap \"echo asked; exit\" TERM; echo $$; while :; do sleep 0.01; done' &
        setsid sh -c 'trap \"\" TERM; echo $$; while :; do sleep 0.01; done' &
        sh -c 'echo $$; kill -STOP $$' &
        read line; exit 5";
    let mut running = Running::start(As::Subreaper, script);
    let left: Vec<i32> = (0..3).map(|_| running.line().parse().unwrap()).collect();
    running.stdin.as_mut().unwrap().write_all(b"end\n").unwrap();
    assert_eq!(running.line(), "asked");
    assert_eq!(running.end().code(), Some(5));
    assert!(left.iter().all(|pid| state(*pid).is_none()), "{left:?}");
}

#[test]
fn what_the_command_leaves_in_the_container_ends_with_it() {
    let running = Running::start(As::Init, "setsid sleep 1000 & setsid -f sleep 1000; echo ready; read line");
    assert_eq!(running.line(), "ready");
    let left = wait_for("both", || Some(descendants(running.pid)).filter(|pids| pids.len() == 3));
    assert_eq!(running.end().code(), Some(1));
    assert!(left.iter().all(|pid| state(*pid).is_none()), "{left:?}");
}

#[test]
fn podinit_stops_and_goes_on_with_the_command() {
    let script = "trap 'echo again' CONT; echo ready; until read line && test \"$line\" = end; do :; done";
    let mut running = Running::start(As::Subreaper, script);
    assert_eq!(running.line(), "ready");
    let command = children(running.pid)[0];
    for _ in 0..2 {
        running.signal(SIGTSTP);
        for pid in [command, running.pid] {
            wait_for("it to be stopped", || (state(pid) == Some('T')).then_some(()));
        }
        running.signal(SIGCONT);
        assert_eq!(running.line(), "again");
        wait_for("podinit to go on", || (state(running.pid) != Some('T')).then_some(()));
    }
    running.stdin.as_mut().unwrap().write_all(b"end\n").unwrap();
    assert_eq!(running.end().code(), Some(0));
}

#[test]
fn a_pid_1_stays_awake_while_its_command_is_stopped() {
    let running = Running::start(As::Init, "echo ready; read line");
    assert_eq!(running.line(), "ready");
    let command = children(running.pid)[0];
    running.signal(SIGTSTP);
    wait_for("the command to be stopped", || (state(command) == Some('T')).then_some(()));
    running.signal(SIGTERM);
    running.signal(SIGCONT);
    assert_eq!(running.end().code(), Some(128 + SIGTERM));
}
