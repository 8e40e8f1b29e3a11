//! Lines from stdin, terminal or not, and answers to questions.

use super::interrupt::Interrupt;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{self, LocalFlags, SetArg};
use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd};

/// What came from stdin.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line, without its end.
    Text(String),
    /// Nothing any more.
    End,
    /// Ctrl-C.
    Interrupted,
}

/// stdin, and what of it has been read but not used.
#[derive(Default)]
pub(super) struct Input {
    buffer: Vec<u8>,
    has_ended: bool,
}

impl Input {
    /// A line that is there already, or the end.
    pub fn ready(&mut self) -> Option<Line> {
        let end = self.buffer.iter().position(|byte| *byte == b'\n');
        if end.is_none() && !self.has_ended {
            return None;
        }
        if self.buffer.is_empty() {
            return Some(Line::End);
        }
        // What has no end is a line, too, when it is the last.
        let line: Vec<u8> = self.buffer.drain(..end.map_or(self.buffer.len(), |end| end + 1)).collect();
        Some(Line::Text(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned()))
    }

    /// Reads once, and waits for it.
    pub fn fill(&mut self) {
        let mut buffer = [0; 4096];
        match nix::unistd::read(io::stdin().as_fd(), &mut buffer) {
            Ok(0) => self.has_ended = true,
            Ok(count) => self.buffer.extend_from_slice(&buffer[..count]),
            Err(nix::errno::Errno::EINTR) => {}
            Err(_) => self.has_ended = true,
        }
    }

    /// Asks, and waits for a line.
    pub fn ask(&mut self, question: &str) -> Line {
        // Whoever sees the question may press Ctrl-C at once.
        let Ok(interrupt) = Interrupt::catch() else { return Line::End };
        let mut stdout = io::stdout();
        // Who cannot see the question may answer all the same.
        let _ = stdout.write_all(question.as_bytes()).and_then(|()| stdout.flush());
        loop {
            if let Some(line) = self.ready() {
                return line;
            }
            let [interrupted, _] = wait([interrupt.as_fd(), io::stdin().as_fd()]);
            if interrupted {
                return Line::Interrupted;
            }
            self.fill();
        }
    }

    /// The same, without showing what is typed.
    pub fn ask_secret(&mut self, question: &str) -> Line {
        let before = if io::stdin().is_terminal() { termios::tcgetattr(io::stdin()).ok() } else { None };
        if let Some(before) = &before {
            let mut silent = before.clone();
            silent.local_flags.remove(LocalFlags::ECHO);
            let _ = termios::tcsetattr(io::stdin(), SetArg::TCSADRAIN, &silent);
        }
        let line = self.ask(question);
        if let Some(before) = &before {
            let _ = termios::tcsetattr(io::stdin(), SetArg::TCSADRAIN, before);
        }
        line
    }
}

/// Waits until one of them can be read, or has ended.
pub(super) fn wait<const N: usize>(fds: [BorrowedFd; N]) -> [bool; N] {
    let mut polled = fds.map(|fd| PollFd::new(fd, PollFlags::POLLIN));
    // An interrupted wait has found nothing, and its caller waits again.
    if poll(&mut polled, PollTimeout::NONE).is_err() {
        return [false; N];
    }
    polled.map(|fd| fd.any().unwrap_or(true))
}
