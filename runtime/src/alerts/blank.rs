//! Takes secrets out of texts. Pure.
#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

/// What stands in the place of a secret.
const BLANK: &str = "***";
/// A shorter value would blank half of every text.
const SHORTEST: usize = 4;

/// Values that nobody is shown.
#[derive(Debug, Default)]
pub struct Secrets(Vec<String>);

impl Secrets {
    /// Of these values; each line of one with several is a secret of its own.
    pub fn new(values: impl IntoIterator<Item = String>) -> Secrets {
        let mut secrets: Vec<String> = Vec::new();
        for value in values {
            secrets.extend(value.lines().map(str::trim).filter(|line| line.len() >= SHORTEST).map(str::to_owned));
        }
        // One may be a part of another.
        secrets.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        secrets.dedup();
        Secrets(secrets)
    }

    /// A text without them. It may begin or end within one: a log that is full does.
    #[must_use]
    pub fn blank(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in self.0.iter().filter(|secret| text.contains(secret.as_str())).collect::<Vec<_>>() {
            text = text.replace(secret, BLANK);
        }
        for secret in &self.0 {
            let parts = |at: &usize| secret.is_char_boundary(*at);
            let end = (1..=secret.len() - SHORTEST).filter(parts).find(|at| text.starts_with(&secret[*at..]));
            if let Some(at) = end {
                text.replace_range(..secret.len() - at, BLANK);
            }
            let begin = (SHORTEST..secret.len()).rev().filter(parts).find(|at| text.ends_with(&secret[..*at]));
            if let Some(at) = begin {
                text.replace_range(text.len() - at.., BLANK);
            }
        }
        text
    }

    /// The last lines of a text, without them: `most` lines at most, and `room` bytes together. What has no room loses
    /// its end.
    #[must_use]
    pub fn last_lines(&self, text: &str, most: usize, room: usize) -> Vec<String> {
        let text = self.blank(text);
        let mut left = room;
        let mut lines = Vec::new();
        for line in text.lines().rev().take(most) {
            let line: String = line.chars().filter(|char| !char.is_control() || *char == '\t').collect();
            let kept = line.floor_char_boundary(left);
            left -= kept;
            if kept > 0 || line.is_empty() {
                lines.push(line[..kept].to_owned());
            }
            if kept < line.len() || left == 0 {
                break;
            }
        }
        lines.reverse();
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(values: &[&str]) -> Secrets {
        Secrets::new(values.iter().map(|value| (*value).to_owned()))
    }

    #[test]
    fn values_go_the_longest_first_and_short_ones_stay() {
        let secrets = secrets(&["pass", "password-2", "on", "-----BEGIN\nMIIEow\n"]);
        assert_eq!(secrets.blank("on with password-2 and pass"), "on with *** and ***");
        assert_eq!(secrets.blank("a MIIEow b"), "a *** b", "a line of a value");
    }

    #[test]
    fn a_text_that_begins_or_ends_within_a_value_shows_no_part_of_it() {
        let secrets = secrets(&["0123456789ab"]);
        for (text, blanked) in [
            ("6789ab is the end", "*** is the end"),
            ("connecting with 01234567", "connecting with ***"),
            ("9ab is too short to tell", "9ab is too short to tell"),
            ("0123456789ab", "***"),
        ] {
            assert_eq!(secrets.blank(text), blanked);
        }
    }

    #[test]
    fn lines_are_cut_after_values_are_gone() {
        let secrets = secrets(&["swordfish"]);
        let text = "one\ntwo swordfish\nthree \u{1b}[31mred\n";
        assert_eq!(secrets.last_lines(text, 20, 4096), ["one", "two ***", "three [31mred"]);
        assert_eq!(secrets.last_lines(text, 2, 4096), ["two ***", "three [31mred"]);
        // A cut through the middle of the line must not leave `sword`.
        for room in 0..40 {
            let lines = secrets.last_lines(text, 20, room).join("\n");
            assert!(!lines.contains("sw"), "{lines}");
            assert!(lines.replace('\n', "").len() <= room);
        }
    }
}
