//! What a process says to event listeners in the middle of its output, between two tokens. Pure.

use memchr::memmem;

const BEGIN: &[u8] = b"<!--XSUPERVISOR:BEGIN-->";
const END: &[u8] = b"<!--XSUPERVISOR:END-->";

/// A piece of output.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Output like any other.
    Plain(&'a [u8]),
    /// Between the tokens.
    Captured(&'a [u8]),
    /// The end token: all that was between them, or the last of it.
    Whole(Vec<u8>),
}

/// Takes the tokens, and what is between them, out of what is read, however that is cut.
#[derive(Debug)]
pub struct Capture {
    /// Bytes of one capture that are kept, the last ones.
    limit: usize,
    /// The bytes that the next token may have begun with.
    held: Vec<u8>,
    /// What came since the begin token; none before it.
    captured: Option<Vec<u8>>,
}

impl Capture {
    /// Keeps so many bytes of what is between two tokens.
    #[must_use]
    pub fn new(limit: u64) -> Capture {
        Capture { limit: usize::try_from(limit).unwrap_or(usize::MAX), held: Vec::new(), captured: None }
    }

    /// Goes on with what was read.
    pub fn take(&mut self, bytes: &[u8], mut out: impl FnMut(Piece<'_>)) {
        let held = std::mem::take(&mut self.held);
        let joined = [&held, bytes].concat();
        let mut rest = joined.as_slice();
        loop {
            let token = if self.captured.is_some() { END } else { BEGIN };
            let Some(at) = memmem::find(rest, token) else {
                let (certain, held) = rest.split_at(rest.len() - begun(rest, token));
                self.put(certain, &mut out);
                self.held = held.to_vec();
                return;
            };
            self.put(&rest[..at], &mut out);
            rest = &rest[at + token.len()..];
            match self.captured.take() {
                Some(captured) => out(Piece::Whole(captured)),
                None => self.captured = Some(Vec::new()),
            }
        }
    }

    /// Nothing follows: what looked like a token, or was to be captured and was not ended, is output after all. Nothing
    /// is lost, but for what was more than is kept.
    pub fn end(&mut self, mut out: impl FnMut(Piece<'_>)) {
        let held = std::mem::take(&mut self.held);
        let unended = self.captured.take().unwrap_or_default();
        let plain = [unended, held].concat();
        if !plain.is_empty() {
            out(Piece::Plain(&plain));
        }
    }

    fn put(&mut self, bytes: &[u8], out: &mut impl FnMut(Piece<'_>)) {
        if bytes.is_empty() {
            return;
        }
        let Some(captured) = &mut self.captured else { return out(Piece::Plain(bytes)) };
        let kept = &bytes[bytes.len().saturating_sub(self.limit)..];
        let excess = (captured.len() + kept.len()).saturating_sub(self.limit);
        captured.drain(..excess);
        captured.extend_from_slice(kept);
        out(Piece::Captured(bytes));
    }
}

/// How many of the last bytes may be the beginning of the token.
fn begun(bytes: &[u8], token: &[u8]) -> usize {
    (1..token.len().min(bytes.len() + 1)).rev().find(|&count| bytes.ends_with(&token[..count])).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What is plain, and what was captured, of output that arrives in these pieces.
    fn taken<'a>(limit: u64, pieces: impl IntoIterator<Item = &'a [u8]>) -> (String, Vec<String>) {
        let (mut plain, mut whole) = (Vec::new(), Vec::new());
        let mut capture = Capture::new(limit);
        let mut out = |piece: Piece<'_>| match piece {
            Piece::Plain(bytes) => plain.extend_from_slice(bytes),
            Piece::Captured(_) => {}
            Piece::Whole(bytes) => whole.push(String::from_utf8(bytes).unwrap()),
        };
        pieces.into_iter().for_each(|piece| capture.take(piece, &mut out));
        capture.end(&mut out);
        (String::from_utf8(plain).unwrap(), whole)
    }

    #[test]
    fn what_is_between_the_tokens_is_taken_out() {
        let text = b"a<!--XSUPERVISOR:BEGIN-->one<!--XSUPERVISOR:END-->b<!--XSUPERVISOR:BEGIN--><!--XSUPERVISOR:END-->c";
        let expected = ("abc".to_owned(), vec!["one".to_owned(), String::new()]);
        assert_eq!(taken(10, [text.as_slice()]), expected);
        assert_eq!(taken(10, text.chunks(1)), expected);
    }

    #[test]
    fn no_more_than_the_limit_is_kept_and_that_is_the_last() {
        let text = format!("<!--XSUPERVISOR:BEGIN-->{}end<!--XSUPERVISOR:END-->", "x".repeat(100));
        for step in [1, 7, 1_000] {
            assert_eq!(taken(5, text.as_bytes().chunks(step)), (String::new(), vec!["xxend".to_owned()]));
        }
    }

    #[test]
    fn what_is_not_ended_or_no_token_after_all_is_output_when_the_process_ends() {
        assert_eq!(taken(9, [b"short".as_slice()]).0, "short");
        assert_eq!(taken(9, [b"a<!--XSUPERVISOR:BEG".as_slice()]).0, "a<!--XSUPERVISOR:BEG");
        assert_eq!(taken(9, [b"a<!--XSUPERVISOR:BEGIN-->unended<!--X".as_slice()]).0, "aunended<!--X");
    }

    #[test]
    fn short_output_is_not_held_back() {
        let mut capture = Capture::new(9);
        let mut plain = Vec::new();
        capture.take(b"ok\n", |piece| plain.push(format!("{piece:?}")));
        assert_eq!(plain, [format!("{:?}", Piece::Plain(b"ok\n"))]);
    }

    proptest! {
        #[test]
        fn how_output_is_cut_makes_no_difference(
            words in proptest::collection::vec(prop_oneof![
                Just("<!--XSUPERVISOR:BEGIN-->"), Just("<!--XSUPERVISOR:END-->"), Just("<!--XSUPER"), Just("<<!"), Just("text\n")
            ], 0..12),
            step in 1usize..40,
            limit in 1u64..20,
        ) {
            let bytes = words.concat().into_bytes();
            prop_assert_eq!(taken(limit, [bytes.as_slice()]), taken(limit, bytes.chunks(step)));
        }
    }
}
