//! Days of the Gregorian calendar, counted from 1970-01-01.

const DAYS_FROM_MARCH_OF_YEAR_0_TO_1970: u64 = 719_468;
const DAYS_IN_400_YEARS: u64 = 146_097;

/// Year, month and day. Years are counted from March on, so that the leap day is a year's last and every month but it
/// has a fixed place.
#[must_use]
pub fn civil(days_since_1970: u64) -> (u64, u64, u64) {
    let days = days_since_1970 + DAYS_FROM_MARCH_OF_YEAR_0_TO_1970;
    let (era, day_of_era) = (days / DAYS_IN_400_YEARS, days % DAYS_IN_400_YEARS);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// The day of the week, Sunday is 0; 1970 began with a Thursday.
#[must_use]
pub fn weekday(days_since_1970: u64) -> u64 {
    (days_since_1970 + 4) % 7
}
