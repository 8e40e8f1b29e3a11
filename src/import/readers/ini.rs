//! The lines of a supervisord.conf: which option of which section each of them belongs to. What the values mean is
//! [`podinit_plan::supervisord`]'s matter.

use crate::import::account::Place;
use std::ops::RangeInclusive;

/// A line that says something, with those that it goes on in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The section it stands in.
    pub section: String,
    /// In lower case; none for the line of the section itself.
    pub option: Option<String>,
    /// As it stands there, without comments.
    pub value: String,
    /// Where.
    pub place: Place,
}

impl Entry {
    /// Its lines, from 0.
    #[must_use]
    pub fn lines(&self) -> RangeInclusive<usize> {
        self.place.line - 1..=self.place.end - 1
    }
}

/// The lines of a text, as the reader of supervisord.conf parts them.
#[must_use]
pub fn lines(text: &str) -> Vec<String> {
    text.replace("\r\n", "\n").replace('\r', "\n").split('\n').map(str::to_owned).collect()
}

/// What a text says, in its order.
#[must_use]
pub fn entries(file: usize, text: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut section = String::new();
    let mut indent = 0;
    for (index, line) in lines(text).iter().enumerate() {
        let value = line[..comment_start(line).unwrap_or(line.len())].trim();
        if value.is_empty() {
            continue;
        }
        let own_indent = line.chars().take_while(|c| c.is_whitespace()).count();
        if own_indent > indent
            && let Some(last) = entries.last_mut().filter(|last| last.option.is_some())
        {
            last.value.push('\n');
            last.value.push_str(value);
            last.place.end = index + 1;
            continue;
        }
        indent = own_indent;
        let place = Place::line(file, index + 1);
        if let Some((name, _)) = value.strip_prefix('[').and_then(|rest| rest.rsplit_once(']')) {
            name.clone_into(&mut section);
            entries.push(Entry { section: section.clone(), option: None, value: String::new(), place });
        } else if let Some((key, value)) = value.split_once(['=', ':']) {
            let option = Some(key.trim_end().to_lowercase());
            entries.push(Entry { section: section.clone(), option, value: value.trim().to_owned(), place });
        }
    }
    entries
}

/// Where a comment begins: at the start of a line, or behind a blank.
fn comment_start(line: &str) -> Option<usize> {
    if line.trim_start().starts_with([';', '#']) {
        return Some(0);
    }
    let mut before = ' ';
    line.char_indices().find_map(|(at, c)| {
        let is_start = matches!(c, ';' | '#') && before.is_whitespace();
        before = c;
        is_start.then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_belongs_to_an_option_of_a_section() {
        let text = "; a\n[program:a]\ncommand = x ; y\n   -v\n\n   -w\nUser:b\n";
        let found = entries(0, text);
        let said: Vec<_> = found.iter().map(|entry| (entry.option.as_deref(), entry.value.as_str(), entry.lines())).collect();
        assert_eq!(said, [(None, "", 1..=1), (Some("command"), "x\n-v\n-w", 2..=5), (Some("user"), "b", 6..=6)]);
    }
}
