//! `podinit COMMAND` at a terminal: whose it is, and whom its keys reach.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a test's own means is a failure of the test")]

use crate::support::{PODINIT, is_root, wait_for};
use nix::pty::openpty;
use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};

/// A program with a terminal of its own, and the other end of that terminal.
pub struct Console {
    child: Child,
    master: File,
    seen: String,
}

impl Console {
    pub fn start(command: &[&str]) -> Console {
        let pty = openpty(None, None).unwrap();
        let slave = || Stdio::from(pty.slave.try_clone().unwrap());
        let mut setsid = Command::new("setsid");
        setsid.arg("--ctty").args(command).env("PS1", "").stdin(slave()).stdout(slave()).stderr(slave());
        Console { child: setsid.spawn().unwrap(), master: pty.master.into(), seen: String::new() }
    }

    pub fn write(&mut self, text: &str) {
        self.master.write_all(text.as_bytes()).unwrap();
    }

    /// What has been seen, which from now on has not been.
    pub fn forget(&mut self) -> String {
        std::mem::take(&mut self.seen)
    }

    /// Reads on until the text was seen.
    pub fn wait(&mut self, text: &str) {
        let mut buffer = [0; 4096];
        while !self.seen.contains(text) {
            let count = self.master.read(&mut buffer).unwrap_or(0);
            assert!(count > 0, "there was no `{text}`: {}", self.seen);
            self.seen.push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
    }

    pub fn end(&mut self) -> Option<i32> {
        wait_for("the end", || self.child.try_wait().unwrap()).code()
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Says whether the shell's group is the one in the foreground.
const IS_IN_FOREGROUND: &str = "read -r _ _ _ _ own _ _ foreground _ </proc/self/stat; \
     if test $own = $foreground; then echo in-the-foreground; else echo in-the-back; fi; ";

#[test]
fn the_terminal_is_the_command_s_and_its_keys_reach_it_alone() {
    let script = format!("{IS_IN_FOREGROUND} read line; echo got-$line; exec sleep 1000");
    let init = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", PODINIT];
    for podinit in [&init[..], &[PODINIT]] {
        if podinit.len() > 1 && !is_root() {
            continue;
        }
        let mut console = Console::start(&[podinit, &["sh", "-c", &script]].concat());
        console.wait("in-the-foreground");
        console.write("word\n");
        console.wait("got-word");
        // Ctrl-C.
        console.write("\x03");
        assert_eq!(console.end(), Some(130));
    }
}

#[test]
fn a_shell_has_job_control() {
    let mut console = Console::start(&[PODINIT, "sh", "-i"]);
    console.write("echo $((20+3))\n");
    console.wait("23");
    console.write("sh -c 'echo be''gun; read line; echo said-$line'\n");
    console.wait("begun");
    // Ctrl-Z.
    console.write("\x1a");
    console.wait("Stopped");
    console.write("fg\nword\n");
    console.wait("said-word");
    console.write("exit 11\n");
    assert_eq!(console.end(), Some(11), "{}", console.seen);
    assert!(!console.seen.contains("job control"), "{}", console.seen);
}

#[test]
fn a_shell_gets_its_terminal_back_and_keeps_it_from_what_is_in_the_background() {
    let mut console = Console::start(&["sh", "-c", &format!("{PODINIT} true; {IS_IN_FOREGROUND}")]);
    console.wait("in-the-foreground");
    let behind = format!("set -m; {PODINIT} sh -c '{IS_IN_FOREGROUND}' & wait; {IS_IN_FOREGROUND}");
    let mut console = Console::start(&["sh", "-c", &behind]);
    console.wait("in-the-foreground");
    assert!(console.seen.contains("in-the-back"), "{}", console.seen);
}
