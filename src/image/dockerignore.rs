//! What .dockerignore leaves out, by Docker's own rules, which are not git's: a pattern is anchored at the top of the
//! context, `*` and `?` stop at a slash, `**` does not, the last pattern that matches wins, what holds for a folder
//! holds for all that is in it, and `!` brings back even what lies in a folder that is left out.

use anyhow::{Result, bail};

/// A parsed .dockerignore.
#[derive(Debug, Clone, Default)]
pub struct DockerIgnore {
    patterns: Vec<Pattern>,
}

/// What the patterns say of one path. The verdict on a folder is what the verdicts on its entries start from.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// It is left out.
    pub ignored: bool,
    /// Which patterns matched it or a folder above it.
    matched: Vec<bool>,
}

#[derive(Debug, Clone)]
struct Pattern {
    brings_back: bool,
    tokens: Vec<Token>,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Char(char),
    /// `?`: one character but a slash.
    One,
    /// `*`: any number of characters but slashes.
    Some,
    /// `**` at the end, or before text at the start: anything.
    All,
    /// `**/`: any number of folders, none too.
    Folders,
    /// `[a-z]`, `[^a]`: one character; even a slash, as in Docker.
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl DockerIgnore {
    /// Parses the text of a .dockerignore.
    ///
    /// # Errors
    /// A line is no pattern.
    pub fn parse(text: &str) -> Result<DockerIgnore> {
        let mut patterns = Vec::new();
        for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            if line.starts_with('#') || line.trim().is_empty() {
                continue;
            }
            let line = line.trim();
            let (brings_back, pattern) = match line.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, line),
            };
            let Some(tokens) = tokens(&clean(pattern)).filter(|_| !pattern.is_empty()) else {
                bail!("cannot understand line {} of .dockerignore, {line:?}: it is no pattern; correct or remove it", index + 1);
            };
            patterns.push(Pattern { brings_back, tokens });
        }
        Ok(DockerIgnore { patterns })
    }

    /// Whether nothing in a folder that is left out can come back, so that nobody has to look into it.
    #[must_use]
    pub fn is_final(&self) -> bool {
        !self.patterns.iter().any(|pattern| pattern.brings_back)
    }

    /// Judges a path, slashes between its names, by the patterns and the verdict on the folder it is in;
    /// `Verdict::default()` for an entry of the top folder.
    #[must_use]
    pub fn judge(&self, path: &str, folder: &Verdict) -> Verdict {
        let path: Vec<char> = path.chars().collect();
        let mut verdict = Verdict::default();
        for (index, pattern) in self.patterns.iter().enumerate() {
            let inherited = folder.matched.get(index).copied().unwrap_or_default();
            // A pattern is asked only when it could change the verdict.
            let matches = inherited || (pattern.brings_back == verdict.ignored && fits(&pattern.tokens, &path));
            verdict.matched.push(matches);
            if matches {
                verdict.ignored = !pattern.brings_back;
            }
        }
        verdict
    }

    /// Whether a path is left out.
    #[must_use]
    pub fn ignores(&self, path: &str) -> bool {
        let mut verdict = Verdict::default();
        for (end, _) in path.match_indices('/').chain([(path.len(), "")]) {
            verdict = self.judge(&path[..end], &verdict);
        }
        verdict.ignored
    }
}

/// Removes `.`, `..` with what it steps out of, doubled slashes, and the slash at either end.
fn clean(pattern: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in pattern.split('/') {
        match name {
            "" | "." => {}
            ".." if names.last().is_some_and(|last| *last != "..") => drop(names.pop()),
            // Nothing is above the top of an absolute path.
            ".." if names.is_empty() && pattern.starts_with('/') => {}
            name => names.push(name),
        }
    }
    if names.is_empty() { ".".to_owned() } else { names.join("/") }
}

/// `None` when it is no pattern.
fn tokens(pattern: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = pattern.chars().peekable();
    while let Some(next) = rest.next() {
        tokens.push(match next {
            '*' if rest.next_if_eq(&'*').is_some() => {
                let whole_names = rest.next_if_eq(&'/').is_some();
                let is_text_from_here = !rest.clone().any(|c| matches!(c, '*' | '?' | '[' | '\\'));
                match rest.peek() {
                    None => Token::All,
                    Some(_) if tokens.is_empty() && !whole_names && is_text_from_here => Token::All,
                    Some(_) => Token::Folders,
                }
            }
            '*' => Token::Some,
            '?' => Token::One,
            '\\' => Token::Char(rest.next()?),
            '[' => class(&mut rest)?,
            other => Token::Char(other),
        });
    }
    Some(tokens)
}

