//! The last events, as lines, for those who ask later.

use podinit_plan::protocol::Event;
use std::collections::VecDeque;

/// How many bytes of events are kept.
const CAPACITY: usize = 64 * 1024;

/// A ring of events, each as a line of JSON.
#[derive(Debug, Default)]
pub struct Events {
    lines: VecDeque<(u64, Vec<u8>)>,
    bytes: usize,
}

impl Events {
    /// Keeps an event, and gives its line.
    pub fn push(&mut self, event: &Event) -> &[u8] {
        let mut line = serde_json::to_vec(event).unwrap_or_default();
        line.push(b'\n');
        self.bytes += line.len();
        self.lines.push_back((event.seq, line));
        while self.bytes > CAPACITY && self.lines.len() > 1 {
            if let Some((_, dropped)) = self.lines.pop_front() {
                self.bytes -= dropped.len();
            }
        }
        self.lines.back().map_or(&[], |(_, line)| line)
    }

    /// The lines of all events that are kept and have greater numbers than `since`.
    pub fn since(&self, since: u64) -> impl Iterator<Item = &[u8]> {
        self.lines.iter().filter(move |(seq, _)| *seq > since).map(|(_, line)| line.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use podinit_plan::protocol::EventKind;

    #[test]
    fn the_newest_are_kept() {
        let mut events = Events::default();
        for seq in 1..=2_000 {
            events.push(&Event { seq, reason: Some("x".repeat(40)), ..Event::new(EventKind::Warning) });
        }
        let kept: Vec<Event> = events.since(0).map(|line| serde_json::from_slice(line).unwrap()).collect();
        assert_eq!(kept.last().map(|event| event.seq), Some(2_000));
        assert!(kept.len() > 100 && kept.windows(2).all(|pair| pair[1].seq == pair[0].seq + 1));
        assert!(events.bytes <= CAPACITY);
        assert_eq!(events.since(1_999).count(), 1);
    }
}
