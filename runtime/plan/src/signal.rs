//! Signals by name. Numbers are Linux's on every architecture that podinit runs on (x86-64, arm64).

const SIGNALS: [(&str, i32); 31] = [
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ILL", 4),
    ("TRAP", 5),
    ("ABRT", 6),
    ("BUS", 7),
    ("FPE", 8),
    ("KILL", 9),
    ("USR1", 10),
    ("SEGV", 11),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
    ("STKFLT", 16),
    ("CHLD", 17),
    ("CONT", 18),
    ("STOP", 19),
    ("TSTP", 20),
    ("TTIN", 21),
    ("TTOU", 22),
    ("URG", 23),
    ("XCPU", 24),
    ("XFSZ", 25),
    ("VTALRM", 26),
    ("PROF", 27),
    ("WINCH", 28),
    ("IO", 29),
    ("PWR", 30),
    ("SYS", 31),
];

/// The number of a signal written as `SIGTERM`, `TERM`, `term` or `15`.
#[must_use]
pub fn number(text: &str) -> Option<i32> {
    if let Ok(number) = text.parse::<i32>() {
        return (1..=64).contains(&number).then_some(number);
    }
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    SIGNALS.iter().find(|(known, _)| *known == name).map(|(_, number)| *number)
}

/// The name of a signal, `SIGTERM` for 15; a number that has no name is shown as such.
#[must_use]
pub fn name(number: i32) -> String {
    match SIGNALS.iter().find(|(_, known)| *known == number) {
        Some((name, _)) => format!("SIG{name}"),
        None => format!("signal {number}"),
    }
}

/// The number of a signal to podinit that may be passed on to services.
///
/// # Errors
/// Why it may not, or that there is no such signal; in words that fit behind "`TEXT`: ".
pub fn passable(text: &str) -> Result<i32, &'static str> {
    match number(text).ok_or("there is no such signal")? {
        2 | 3 | 15 => Err("it stops the pod, and every service by its own stop signal"),
        9 | 19 => Err("nobody can catch it"),
        17 => Err("podinit needs it to know that processes end"),
        4 | 5 | 6 | 7 | 8 | 11 => Err("it tells of a fault of podinit's own"),
        // The C library keeps them for itself.
        32 | 33 => Err("it is used inside of programs"),
        number => Ok(number),
    }
}

/// All names that [`number`] knows, with `SIG`, for suggestions.
pub fn names() -> impl Iterator<Item = String> {
    SIGNALS.iter().map(|(name, _)| format!("SIG{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_agree() {
        for (text, want) in
            [("SIGTERM", Some(15)), ("quit", Some(3)), ("9", Some(9)), ("SIGFOO", None), ("0", None), ("65", None)]
        {
            assert_eq!(number(text), want, "{text}");
        }
        assert_eq!(name(15), "SIGTERM");
        assert_eq!(name(40), "signal 40");
        for (text, want) in [("SIGHUP", true), ("40", true), ("TERM", false), ("KILL", false), ("CHLD", false), ("FOO", false)] {
            assert_eq!(passable(text).is_ok(), want, "{text}");
        }
        assert!(names().all(|text| number(&text).is_some()));
    }
}
