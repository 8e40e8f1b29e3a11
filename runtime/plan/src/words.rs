//! Splits a command line into words as a POSIX shell splits it: blanks separate, quotes and backslashes protect.
//! Nothing else is special. There is no shell: no variables, globs, pipes or comments.

use std::fmt;

/// Why a command line has no words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WordsError {
    /// A quote that begins at this byte is not closed.
    OpenQuote(usize),
    /// The line ends in a backslash.
    TrailingBackslash,
}

impl fmt::Display for WordsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WordsError::OpenQuote(_) => f.write_str("a quote is not closed"),
            WordsError::TrailingBackslash => f.write_str("the line ends in a backslash"),
        }
    }
}

impl std::error::Error for WordsError {}

/// Splits `line` into words.
///
/// # Errors
/// An open quote or a backslash at the end.
pub fn split(line: &str) -> Result<Vec<String>, WordsError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            ' ' | '\t' | '\n' | '\r' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next() {
                        Some((_, '\'')) => break,
                        Some((_, c)) => word.push(c),
                        None => return Err(WordsError::OpenQuote(at)),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next() {
                        Some((_, '"')) => break,
                        Some((_, '\\')) => match chars.next() {
                            Some((_, c @ ('"' | '\\' | '$' | '`'))) => word.push(c),
                            Some((_, '\n')) => {}
                            Some((_, c)) => word.extend(['\\', c]),
                            None => return Err(WordsError::OpenQuote(at)),
                        },
                        Some((_, c)) => word.push(c),
                        None => return Err(WordsError::OpenQuote(at)),
                    }
                }
            }
            '\\' => match chars.next() {
                Some((_, '\n')) => {}
                Some((_, c)) => word.get_or_insert_default().push(c),
                None => return Err(WordsError::TrailingBackslash),
            },
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn splits_as_a_shell_does() {
        for (line, want) in [
            ("node server.js", vec!["node", "server.js"]),
            ("  a\t'b c'  \"d e\" ", vec!["a", "b c", "d e"]),
            (r#"a\ b "c\"d" 'e\f' "g\h" """#, vec!["a b", "c\"d", "e\\f", "g\\h", ""]),
            ("x'y'\"z\"", vec!["xyz"]),
            ("a \\\n b", vec!["a", "b"]),
            ("", vec![]),
            ("echo $HOME | cat # no", vec!["echo", "$HOME", "|", "cat", "#", "no"]),
        ] {
            assert_eq!(split(line), Ok(want.into_iter().map(str::to_owned).collect()), "{line}");
        }
        assert_eq!(split("a 'b"), Err(WordsError::OpenQuote(2)));
        assert_eq!(split("a \"b\\"), Err(WordsError::OpenQuote(2)));
        assert_eq!(split("a\\"), Err(WordsError::TrailingBackslash));
    }

    proptest! {
        #[test]
        fn quoted_words_come_back(words in proptest::collection::vec("[^']{0,8}", 0..6)) {
            let line: Vec<String> = words.iter().map(|w| format!("'{w}'")).collect();
            prop_assert_eq!(split(&line.join(" ")), Ok(words));
        }
    }
}
