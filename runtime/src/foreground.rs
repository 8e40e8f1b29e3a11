//! `podinit COMMAND`: one command instead of the services, with podinit as the small init that it needs: it reaps
//! orphans, and hands signals on. The command has podinit's stdin, stdout, stderr and terminal.

use crate::boot::Failure;
use crate::spawn::{DEFAULT_PATH, candidates, cannot_execute};
use crate::sys::Sys;
use crate::sys::attributes::Attributes;
use crate::sys::child::{Step, exit_code, failure};
use crate::sys::files::Wanted;
use crate::sys::processes::{Reaped, SpawnRequest, Standing, signal_group_of};
use crate::sys::procfs::Process;
use crate::sys::signals::SignalSource;
use podinit_plan::protocol::Exit;
use std::collections::BTreeMap;
use std::ffi::{CStr, CString, OsString};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStringExt;
use std::sync::atomic::Ordering;

const SIGKILL: i32 = 9;
const SIGTERM: i32 = 15;
const SIGCHLD: i32 = 17;
const SIGCONT: i32 = 18;
const SIGSTOP: i32 = 19;
/// What a terminal stops processes with; these can be caught.
const STOPS: [i32; 3] = [20, 21, 22];
/// How long what the command left has to end after SIGTERM, in milliseconds.
const GRACE_MS: u64 = 500;
/// For how long it is killed after that, in milliseconds: one that hangs in the kernel may take any time.
const KILL_MS: u64 = 1_000;
/// How long podinit waits for the next of them to end before it looks who is left, in milliseconds.
const LOOK_MS: u64 = 20;

/// Runs the command until it ends; returns its exit code, or 128 and the number of the signal it died of.
///
/// # Errors
/// The command could not be executed.
pub fn run<S: Sys>(sys: &S, command: &[OsString]) -> Result<i32, Failure> {
    let system = |what: &'static str| move |error: io::Error| Failure::system(what, &error);
    // The first of all: a signal that comes before the command is there is handed on when it is.
    let signals = sys.open_every_signal().map_err(system("read signals"))?;
    let is_init = sys.own_pid() == 1;
    if !is_init {
        sys.adopt_orphans().map_err(system("adopt orphans"))?;
    }
    let report = sys.shared_words(1).map_err(system("share memory with the command"))?;
    let terminal = sys.is_in_foreground();
    let (stdin, stdout, stderr) = (io::stdin(), io::stdout(), io::stderr());
    let words = command.iter().cloned().map(c_string).collect::<Vec<_>>();
    let name = command.first().map(|name| name.to_string_lossy()).unwrap_or_default();
    let path = std::env::var_os("PATH").map_or(DEFAULT_PATH.into(), |path| path.to_string_lossy().into_owned());
    let candidates: Vec<CString> = candidates(&name, &path).into_iter().map(|path| c_string(path.into())).collect();
    let environment: Vec<CString> = std::env::vars_os().map(variable).collect();
    let leader = sys
        .spawn(&SpawnRequest {
            candidates: &candidates,
            arguments: &words,
            environment: &environment.iter().map(CString::as_c_str).collect::<Vec<&CStr>>(),
            standing: Standing::Foreground { terminal },
            working_dir: None,
            stdin: stdin.as_fd(),
            stdout: stdout.as_fd(),
            stderr: stderr.as_fd(),
            notify: None,
            remove: None,
            credentials: None,
            attributes: &Attributes::default(),
            report: &report[0],
        })
        .map_err(system("fork"))?;
    sys.release_memory();

    let init = Init { sys, signals, leader, is_init, terminal };
    let exit = init.run();
    if !is_init {
        init.clean_up();
    }
    match failure(report[0].load(Ordering::Acquire)) {
        Some((step, errno)) => {
            let error = io::Error::from_raw_os_error(errno);
            let message = if step == Step::Execute {
                cannot_execute(&name, &error)
            } else {
                format!("cannot give {name} its place: {error}")
            };
            Err(Failure { messages: vec![message], code: exit_code(step, errno) })
        }
        None => Ok(match exit {
            Exit::Code(code) => code,
            Exit::Signal(signal) => 128 + signal,
        }),
    }
}

