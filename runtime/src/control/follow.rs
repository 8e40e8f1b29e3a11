//! Logs that are sent as they grow: what is read next, and what is sent of it. Pure.
//!
//! A file is read again and again, as `tail -F` does, by somebody who may wait for the disk; what is only in memory is
//! looked at. Nothing is read for a client that does not take what it was sent.

use crate::machine::{Millis, ServiceId};
use crate::rpc::{Read, Refusal, Slice, Ticket, Wish};
use podinit_plan::plan::Stream;
use std::path::Path;

/// What is sent of what was there before.
const BACKLOG: u64 = 1024;
/// What is read at a time.
const PIECE: u64 = 32 * 1024;
/// From one look to the next.
const LOOK_EVERY: Millis = 200;

/// Whose log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// A service's.
    Service(ServiceId, Stream),
    /// podinit's own.
    Own,
}

/// A log that is sent.
#[derive(Debug)]
pub struct Follow {
    /// Whose it is.
    pub whose: Whose,
    /// Texts are sent in chunks.
    chunked: bool,
    /// How far it was sent.
    position: Option<u64>,
    /// Which file that was.
    file: (u64, u64),
    /// Somebody reads.
    pub reading: Option<Ticket>,
    /// When to look next.
    pub look_at: Millis,
}

impl Follow {
    /// Begins at the end of a log, and looks at once.
    pub fn new(whose: Whose, chunked: bool, now: Millis) -> Follow {
        Follow { whose, chunked, position: None, file: (0, 0), reading: None, look_at: now }
    }

    /// What is to be read of a file.
    pub fn wish(&self, path: &Path) -> Wish {
        let slice = self.position.map_or(Slice::Last(BACKLOG), |position| Slice::From(position, PIECE));
        Wish::Read(path.to_path_buf(), slice)
    }

    /// What was read; gives what is to be sent.
    pub fn read(&mut self, read: Result<Read, Refusal>, now: Millis) -> Vec<u8> {
        self.reading = None;
        self.look_at = now + LOOK_EVERY;
        // It may come yet.
        let Ok(read) = read else { return Vec::new() };
        let is_another = self.position.is_some() && read.id != self.file;
        self.file = read.id;
        if is_another || self.position.is_some_and(|position| read.size < position) {
            // Rotated, or emptied: from its beginning.
            self.position = Some(0);
            self.look_at = now;
            return Vec::new();
        }
        self.position = Some(read.at + read.bytes.len() as u64);
        if read.bytes.len() as u64 == PIECE {
            self.look_at = now;
        }
        self.piece(&read.bytes)
    }

    /// Looks at what is in memory; gives what is to be sent.
    pub fn look(&mut self, last: &[u8], total: u64, now: Millis) -> Vec<u8> {
        self.look_at = now + LOOK_EVERY;
        let position = self.position.unwrap_or_else(|| total.saturating_sub(BACKLOG)).min(total);
        let unsent = usize::try_from(total - position).unwrap_or(usize::MAX).min(last.len());
        self.position = Some(total);
        self.piece(&last[last.len() - unsent..])
    }

    fn piece(&self, bytes: &[u8]) -> Vec<u8> {
        if bytes.is_empty() || !self.chunked {
            return bytes.to_vec();
        }
        let mut piece = format!("{:x}\r\n", bytes.len()).into_bytes();
        piece.extend_from_slice(bytes);
        piece.extend_from_slice(b"\r\n");
        piece
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(at: u64, bytes: &[u8], size: u64, inode: u64) -> Result<Read, Refusal> {
        Ok(Read { bytes: bytes.to_vec(), at, size, id: (1, inode) })
    }

    #[test]
    fn a_file_is_followed_over_its_rotation() {
        let mut follow = Follow::new(Whose::Own, false, 0);
        let slice = |follow: &Follow| match follow.wish(Path::new("/log")) {
            Wish::Read(_, slice) => slice,
            other => panic!("{other:?}"),
        };
        assert_eq!(slice(&follow), Slice::Last(BACKLOG));
        assert!(follow.read(Err(Refusal::Missing), 0).is_empty(), "it may come");
        assert_eq!(follow.read(part(5, b"end\n", 9, 7), 0), b"end\n");
        assert_eq!(slice(&follow), Slice::From(9, PIECE));
        assert_eq!(follow.read(part(9, b"more\n", 14, 7), 0), b"more\n");
        assert!(follow.read(part(14, b"", 20, 8), 100).is_empty());
        assert_eq!((slice(&follow), follow.look_at), (Slice::From(0, PIECE), 100), "the new one from its beginning, at once");
        assert_eq!(follow.read(part(0, b"new\n", 4, 8), 0), b"new\n");
        assert!(follow.read(part(4, b"", 2, 8), 0).is_empty(), "it was emptied");
        assert_eq!(slice(&follow), Slice::From(0, PIECE));
    }

    #[test]
    fn what_is_in_memory_is_sent_once() {
        let mut follow = Follow::new(Whose::Own, true, 0);
        assert_eq!(follow.look(b"abc", 3, 0), b"3\r\nabc\r\n");
        assert!(follow.look(b"abc", 3, 0).is_empty());
        assert_eq!(follow.look(b"abcde", 5, 0), b"2\r\nde\r\n");
        assert_eq!(follow.look(b"xyz", 1_000, 0), b"3\r\nxyz\r\n", "what is forgotten is lost");
    }
}
