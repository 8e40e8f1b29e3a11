//! A check by a command.

use podinit_plan::protocol::Exit;
use std::collections::VecDeque;

/// Of a command's output, this much of its end is kept, in bytes.
const KEPT: usize = 4 * 1024;
/// Of its last line, this much is told, in characters.
const TOLD: usize = 200;

/// The end of a command's output. Pure.
#[derive(Debug, Default)]
pub struct Tail {
    bytes: VecDeque<u8>,
}

impl Tail {
    /// Adds output.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(&bytes[bytes.len().saturating_sub(KEPT)..]);
        let excess = self.bytes.len().saturating_sub(KEPT);
        self.bytes.drain(..excess);
    }

    /// The last line that says something.
    fn last_line(&mut self) -> Option<String> {
        let text = String::from_utf8_lossy(self.bytes.make_contiguous());
        let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
        Some(line.chars().map(|char| if char.is_control() { ' ' } else { char }).take(TOLD).collect())
    }
}

/// What an end means: `exit code 1: cannot reach the database`.
pub fn judge(exit: Exit, output: &mut Tail) -> Result<(), String> {
    match (exit, output.last_line()) {
        (Exit::Code(0), _) => Ok(()),
        (exit, Some(line)) => Err(format!("{exit}: {line}")),
        (exit, None) => Err(exit.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_the_reason() {
        let mut output = Tail::default();
        assert_eq!(judge(Exit::Code(2), &mut output), Err("exit code 2".into()));
        output.push(&[b'x'; 100_000]);
        output.push("\nno \u{1b}[31mdatabase\n \n".as_bytes());
        assert_eq!(output.bytes.len(), KEPT);
        assert_eq!(judge(Exit::Code(1), &mut output), Err("exit code 1: no  [31mdatabase".into()));
        assert_eq!(judge(Exit::Signal(11), &mut output), Err("SIGSEGV: no  [31mdatabase".into()));
        assert_eq!(judge(Exit::Code(0), &mut output), Ok(()));
        output.push(&[b'y'; 1000]);
        assert_eq!(judge(Exit::Code(1), &mut output).unwrap_err().len(), "exit code 1: ".len() + TOLD);
    }
}
