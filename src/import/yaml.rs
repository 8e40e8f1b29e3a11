//! pod.yaml as text: short maps on one line, long ones in blocks, quotes where they are needed and nowhere else.

/// A value of the file that is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Yaml {
    /// Nothing behind a key.
    Null,
    /// A number, a boolean: written as it is.
    Plain(String),
    /// Text: quoted when it would be taken for something else.
    Text(String),
    /// A list.
    List(Vec<Yaml>),
    /// A map in this order.
    Map(Vec<(String, Yaml)>),
}

/// The longest line before a map becomes a block.
const WIDTH: usize = 140;

impl Yaml {
    /// Text.
    pub fn text(text: impl Into<String>) -> Yaml {
        Yaml::Text(text.into())
    }

    /// A number or a boolean.
    pub fn plain(value: impl ToString) -> Yaml {
        Yaml::Plain(value.to_string())
    }

    /// A map.
    pub fn map<K: Into<String>>(entries: impl IntoIterator<Item = (K, Yaml)>) -> Yaml {
        Yaml::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    /// A list of texts.
    pub fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Yaml {
        Yaml::List(texts.into_iter().map(Yaml::text).collect())
    }

    /// On one line.
    fn flow(&self) -> String {
        match self {
            Yaml::Null => String::new(),
            Yaml::Plain(text) => text.clone(),
            Yaml::Text(text) => quoted(text),
            Yaml::List(items) => {
                // Nothing at all would be no item.
                let items = items.iter().map(|item| if *item == Yaml::Null { "null".to_owned() } else { item.flow() });
                format!("[{}]", items.collect::<Vec<_>>().join(", "))
            }
            Yaml::Map(entries) if entries.is_empty() => "{}".to_owned(),
            Yaml::Map(entries) => {
                let entries = entries.iter().map(|(key, value)| match value {
                    Yaml::Null => format!("{}: null", quoted(key)),
                    value => format!("{}: {}", quoted(key), value.flow()),
                });
                format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// Whether it has a text of several lines, which is readable in a block alone.
    fn has_lines(&self) -> bool {
        match self {
            Yaml::Text(text) => is_block_text(text),
            Yaml::List(items) => items.iter().any(Yaml::has_lines),
            Yaml::Map(entries) => entries.iter().any(|(_, value)| value.has_lines()),
            Yaml::Null | Yaml::Plain(_) => false,
        }
    }

    fn is_scalar(&self) -> bool {
        matches!(self, Yaml::Null | Yaml::Plain(_) | Yaml::Text(_))
    }
}

/// Writes the entries of the top level; those named in `open` are blocks even when they are short.
#[must_use]
pub fn write(entries: &[(String, Yaml)], open: &[&str]) -> String {
    let mut out = String::new();
    for (key, value) in entries {
        entry(&mut out, 0, "", key, value, open.contains(&key.as_str()));
    }
    out
}

/// `key: value`, with what stands before the key on its line.
fn entry(out: &mut String, indent: usize, before: &str, key: &str, value: &Yaml, is_open: bool) {
    let head = format!("{:indent$}{before}{}:", "", quoted(key));
    out.push_str(&head);
    let inner = indent + before.len();
    let flow = value.flow();
    let fits = head.chars().count() + 1 + flow.chars().count() <= WIDTH && !value.has_lines();
    match value {
        Yaml::Null => out.push('\n'),
        Yaml::Text(text) if is_block_text(text) => {
            out.push_str(if text.ends_with('\n') { " |\n" } else { " |-\n" });
            for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
                let line = if line.is_empty() { String::new() } else { format!("{:1$}{line}", "", inner + 2) };
                out.push_str(&line);
                out.push('\n');
            }
        }
        Yaml::Map(entries) if !entries.is_empty() && (is_open || !fits) => {
            out.push('\n');
            block(out, inner + 2, entries, "");
        }
        Yaml::List(items) if !items.is_empty() && !fits && !items.iter().all(Yaml::is_scalar) => {
            out.push('\n');
            for item in items {
                match item {
                    Yaml::Map(entries) if inner + 4 + item.flow().chars().count() > WIDTH || item.has_lines() => {
                        block(out, inner + 2, entries, "- ");
                    }
                    item => out.push_str(&format!("{:1$}- {2}\n", "", inner + 2, item.flow())),
                }
            }
        }
        Yaml::List(items) if !items.is_empty() && !fits => {
            out.push('\n');
            items.iter().for_each(|item| out.push_str(&format!("{:1$}- {2}\n", "", inner + 2, item.flow())));
        }
        _ => {
            // A text alone on its line needs fewer quotes than one among others.
            let text = if let Yaml::Text(text) = value { alone(text) } else { flow };
            out.push(' ');
            out.push_str(&text);
            out.push('\n');
        }
    }
}

fn block(out: &mut String, indent: usize, entries: &[(String, Yaml)], before: &str) {
    for (index, (key, value)) in entries.iter().enumerate() {
        match (index, before.len()) {
            (0, _) => entry(out, indent, before, key, value, false),
            (_, more) => entry(out, indent + more, "", key, value, false),
        }
    }
}

/// Whether a text is written as a block of lines: those that a block gives back as they are.
fn is_block_text(text: &str) -> bool {
    let body = text.strip_suffix('\n').unwrap_or(text);
    body.contains('\n')
        && !body.starts_with([' ', '\n', '\t'])
        && !body.ends_with('\n')
        && !text.chars().any(|c| c != '\n' && (c.is_control() || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}')))
        && body.split('\n').all(|line| line.trim_start() == line || !line.trim().is_empty())
}

/// A text among others, on one line.
fn quoted(text: &str) -> String {
    if is_plain(text, ",[]{}") { text.to_owned() } else { in_quotes(text) }
}

/// A text that is alone behind its key.
fn alone(text: &str) -> String {
    if is_plain(text, "") { text.to_owned() } else { in_quotes(text) }
}

/// Whether a text without quotes is that text.
fn is_plain(text: &str, special: &str) -> bool {
    let starts_well = text.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '.' | '^' | '$' | '('));
    let is_quiet = text.chars().all(|c| matches!(c, ' '..='~') && !special.contains(c));
    let is_text = !text.ends_with([' ', ':']) && !text.contains(": ") && !text.contains(" #");
    starts_well && is_quiet && is_text && !is_taken_for_another(text)
}

/// Whether YAML, of any version, takes a text for a number, a boolean, nothing or a time.
fn is_taken_for_another(text: &str) -> bool {
    let words = ["true", "false", "yes", "no", "on", "off", "null", "y", "n", ".nan", ".inf"];
    let is_word = words.iter().any(|word| text.eq_ignore_ascii_case(word));
    let is_number_like = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0o")) {
        Some(digits) => digits.chars().all(|c| c.is_ascii_hexdigit()),
        // Times and dates of older versions, too.
        None => {
            text.starts_with(|c: char| c.is_ascii_digit() || c == '.')
                && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '_' | ':' | 'e' | 'E' | '+' | '-' | 'T' | 'Z'))
        }
    };
    is_word || is_number_like
}

