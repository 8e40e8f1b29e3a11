//! What a service says by a datagram: lines of `NAME=VALUE`, of which three are looked at. Pure.

/// What was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Said {
    /// `READY=1`.
    pub ready: bool,
    /// `WATCHDOG=1`.
    pub alive: bool,
    /// `STOPPING=1`.
    pub stopping: bool,
}

impl Said {
    /// Adds what a datagram says.
    pub fn add(&mut self, datagram: &[u8]) {
        for line in datagram.split(|byte| *byte == b'\n') {
            match line {
                b"READY=1" => self.ready = true,
                b"WATCHDOG=1" => self.alive = true,
                b"STOPPING=1" => self.stopping = true,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_lines_count_and_others_do_not() {
        let mut said = Said::default();
        for nothing in ["", "READY=0", "READY=10", "xREADY=1", "STATUS=READY=1\nMAINPID=7", "WATCHDOG=trigger", "\0\u{ff}\n\n"] {
            said.add(nothing.as_bytes());
        }
        assert_eq!(said, Said::default());
        said.add(b"STATUS=up\nREADY=1\n");
        said.add(b"WATCHDOG=1");
        assert_eq!(said, Said { ready: true, alive: true, stopping: false });
    }
}
