//! When the next tick is due, by the wall clock. Pure.

use super::happening::{Happening, Kind, Period};
use crate::machine::Millis;
use std::time::Duration;

/// The ticks that somebody wants.
#[derive(Debug, Default)]
pub struct Ticks {
    /// Each with the slice of time that was last told of, in seconds since 1970.
    wanted: Vec<(Period, u64)>,
    due: Option<Millis>,
}

impl Ticks {
    /// Ticks of these periods only, from now on.
    pub fn want(&mut self, is_wanted: impl Fn(Kind) -> bool, now: Millis, date: Duration) {
        let periods = Period::ALL.into_iter().filter(|period| is_wanted(Kind::Tick(*period)));
        let known = std::mem::take(&mut self.wanted);
        let last = |period| known.iter().find(|(of, _)| *of == period).map(|(_, slice)| *slice);
        self.wanted = periods.map(|period| (period, last(period).unwrap_or_else(|| slice(period, date)))).collect();
        self.plan(now, date);
    }

    /// When [`Ticks::tick`] is to be called at the latest; never when nobody wants any.
    #[must_use]
    pub fn deadline(&self) -> Option<Millis> {
        self.due
    }

    /// The ticks of all periods that have begun since they were last asked for, each once however many have passed.
    pub fn tick(&mut self, now: Millis, date: Duration) -> Vec<Happening> {
        let mut due = Vec::new();
        for (period, last) in &mut self.wanted {
            let slice = slice(*period, date);
            if std::mem::replace(last, slice) != slice {
                due.push(Happening::tick(*period, slice));
            }
        }
        self.plan(now, date);
        due
    }

    fn plan(&mut self, now: Millis, date: Duration) {
        let until = |(period, _): &(Period, u64)| {
            let next = Duration::from_secs(slice(*period, date) + period.seconds());
            let left = next.saturating_sub(date).as_micros().div_ceil(1_000);
            u64::try_from(left).unwrap_or(Millis::MAX)
        };
        self.due = self.wanted.iter().map(until).min().map(|left| now.saturating_add(left));
    }
}

/// The beginning of the period that a date is in.
fn slice(period: Period, date: Duration) -> u64 {
    date.as_secs() / period.seconds() * period.seconds()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_tick_comes_when_its_period_begins_and_only_to_who_wants_it() {
        let mut ticks = Ticks::default();
        assert_eq!(ticks.deadline(), None);
        ticks.want(|kind| kind.is("TICK_5"), 100, at(57_400));
        assert_eq!(ticks.deadline(), Some(100 + 2_600));
        // Called a moment too early, it asks to be called again.
        assert_eq!(ticks.tick(2_699, at(59_999)), []);
        assert_eq!(ticks.deadline(), Some(2_700));
        assert_eq!(ticks.tick(2_700, at(60_000)), [Happening::tick(Period::Five, 60)]);
        assert_eq!(ticks.deadline(), Some(7_700));
        assert_eq!(ticks.tick(2_701, at(60_001)), []);
        ticks.want(|kind| kind.is("TICK"), 2_800, at(60_100));
        assert_eq!(ticks.tick(62_700, at(120_000)), [Happening::tick(Period::Five, 120), Happening::tick(Period::Minute, 120)]);
        ticks.want(|_| false, 62_700, at(120_000));
        assert_eq!(ticks.deadline(), None);
    }

    #[test]
    fn a_clock_that_jumps_makes_one_tick() {
        let mut ticks = Ticks::default();
        ticks.want(|kind| kind.is("TICK_60"), 0, at(60_000));
        assert_eq!(ticks.tick(1, at(3_600_500)), [Happening::tick(Period::Minute, 3_600)]);
        assert_eq!(ticks.tick(2, at(60_000)), [Happening::tick(Period::Minute, 60)]);
    }
}