fn c_string(text: OsString) -> CString {
    // Arguments and variables come from the kernel, which ends them with their first NUL.
    CString::new(text.into_vec()).unwrap_or_default()
}

fn variable((name, value): (OsString, OsString)) -> CString {
    let mut entry = name;
    entry.push("=");
    entry.push(value);
    c_string(entry)
}

/// podinit while the command runs.
struct Init<'a, S> {
    sys: &'a S,
    signals: SignalSource,
    leader: i32,
    is_init: bool,
    /// The command was given the terminal.
    terminal: bool,
}

impl<S: Sys> Init<'_, S> {
    /// Until the command ends.
    fn run(&self) -> Exit {
        loop {
            self.wait(u64::MAX);
            while let Ok(Some(signal)) = self.sys.next_signal(&self.signals) {
                self.hand_on(signal);
            }
            while let Ok(Reaped::Child(dead)) = self.sys.reap() {
                if dead.pid == self.leader {
                    return dead.exit;
                }
            }
        }
    }

    /// Until there is a signal.
    fn wait(&self, timeout_ms: u64) {
        // When it fails, there is nothing better than to look.
        let _ = self.sys.wait(&[Wanted { fd: self.signals.as_fd(), write: false }], timeout_ms);
    }

    fn hand_on(&self, signal: i32) {
        if signal == SIGCHLD {
            return;
        }
        if signal == SIGCONT && self.terminal && self.sys.is_in_foreground() {
            // A shell made podinit, which was stopped, its foreground again.
            let _ = self.sys.set_foreground(Some(self.leader));
        }
        // It may have ended just now, or be somebody whom podinit may not signal.
        let _ = signal_group_of(self.sys, self.leader, signal);
        if STOPS.contains(&signal) && !self.is_init {
            // Whoever stopped podinit waits for that. The kernel never stops a PID 1.
            let _ = self.sys.kill(self.sys.own_pid(), SIGSTOP);
        }
    }

    /// Ends what the command left. As PID 1 podinit leaves that to the kernel.
    fn clean_up(&self) {
        if self.terminal {
            let _ = self.sys.set_foreground(None);
        }
        if !self.end(SIGTERM, GRACE_MS) {
            self.end(SIGKILL, KILL_MS);
        }
    }

    /// Sends all that is left a signal, each once, but those that come later too; returns whether nobody is left.
    fn end(&self, signal: i32, patience_ms: u64) -> bool {
        let deadline = self.sys.monotonic().as_millis() as u64 + patience_ms;
        let mut signalled = Vec::new();
        loop {
            loop {
                match self.sys.reap() {
                    Ok(Reaped::Child(..)) => {}
                    Ok(Reaped::Nobody) | Err(_) => break,
                    Ok(Reaped::NoChildren) => return true,
                }
            }
            if self.sys.monotonic().as_millis() as u64 >= deadline {
                return false;
            }
            for pid in self.descendants() {
                if !signalled.contains(&pid) {
                    let _ = self.sys.kill(pid, signal);
                    signalled.push(pid);
                }
            }
            self.wait(LOOK_MS);
            while let Ok(Some(_)) = self.sys.next_signal(&self.signals) {}
        }
    }

    /// Whoever descends from podinit and did not end yet.
    fn descendants(&self) -> Vec<i32> {
        let ids = self.sys.process_ids().into_iter().flatten().filter_map(Result::ok);
        let found: BTreeMap<i32, Process> = ids.filter_map(|pid| Some((pid, self.sys.process(pid).ok()??))).collect();
        let own = self.sys.own_pid();
        let descends = |process: &&Process| {
            let parent = |process: &&Process| found.get(&process.parent);
            // No process is its own ancestor; but the list was not made in one moment.
            std::iter::successors(Some(*process), parent).take(found.len()).any(|process| process.parent == own)
        };
        found.values().filter(|process| !process.zombie).filter(descends).map(|process| process.pid).collect()
    }
}
