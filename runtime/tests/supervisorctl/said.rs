//! What a command said and how it ended, without what no two runs have in common.

use super::daemon::Daemon;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{Read, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// What nothing takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often Ctrl-C is pressed, and how long its effect is waited for.
const PRESSES: usize = 5;
const BETWEEN_PRESSES: Duration = Duration::from_secs(2);

/// What a command said and how it ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Said {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    /// Processes that start or stop together are told of as they do.
    pub fn sort(&mut self) {
        let mut lines: Vec<&str> = self.stdout.lines().collect();
        lines.sort_unstable();
        self.stdout = lines.join("\n");
    }
}

/// Runs a command to its end.
pub fn run(mut command: Command, typed: &str, daemon: &Daemon) -> Said {
    let called = command.get_program().to_string_lossy().into_owned();
    let mut child = piped(&mut command);
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| normalized(&String::from_utf8_lossy(bytes).replace(&called, "CALLED"), daemon);
    Said { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// Runs a command until it has said `last`, and presses Ctrl-C until it ends: the original does not always hear the first.
pub fn interrupted(mut command: Command, last: &str, daemon: &Daemon) -> Said {
    let mut child = piped(&mut command);
    let _watch = Watch::over(&child);
    let mut stdout = child.stdout.take().unwrap();
    let mut text = until(&mut stdout, last);
    let pid = Pid::from_raw(child.id() as i32);
    let (ended_now, has_ended) = channel::<()>();
    let presses = std::thread::spawn(move || {
        for _ in 0..PRESSES {
            let _ = kill(pid, Signal::SIGINT);
            if has_ended.recv_timeout(BETWEEN_PRESSES) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
        let _ = kill(pid, Signal::SIGKILL);
    });
    stdout.read_to_string(&mut text).unwrap();
    let said = ended(child, &text, daemon);
    drop(ended_now);
    presses.join().unwrap();
    said
}

/// Types into a command; it has until it has said `last` for the answer, and then has no input any more.
pub fn typed(mut command: Command, typed: &str, last: &str, daemon: &Daemon) -> Said {
    let mut child = piped(&mut command);
    let _watch = Watch::over(&child);
    let mut stdout = child.stdout.take().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut text = until(&mut stdout, "<==\n");
    stdin.write_all(typed.as_bytes()).unwrap();
    text += &until(&mut stdout, last);
    drop(stdin);
    stdout.read_to_string(&mut text).unwrap();
    ended(child, &text, daemon)
}

/// Kills a process that does not end, so that nobody reads from it for ever.
struct Watch(#[expect(dead_code, reason = "it is its end that counts")] Sender<()>);

impl Watch {
    fn over(child: &Child) -> Watch {
        let pid = Pid::from_raw(child.id() as i32);
        let (is_over, over) = channel::<()>();
        std::thread::spawn(move || {
            if over.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                let _ = kill(pid, Signal::SIGKILL);
            }
        });
        Watch(is_over)
    }
}

fn piped(command: &mut Command) -> Child {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Reads until the text is there.
fn until(stdout: &mut ChildStdout, last: &str) -> String {
    let begun = Instant::now();
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(last.as_bytes()) {
        assert!(begun.elapsed() < PATIENCE && stdout.read(&mut byte).unwrap() == 1, "{}", String::from_utf8_lossy(&text));
        text.push(byte[0]);
    }
    String::from_utf8(text).unwrap()
}

fn ended(mut child: Child, stdout: &str, daemon: &Daemon) -> Said {
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    let code = child.wait().unwrap().code();
    Said { code, stdout: normalized(stdout, daemon), stderr: normalized(&stderr, daemon) }
}

/// Numbers and places are no two daemons' the same, and lines of Python's own are said otherwise.
fn normalized(text: &str, daemon: &Daemon) -> String {
    let text = text.replace(daemon.folder().to_str().unwrap(), "FOLDER").replace(&daemon.port().to_string(), "PORT");
    let mut lines: Vec<String> = Vec::new();
    for line in text.split('\n') {
        let mut plain = String::new();
        for c in line.chars() {
            match c {
                '0'..='9' if plain.ends_with('#') => {}
                '0'..='9' => plain.push('#'),
                c => plain.push(c),
            }
        }
        if let Some((before, _)) = plain.split_once("error: ") {
            // After these words the original goes on with a line of Python's.
            if lines.last().is_some_and(|last| last.ends_with("Server requires authentication")) {
                continue;
            }
            plain = format!("{before}error: …");
        }
        lines.push(plain);
    }
    lines.join("\n")
}
