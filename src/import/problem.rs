//! What keeps a source from being read.

use serde::Serialize;
use std::fmt;

/// What is wrong with a source, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// From 1; none when it is the file as a whole.
    pub line: Option<usize>,
    /// What.
    pub text: String,
}

impl Problem {
    /// At a line.
    pub fn at(file: &str, line: usize, text: impl Into<String>) -> Problem {
        Problem { file: file.to_owned(), line: Some(line), text: text.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.text),
            None => write!(f, "{}: {}", self.file, self.text),
        }
    }
}