/// The rest of a class, after its `[`.
fn class(rest: &mut std::iter::Peekable<std::str::Chars>) -> Option<Token> {
    let negated = rest.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        let low = match rest.next()? {
            ']' if !ranges.is_empty() => return Some(Token::Class { negated, ranges }),
            ']' | '-' => return None,
            '\\' => rest.next()?,
            low => low,
        };
        let high = match rest.next_if_eq(&'-') {
            None => low,
            Some(_) => match rest.next()? {
                ']' | '-' => return None,
                '\\' => rest.next()?,
                high => high,
            },
        };
        if high < low {
            return None;
        }
        ranges.push((low, high));
    }
}

fn fits(tokens: &[Token], path: &[char]) -> bool {
    let Some((token, after)) = tokens.split_first() else { return path.is_empty() };
    let one = |accepts: &dyn Fn(char) -> bool| match path.split_first() {
        Some((first, path)) => accepts(*first) && fits(after, path),
        None => false,
    };
    match token {
        Token::Char(expected) => one(&|c| c == *expected),
        Token::One => one(&|c| c != '/'),
        Token::Class { negated, ranges } => one(&|c| ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated),
        Token::Some => {
            let stop = path.iter().position(|c| *c == '/').unwrap_or(path.len());
            (0..=stop).any(|taken| fits(after, &path[taken..]))
        }
        Token::All => (0..=path.len()).any(|taken| fits(after, &path[taken..])),
        Token::Folders => {
            let folders = path.iter().enumerate().filter(|(_, c)| **c == '/').map(|(index, _)| index + 1);
            std::iter::once(0).chain(folders).any(|taken| fits(after, &path[taken..]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every line: the patterns, separated by blanks; a path that they leave out or, after a `+`, keep.
    const CASES: &[(&str, &str)] = &[
        ("node_modules", "node_modules"),
        ("node_modules", "node_modules/a/b"),
        ("node_modules", "+web/node_modules"),
        ("**/node_modules", "web/node_modules/a"),
        ("**/node_modules", "node_modules"),
        ("/a/", "a/b"),
        ("./a/../b//c/", "b/c"),
        ("*.md", "a.md"),
        ("*.md", "+sub/a.md"),
        ("*/*.md", "sub/a.md"),
        ("**/*.md", "a.md"),
        ("**.md", "sub/a.md"),
        ("**md", "cmd"),
        ("a/**", "a/b/c"),
        ("a/**", "+ab"),
        ("a/**/z", "a/z"),
        ("a/**/z", "a/b/c/z"),
        ("a?c", "abc"),
        ("a?c", "+a/c"),
        ("[a-c]x", "bx"),
        ("[^a-c]x", "+bx"),
        ("[^a-c]x", "dx"),
        ("a\\*", "a*"),
        ("a\\*", "+ab"),
        ("**", "a/b"),
        ("*", "a/b"),
        ("* !a/b", "+a/b"),
        ("* !a/b", "a/c"),
        ("* !a", "+a/c"),
        ("logs !logs/keep", "+logs/keep/x"),
        ("logs !logs/keep logs/keep/x", "logs/keep/x"),
        ("!a a", "a"),
        (". .. /", "+a"),
        ("a.b", "+aXb"),
        ("Dockerfile*", "Dockerfile.dev"),
    ];

    #[test]
    fn paths_are_judged_as_docker_does() {
        for (patterns, path) in CASES {
            let ignore = DockerIgnore::parse(&patterns.replace(' ', "\n")).unwrap();
            match path.strip_prefix('+') {
                Some(kept) => assert!(!ignore.ignores(kept), "{patterns:?} must keep {kept}"),
                None => assert!(ignore.ignores(path), "{patterns:?} must leave out {path}"),
            }
        }
    }

    #[test]
    fn comments_blank_lines_blanks_and_the_bom_are_no_patterns() {
        let ignore = DockerIgnore::parse("\u{feff}# all\n\n  a  \r\n ! a/b \n").unwrap();
        assert!(ignore.ignores("a/c"));
        assert!(!ignore.ignores("a/b"));
        assert!(!ignore.ignores("# all"));
    }

    #[test]
    fn a_line_that_is_no_pattern_is_named() {
        for bad in ["[", "[]", "[a", "[b-a]", "a\\", "!"] {
            let error = DockerIgnore::parse(&format!("a\n{bad}\n")).unwrap_err().to_string();
            assert!(error.contains("line 2"), "{bad}: {error}");
        }
    }

    #[test]
    fn only_without_exceptions_a_folder_is_left_out_for_good() {
        assert!(DockerIgnore::parse("a\nb").unwrap().is_final());
        assert!(!DockerIgnore::parse("a\n!a/b").unwrap().is_final());
    }
}
