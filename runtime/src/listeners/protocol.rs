//! What a listener says on its stdout, and what it is sent on its stdin. Pure.
//!
//! A listener says `READY\n`, is sent a header line and a payload, answers `RESULT n\n` and n bytes, and is ready again.

use super::happening::Happening;

/// The longest line that may begin a result, in bytes; a number needs far less.
const LONGEST_LINE: usize = 256;
/// What it says when it is ready.
const READY: &[u8] = b"READY\n";
/// The result of what was taken care of; any other is a rejection.
const OK: &[u8] = b"OK";

/// Where a listener is between two events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ListenerState {
    /// It has begun, or has given its result, and is not ready yet.
    #[default]
    Acknowledged,
    /// It waits for an event.
    Ready,
    /// It has one.
    Busy,
    /// It broke the protocol: it is sent nothing any more until it is started anew.
    Unknown,
}

/// What has come of an event, or of a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It waits for an event.
    Ready,
    /// It has taken care of its event.
    Processed,
    /// It has not, and wants it to be sent again.
    Rejected,
    /// It said something that is no part of the protocol.
    Broken,
}

/// How far one incarnation of a listener has come. Takes a few hundred bytes whatever it is told.
#[derive(Debug, Default)]
pub struct Protocol {
    state: ListenerState,
    /// The beginning of a line.
    line: Vec<u8>,
    result: Option<Result>,
}

/// A result that is being received.
#[derive(Debug)]
struct Result {
    left: u64,
    /// As much of it as it takes to know whether it is OK.
    head: Vec<u8>,
}

impl Protocol {
    /// Where it is.
    #[must_use]
    pub fn state(&self) -> ListenerState {
        self.state
    }

    /// It was sent an event.
    pub fn sent(&mut self) {
        self.state = ListenerState::Busy;
    }

    /// Takes in what it said, in whatever pieces; returns what that means, in order.
    pub fn hear(&mut self, mut bytes: &[u8]) -> Vec<Said> {
        let mut said = Vec::new();
        while !bytes.is_empty() && self.state != ListenerState::Unknown {
            match (self.state, &mut self.result) {
                (ListenerState::Acknowledged, _) => said.extend(self.hear_ready(&mut bytes)),
                (ListenerState::Busy, None) => said.extend(self.hear_line(&mut bytes)),
                (ListenerState::Busy, Some(result)) => {
                    result.take(&mut bytes);
                    said.extend(self.result_is_over());
                }
                // It was not asked.
                (ListenerState::Ready | ListenerState::Unknown, _) => said.push(self.broken()),
            }
        }
        said
    }

    fn hear_ready(&mut self, bytes: &mut &[u8]) -> Option<Said> {
        let (piece, rest) = bytes.split_at(bytes.len().min(READY.len() - self.line.len()));
        *bytes = rest;
        self.line.extend_from_slice(piece);
        if !READY.starts_with(&self.line) {
            return Some(self.broken());
        }
        (self.line == READY).then(|| {
            self.line.clear();
            self.state = ListenerState::Ready;
            Said::Ready
        })
    }

    fn hear_line(&mut self, bytes: &mut &[u8]) -> Option<Said> {
        let end = memchr::memchr(b'\n', bytes);
        let (piece, rest) = bytes.split_at(end.map_or(bytes.len(), |at| at + 1));
        *bytes = rest;
        if self.line.len() + piece.len() > LONGEST_LINE {
            return Some(self.broken());
        }
        self.line.extend_from_slice(piece);
        end?;
        match length(&self.line) {
            Some(left) => {
                self.line.clear();
                self.result = Some(Result { left, head: Vec::new() });
                self.result_is_over()
            }
            None => Some(self.broken()),
        }
    }

    fn result_is_over(&mut self) -> Option<Said> {
        let result = self.result.take_if(|result| result.left == 0)?;
        self.state = ListenerState::Acknowledged;
        Some(if result.head == OK { Said::Processed } else { Said::Rejected })
    }

    fn broken(&mut self) -> Said {
        *self = Protocol { state: ListenerState::Unknown, ..Protocol::default() };
        Said::Broken
    }
}

impl Result {
    fn take(&mut self, bytes: &mut &[u8]) {
        let count = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        let (piece, rest) = bytes.split_at(count);
        *bytes = rest;
        self.left -= count as u64;
        let room = (OK.len() + 1).saturating_sub(self.head.len());
        self.head.extend(piece.iter().take(room));
    }
}

/// The number of a line `RESULT n`.
fn length(line: &[u8]) -> Option<u64> {
    std::str::from_utf8(line.strip_prefix(b"RESULT ")?).ok()?.trim().parse().ok()
}

