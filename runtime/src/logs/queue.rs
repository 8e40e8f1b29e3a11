//! A bounded queue of whole lines on their way to the container's output. Pure.

use crate::logs::senders::{Senders, Tally};
use crate::machine::ServiceId;
use std::collections::VecDeque;

/// A chunk is closed when it has grown to this, in bytes.
const CHUNK: usize = 64 * 1024;
/// The same for what it takes to know whose lines they are: many services may write short lines in turn.
const SENDERS_MAX: usize = 16 * 1024;

/// Whole lines, oldest first. When there are too many, the oldest are dropped, and a line in their place says how
/// many there were.
#[derive(Debug)]
pub struct Queue {
    chunks: VecDeque<Chunk>,
    /// Of an emptied chunk, so that a steady flow allocates nothing.
    spare: Vec<u8>,
    bytes: usize,
    limit: usize,
    dropped: Tally,
    /// Lines that were dropped when there was nobody to tell; who comes later is told.
    untold: u64,
}

#[derive(Debug, Default)]
struct Chunk {
    bytes: Vec<u8>,
    written: usize,
    senders: Senders,
    /// Lines that were dropped right before this chunk.
    missing: u64,
    /// It is the line that says so.
    notice: bool,
}

impl Chunk {
    fn size(&self) -> usize {
        self.bytes.len() + self.senders.size()
    }

    fn is_closed(&self) -> bool {
        self.bytes.len() >= CHUNK || self.senders.size() >= SENDERS_MAX || self.notice
    }

    fn lines_left(&self) -> u64 {
        self.senders.lines().saturating_sub(self.lines_written())
    }

    fn lines_written(&self) -> u64 {
        if self.written == 0 { 0 } else { memchr::memchr_iter(b'\n', &self.bytes[..self.written]).count() as u64 }
    }
}

impl Queue {
    /// A queue of at most `limit` bytes, give or take one line.
    #[must_use]
    pub fn new(limit: usize) -> Queue {
        Queue { chunks: VecDeque::new(), spare: Vec::new(), bytes: 0, limit, dropped: Tally::default(), untold: 0 }
    }

