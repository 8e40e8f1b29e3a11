//! Whose lines a batch holds, so that each service is told what became of its own. Pure.

use crate::machine::ServiceId;

/// Who wrote the lines of a batch, in their order.
#[derive(Debug, Default)]
pub struct Senders {
    /// Runs of lines of one sender; podinit itself is none.
    runs: Vec<(Option<ServiceId>, u64)>,
    lines: u64,
}

impl Senders {
    /// Lines were added at the end.
    #[inline]
    pub fn add(&mut self, sender: Option<ServiceId>, lines: u64) {
        self.lines += lines;
        match self.runs.last_mut() {
            Some((last, count)) if *last == sender => *count += lines,
            _ => self.runs.push((sender, lines)),
        }
    }

    /// How many lines there are.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// What it takes, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        size_of_val(self.runs.as_slice())
    }

    /// Those of all lines but the first `written`.
    fn after(&self, mut written: u64) -> impl Iterator<Item = (ServiceId, u64)> {
        self.runs.iter().filter_map(move |&(sender, lines)| {
            let skipped = written.min(lines);
            written -= skipped;
            Some((sender?, lines - skipped))
        })
    }
}

/// Lines by service.
#[derive(Debug, Default)]
pub struct Tally(Vec<u64>);

impl Tally {
    /// Adds all lines of a batch but the first `written`.
    pub fn add(&mut self, senders: &Senders, written: u64) {
        for (service, lines) in senders.after(written) {
            if service >= self.0.len() {
                self.0.resize(service + 1, 0);
            }
            self.0[service] += lines;
        }
    }

    /// Those of one service.
    #[must_use]
    pub fn of(&self, service: ServiceId) -> u64 {
        self.0.get(service).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_written_is_put_down_to_who_wrote_it() {
        let mut senders = Senders::default();
        for (sender, lines) in [(Some(2), 1), (Some(2), 2), (None, 1), (Some(0), 4), (Some(2), 5)] {
            senders.add(sender, lines);
        }
        assert_eq!(senders.lines(), 13);
        for (written, of_0, of_2) in [(0, 4, 8), (2, 4, 6), (4, 4, 5), (7, 1, 5), (9, 0, 4), (13, 0, 0)] {
            let mut tally = Tally::default();
            tally.add(&senders, written);
            assert_eq!((tally.of(0), tally.of(1), tally.of(2)), (of_0, 0, of_2), "{written}");
        }
    }
}
