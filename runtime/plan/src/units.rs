//! Durations, sizes and rates as people write them. Each carries its unit: a bare number is refused,
//! because whether it means seconds, milliseconds or minutes differs from tool to tool.

use std::fmt;

/// Why a text is not a duration, a size or a rate. Fits behind "`TEXT`: ".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnitError {
    /// A number without a unit; the field names units that would do.
    Bare(&'static str),
    /// Not of the form at all; the field shows one that is.
    Malformed(&'static str),
    /// The value does not fit into 64 bits of the smallest unit.
    TooLarge,
}

impl fmt::Display for UnitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UnitError::Bare(units) => write!(f, "a unit is missing: write {units}"),
            UnitError::Malformed(example) => write!(f, "expected a value such as {example}"),
            UnitError::TooLarge => f.write_str("the value is too large"),
        }
    }
}

impl std::error::Error for UnitError {}

const DURATION_UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Reads a duration such as `10s`, `1.5s`, `1m30s`, `250ms`; the result is in milliseconds.
///
/// # Errors
/// A bare number other than `0`, an unknown unit, or more than 64 bits of milliseconds.
pub fn parse_duration_ms(text: &str) -> Result<u64, UnitError> {
    const EXAMPLE: &str = "10s, 500ms or 1m30s";
    let text = text.trim();
    if text == "0" {
        return Ok(0);
    }
    let mut total: u64 = 0;
    let mut rest = text;
    if rest.is_empty() {
        return Err(UnitError::Malformed(EXAMPLE));
    }
    while !rest.is_empty() {
        let (number, after) = split_number(rest).ok_or(UnitError::Malformed(EXAMPLE))?;
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        if unit.is_empty() {
            return Err(if after.is_empty() { UnitError::Bare("10s or 500ms") } else { UnitError::Malformed(EXAMPLE) });
        }
        let scale = DURATION_UNITS.iter().find(|(name, _)| *name == unit).ok_or(UnitError::Malformed(EXAMPLE))?.1;
        total = total.checked_add(scaled(number, scale)?).ok_or(UnitError::TooLarge)?;
        rest = after;
    }
    Ok(total)
}

/// Writes a duration in milliseconds the way a person would: `1m30s`, `500ms`, `0s`.
#[must_use]
pub fn format_duration_ms(ms: u64) -> String {
    if ms == 0 {
        return "0s".to_owned();
    }
    if ms < 1_000 {
        return format!("{ms}ms");
    }
    if !ms.is_multiple_of(1_000) && ms < 60_000 {
        let text = format!("{:.3}", ms as f64 / 1_000.0);
        return format!("{}s", text.trim_end_matches('0').trim_end_matches('.'));
    }
    let seconds = ms / 1_000;
    let parts = [(seconds / 86_400, "d"), (seconds / 3_600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n}{unit}")).collect()
}

/// Reads a size such as `50MB`, `512k`, `1.5GiB`; a unit is a power of 1024. The result is in bytes.
///
/// # Errors
/// A bare number, an unknown unit, or more than 64 bits of bytes.
pub fn parse_size_bytes(text: &str) -> Result<u64, UnitError> {
    const EXAMPLE: &str = "50MB, 512KB or 1GB";
    let (number, unit) = split_number(text.trim()).ok_or(UnitError::Malformed(EXAMPLE))?;
    let scale = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" if number.parse() == Ok(0u64) => 1,
        "" => return Err(UnitError::Bare("50MB or 512KB")),
        "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        "t" | "tb" | "tib" => 1 << 40,
        _ => return Err(UnitError::Malformed(EXAMPLE)),
    };
    scaled(number, scale)
}

/// Writes a size in bytes with the largest unit that leaves at least one whole: `50MB`, `1.5GB`, `12B`.
#[must_use]
pub fn format_size(bytes: u64) -> String {
    for (unit, scale) in [("TB", 1u64 << 40), ("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)] {
        if bytes >= scale {
            let text = format!("{:.1}", bytes as f64 / scale as f64);
            return format!("{}{unit}", text.trim_end_matches('0').trim_end_matches('.'));
        }
    }
    format!("{bytes}B")
}

/// How often something may happen: nginx's `10r/s` or `90r/m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Rate {
    /// Requests per period; at least 1.
    pub requests: u32,
    /// The period.
    pub per: RatePeriod,
}

