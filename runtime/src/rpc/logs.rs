//! Reading logs: the rules of `readLog` and `tailLog`, and texts out of bytes.

use super::fault::Kind;
use super::view::{Read, Refusal, Slice};
use crate::xmlrpc::{Fault, Value};

/// The most that is read of a file for one answer, in bytes. The original reads as much as there is; whoever goes on
/// where the last answer ended gets it all.
pub const MOST: u64 = 1024 * 1024;

/// What a client wants of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// `readProcessStdoutLog` and its like: a part.
    Read {
        /// From where on; counted from the end when negative.
        offset: i64,
        /// How much; 0 is all.
        length: i64,
    },
    /// `tailProcessStdoutLog` and its like: the end, and whether there was more since `offset`.
    Tail {
        /// What the client has seen.
        offset: i64,
        /// The most that it takes.
        length: i64,
    },
}

impl Wanted {
    /// The part of the file that is to be read.
    ///
    /// # Errors
    /// There is no such part of any file.
    pub fn slice(self) -> Result<Slice, Fault> {
        let positive = |number: i64| u64::try_from(number).unwrap_or(0);
        match self {
            Wanted::Read { offset, length } if length < 0 || (offset < 0 && length != 0) => Err(Kind::BadArguments.bare()),
            Wanted::Read { offset, .. } if offset < 0 => Ok(Slice::Last(offset.unsigned_abs().min(MOST))),
            Wanted::Read { offset, length: 0 } => Ok(Slice::From(positive(offset), MOST)),
            Wanted::Read { offset, length } => Ok(Slice::From(positive(offset), positive(length).min(MOST))),
            Wanted::Tail { length, .. } => Ok(Slice::Last(positive(length).min(MOST))),
        }
    }

    /// The answer to what was read.
    ///
    /// # Errors
    /// There is nothing to read from.
    pub fn answer(self, read: Result<Read, Refusal>) -> Result<Value, Fault> {
        match (self, read) {
            (Wanted::Read { .. }, Ok(read)) => Ok(Value::Text(text(&read.bytes))),
            (Wanted::Read { .. }, Err(Refusal::Missing)) => Err(Kind::NoFile.bare()),
            (Wanted::Read { .. }, Err(_)) => Err(Kind::Failed.bare()),
            (Wanted::Tail { offset, length }, Ok(read)) => {
                let size = i64::try_from(read.size).unwrap_or(i64::MAX);
                let seen_all = offset >= size;
                let bytes: &[u8] = if seen_all { &[] } else { &read.bytes };
                let overflow = size > offset.saturating_add(length);
                Ok(Value::Array(vec![Value::Text(text(bytes)), Value::Int(size), Value::Bool(overflow)]))
            }
            // As if nothing had been written yet.
            (Wanted::Tail { .. }, Err(_)) => Ok(Value::Array(vec![Value::from(""), Value::Int(0), Value::Bool(false)])),
        }
    }

    /// The answer out of the last bytes of a log that is in memory, of which there were `total` in all.
    ///
    /// # Errors
    /// As [`Wanted::slice`].
    pub fn of_memory(self, last: &[u8], total: u64) -> Result<Value, Fault> {
        let begins = total.saturating_sub(last.len() as u64);
        let range = match self.slice()? {
            Slice::From(at, length) => {
                let from = at.saturating_sub(begins).min(last.len() as u64);
                from..from.saturating_add(length).min(last.len() as u64)
            }
            Slice::Last(length) => (last.len() as u64).saturating_sub(length)..last.len() as u64,
        };
        let bytes = last[range.start as usize..range.end as usize].to_vec();
        self.answer(Ok(Read { bytes, at: begins + range.start, size: total, id: (0, 0) }))
    }
}

/// The text of bytes that may begin and end within a character: such ends are left out, anything else that is no text
/// is replaced.
#[must_use]
pub fn text(bytes: &[u8]) -> String {
    let is_inner = |byte: &u8| byte & 0xc0 == 0x80;
    let start = bytes.iter().take(3).take_while(|byte| is_inner(byte)).count();
    let bytes = &bytes[start..];
    let end = (1..=bytes.len().min(3)).find(|back| !is_inner(&bytes[bytes.len() - back])).filter(|back| {
        let first = bytes[bytes.len() - back];
        let length = match first {
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf7 => 4,
            _ => 1,
        };
        length > *back
    });
    String::from_utf8_lossy(&bytes[..bytes.len() - end.unwrap_or(0)]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_log_are_found_as_the_original_finds_them() {
        let slice = |offset, length| Wanted::Read { offset, length }.slice();
        assert_eq!(slice(0, 0), Ok(Slice::From(0, MOST)));
        assert_eq!(slice(10, 5), Ok(Slice::From(10, 5)));
        assert_eq!(slice(-40, 0), Ok(Slice::Last(40)));
        for (offset, length) in [(-1, 5), (0, -5), (-1, -1)] {
            assert_eq!(slice(offset, length), Err(Kind::BadArguments.bare()), "{offset} {length}");
        }
    }

    #[test]
    fn a_tail_says_how_far_the_log_is_and_whether_there_was_more() {
        let tail = |offset, length| Wanted::Tail { offset, length }.of_memory(b"0123456789", 10).unwrap();
        let want = |text: &str, overflow| Value::Array(vec![Value::from(text), Value::Int(10), Value::Bool(overflow)]);
        assert_eq!(tail(0, 110), want("0123456789", false));
        assert_eq!(tail(10, 100), want("", false));
        assert_eq!(tail(0, 4), want("6789", true));
    }

    #[test]
    fn what_memory_has_forgotten_is_not_there() {
        let read = |offset, length| Wanted::Read { offset, length }.of_memory(b"6789", 10).unwrap();
        assert_eq!(read(0, 0), Value::from("6789"));
        assert_eq!(read(8, 1), Value::from("8"));
        assert_eq!(read(-3, 0), Value::from("789"));
        assert_eq!(read(99, 0), Value::from(""));
    }

    #[test]
    fn a_character_that_was_cut_is_left_out() {
        let all = "aé€😀z".as_bytes();
        for from in 0..all.len() {
            for to in from..=all.len() {
                assert!(!text(&all[from..to]).contains('\u{fffd}'), "{from}..{to}");
            }
        }
        assert_eq!(text(b"a\xffb"), "a\u{fffd}b");
    }
}
