//! The clocks.

use crate::sys::{Faulty, Linux};
use nix::time::{ClockId, clock_gettime};
use podinit_plan::calendar::civil;
use std::time::Duration;

/// Clocks, which cannot fail.
pub trait Clock {
    /// Since some point in the past; never goes back, whatever is done to the date.
    fn monotonic(&self) -> Duration;
    /// Since 1970 in UTC.
    fn date(&self) -> Duration;
}

impl Clock for Linux {
    fn monotonic(&self) -> Duration {
        read(ClockId::CLOCK_MONOTONIC)
    }

    fn date(&self) -> Duration {
        read(ClockId::CLOCK_REALTIME)
    }
}

fn read(clock: ClockId) -> Duration {
    // Every kernel has both clocks, and a pointer to our own stack is good: there is nothing that could fail.
    clock_gettime(clock).map(Duration::from).unwrap_or_default()
}

impl<S: Clock> Clock for Faulty<S> {
    fn monotonic(&self) -> Duration {
        self.inner().monotonic()
    }
    fn date(&self) -> Duration {
        self.inner().date()
    }
}

/// A date as RFC 3339 writes it, in UTC with milliseconds: `2026-02-28T23:59:59.042Z`.
#[must_use]
pub fn rfc3339(since_1970: Duration) -> String {
    let seconds = since_1970.as_secs();
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    let millis = since_1970.subsec_millis();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// Month, day, hour and minute of a date at the container's place, as TZ or /etc/localtime say.
#[must_use]
pub fn local(seconds_since_1970: u64) -> [u32; 4] {
    let seconds = libc::time_t::try_from(seconds_since_1970).unwrap_or(libc::time_t::MAX);
    // SAFETY: all zeros is a date; no field of it is a reference.
    let mut date: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both live as long as the call, which writes to the second one only.
    if unsafe { libc::localtime_r(&raw const seconds, &raw mut date) }.is_null() {
        return [1, 1, 0, 0];
    }
    [date.tm_mon + 1, date.tm_mday, date.tm_hour, date.tm_min].map(|number| u32::try_from(number).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, want) in [
            (0, "1970-01-01T00:00:00.042Z"),
            (951_782_399, "2000-02-28T23:59:59.042Z"),
            (951_868_799, "2000-02-29T23:59:59.042Z"),
            (1_772_323_199, "2026-02-28T23:59:59.042Z"),
            (4_107_542_400, "2100-03-01T00:00:00.042Z"),
        ] {
            assert_eq!(rfc3339(Duration::new(seconds, 42_999_999)), want);
        }
    }
}