/// An event as a listener is sent it. Its length counts characters, not bytes: listeners read text.
#[must_use]
pub fn envelope(server: &str, pool: &str, serial: u64, poolserial: u64, happening: &Happening) -> Vec<u8> {
    let Happening { kind, payload } = happening;
    let length = payload.chars().count();
    let (name, payload) = (kind.name(), payload.as_bytes());
    let head =
        format!("ver:3.0 server:{server} serial:{serial} pool:{pool} poolserial:{poolserial} eventname:{name} len:{length}\n");
    [head.as_bytes(), payload].concat()
}

#[cfg(test)]
mod tests {
    use super::super::happening::Kind;
    use super::*;
    use proptest::prelude::*;

    /// What is said of these bytes; an event is sent whenever it is ready.
    fn heard<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Said>, ListenerState) {
        let mut protocol = Protocol::default();
        let mut said = Vec::new();
        for piece in pieces {
            // A listener is not sent an event between two bytes that were read at once, unless it may be.
            for byte in piece.chunks(1) {
                let now = protocol.hear(byte);
                if now.last() == Some(&Said::Ready) {
                    protocol.sent();
                }
                said.extend(now);
            }
        }
        (said, protocol.state())
    }

    #[test]
    fn a_listener_is_ready_busy_and_acknowledged_in_turn() {
        let said = heard([b"READY\nRESULT 2\nOKREADY\nRESULT 4\nFAILREADY\nRESULT 0\nREADY\n".as_slice()]);
        let expected = [Said::Ready, Said::Processed, Said::Ready, Said::Rejected, Said::Ready, Said::Rejected, Said::Ready];
        assert_eq!(said, (expected.to_vec(), ListenerState::Busy));
    }

    #[test]
    fn anything_else_breaks_the_protocol_for_good() {
        for (bytes, before) in [
            ("hello\n", 0),
            ("READ\n", 0),
            ("READY\nRESULT x\nOK", 1),
            ("READY\nRESULT -1\n", 1),
            ("READY\nRSLT 2\nOK", 1),
            ("READY\nRESULT 2\nOKOK", 2),
        ] {
            let (said, state) = heard([bytes.as_bytes(), b"READY\nREADY\n"]);
            assert_eq!((said.len(), said.last(), state), (before + 1, Some(&Said::Broken), ListenerState::Unknown), "{bytes}");
        }
        let mut protocol = Protocol::default();
        assert_eq!(protocol.hear(b"READY\nREADY\n"), [Said::Ready, Said::Broken]);
    }

    #[test]
    fn no_line_and_no_result_makes_it_grow() {
        let mut protocol = Protocol::default();
        protocol.hear(READY);
        protocol.sent();
        assert_eq!(protocol.hear(b"RESULT 100000000\n"), []);
        for _ in 0..100 {
            protocol.hear(&[b'x'; 10_000]);
        }
        assert!(protocol.result.as_ref().is_some_and(|result| result.left == 99_000_000 && result.head.len() == 3));
        let mut protocol = Protocol { state: ListenerState::Busy, ..Protocol::default() };
        assert_eq!(protocol.hear(&[b'x'; 1_000]), [Said::Broken]);
    }

    #[test]
    fn the_length_of_a_payload_counts_characters() {
        let happening = Happening { kind: Kind::RemoteCommunication, payload: "type:é\ndéjà".to_owned() };
        let expected =
            "ver:3.0 server:supervisor serial:7 pool:p poolserial:3 eventname:REMOTE_COMMUNICATION len:11\ntype:é\ndéjà";
        assert_eq!(String::from_utf8(envelope("supervisor", "p", 7, 3, &happening)).unwrap(), expected);
    }

    proptest! {
        #[test]
        fn how_the_bytes_are_cut_makes_no_difference(
            words in proptest::collection::vec(prop_oneof![
                Just("READY\n"), Just("RESULT 2\nOK"), Just("RESULT 4\nFAIL"), Just("RESULT "), Just("OK"), Just("\n"), Just("RE")
            ], 0..12),
            step in 1usize..9,
        ) {
            let bytes = words.concat().into_bytes();
            prop_assert_eq!(heard([bytes.as_slice()]), heard(bytes.chunks(step)));
        }

        #[test]
        fn no_bytes_do_harm(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..8)) {
            let mut protocol = Protocol::default();
            for piece in pieces {
                protocol.hear(&piece);
                prop_assert!(protocol.line.len() <= LONGEST_LINE);
            }
        }
    }
}