    /// Bytes that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes
    }

    /// Nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// How many lines were dropped and nobody was told of.
    #[must_use]
    pub fn untold(&self) -> u64 {
        self.untold + self.chunks.iter().map(|chunk| chunk.missing).sum::<u64>()
    }

    /// How many lines of a service were dropped in all.
    #[must_use]
    pub fn dropped(&self, service: ServiceId) -> u64 {
        self.dropped.of(service)
    }

    /// Adds what `write` writes, which ends in a newline: a line of `sender`, or a piece of one that is too long.
    #[inline]
    pub fn push(&mut self, sender: Option<ServiceId>, write: impl FnOnce(&mut Vec<u8>)) {
        if self.chunks.back().is_none_or(Chunk::is_closed) {
            self.drop_oldest();
            let (bytes, missing) = (std::mem::take(&mut self.spare), std::mem::take(&mut self.untold));
            self.chunks.push_back(Chunk { bytes, missing, ..Chunk::default() });
        }
        let Some(chunk) = self.chunks.back_mut() else { return };
        let before = chunk.size();
        write(&mut chunk.bytes);
        chunk.senders.add(sender, 1);
        self.bytes += chunk.size() - before;
    }

    /// Makes room for one more chunk.
    fn drop_oldest(&mut self) {
        while self.bytes + CHUNK > self.limit {
            // A chunk that is written in part must be written to its end, or a line would be torn.
            let oldest = usize::from(self.chunks.front().is_some_and(|chunk| chunk.written > 0));
            if oldest + 1 >= self.chunks.len() {
                return;
            }
            let Some(dropped) = self.chunks.remove(oldest) else { return };
            self.bytes -= dropped.size();
            self.dropped.add(&dropped.senders, 0);
            if let Some(next) = self.chunks.get_mut(oldest) {
                next.missing += dropped.senders.lines() + dropped.missing;
            }
        }
    }

    /// Puts the line that says how many are missing, which `notice` makes, in front of what it is about.
    fn insert_notice(&mut self, notice: impl FnOnce(u64) -> Vec<u8>) {
        let Some(front) = self.chunks.front_mut().filter(|chunk| !chunk.notice && chunk.missing > 0) else { return };
        let missing = std::mem::take(&mut front.missing);
        let bytes = notice(missing);
        self.bytes += bytes.len();
        // It keeps the number, in case that it is dropped itself before it is written.
        self.chunks.push_front(Chunk { bytes, missing, notice: true, ..Chunk::default() });
    }

    /// The bytes to write next. `notice` makes the line that says how many lines are missing.
    #[must_use]
    pub fn front(&mut self, notice: impl FnOnce(u64) -> Vec<u8>) -> &[u8] {
        self.insert_notice(notice);
        self.chunks.front().map_or(&[], |chunk| &chunk.bytes[chunk.written..])
    }

    /// That many bytes of [`Queue::front`] were written.
    pub fn wrote(&mut self, count: usize) {
        let Some(chunk) = self.chunks.front_mut() else { return };
        chunk.written += count;
        if chunk.written < chunk.bytes.len() {
            return;
        }
        if let Some(mut chunk) = self.chunks.pop_front() {
            self.bytes -= chunk.size();
            chunk.bytes.clear();
            if chunk.bytes.capacity() <= 2 * CHUNK {
                self.spare = chunk.bytes;
            }
        }
    }

    /// Takes the oldest chunk away, for somebody else to write. Not to be mixed with [`Queue::wrote`].
    pub fn take(&mut self, notice: impl FnOnce(u64) -> Vec<u8>) -> Option<(Vec<u8>, Senders)> {
        self.insert_notice(notice);
        let chunk = self.chunks.pop_front()?;
        self.bytes -= chunk.size();
        Some((chunk.bytes, chunk.senders))
    }

    /// Drops everything: there is nobody to write to, and nobody to tell for now.
    pub fn clear(&mut self) {
        for chunk in self.chunks.drain(..) {
            self.untold += chunk.missing + chunk.lines_left();
            self.dropped.add(&chunk.senders, chunk.lines_written());
        }
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(missing: u64) -> Vec<u8> {
        format!("podinit | {missing} lines dropped\n").into_bytes()
    }

    fn drain(queue: &mut Queue) -> String {
        let mut out = Vec::new();
        while !queue.front(notice).is_empty() {
            let part = queue.front(notice);
            let count = part.len().min(1000);
            out.extend_from_slice(&part[..count]);
            queue.wrote(count);
        }
        String::from_utf8(out).unwrap()
    }

    fn push(queue: &mut Queue, sender: Option<ServiceId>, line: &str) {
        queue.push(sender, |out| out.extend_from_slice(line.as_bytes()));
    }

    #[test]
    fn lines_come_out_in_order() {
        let mut queue = Queue::new(1024 * 1024);
        push(&mut queue, Some(0), "a | one\n");
        push(&mut queue, Some(1), "b | two\n");
        assert_eq!(drain(&mut queue), "a | one\nb | two\n");
        assert!(queue.is_empty());
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn the_oldest_are_dropped_counted_and_no_line_is_torn() {
        let limit = 512 * 1024;
        let mut queue = Queue::new(limit);
        push(&mut queue, None, "begun long ago\n");
        assert_eq!(queue.front(notice), b"begun long ago\n");
        queue.wrote(6);
        for number in 0..200_000u64 {
            push(&mut queue, Some(usize::from(number % 3 == 0)), &format!("a | {number}\n"));
            assert!(queue.len() <= limit + CHUNK);
            if number % 50_000 == 0 {
                // A notice that is about to be written may be dropped as well; its number must not be.
                let _ = queue.front(notice);
            }
        }
        let out = drain(&mut queue);
        assert!(out.starts_with("long ago\n"), "{}", &out[..80]);
        let count = |line: &str| line.strip_prefix("podinit | ")?.split(' ').next()?.parse::<u64>().ok();
        let dropped: u64 = out.lines().filter_map(count).sum();
        let kept: Vec<u64> = out.lines().filter_map(|line| line.strip_prefix("a | ")?.parse().ok()).collect();
        assert_eq!(kept.len() as u64 + dropped, 200_000);
        assert_eq!(queue.dropped(0) + queue.dropped(1), dropped);
        let of_third = kept.iter().filter(|number| **number % 3 == 0).count() as u64;
        assert_eq!(of_third + queue.dropped(1), 200_000_u64.div_ceil(3));
        assert_eq!(kept.last(), Some(&199_999));
        assert!(dropped > 0 && kept.is_sorted());
    }

    #[test]
    fn what_is_cleared_is_dropped_but_for_what_was_written() {
        let mut queue = Queue::new(1024 * 1024);
        (0..10).for_each(|number| push(&mut queue, Some(number % 2), "line\n"));
        queue.wrote(b"line\nline\nline\nli".len());
        queue.clear();
        assert_eq!(queue.untold(), 7);
        assert_eq!((queue.dropped(0), queue.dropped(1), queue.len()), (3, 4, 0));
    }

    #[test]
    fn who_comes_after_a_reader_that_is_gone_is_told_what_was_dropped() {
        let mut queue = Queue::new(1024 * 1024);
        for _ in 0..2 {
            (0..10).for_each(|_| push(&mut queue, Some(0), "line\n"));
            // About to be written: the notice is dropped with the rest, its number is not.
            let _ = queue.front(notice);
            queue.clear();
        }
        assert_eq!(queue.untold(), 20);
        push(&mut queue, Some(0), "on\n");
        assert_eq!(drain(&mut queue), "podinit | 20 lines dropped\non\n");
        assert_eq!(queue.untold(), 0);
    }
}
