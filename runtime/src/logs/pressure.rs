//! When services are made to wait for a queue, and for how long. Pure.
//!
//! A burst that is faster than a disk or a reader must not lose lines; a disk or reader that is stuck must not stop a
//! service. So a queue that fills up holds its services back, as any pipe would, but not for longer than
//! [`PATIENCE_MS`]; after that it takes everything and drops the oldest, until it has caught up.

use crate::machine::Millis;

/// How long a queue may hold services back in one go, in milliseconds: longer than a busy disk pauses its writers,
/// shorter than any check waits for an answer.
pub const PATIENCE_MS: Millis = 500;

/// The state of one queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pressure {
    /// Keeps up.
    Flowing,
    /// Half full: its services are not read until it has emptied to a quarter, or this time.
    Holding(Millis),
    /// Did not keep up: services are read, and the oldest lines dropped, until it has emptied to a quarter.
    Overrun,
}

impl Pressure {
    /// What follows from `waiting` bytes in a queue that takes `limit`.
    #[must_use]
    pub fn next(self, waiting: usize, limit: usize, now: Millis) -> Pressure {
        match self {
            Pressure::Flowing if waiting > limit / 2 => Pressure::Holding(now + PATIENCE_MS),
            Pressure::Holding(_) | Pressure::Overrun if waiting <= resume_at(limit) => Pressure::Flowing,
            Pressure::Holding(until) if until <= now => Pressure::Overrun,
            same => same,
        }
    }

    /// Services are to wait, until this time at most.
    #[must_use]
    pub fn holds_until(self) -> Option<Millis> {
        match self {
            Pressure::Holding(until) => Some(until),
            Pressure::Flowing | Pressure::Overrun => None,
        }
    }
}

/// A queue that takes `limit` bytes has caught up when no more than this wait.
#[must_use]
pub fn resume_at(limit: usize) -> usize {
    limit / 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_holds_services_back_for_a_while_only() {
        let full = Pressure::Flowing.next(51, 100, 1000);
        assert_eq!(full.holds_until(), Some(1000 + PATIENCE_MS));
        assert_eq!(full.next(90, 100, 1001), full, "it is not prolonged");
        assert_eq!(full.next(25, 100, 1001), Pressure::Flowing);
        let overrun = full.next(90, 100, 1000 + PATIENCE_MS);
        assert_eq!(overrun, Pressure::Overrun);
        assert_eq!(overrun.next(99, 100, 9000), Pressure::Overrun, "a second time only after it has caught up");
        assert_eq!(overrun.next(0, 100, 9000), Pressure::Flowing);
    }
}
