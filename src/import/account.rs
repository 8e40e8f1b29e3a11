//! The account of an import: every statement of the sources, and what became of it.
//!
//! Readers enter what they find before anything is decided, so that nothing can be forgotten: what nobody has settled at
//! the end is in the list of what was left. Values are never entered, only the names of what is set: they may be secrets.

use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// Where a statement stands: one of several on its line, from that line to the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Index of the file.
    pub file: usize,
    /// The first line, from 1.
    pub line: usize,
    /// Which one of those that begin on this line.
    pub nth: usize,
    /// The last line.
    pub end: usize,
}

impl Place {
    /// The only statement of a line.
    #[must_use]
    pub fn line(file: usize, line: usize) -> Place {
        Place { file, line, nth: 0, end: line }
    }

    /// The same, of several lines.
    #[must_use]
    pub fn to(self, end: usize) -> Place {
        Place { end, ..self }
    }
}

/// What became of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "fate", content = "detail", rename_all = "snake_case")]
pub enum Fate {
    /// It is in pod.yaml: the key.
    Carried(String),
    /// It holds without a word: why.
    Implied(String),
    /// It is not there: why.
    Left(String),
}

/// A statement of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Statement {
    /// What it sets, without its value.
    what: String,
    fate: Option<Fate>,
}

/// Every statement, and what became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    files: Vec<String>,
    statements: BTreeMap<Place, Statement>,
    /// What there is to say besides.
    notes: Vec<String>,
}

/// What a statement is that nobody said anything of.
const FORGOTTEN: &str = "podctl knows no key of pod.yaml for it";

impl Account {
    /// Adds a file; its index is that of places.
    pub fn file(&mut self, name: &str) -> usize {
        self.files.push(name.to_owned());
        self.files.len() - 1
    }

    /// The name of a file.
    #[must_use]
    pub fn name(&self, file: usize) -> &str {
        self.files.get(file).map_or("", String::as_str)
    }

    /// The files, in the order in which they were read.
    #[must_use]
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// Enters a statement. Its place becomes one of its own when another one begins on the same line.
    pub fn enter(&mut self, mut place: Place, what: impl Into<String>) -> Place {
        let on_line = Place { nth: 0, end: 0, ..place }..=Place { nth: usize::MAX, end: usize::MAX, ..place };
        place.nth = self.statements.range(on_line).count();
        self.statements.insert(place, Statement { what: what.into(), fate: None });
        place
    }

    /// A statement that turned out to be longer: it has another last line.
    pub fn widen(&mut self, place: Place) -> Place {
        let found = self.statements.range(Place { end: 0, ..place }..=Place { end: usize::MAX, ..place }).next();
        if let Some((known, _)) = found.map(|(known, statement)| (*known, statement.clone()))
            && let Some(statement) = self.statements.remove(&known)
        {
            self.statements.insert(place, statement);
        }
        place
    }

    /// Says that a statement is in pod.yaml.
    pub fn carried(&mut self, place: Place, key: impl Into<String>) {
        self.settle(place, Fate::Carried(key.into()));
    }

    /// Says that a statement holds without a word.
    pub fn implied(&mut self, place: Place, why: impl Into<String>) {
        self.settle(place, Fate::Implied(why.into()));
    }

    /// Says that a statement is not carried over.
    pub fn left(&mut self, place: Place, why: impl Into<String>) {
        self.settle(place, Fate::Left(why.into()));
    }

    /// The first word counts: what part of a statement was left is not hidden by another part that was carried over.
    pub fn settle(&mut self, place: Place, fate: Fate) {
        if let Some(statement) = self.statements.get_mut(&place) {
            let is_worse = matches!(fate, Fate::Left(_)) && !matches!(statement.fate, Some(Fate::Left(_)));
            if statement.fate.is_none() || is_worse {
                statement.fate = Some(fate);
            }
        }
    }

    /// Whether something has been said of a statement.
    #[must_use]
    pub fn is_settled(&self, place: Place) -> bool {
        self.statements.get(&place).is_some_and(|statement| statement.fate.is_some())
    }

    /// Whether a statement was left.
    #[must_use]
    pub fn is_left(&self, place: Place) -> bool {
        self.statements.get(&place).is_some_and(|statement| matches!(statement.fate, Some(Fate::Left(_))))
    }

    /// Says anew what became of a statement that another decision changed.
    pub fn instead(&mut self, place: Place, fate: Fate) {
        if let Some(statement) = self.statements.get_mut(&place) {
            statement.fate = Some(fate);
        }
    }

    /// Says something that belongs to no statement.
    pub fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }

    /// What there is to say besides.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Every statement in the order of the files.
    pub fn records(&self) -> impl Iterator<Item = Record<'_>> {
        self.statements.iter().map(|(place, statement)| Record {
            file: self.name(place.file),
            line: place.line,
            end_line: place.end,
            what: &statement.what,
            fate: statement.fate.clone().unwrap_or_else(|| Fate::Left(FORGOTTEN.to_owned())),
        })
    }

    /// What was left; neighbours with the same reason together: `FILE:1, 2: what, other: reason`.
    #[must_use]
    pub fn left_over(&self) -> Vec<String> {
        let mut found: Vec<(&str, Vec<usize>, Vec<&str>, String)> = Vec::new();
        for record in self.records() {
            let Fate::Left(reason) = record.fate else { continue };
            match found.iter_mut().rev().find(|(file, _, _, why)| *file == record.file && *why == reason) {
                Some((_, lines, what, _)) => {
                    if lines.last() != Some(&record.line) {
                        lines.push(record.line);
                    }
                    if !what.contains(&record.what) {
                        what.push(record.what);
                    }
                }
                None => found.push((record.file, vec![record.line], vec![record.what], reason)),
            }
        }
        let line = |(file, lines, what, reason): (&str, Vec<usize>, Vec<&str>, String)| {
            let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
            format!("{file}:{}: {}: {reason}", lines.join(", "), what.join(", "))
        };
        found.into_iter().map(line).collect()
    }

    /// How many were carried over, are implied and were left.
    #[must_use]
    pub fn counts(&self) -> [usize; 3] {
        let mut counts = [0; 3];
        for record in self.records() {
            counts[match record.fate {
                Fate::Carried(_) => 0,
                Fate::Implied(_) => 1,
                Fate::Left(_) => 2,
            }] += 1;
        }
        counts
    }
}

/// A statement as `--format json` writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record<'a> {
    /// The file.
    pub file: &'a str,
    /// Its first line, from 1.
    pub line: usize,
    /// Its last line.
    pub end_line: usize,
    /// What it sets.
    pub what: &'a str,
    /// What became of it.
    #[serde(flatten)]
    pub fate: Fate,
}

impl Serialize for Account {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.records())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_settled_was_left_and_a_part_that_was_left_is_not_hidden() {
        let mut account = Account::default();
        let file = account.file("a.conf");
        let first = account.enter(Place::line(file, 1), "x");
        let second = account.enter(Place::line(file, 1), "y");
        let third = account.enter(Place::line(file, 2), "z");
        account.carried(first, "services.x");
        account.left(first, "in part");
        account.carried(first, "again");
        account.implied(third, "a default");
        assert_ne!(first, second);
        assert_eq!(account.left_over(), ["a.conf:1: x: in part", &format!("a.conf:1: y: {FORGOTTEN}")]);
        assert_eq!(account.counts(), [0, 1, 2]);
    }
}