fn in_quotes(text: &str) -> String {
    let is_quiet = text.chars().all(|c| !c.is_control() && !matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}'));
    if is_quiet && text.contains(['"', '\\']) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                out.push_str(&format!("\\U{:08X}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::node::{Node, Value};
    use crate::spec::yaml;
    use proptest::prelude::*;

    fn read(text: &str) -> Yaml {
        let mut diagnostics = Vec::new();
        let node = yaml::parse(0, text, &mut diagnostics);
        assert_eq!(diagnostics, [], "{text}");
        back(&node)
    }

    fn back(node: &Node) -> Yaml {
        match &node.value {
            Value::Scalar(scalar) if scalar.is_null() => Yaml::Null,
            Value::Scalar(scalar) => Yaml::Text(scalar.text.clone()),
            Value::List(items) => Yaml::List(items.iter().map(back).collect()),
            Value::Map(map) => Yaml::map(map.entries.iter().map(|entry| (entry.key.clone(), back(&entry.value)))),
            Value::Broken => panic!("broken"),
        }
    }

    #[test]
    fn quotes_are_where_they_are_needed() {
        for (text, want) in [
            ("gunicorn app:app -b 127.0.0.1:8000", "gunicorn app:app -b 127.0.0.1:8000"),
            ("no", "\"no\""),
            ("30d", "30d"),
            ("0x1f", "\"0x1f\""),
            ("1e3", "\"1e3\""),
            ("8080:80", "\"8080:80\""),
            ("${X:?}", "\"${X:?}\""),
            ("a: b", "\"a: b\""),
            ("say \"hi\"", "say \"hi\""),
            ("\"hi\" \\", "'\"hi\" \\'"),
            ("", "\"\""),
        ] {
            assert_eq!(quoted(text), want);
        }
    }

    fn value() -> impl Strategy<Value = Yaml> {
        let text = prop_oneof!["[ -~]{0,12}", "\\PC{0,8}", "[a-z \\n\\t#:'\"]{0,20}", "[a-z]{60,90}"];
        let leaf = prop_oneof![text.prop_map(Yaml::Text), Just(Yaml::Null)];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Yaml::List),
                proptest::collection::btree_map("[a-z~ #-]{1,6}", inner, 0..4).prop_map(Yaml::map),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(entries in proptest::collection::btree_map("[a-z]{1,6}", value(), 1..5), open: bool) {
            let entries: Vec<(String, Yaml)> = entries.into_iter().collect();
            let keys: Vec<&str> = if open { entries.iter().map(|(key, _)| key.as_str()).collect() } else { Vec::new() };
            let text = write(&entries, &keys);
            let want = Yaml::map(entries.clone());
            prop_assert_eq!(read(&text), want, "{}", text);
        }
    }
}
