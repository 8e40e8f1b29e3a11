//! When a scheduled service runs: `every 60s`, or a cron line of five fields in UTC. Pure.
//!
//! A cron line is `minute hour day-of-month month day-of-week`. A field is `*`, a number, a name (`jan`, `mon`), a range,
//! any of these but a single value with a step (`*/5`, `8-18/2`), or a list of them. Sunday is 0 and 7. As cron has it,
//! a day has to match both fields for days when one of them begins with `*`, and either when none does.
//! `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`, `@yearly` and `@annually` stand for lines.

use crate::calendar::{civil, weekday};
use crate::plan::Schedule;
use crate::units::{format_duration_ms, parse_duration_ms};

/// The shortest time from start to start, in milliseconds.
const SHORTEST_MS: u64 = 1_000;
const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;
const DAY: u64 = 86_400;
/// The longest time between two runs is that between two 29ths of February on one day of the week, when 2100 is between
/// them: 40 years.
const DAYS_TO_SEARCH: u64 = 41 * 366;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const NICKNAMES: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

/// Reads a schedule as pod.yaml has it: `every 60s`, or a cron line.
///
/// # Errors
/// What is wrong with it, in words that fit behind "`TEXT`: ".
pub fn parse(text: &str) -> Result<Schedule, String> {
    let Some(every) = text.trim().strip_prefix("every ") else {
        Cron::parse(text)?;
        return Ok(Schedule::Cron(text.split_whitespace().collect::<Vec<_>>().join(" ")));
    };
    let ms = parse_duration_ms(every).map_err(|error| error.to_string())?;
    if ms < SHORTEST_MS {
        return Err(format!("the shortest time from start to start is {}", format_duration_ms(SHORTEST_MS)));
    }
    Ok(Schedule::EveryMs(ms))
}

/// A cron line: the values of each field as bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// A day has to match both fields for days, not either.
    both_days: bool,
}

/// What a field may hold.
struct Field {
    name: &'static str,
    least: u64,
    most: u64,
    /// Names of values, the first for `least`.
    names: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field { name: "minute", least: 0, most: 59, names: &[] },
    Field { name: "hour", least: 0, most: 23, names: &[] },
    Field { name: "day of month", least: 1, most: 31, names: &[] },
    Field { name: "month", least: 1, most: 12, names: &MONTHS },
    Field { name: "day of week", least: 0, most: 7, names: &WEEKDAYS },
];

impl Cron {
    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Cron, String> {
        let text = text.trim();
        let line = match NICKNAMES.iter().find(|(name, _)| text.eq_ignore_ascii_case(name)) {
            Some((_, line)) => line,
            None if text.eq_ignore_ascii_case("@reboot") => {
                return Err("a oneshot without a schedule runs when the pod starts; leave the schedule out".to_owned());
            }
            None if text.starts_with('@') => {
                let names: Vec<&str> = NICKNAMES.iter().map(|(name, _)| *name).collect();
                return Err(format!("expected one of {}", names.join(", ")));
            }
            None => text,
        };
        let texts: Vec<&str> = line.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = texts.as_slice() else {
            let count = texts.len();
            let plural = if count == 1 { "field" } else { "fields" };
            return Err(format!(
                "expected `every DURATION`, or the five fields of a cron line, minute hour day month weekday; there {} {count} {plural}",
                if count == 1 { "is" } else { "are" }
            ));
        };
        let [minutes, hours, days, months, weekdays] = [0, 1, 2, 3, 4].map(|n: usize| FIELDS[n].parse(texts[n]));
        // Sunday is 0 and 7.
        let weekdays = weekdays.map(|bits| (bits | bits >> 7) & 0x7f)?;
        let both_days = day.starts_with('*') || weekday.starts_with('*');
        let cron = Cron { minutes: minutes?, hours: hours?, days: days?, months: months?, weekdays, both_days };
        if cron.next_after(0).is_none() {
            return Err(format!("it would never run: there is no such day ({minute} {hour} {day} {month} {weekday})"));
        }
        Ok(cron)
    }

    /// The first moment after this one at which it is time, both in seconds since 1970; none when there will be none.
    #[must_use]
    pub fn next_after(&self, seconds: u64) -> Option<u64> {
        let from = (seconds / MINUTE).checked_add(1)?.checked_mul(MINUTE)?;
        let first_day = from / DAY;
        (first_day..first_day.checked_add(DAYS_TO_SEARCH)?).find_map(|day| {
            let earliest = if day == first_day { from % DAY } else { 0 };
            let time = self.has_day(day).then(|| self.time_from(earliest)).flatten()?;
            day.checked_mul(DAY)?.checked_add(time)
        })
    }

    fn has_day(&self, days_since_1970: u64) -> bool {
        let (_, month, day) = civil(days_since_1970);
        let (by_month, by_week) = (has(self.days, day), has(self.weekdays, weekday(days_since_1970)));
        has(self.months, month) && if self.both_days { by_month && by_week } else { by_month || by_week }
    }

