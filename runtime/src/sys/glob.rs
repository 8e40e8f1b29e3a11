//! Paths that match a pattern.

use glob::MatchOptions;

/// The paths that a pattern of `*`, `?` and `[...]` matches, sorted; none also when folders cannot be read, or a bracket
/// is not closed. As for a shell, hidden files have to be named, and `**` is `*`.
#[must_use]
pub fn matching(pattern: &str) -> Vec<String> {
    let mut one_level = pattern.to_owned();
    while one_level.contains("**") {
        one_level = one_level.replace("**", "*");
    }
    // The library never matches a hidden file while it is told to spare them, not even by a pattern that begins with a dot.
    let names_hidden = one_level.split('/').any(|part| part.starts_with('.') && part.contains(['*', '?', '[']));
    let options =
        MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: !names_hidden };
    let found = glob::glob_with(&one_level, options).into_iter().flatten().flatten();
    found.map(|path| path.to_string_lossy().into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_matches_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("in")).unwrap();
        for name in ["b.conf", "a.conf", "c.ini", ".d.conf", "in/e.conf"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let pattern = |end: &str| format!("{}/{end}", folder.path().display());
        assert_eq!(matching(&pattern("*.conf")), [pattern("a.conf"), pattern("b.conf")]);
        assert_eq!(matching(&pattern("**.conf")), [pattern("a.conf"), pattern("b.conf")]);
        assert_eq!(matching(&pattern("**/*.conf")), [pattern("in/e.conf")]);
        assert_eq!(matching(&pattern("[bc].*")), [pattern("b.conf"), pattern("c.ini")]);
        assert_eq!(matching(&pattern("c.ini")), [pattern("c.ini")]);
        assert_eq!(matching(&pattern(".d*")), [pattern(".d.conf")]);
        assert!(matching(&pattern("*.never")).is_empty() && matching("a\0b").is_empty() && matching("[a").is_empty());
    }
}
