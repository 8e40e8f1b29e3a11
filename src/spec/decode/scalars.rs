//! Single values: text, numbers, booleans, durations, sizes, names from a list; and the two times of `${VAR}`.

use super::Decoder;
use super::keys::nearest;
use crate::spec::diagnostics::Diagnostic;
use crate::spec::node::{Node, Value};
use podinit_plan::template::{Template, TemplateError};
use podinit_plan::units::{self, UnitError};
use std::borrow::Cow;
use std::fmt::Display;
use std::ops::RangeInclusive;

impl Decoder<'_> {
    /// Text as it is written. A number is text too: `user: 1001`.
    pub fn text(&mut self, node: &Node, what: &str) -> Option<String> {
        match &node.value {
            Value::Scalar(scalar) if scalar.boolean().is_some() => {
                let message = format!("expected {what}, found the boolean {}", scalar.text);
                self.refuse(node.span, message, "put it in quotes when the text is meant")
            }
            Value::Scalar(scalar) if !scalar.is_null() => Some(scalar.text.clone()),
            _ => self.expected(what, node),
        }
    }

    /// Text of a key that knows no references, as its value shapes the image.
    pub fn literal(&mut self, node: &Node, what: &str) -> Option<String> {
        let text = self.text(node, what)?;
        self.refuse_reference(node, &text).then_some(text)
    }

    fn refuse_reference(&mut self, node: &Node, text: &str) -> bool {
        let refused = text.contains("${");
        if refused {
            let diagnostic = Diagnostic::error(node.span, "this key takes no reference to a variable");
            self.report(diagnostic.label("its value becomes part of the image").help("write the value itself"));
        }
        !refused
    }

    /// Text whose references are filled in when the container starts; kept as it is, its form checked.
    pub fn template(&mut self, node: &Node, what: &str) -> Option<String> {
        let text = self.text(node, what)?;
        self.parse_template(node, &text).map(|_| text)
    }

    /// As [`Self::template`] for a text that came from this node.
    pub fn parse_template(&mut self, node: &Node, text: &str) -> Option<Template> {
        match Template::parse(text) {
            Ok(template) => Some(template),
            Err(error) => {
                self.report(broken_template(node, text, &error));
                None
            }
        }
    }

    /// Text whose references are filled in now.
    pub fn resolved(&mut self, node: &Node, what: &str) -> Option<String> {
        let text = self.text(node, what)?;
        self.resolve(node, &text)
    }

    /// As [`Self::resolved`] for a text that came from this node.
    pub fn resolve(&mut self, node: &Node, text: &str) -> Option<String> {
        let template = self.parse_template(node, text)?;
        let variables = self.variables;
        template.expand(&|name| variables(name).map(Cow::Owned)).map_or_else(
            |missing| {
                let diagnostic = Diagnostic::error(node.span, missing.to_string());
                self.report(
                    diagnostic
                        .label("filled in when the image is built")
                        .help(format!("set {} in the environment of this command or in .env", missing.name)),
                );
                None
            },
            Some,
        )
    }

    /// A whole number of a range.
    pub fn integer<T>(&mut self, node: &Node, range: RangeInclusive<T>) -> Option<T>
    where
        T: std::str::FromStr + PartialOrd + Display,
    {
        let what = format!("a whole number from {} to {}", range.start(), range.end());
        let Some(scalar) = node.scalar() else { return self.expected(&what, node) };
        if !self.refuse_reference(node, &scalar.text) {
            return None;
        }
        match scalar.text.parse::<T>() {
            Ok(number) if range.contains(&number) && scalar.plain => Some(number),
            Ok(_) if !scalar.plain => self.refuse(node.span, format!("expected {what}, found text"), "remove the quotes"),
            _ => self.expected(&what, node),
        }
    }

    /// As [`Self::integer`], references to variables filled in now.
    pub fn resolved_integer<T>(&mut self, node: &Node, what: &str, range: RangeInclusive<T>) -> Option<T>
    where
        T: std::str::FromStr + PartialOrd + Display,
    {
        if node.scalar().is_none_or(|scalar| !scalar.text.contains("${")) {
            return self.integer(node, range);
        }
        let text = self.resolved(node, what)?;
        self.integer(&Node::plain(node.span, &text), range)
    }

    /// `true` or `false`.
    pub fn boolean(&mut self, node: &Node) -> Option<bool> {
        let Some(scalar) = node.scalar() else { return self.expected("true or false", node) };
        if !self.refuse_reference(node, &scalar.text) {
            return None;
        }
        match (scalar.boolean(), scalar.text.as_str()) {
            (Some(boolean), _) => Some(boolean),
            // YAML 1.1's spellings, which half of the world's tools still read as booleans.
            (None, "yes" | "on") if scalar.plain => Some(true),
            (None, "no" | "off") if scalar.plain => Some(false),
            _ => self.expected("true or false", node),
        }
    }

    /// A duration, in milliseconds.
    pub fn duration(&mut self, node: &Node) -> Option<u64> {
        self.with_unit(node, "duration", units::parse_duration_ms)
    }

    /// A duration that is not nothing, in milliseconds.
    pub fn positive_duration(&mut self, node: &Node) -> Option<u64> {
        match self.duration(node)? {
            0 => self.refuse(node.span, "this duration must be longer than nothing", "write a duration such as 10s"),
            duration => Some(duration),
        }
    }

    /// A size, in bytes.
    pub fn size(&mut self, node: &Node) -> Option<u64> {
        self.with_unit(node, "size", units::parse_size_bytes)
    }

    /// As [`Self::positive_duration`], references to variables filled in now.
    pub fn resolved_positive_duration(&mut self, node: &Node) -> Option<u64> {
        let text = self.resolved(node, "a duration")?;
        self.positive_duration(&Node::plain(node.span, &text))
    }

    /// As [`Self::size`], references to variables filled in now.
    pub fn resolved_size(&mut self, node: &Node) -> Option<u64> {
        let text = self.resolved(node, "a size")?;
        self.size(&Node::plain(node.span, &text))
    }

    /// A duration, size or rate, as `parse` reads it.
    pub fn with_unit<T>(&mut self, node: &Node, what: &str, parse: impl FnOnce(&str) -> Result<T, UnitError>) -> Option<T> {
        let text = self.literal(node, &format!("a {what}"))?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(UnitError::Bare(units)) => {
                self.refuse(node.span, format!("the {what} `{text}` has no unit"), format!("write {units}"))
            }
            Err(UnitError::Malformed(examples)) => {
                self.refuse(node.span, format!("`{text}` is no {what}"), format!("write {examples}"))
            }
            Err(UnitError::TooLarge) => self.refuse(node.span, format!("the {what} `{text}` is too large"), "write less"),
        }
    }

    /// A share from 1 to 100 percent, such as `90%`.
    pub fn percent(&mut self, node: &Node) -> Option<u8> {
        let text = self.literal(node, "a share such as 90%")?;
        let number = text.strip_suffix('%').and_then(|number| number.parse().ok());
        match number.filter(|percent| (1..=100).contains(percent)) {
            Some(percent) => Some(percent),
            None => self.refuse(node.span, format!("`{text}` is no share"), "write a share from `1%` to `100%`, such as `90%`"),
        }
    }

    /// One of a few words.
    pub fn one_of<T: Copy>(&mut self, node: &Node, words: &[(&str, T)]) -> Option<T> {
        let names = || words.iter().map(|(word, _)| *word);
        let what = format!("one of {}", names().collect::<Vec<_>>().join(", "));
        let text = self.literal(node, &what)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let mut diagnostic = Diagnostic::error(node.span, format!("expected {what}, found `{text}`"));
        if let Some(nearest) = nearest(&text, names()) {
            diagnostic = diagnostic.help(format!("did you mean `{nearest}`?"));
        }
        self.report(diagnostic);
        None
    }

    /// An absolute path without references.
    pub fn absolute_path(&mut self, node: &Node) -> Option<String> {
        let text = self.literal(node, "an absolute path")?;
        if text.starts_with('/') { Some(text) } else { self.not_absolute(node) }
    }

    /// An absolute path, or one that begins with a reference.
    pub fn absolute_template(&mut self, node: &Node) -> Option<String> {
        let text = self.template(node, "an absolute path")?;
        if text.starts_with('/') || text.starts_with("${") { Some(text) } else { self.not_absolute(node) }
    }

    fn not_absolute<T>(&mut self, node: &Node) -> Option<T> {
        self.refuse(node.span, "this path must be absolute: it is one in the container", "begin it with `/`")
    }
}

/// A broken reference, underlined itself where the value stands in the text as it is.
fn broken_template(node: &Node, text: &str, error: &TemplateError) -> Diagnostic {
    let mut span = node.span;
    let quotes = (span.end - span.start).checked_sub(text.len());
    if let Some(quotes @ (0 | 2)) = quotes {
        span.start += quotes / 2 + error.offset;
        span.end -= quotes / 2;
    }
    Diagnostic::error(span, format!("this is no reference to a variable: {}", error.message))
        .help("write `${NAME}`, or `$$` for a dollar sign")
}
