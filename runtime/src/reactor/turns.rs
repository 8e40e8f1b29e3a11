//! How long the turns of the loop take: while one lasts, nobody is answered, reaped or started.

use std::time::Duration;

/// What the machine wants is done for so long in one turn; the rest of it waits for the next.
const ACTIONS: Duration = Duration::from_millis(2);
/// A turn that takes longer is counted.
const LONG: Duration = Duration::from_millis(5);

/// The turns so far.
#[derive(Debug, Default)]
pub(super) struct Turns {
    begun: Duration,
    longest: Duration,
    /// How many were longer than 5 ms.
    pub long: u64,
}

impl Turns {
    /// A turn begins.
    pub fn begin(&mut self, at: Duration) {
        self.begun = at;
    }

    /// There is time for another action.
    pub fn has_time(&self, at: Duration) -> bool {
        at.saturating_sub(self.begun) < ACTIONS
    }

    /// The turn ends.
    pub fn end(&mut self, at: Duration) {
        let time = at.saturating_sub(self.begun);
        self.longest = self.longest.max(time);
        self.long += u64::from(time > LONG);
    }

    /// The longest in microseconds.
    pub fn longest_us(&self) -> u64 {
        u64::try_from(self.longest.as_micros()).unwrap_or(u64::MAX)
    }
}