/// The period that a [`Rate`] counts in; nginx knows these two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RatePeriod {
    /// `r/s`
    Second,
    /// `r/m`
    Minute,
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.per {
            RatePeriod::Second => "r/s",
            RatePeriod::Minute => "r/m",
        };
        write!(f, "{}{unit}", self.requests)
    }
}

impl std::str::FromStr for Rate {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Rate, UnitError> {
        const BAD: UnitError = UnitError::Malformed("10r/s or 90r/m");
        let text = text.trim();
        let (number, per) = if let Some(number) = text.strip_suffix("r/s") {
            (number, RatePeriod::Second)
        } else if let Some(number) = text.strip_suffix("r/m") {
            (number, RatePeriod::Minute)
        } else if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(UnitError::Bare("10r/s or 90r/m"));
        } else {
            return Err(BAD);
        };
        let requests: u32 = number.trim().parse().map_err(|_| BAD)?;
        if requests == 0 {
            return Err(BAD);
        }
        Ok(Rate { requests, per })
    }
}

/// Splits `1.5GB` into `1.5` and `GB`; `None` when the text does not begin with a number.
fn split_number(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    let valid = number.starts_with(|c: char| c.is_ascii_digit()) && !number.ends_with('.') && number.matches('.').count() <= 1;
    valid.then_some((number, rest))
}

/// `number` (digits with at most one dot) times `scale`, exact for whole numbers, rounded for fractions.
fn scaled(number: &str, scale: u64) -> Result<u64, UnitError> {
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(scale).ok_or(UnitError::TooLarge);
    }
    let value = number.parse::<f64>().map_err(|_| UnitError::TooLarge)? * scale as f64;
    if value >= u64::MAX as f64 { Err(UnitError::TooLarge) } else { Ok(value.round() as u64) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_carry_units() {
        assert_eq!(parse_duration_ms("10s"), Ok(10_000));
        assert_eq!(parse_duration_ms("1m30s"), Ok(90_000));
        assert_eq!(parse_duration_ms("1.5s"), Ok(1_500));
        assert_eq!(parse_duration_ms("0"), Ok(0));
        assert_eq!(parse_duration_ms("10"), Err(UnitError::Bare("10s or 500ms")));
        for bad in ["", "s", "10 s", "10x", "-1s", "1..5s", "1.s", "5us", "1s5"] {
            assert!(parse_duration_ms(bad).is_err(), "{bad}");
        }
        assert_eq!(parse_duration_ms("999999999999999999d"), Err(UnitError::TooLarge));
    }

    #[test]
    fn sizes_are_powers_of_1024() {
        assert_eq!(parse_size_bytes("50MB"), Ok(50 << 20));
        assert_eq!(parse_size_bytes("1.5g"), Ok(3 << 29));
        assert_eq!(parse_size_bytes("16m"), Ok(16 << 20));
        assert_eq!(parse_size_bytes("50"), Err(UnitError::Bare("50MB or 512KB")));
        assert!(parse_size_bytes("50XB").is_err());
    }

    #[test]
    fn rates_are_nginx_rates() {
        assert_eq!("10r/s".parse(), Ok(Rate { requests: 10, per: RatePeriod::Second }));
        assert_eq!("90r/m".parse::<Rate>().map(|r| r.to_string()), Ok("90r/m".to_owned()));
        for bad in ["10", "0r/s", "10/s", "r/s", "1.5r/s"] {
            assert!(bad.parse::<Rate>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn formatted_durations_read_back(ms in 0u64..10_000_000_000) {
            let exact = if ms < 60_000 { ms } else { ms / 1_000 * 1_000 };
            prop_assert_eq!(parse_duration_ms(&format_duration_ms(exact)), Ok(exact));
        }

        #[test]
        fn parsers_never_panic(text in ".{0,20}") {
            let _ = parse_duration_ms(&text);
            let _ = parse_size_bytes(&text);
            let _ = text.parse::<Rate>();
        }
    }
}
