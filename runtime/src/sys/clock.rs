//! The clocks.

use crate::sys::{Faulty, Linux};
use nix::time::{ClockId, clock_gettime};
use podinit_plan::calendar::civil;
use std::sync::OnceLock;
use std::time::Duration;
use tz::TimeZone;

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

/// Month, day, hour and minute of a date at the container's place, as TZ or /etc/localtime said when it was first asked
/// for; in UTC where they say nothing that can be understood.
#[must_use]
pub fn local(seconds_since_1970: u64) -> [u32; 4] {
    static ZONE: OnceLock<Option<TimeZone>> = OnceLock::new();
    let zone = ZONE.get_or_init(|| match std::env::var("TZ") {
        Ok(name) => TimeZone::from_posix_tz(&name).ok(),
        Err(_) => TimeZone::local().ok(),
    });
    date_in(zone.as_ref(), seconds_since_1970)
}

fn date_in(zone: Option<&TimeZone>, seconds_since_1970: u64) -> [u32; 4] {
    let kind = i64::try_from(seconds_since_1970).ok().and_then(|at| zone?.find_local_time_type(at).ok());
    let seconds = seconds_since_1970.saturating_add_signed(kind.map_or(0, |kind| i64::from(kind.ut_offset())));
    let (_, month, day) = civil(seconds / 86_400);
    [month, day, seconds / 3_600 % 24, seconds / 60 % 60].map(|number| u32::try_from(number).unwrap_or(0))
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

    #[test]
    fn a_place_has_its_own_time_and_its_summer() {
        let berlin = TimeZone::from_posix_tz("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        // 28 February and 15 July 2026, 23:59 in UTC; before and after the clocks go forward.
        for (seconds, want) in [
            (1_772_323_199, [3, 1, 0, 59]),
            (1_784_159_940, [7, 16, 1, 59]),
            (1_774_745_940, [3, 29, 1, 59]),
            (1_774_746_000, [3, 29, 3, 0]),
        ] {
            assert_eq!(date_in(Some(&berlin), seconds), want);
        }
        assert_eq!(date_in(None, 1_772_323_199), [2, 28, 23, 59]);
    }
}
