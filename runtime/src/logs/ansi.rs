//! Leaves out the escape sequences of terminals. Pure.

const ESCAPE: u8 = 0x1b;
const BELL: u8 = 0x07;

/// A filter that goes on over reads: a sequence may arrive in pieces. The end of a line ends any sequence, so that one
/// that never ends takes no more than its line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Stripper {
    /// Within text.
    #[default]
    Text,
    /// After ESC, and what may stand between it and the last byte of a short sequence.
    Escape,
    /// Within ESC [: colours, movements.
    Control,
    /// Within a text for the terminal, such as a title: ESC ], P, X, ^ or _, until BEL or ESC \.
    Message,
    /// After ESC within such a text.
    Ending,
}

impl Stripper {
    /// What is left of `bytes`; the same bytes when there is nothing to leave out.
    pub fn strip<'a>(&mut self, bytes: &'a [u8], kept: &'a mut Vec<u8>) -> &'a [u8] {
        if *self == Stripper::Text && memchr::memchr(ESCAPE, bytes).is_none() {
            return bytes;
        }
        kept.clear();
        for &byte in bytes {
            let (next, keeps) = self.next(byte);
            *self = next;
            if keeps {
                kept.push(byte);
            }
        }
        kept
    }

    /// The state after a byte, and whether the byte is text.
    fn next(self, byte: u8) -> (Stripper, bool) {
        match (self, byte) {
            (_, b'\n') => (Stripper::Text, true),
            (Stripper::Message, ESCAPE) => (Stripper::Ending, false),
            (Stripper::Message, BELL) | (Stripper::Ending, b'\\') => (Stripper::Text, false),
            (Stripper::Message, _) => (Stripper::Message, false),
            (_, ESCAPE) => (Stripper::Escape, false),
            (Stripper::Text, _) => (Stripper::Text, true),
            (Stripper::Escape | Stripper::Ending, b'[') => (Stripper::Control, false),
            (Stripper::Escape | Stripper::Ending, b']' | b'P' | b'X' | b'^' | b'_') => (Stripper::Message, false),
            (Stripper::Escape | Stripper::Ending, 0x20..=0x2f) => (Stripper::Escape, false),
            (Stripper::Escape | Stripper::Ending, 0x30..=0x7e) => (Stripper::Text, false),
            (Stripper::Control, 0x20..=0x3f) => (Stripper::Control, false),
            (Stripper::Control, 0x40..=0x7e) => (Stripper::Text, false),
            // Not a sequence after all.
            (Stripper::Escape | Stripper::Ending | Stripper::Control, _) => (Stripper::Text, true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_and_sequences_go_however_they_are_cut() {
        let cases: [(&[u8], &[u8]); 9] = [
            (b"plain \xff\t\r\n", b"plain \xff\t\r\n"),
            (b"\x1b[1;31mred\x1b[0m and \x1b[38;5;200mpink\x1b[m\n", b"red and pink\n"),
            (b"\x1b[2J\x1b[?25lcleared\n", b"cleared\n"),
            (b"\x1b]0;a title\x07text\n", b"text\n"),
            (b"\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\\n", b"link\n"),
            (b"\x1b(Bset \x1b7saved\x1b8\n", b"set saved\n"),
            (b"\x1b]0;no end\nnext\n", b"\nnext\n"),
            (b"\x1b[31\xc3\xa4\n", b"\xc3\xa4\n"),
            (b"\x1b\x1b[31mtwice\n", b"twice\n"),
        ];
        for (bytes, text) in cases {
            for step in 1..=bytes.len() {
                let (mut stripper, mut out, mut kept) = (Stripper::default(), Vec::new(), Vec::new());
                for piece in bytes.chunks(step) {
                    out.extend_from_slice(stripper.strip(piece, &mut kept));
                }
                assert_eq!(out, text, "{:?} by {step}", String::from_utf8_lossy(bytes));
            }
        }
    }
}
