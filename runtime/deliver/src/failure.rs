//! Why an alert was not delivered.

use crate::secrets::Secrets;
use podinit_plan::alert::{REFUSED, TRY_AGAIN};

/// The most characters of a problem that are told.
const LONGEST: usize = 500;

/// Why an alert was not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// [`TRY_AGAIN`] or [`REFUSED`].
    pub code: u8,
    /// Why.
    pub problem: String,
}

impl Failure {
    /// Another attempt may succeed.
    pub fn again(problem: impl Into<String>) -> Failure {
        Failure { code: TRY_AGAIN as u8, problem: problem.into() }
    }

    /// Another attempt would end the same way.
    pub fn refused(problem: impl Into<String>) -> Failure {
        Failure { code: REFUSED as u8, problem: problem.into() }
    }

    /// As it is told: in one short line without secrets.
    #[must_use]
    pub fn told(self, secrets: &Secrets) -> Failure {
        // A secret that is cut in two is not found any more.
        Failure { problem: line(&secrets.blank(&self.problem), LONGEST), ..self }
    }
}

/// A text as one line of so many characters at most; what a terminal would obey is left out.
pub fn line(text: &str, longest: usize) -> String {
    let words = text.split(|char: char| char.is_whitespace() || char.is_control()).filter(|word| !word.is_empty());
    let line = words.collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_one_short_line() {
        let mut secrets = Secrets::default();
        secrets.add("b\u{1b}");
        assert_eq!(Failure::again("a\r\n\tb\u{1b}[31m\u{7} c").told(&secrets).problem, "a ***[31m c");
        assert_eq!(line(&"ä".repeat(9), 3), "äää…");
        assert_eq!(line("äää", 3), "äää");
    }
}
