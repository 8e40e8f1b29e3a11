//! YAML as a tree in which every value knows its place.
//!
//! Scalars stay text: what `no`, `3001` or `1.10` is depends on who asks, and the text is what the user wrote.

use super::source::Span;

/// A value and where it stands. What an alias or a merge key brings stands where it is defined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its place.
    pub span: Span,
    /// What it is.
    pub value: Value,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Could not be read and has been reported; whoever meets it says nothing more.
    Broken,
    /// Text, a number, a boolean, nothing.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// A map.
    Map(Map),
}

/// Text, and whether it was written without quotes: only then it can be a number, a boolean or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar {
    /// Escapes resolved.
    pub text: String,
    /// Without quotes.
    pub plain: bool,
}

/// A map in the order of the text; merge keys are resolved, no key is there twice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Map {
    /// Its entries.
    pub entries: Vec<Entry>,
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

impl Scalar {
    /// Whether this is YAML's null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.plain && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }

    /// The boolean that this is, in YAML 1.2's spellings.
    #[must_use]
    pub fn boolean(&self) -> Option<bool> {
        match self.text.as_str() {
            "true" | "True" | "TRUE" if self.plain => Some(true),
            "false" | "False" | "FALSE" if self.plain => Some(false),
            _ => None,
        }
    }
}

impl Node {
    /// A scalar without quotes, for what podctl itself adds to a tree.
    #[must_use]
    pub fn plain(span: Span, text: &str) -> Node {
        Node { span, value: Value::Scalar(Scalar { text: text.to_owned(), plain: true }) }
    }

    /// A map with one entry, for what podctl itself adds to a tree.
    #[must_use]
    pub fn map_of(key: &str, value: Node) -> Node {
        let entry = Entry { key: key.to_owned(), key_span: value.span, value };
        Node { span: entry.key_span, value: Value::Map(Map { entries: vec![entry] }) }
    }

    /// The scalar that this is.
    #[must_use]
    pub fn scalar(&self) -> Option<&Scalar> {
        if let Value::Scalar(scalar) = &self.value { Some(scalar) } else { None }
    }

    /// The map that this is.
    #[must_use]
    pub fn map(&self) -> Option<&Map> {
        if let Value::Map(map) = &self.value { Some(map) } else { None }
    }

    /// The items of the list that this is.
    #[must_use]
    pub fn list(&self) -> Option<&[Node]> {
        if let Value::List(items) = &self.value { Some(items) } else { None }
    }

    /// Whether this is a value that was reported as unreadable.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.value == Value::Broken
    }

    /// Whether this is YAML's null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.scalar().is_some_and(Scalar::is_null)
    }

    /// The value behind a path of keys.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, key| node.map()?.entry(key).map(|entry| &entry.value))
    }

    /// Where the last key of a path stands.
    #[must_use]
    pub fn key_span(&self, path: &[&str]) -> Option<Span> {
        let (last, parents) = path.split_last()?;
        self.at(parents)?.map()?.entry(last).map(|entry| entry.key_span)
    }

    /// Whether this and another say the same, wherever they stand.
    #[must_use]
    pub fn same(&self, other: &Node) -> bool {
        match (&self.value, &other.value) {
            (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b)),
            (Value::Map(a), Value::Map(b)) => {
                a.entries.len() == b.entries.len()
                    && a.entries.iter().all(|entry| b.entry(&entry.key).is_some_and(|other| entry.value.same(&other.value)))
            }
            (a, b) => a == b || (self.is_null() && other.is_null()),
        }
    }

    /// What this is, for the end of "expected ..., found".
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.value {
            Value::Broken => "something unreadable".to_owned(),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
            Value::Scalar(scalar) if scalar.is_null() => "nothing".to_owned(),
            Value::Scalar(scalar) if scalar.boolean().is_some() => format!("the boolean {}", scalar.text),
            Value::Scalar(scalar) if scalar.plain && scalar.text.parse::<f64>().is_ok() => {
                format!("the number {}", scalar.text)
            }
            Value::Scalar(_) => "text".to_owned(),
        }
    }
}

impl Map {
    /// An entry by its key.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// A value by its key; none when it could not be read.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value).filter(|value| !value.is_broken())
    }

    /// Takes an entry out.
    pub fn remove(&mut self, key: &str) -> Option<Entry> {
        let index = self.entries.iter().position(|entry| entry.key == key)?;
        Some(self.entries.remove(index))
    }
}
