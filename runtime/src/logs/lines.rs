//! Bytes into lines. Pure.

use memchr::memchr;

/// A line is cut into pieces of this size, in bytes: engines cut at 16 KB, and would lose whose line it is.
pub const LINE_MAX: usize = 8 * 1024;

/// How a piece ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With the line.
    Line,
    /// The line is too long and goes on in the next piece.
    Cut,
}

/// What [`split`] has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split {
    /// How many pieces there were; 0 leaves `head` and `bytes` for another time.
    pub pieces: u64,
    /// With pieces, all of `head` and this many of `bytes` are in them (or are their newlines).
    pub taken: usize,
}

/// Cuts `head`, an unfinished line of at most [`LINE_MAX`] bytes without a newline, followed by `bytes`, into pieces.
/// Each is given to `emit` as two parts that belong together, without its newline; only the first has a part of
/// `head`.
pub fn split(head: &[u8], bytes: &[u8], mut emit: impl FnMut(&[u8], &[u8], End)) -> Split {
    let mut split = Split { pieces: 0, taken: 0 };
    let mut head = head;
    loop {
        let rest = &bytes[split.taken..];
        let room = LINE_MAX - head.len();
        let window = &rest[..rest.len().min(room + 1)];
        let (piece, skip, end) = match memchr(b'\n', window) {
            Some(at) => (&rest[..at], at + 1, End::Line),
            None if rest.len() > room => {
                let at = character_boundary(rest, room);
                (&rest[..at], at, End::Cut)
            }
            None => return split,
        };
        emit(head, piece, end);
        head = &[];
        split.pieces += 1;
        split.taken += skip;
    }
}

/// Where to cut `bytes` so that no character of UTF-8 is torn: at `at` or up to three bytes before.
fn character_boundary(bytes: &[u8], at: usize) -> usize {
    let continues = |at: usize| bytes[at] & 0b1100_0000 == 0b1000_0000;
    (at.saturating_sub(3)..=at).rev().find(|&at| !continues(at)).unwrap_or(at)
}

/// The same where nobody asks for single lines: one piece, up to the last newline. Without one, all there is once it is
/// more than [`LINE_MAX`] bytes.
pub fn gather(head: &[u8], bytes: &[u8]) -> Split {
    match memchr::memrchr(b'\n', bytes) {
        Some(at) => Split { pieces: memchr::memchr_iter(b'\n', &bytes[..=at]).count() as u64, taken: at + 1 },
        None if head.len() + bytes.len() > LINE_MAX => Split { pieces: 1, taken: bytes.len() },
        None => Split { pieces: 0, taken: 0 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pieces(head: &[u8], bytes: &[u8]) -> (Vec<(Vec<u8>, End)>, Vec<u8>) {
        let mut pieces = Vec::new();
        let split = split(head, bytes, |a, b, end| pieces.push(([a, b].concat(), end)));
        assert_eq!(split.pieces, pieces.len() as u64);
        let rest = if pieces.is_empty() { [head, bytes].concat() } else { bytes[split.taken..].to_vec() };
        (pieces, rest)
    }

    #[test]
    fn lines_end_at_newlines_and_the_rest_waits() {
        let (lines, rest) = pieces(b"he", b"llo\r\n\n\0\xff\nre");
        assert_eq!(lines, [(b"hello\r".to_vec(), End::Line), (b"".to_vec(), End::Line), (b"\0\xff".to_vec(), End::Line)]);
        assert_eq!(rest, b"re");
        assert_eq!(pieces(b"he", b"llo"), (vec![], b"hello".to_vec()));
    }

    #[test]
    fn a_line_of_the_greatest_length_is_whole_and_one_byte_more_is_cut() {
        let line = vec![b'x'; LINE_MAX];
        assert_eq!(pieces(&line, b""), (vec![], line.clone()));
        assert_eq!(pieces(&line, b"\n"), (vec![(line.clone(), End::Line)], vec![]));
        assert_eq!(pieces(&line, b"y"), (vec![(line.clone(), End::Cut)], b"y".to_vec()));
        assert_eq!(pieces(&line[1..], b"xy\n"), (vec![(line, End::Cut), (b"y".to_vec(), End::Line)], vec![]));
    }

    #[test]
    fn no_character_is_torn() {
        let line = "ä€😀".repeat(4000);
        let (mut lines, rest) = pieces(b"", line.as_bytes());
        lines.push((rest, End::Cut));
        assert!(lines.iter().all(|(line, _)| std::str::from_utf8(line).is_ok()));
        assert_eq!(lines.iter().flat_map(|(line, _)| line.clone()).collect::<Vec<u8>>(), line.as_bytes());
        let (lines, _) = pieces(b"", &[0x80; LINE_MAX + 1]);
        assert_eq!(lines[0].0.len(), LINE_MAX, "what is not UTF-8 is cut anywhere");
    }

    #[test]
    fn lines_that_nobody_asks_for_are_gathered() {
        assert_eq!(gather(b"he", b"llo\n\nyou\nand"), Split { pieces: 3, taken: 9 });
        assert_eq!(gather(b"he", b"llo"), Split { pieces: 0, taken: 0 });
        assert_eq!(gather(&[b'x'; LINE_MAX], b"y"), Split { pieces: 1, taken: 1 });
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn nothing_is_lost_however_the_bytes_arrive(
            lengths in proptest::collection::vec(prop_oneof![0usize..50, 8_000usize..30_000], 0..10),
            step in 1usize..20_000,
        ) {
            let mut bytes = lengths.iter().map(|length| "x".repeat(*length)).collect::<Vec<_>>().join("\n").into_bytes();
            bytes.iter_mut().zip((0u8..=255).cycle()).for_each(|(byte, number)| *byte = if *byte == b'x' { number.max(11) } else { *byte });
            let (mut head, mut out) = (Vec::new(), Vec::new());
            for chunk in bytes.chunks(step) {
                let (lines, rest) = pieces(&head, chunk);
                for (line, end) in lines {
                    prop_assert!(line.len() <= LINE_MAX);
                    out.extend(line);
                    if end == End::Line { out.push(b'\n') }
                }
                head = rest;
                prop_assert!(head.len() <= LINE_MAX);
            }
            out.extend(head);
            prop_assert_eq!(out, bytes);
        }
    }
}
