//! The syntax of the file, as Python's `RawConfigParser` has it with supervisord's settings: sections that merge, keys
//! without case, values that go on in indented lines, comments behind blanks.

use super::{Mistake, Place};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The section whose options every other section has, too.
const DEFAULTS: &str = "DEFAULT";

/// The value of an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its lines, joined by newlines.
    pub value: String,
    /// Where its key is.
    pub place: Place,
}

/// A section, from all places that have a part of it.
#[derive(Debug, Clone)]
pub(super) struct Section {
    pub name: String,
    pub place: Place,
    pub options: BTreeMap<String, Entry>,
}

/// What one or more files say; later ones over earlier ones.
#[derive(Debug, Default)]
pub(super) struct Ini {
    /// In the order in which they were first seen.
    pub sections: Vec<Section>,
    pub defaults: BTreeMap<String, Entry>,
}

/// Where the next option, or the next line of one, goes.
#[derive(Clone, Copy)]
enum Current {
    Nowhere,
    Defaults,
    Section(usize),
}

impl Ini {
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// Reads one more file.
    ///
    /// # Errors
    /// Every line that cannot be understood.
    pub fn add(&mut self, file: &Rc<str>, text: &str) -> Result<(), Vec<Mistake>> {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let mut mistakes = Vec::new();
        let mut current = Current::Nowhere;
        let mut option: Option<String> = None;
        let mut indent = 0;
        for (index, line) in text.split('\n').enumerate() {
            let place = Place { file: Rc::clone(file), line: index + 1 };
            let comment = comment_start(line);
            let value = line[..comment.unwrap_or(line.len())].trim();
            if value.is_empty() {
                // A line without anything is a part of the value; one with a comment is not there.
                if let (None, Some(entry)) = (comment, self.entry(current, option.as_deref())) {
                    entry.value.push('\n');
                }
                continue;
            }
            let own_indent = line.chars().take_while(|c| c.is_whitespace()).count();
            if own_indent > indent
                && let Some(entry) = self.entry(current, option.as_deref())
            {
                entry.value.push('\n');
                entry.value.push_str(value);
                continue;
            }
            indent = own_indent;
            if let Some(name) = header(value) {
                option = None;
                current = self.enter(name, place);
            } else if matches!(current, Current::Nowhere) {
                let text = "a section, such as [supervisord], must come before this line".to_owned();
                return Err(vec![Mistake::at(place, text)]);
            } else if let Some((key, value)) = key_and_value(value) {
                let entry = Entry { value: value.to_owned(), place };
                match current {
                    Current::Section(at) => self.sections[at].options.insert(key.clone(), entry),
                    _ => self.defaults.insert(key.clone(), entry),
                };
                option = Some(key);
            } else {
                mistakes.push(Mistake::at(place, format!("`{value}` is neither a section nor KEY=VALUE; indent what goes on")));
            }
        }
        for entry in self.sections.iter_mut().flat_map(|section| section.options.values_mut()).chain(self.defaults.values_mut()) {
            entry.value.truncate(entry.value.trim_end().len());
        }
        if mistakes.is_empty() { Ok(()) } else { Err(mistakes) }
    }

    fn enter(&mut self, name: &str, place: Place) -> Current {
        if let Some(at) = self.sections.iter().position(|section| section.name == name) {
            return Current::Section(at);
        }
        if name == DEFAULTS {
            return Current::Defaults;
        }
        self.sections.push(Section { name: name.to_owned(), place, options: BTreeMap::new() });
        Current::Section(self.sections.len() - 1)
    }

    fn entry(&mut self, current: Current, option: Option<&str>) -> Option<&mut Entry> {
        match current {
            Current::Nowhere => None,
            Current::Defaults => self.defaults.get_mut(option?),
            Current::Section(at) => self.sections[at].options.get_mut(option?),
        }
    }
}

/// Where a comment begins: at a sign that is the first of the line or follows a blank, quotes or not. A line whose first
/// sign is one is a comment from its start.
fn comment_start(line: &str) -> Option<usize> {
    if line.trim_start().starts_with([';', '#']) {
        return Some(0);
    }
    let mut before = None;
    for (at, c) in line.char_indices() {
        if matches!(c, ';' | '#') && before.is_none_or(char::is_whitespace) {
            return Some(at);
        }
        before = Some(c);
    }
    None
}

/// `[name]`, whatever follows it.
fn header(line: &str) -> Option<&str> {
    let name = line.strip_prefix('[')?.rsplit_once(']')?.0;
    (!name.is_empty()).then_some(name)
}

fn key_and_value(line: &str) -> Option<(String, &str)> {
    let (key, value) = line.split_once(['=', ':'])?;
    let key = key.trim_end();
    (!key.is_empty()).then(|| (key.to_lowercase(), value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Ini, Vec<Mistake>> {
        let mut ini = Ini::default();
        ini.add(&Rc::from("x.conf"), text).map(|()| ini)
    }

    fn value(ini: &Ini, section: &str, option: &str) -> String {
        ini.section(section).unwrap().options[option].value.clone()
    }

    #[test]
    fn values_go_on_in_indented_lines_and_end_at_comments() {
        let text = "[a]\nOne = 1 ; no\n  two\n\n  three # no\n; no\n  four\nx: sh -c \"a ; b\"\ny=a;b#c\n";
        let ini = read(text).unwrap();
        assert_eq!(value(&ini, "a", "one"), "1\ntwo\n\nthree\nfour");
        assert_eq!(value(&ini, "a", "x"), "sh -c \"a");
        assert_eq!(value(&ini, "a", "y"), "a;b#c");
        assert_eq!(ini.section("a").unwrap().options["x"].place.line, 8);
    }

    #[test]
    fn sections_merge_and_the_last_value_counts() {
        let mut ini = read("[a]\nk=1\nl=2\n[b]\n[a]\nk=3\n").unwrap();
        ini.add(&Rc::from("y.conf"), "[b]\nm=1\n[DEFAULT]\nz=9\n").unwrap();
        assert_eq!((value(&ini, "a", "k"), value(&ini, "a", "l"), value(&ini, "b", "m")), ("3".into(), "2".into(), "1".into()));
        assert_eq!(ini.sections.len(), 2);
        assert_eq!(ini.defaults["z"].value, "9");
    }

    #[test]
    fn lines_that_are_nothing_are_mistakes_with_their_number() {
        let mistakes = read("[a]\nk=1\nnothing\n=1\n").unwrap_err();
        let lines: Vec<usize> = mistakes.iter().filter_map(|mistake| mistake.place.as_ref().map(|place| place.line)).collect();
        assert_eq!(lines, [3, 4]);
        // A byte order mark is no part of a section.
        for text in ["k=1\n[a]\n", "\u{feff}[a]\n"] {
            assert_eq!(read(text).unwrap_err()[0].place.as_ref().unwrap().line, 1, "{text}");
        }
    }
}
