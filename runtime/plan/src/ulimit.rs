//! Limits by name, as engines write them. Numbers are Linux's on every architecture that podinit runs on.

const LIMITS: [(&str, u32); 15] = [
    ("core", 4),
    ("cpu", 0),
    ("data", 2),
    ("fsize", 1),
    ("locks", 10),
    ("memlock", 8),
    ("msgqueue", 12),
    ("nice", 13),
    ("nofile", 7),
    ("nproc", 6),
    ("rss", 5),
    ("rtprio", 14),
    ("rttime", 15),
    ("sigpending", 11),
    ("stack", 3),
];

/// The number of a limit: `nofile` is RLIMIT_NOFILE, 7.
#[must_use]
pub fn number(name: &str) -> Option<u32> {
    LIMITS.iter().find(|(known, _)| *known == name).map(|(_, number)| *number)
}

/// The name of a limit.
#[must_use]
pub fn name(number: u32) -> Option<&'static str> {
    LIMITS.iter().find(|(_, known)| *known == number).map(|(name, _)| *name)
}

/// All names that [`number`] knows, for suggestions.
pub fn names() -> impl Iterator<Item = &'static str> {
    LIMITS.iter().map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_kernels_numbers_and_each_one_its_own() {
        for (name, want) in [("nofile", Some(7)), ("cpu", Some(0)), ("rttime", Some(15)), ("files", None)] {
            assert_eq!(number(name), want, "{name}");
        }
        let numbers: std::collections::BTreeSet<_> = names().map(number).collect();
        assert_eq!(numbers.len(), LIMITS.len());
    }
}
