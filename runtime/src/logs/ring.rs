//! The last lines of a service, for the report of its crash. Pure.

use std::collections::VecDeque;

/// All rings together, in bytes.
const ALL_RINGS: usize = 1024 * 1024;
/// The greatest single ring, in bytes.
const LARGEST: usize = 64 * 1024;

/// Keeps the last bytes that it was given. Grows with use, up to its limit.
#[derive(Debug)]
pub struct Ring {
    bytes: VecDeque<u8>,
    limit: usize,
}

impl Ring {
    /// A ring for one of `services` services.
    #[must_use]
    pub fn new(services: usize) -> Ring {
        Ring { bytes: VecDeque::new(), limit: (ALL_RINGS / services.max(1)).min(LARGEST) }
    }

    /// Adds bytes and forgets the oldest.
    pub fn push(&mut self, bytes: &[u8]) {
        let kept = &bytes[bytes.len().saturating_sub(self.limit)..];
        let excess = (self.bytes.len() + kept.len()).saturating_sub(self.limit);
        self.bytes.drain(..excess);
        let length = self.bytes.len() + kept.len();
        if length > self.bytes.capacity() {
            // Doubling alone would take twice the limit in the end.
            self.bytes.reserve_exact(length.next_power_of_two().min(self.limit) - self.bytes.len());
        }
        self.bytes.extend(kept);
    }

    /// All that it keeps.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.bytes.iter().copied().collect()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.bytes = VecDeque::new();
    }

    /// The last `lines` whole lines, an unfinished one included; what is not UTF-8 is replaced.
    #[must_use]
    pub fn tail(&self, lines: usize) -> String {
        let bytes: Vec<u8> = self.bytes.iter().copied().collect();
        let body = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let start = match lines {
            0 => return String::new(),
            lines => memchr::memrchr_iter(b'\n', body).nth(lines - 1).map(|at| at + 1),
        };
        // A full ring begins in the middle of a line, most likely.
        let first = if bytes.len() == self.limit { memchr::memchr(b'\n', &bytes).map_or(0, |at| at + 1) } else { 0 };
        String::from_utf8_lossy(&bytes[start.unwrap_or(first)..]).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_the_last_whole_lines() {
        let mut ring = Ring::new(1);
        assert_eq!(ring.tail(5), "");
        ring.push(b"one\ntwo\n");
        ring.push(b"three\nfo\xffur\n");
        assert_eq!(ring.tail(2), "three\nfo\u{fffd}ur\n");
        assert_eq!(ring.tail(9), "one\ntwo\nthree\nfo\u{fffd}ur\n");
        assert_eq!(ring.tail(0), "");
        ring.push(b"unfinished");
        assert_eq!(ring.tail(1), "unfinished");
    }

    #[test]
    fn a_thousand_rings_stay_within_one_megabyte_and_keep_the_end() {
        let mut ring = Ring::new(1000);
        for number in 0..1000 {
            ring.push(format!("line {number}\n").as_bytes());
        }
        assert!(ring.bytes.capacity() <= ALL_RINGS / 1000);
        let tail = ring.tail(usize::MAX);
        assert!(tail.starts_with("line ") && tail.ends_with("line 998\nline 999\n"), "{tail}");
        ring.push(&vec![b'x'; 5000]);
        assert_eq!(ring.tail(1).len(), ALL_RINGS / 1000);
    }
}
