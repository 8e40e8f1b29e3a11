//! What values mean: numbers, sizes, signals, lists. Each reader says in words that fit behind "`VALUE`: " what it wanted.

use crate::signal;

/// A whole number, as Python reads one: underscores between digits, a sign, blanks around.
pub(super) fn integer(text: &str) -> Result<i64, String> {
    let plain = text.trim();
    let is_well_formed = !plain.starts_with('_') && !plain.ends_with('_') && !plain.contains("__");
    let number = plain.replace('_', "").parse();
    number.ok().filter(|_| is_well_formed).ok_or_else(|| "expected a whole number".to_owned())
}

/// Seconds, counts and the like: a whole number that is not negative.
pub(super) fn count(text: &str) -> Result<u64, String> {
    u64::try_from(integer(text)?).map_err(|_| "expected a number that is not negative".to_owned())
}

pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text.to_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err("expected true or false".to_owned()),
    }
}

/// Bytes; KB, MB and GB are powers of 1024.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let lower = text.trim().to_lowercase();
    let units = [("kb", 1 << 10), ("mb", 1 << 20), ("gb", 1 << 30)];
    let (digits, unit) =
        units.iter().find_map(|(suffix, unit)| lower.strip_suffix(suffix).map(|digits| (digits, *unit))).unwrap_or((&lower, 1));
    let expected = |_| "expected a size such as 50MB, 512KB or 0".to_owned();
    count(digits).map_err(expected)?.checked_mul(unit).ok_or_else(|| "the size is too large".to_owned())
}

pub(super) fn octal(text: &str) -> Result<u32, String> {
    let digits = text.trim();
    let digits = digits.strip_prefix("0o").or_else(|| digits.strip_prefix("0O")).unwrap_or(digits);
    u32::from_str_radix(digits, 8).map_err(|_| "expected an octal number such as 022".to_owned())
}

pub(super) fn signal_number(text: &str) -> Result<i32, String> {
    signal::number(text.trim()).ok_or_else(|| "there is no such signal".to_owned())
}

pub(super) fn exit_codes(text: &str) -> Result<Vec<i32>, String> {
    let code = |text: &str| integer(text).ok().filter(|code| (0..=255).contains(code)).map(|code| code as i32);
    let codes = if text.is_empty() { Some(Vec::new()) } else { text.split(',').map(code).collect() };
    codes.ok_or_else(|| "expected exit codes from 0 to 255 with commas between".to_owned())
}

/// Texts with commas between.
pub(super) fn list(text: &str) -> Vec<String> {
    if text.is_empty() { Vec::new() } else { text.split(',').map(|item| item.trim().to_owned()).collect() }
}

/// The name of a program, a process or a group.
pub(super) fn name(text: &str) -> Result<String, String> {
    let name = text.trim();
    match name.chars().find(|c| " :/".contains(*c)) {
        Some(c) => Err(format!("a name cannot contain `{c}`")),
        None if name.is_empty() => Err("a name is missing".to_owned()),
        None => Ok(name.to_owned()),
    }
}

pub(super) fn log_level(text: &str) -> Result<String, String> {
    let level = text.to_lowercase();
    match level.as_str() {
        "critical" | "error" | "warn" | "info" | "debug" | "trace" | "blather" => Ok(level),
        _ => Err("expected critical, error, warn, info, debug, trace or blather".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_mean_what_supervisord_takes_them_for() {
        assert_eq!(integer(" 1_000 "), Ok(1000));
        assert_eq!((integer("-1"), integer("+2")), (Ok(-1), Ok(2)));
        assert_eq!((size("50MB"), size("1 kb"), size("7")), (Ok(50 << 20), Ok(1024), Ok(7)));
        assert_eq!((octal("022"), octal("0o777")), (Ok(0o22), Ok(0o777)));
        assert_eq!((boolean("Yes"), boolean("0")), (Ok(true), Ok(false)));
        assert_eq!((exit_codes("0, 2"), exit_codes("")), (Ok(vec![0, 2]), Ok(vec![])));
        assert_eq!((signal_number("quit"), signal_number("SIGHUP"), signal_number("15")), (Ok(3), Ok(1), Ok(15)));
        assert_eq!(list("a, b"), ["a", "b"]);
    }

    #[test]
    fn what_they_cannot_be_is_refused() {
        assert!(["", "1.5", "1_", "x"].iter().all(|text| integer(text).is_err()));
        assert!(size("50M").is_err() && size("99999999999GB").is_err() && octal("9").is_err() && boolean("maybe").is_err());
        assert!(exit_codes("0,256").is_err() && signal_number("FOO").is_err() && log_level("loud").is_err());
        assert!(["a b", "a:b", "a/b", ""].iter().all(|text| name(text).is_err()));
    }
}