    /// The first time of a day from this one on; all in seconds since midnight.
    fn time_from(&self, earliest: u64) -> Option<u64> {
        let (first_hour, first_minute) = (earliest / HOUR, earliest % HOUR / MINUTE);
        (first_hour..24).filter(|hour| has(self.hours, *hour)).find_map(|hour| {
            let from = if hour == first_hour { first_minute } else { 0 };
            let minute = (from..60).find(|minute| has(self.minutes, *minute))?;
            Some(hour * HOUR + minute * MINUTE)
        })
    }
}

fn has(bits: u64, value: u64) -> bool {
    bits >> value & 1 == 1
}

impl Field {
    /// The values of a list, as bits.
    fn parse(&self, list: &str) -> Result<u64, String> {
        let mut bits = 0;
        for item in list.split(',') {
            let (range, step) = match item.split_once('/') {
                Some((range, step)) => (range, Some(step)),
                None => (item, None),
            };
            let (first, last) = match range.split_once('-') {
                _ if range == "*" => (self.least, self.most),
                Some((first, last)) => (self.value(first)?, self.last(last)?),
                None if step.is_some() => {
                    return Err(format!("{}: `{item}` has a step but no range; write `*/N` or `A-B/N`", self.name));
                }
                None => (self.value(range)?, self.value(range)?),
            };
            if first > last {
                return Err(format!("{}: the range `{range}` ends before it begins", self.name));
            }
            let step: u64 = match step.map(str::parse) {
                None => 1,
                Some(Ok(step @ 1..)) => step,
                Some(_) => return Err(format!("{}: the step of `{item}` must be a number from 1 on", self.name)),
            };
            // 7 is Sunday again, and no day of its own to count to.
            let last = if range == "*" && self.most == 7 { 6 } else { last };
            bits |= (first..=last).step_by(usize::try_from(step).unwrap_or(usize::MAX)).fold(0, |bits, value| bits | 1 << value);
        }
        Ok(bits)
    }

    fn value(&self, text: &str) -> Result<u64, String> {
        let named = self.names.iter().position(|name| text.eq_ignore_ascii_case(name));
        let value = match named {
            Some(index) => Some(index as u64 + self.least),
            None if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
            None => None,
        };
        value.filter(|value| (self.least..=self.most).contains(value)).ok_or_else(|| {
            let names = match self.names {
                [first, .., last] => format!(", or {first} to {last}"),
                _ => String::new(),
            };
            format!("{}: `{text}` is not a number from {} to {}{names}", self.name, self.least, self.most)
        })
    }

    /// The end of a range; Sunday as an end is the day after Saturday.
    fn last(&self, text: &str) -> Result<u64, String> {
        match self.value(text)? {
            0 if self.most == 7 && !text.starts_with('0') => Ok(7),
            value => Ok(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2026-02-28 23:59:30, a Saturday.
    const EVE: u64 = 1_772_323_170;

    fn at(line: &str, seconds: u64) -> u64 {
        Cron::parse(line).unwrap_or_else(|error| panic!("{line}: {error}")).next_after(seconds).unwrap()
    }

    #[test]
    fn lines_run_when_cron_would_run_them() {
        let midnight = EVE + 30;
        for (line, after) in [
            ("* * * * *", 0),
            ("*/15 * * * *", 0),
            ("@hourly", 0),
            ("5 4 * * *", 4 * HOUR + 5 * MINUTE),
            ("0 0 2 3 *", DAY),
            ("0 0 * mar Sun", 0),
            ("30 8-18/5 * * mon-fri", DAY + 8 * HOUR + 30 * MINUTE),
            ("0 0 * * 7", 0),
            ("0 0 * * fri-sun", 0),
            // The 3rd, or a Monday, whichever comes first.
            ("0 0 3 * mon", DAY),
            // A `*` with a step restricts, and yet the other field has to match, too: Tuesday the 3rd.
            ("0 0 */2 * tue", 2 * DAY),
            ("0,59 1,2 * * *", HOUR),
            ("@weekly", 0),
            ("@monthly", 0),
        ] {
            assert_eq!(at(line, EVE) - midnight, after, "{line}");
        }
        // The next leap day is in 2028; midnight itself is not after midnight.
        assert_eq!(at("0 0 29 2 *", EVE), 1_835_395_200);
        assert_eq!(at("@yearly", 1_767_225_600), 1_798_761_600);
    }

    #[test]
    fn the_rarest_day_is_found() {
        // A 29th of February on a Sunday: every 28 years, and 40 years apart when a century without leap day is between.
        let cron = Cron::parse("0 0 29 2 */7").unwrap();
        let mut day = cron.next_after(0).unwrap();
        for _ in 0..14 {
            let next = cron.next_after(day).unwrap();
            assert!(next - day <= 41 * 366 * DAY, "{day} {next}");
            assert_eq!((civil(next / DAY).1, civil(next / DAY).2, weekday(next / DAY)), (2, 29, 0));
            day = next;
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, named) in [
            ("", "there are 0 fields"),
            ("* * * *", "there are 4 fields"),
            ("60 * * * *", "minute: `60` is not a number from 0 to 59"),
            ("* 24 * * *", "hour: `24`"),
            ("* * 0 * *", "day of month: `0` is not a number from 1 to 31"),
            ("* * * foo *", "month: `foo` is not a number from 1 to 12, or jan to dec"),
            ("* * * * 8", "day of week: `8`"),
            ("5/10 * * * *", "`5/10` has a step but no range"),
            ("*/0 * * * *", "the step of `*/0`"),
            ("*/x * * * *", "the step of `*/x`"),
            ("30-10 * * * *", "ends before it begins"),
            ("1, * * * *", "minute: ``"),
            ("+1 * * * *", "minute: `+1`"),
            ("0 0 30 2 *", "would never run"),
            ("@reboot", "leave the schedule out"),
            ("@fortnightly", "@hourly"),
            ("every 60", "unit"),
            ("every 10ms", "the shortest time from start to start is 1s"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(named), "{text}: {error}");
        }
    }

    #[test]
    fn both_kinds_of_schedules_are_read() {
        assert_eq!(parse("every 1m30s"), Ok(Schedule::EveryMs(90_000)));
        assert_eq!(parse("  */5  *  * * mon "), Ok(Schedule::Cron("*/5 * * * mon".to_owned())));
        assert_eq!(parse("@daily"), Ok(Schedule::Cron("@daily".to_owned())));
    }

    /// A field as a text, and the values that it has.
    fn field(least: u64, most: u64) -> impl Strategy<Value = (String, Vec<u64>)> {
        let item = (least..=most, least..=most, 1..20u64, 0..5u8).prop_map(move |(a, b, step, form)| {
            let (first, last) = (a.min(b), a.max(b));
            match form {
                0 => ("*".to_owned(), (least..=most).collect::<Vec<u64>>()),
                1 => (format!("*/{step}"), (least..=most).filter(|value| (value - least).is_multiple_of(step)).collect()),
                2 => (format!("{first}-{last}"), (first..=last).collect()),
                3 => (format!("{first}-{last}/{step}"), (first..=last).filter(|value| (value - first) % step == 0).collect()),
                _ => (a.to_string(), vec![a]),
            }
        });
        prop::collection::vec(item, 1..3).prop_map(|items| {
            let texts: Vec<String> = items.iter().map(|(text, _)| text.clone()).collect();
            (texts.join(","), items.into_iter().flat_map(|(_, values)| values).collect())
        })
    }

    proptest! {
        /// Minute by minute, field by field: the slow way to the same answer.
        #[test]
        fn the_next_time_is_that_of_a_search_minute_by_minute(
            minute in field(0, 59), hour in field(0, 23), day in field(1, 31), month in field(1, 12), week in field(0, 6),
            now in 0..4_200_000_000u64,
        ) {
            let line = [&minute, &hour, &day, &month, &week].map(|(text, _)| text.as_str()).join(" ");
            let Ok(cron) = Cron::parse(&line) else {
                // No day of these months: the 30th or 31st of short ones.
                prop_assert!(day.1.iter().all(|day| *day > 28), "{}", line);
                return Ok(());
            };
            let next = cron.next_after(now).unwrap();
            prop_assert!(next > now && next % 60 == 0);
            let is_star = day.0.starts_with('*') || week.0.starts_with('*');
            let matches = |at: u64| {
                let (_, of_year, of_month) = civil(at / DAY);
                let (by_month, by_week) = (day.1.contains(&of_month), week.1.contains(&((at / DAY + 4) % 7)));
                minute.1.contains(&(at / 60 % 60)) && hour.1.contains(&(at / 3600 % 24)) && month.1.contains(&of_year)
                    && if is_star { by_month && by_week } else { by_month || by_week }
            };
            prop_assert!(matches(next), "{} {}", line, next);
            // Every minute of the ten days after now, and of the ten before the answer.
            let minutes = now / 60 + 1..next / 60;
            let (after, before) = ((now / 60 + 1 + 14_400).min(next / 60), (next / 60).saturating_sub(14_400).max(now / 60 + 1));
            let mut between = (minutes.start..after).chain(before..minutes.end).map(|minute| minute * 60);
            prop_assert_eq!(between.find(|at| matches(*at)), None, "{}", line);
        }

        #[test]
        fn no_text_is_too_odd_to_be_read(text in "[-0-9*/,@a-z ]{0,30}") {
            let _ = parse(&text);
        }
    }
}
