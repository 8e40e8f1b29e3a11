//! `${VAR}` in values of pod.yaml and of the plan.
//!
//! The grammar is compose's, with braces only: `${VAR}`, `${VAR:-default}`, `${VAR-default}`, `${VAR:+alt}`,
//! `${VAR+alt}`, `${VAR:?message}`, `${VAR?message}`, all of them nested, and `$$` for a dollar sign.
//! `$host` or `$i` without braces stays as it is, so that nginx lines and shell text survive.

use std::collections::BTreeSet;
use std::fmt;

/// A text with references to variables, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Reference { name: String, when: When, otherwise: Otherwise },
}

/// Which values of a variable its operator looks at: `:` makes an empty value count as unset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Set,
    NonEmpty,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Otherwise {
    /// `${VAR}`: nothing when unset.
    Empty,
    /// `${VAR-word}`: the word when unset.
    Default(Template),
    /// `${VAR+word}`: the word when set, nothing when unset.
    Alternative(Template),
    /// `${VAR?message}`: an error when unset.
    Required(Template),
}

/// Why a text is no template; `offset` is in bytes from its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    /// Where the reference begins.
    pub offset: usize,
    /// What is wrong with it.
    pub message: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TemplateError {}

/// A variable that `${VAR:?message}` asks for is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingVariable {
    /// The variable.
    pub name: String,
    /// The message in the reference; may be empty.
    pub message: String,
}

impl fmt::Display for MissingVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.message.is_empty() {
            write!(f, "the variable {} is required and not set", self.name)
        } else {
            write!(f, "the variable {} is required: {}", self.name, self.message)
        }
    }
}

impl std::error::Error for MissingVariable {}

/// How deep references may nest; a guard for the recursion, far above what anybody writes.
const MAX_DEPTH: usize = 32;

impl Template {
    /// Parses a text.
    ///
    /// # Errors
    /// A `${` that is not closed, names nothing, or has an operator that does not exist.
    pub fn parse(text: &str) -> Result<Template, TemplateError> {
        let mut parser = Parser { text, position: 0 };
        let parts = parser.parts(0)?;
        Ok(Template { parts })
    }

    /// The text when it refers to nothing, with `$$` undone.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The names of all variables that the text refers to, those in defaults too.
    #[must_use]
    pub fn names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        self.collect_names(&mut names);
        names
    }

    fn collect_names(&self, names: &mut BTreeSet<String>) {
        for part in &self.parts {
            if let Part::Reference { name, otherwise, .. } = part {
                names.insert(name.clone());
                match otherwise {
                    Otherwise::Empty => {}
                    Otherwise::Default(word) | Otherwise::Alternative(word) | Otherwise::Required(word) => {
                        word.collect_names(names)
                    }
                }
            }
        }
    }

    /// Fills the references in from `lookup`.
    ///
    /// # Errors
    /// The first variable that is required and not there.
    pub fn expand<'a>(&self, lookup: &dyn Fn(&str) -> Option<std::borrow::Cow<'a, str>>) -> Result<String, MissingVariable> {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Reference { name, when, otherwise } => {
                    let value = lookup(name).filter(|value| *when == When::Set || !value.is_empty());
                    match (value, otherwise) {
                        (Some(_), Otherwise::Alternative(word)) => out.push_str(&word.expand(lookup)?),
                        (Some(value), _) => out.push_str(&value),
                        (None, Otherwise::Empty | Otherwise::Alternative(_)) => {}
                        (None, Otherwise::Default(word)) => out.push_str(&word.expand(lookup)?),
                        (None, Otherwise::Required(message)) => {
                            return Err(MissingVariable { name: name.clone(), message: message.expand(lookup)? });
                        }
                    }
                }
            }
        }
        Ok(out)
    }
}

impl Template {
    /// The text with those references filled in that `known` has a value for; the others stay as they are. A value must not
    /// hold a `}`: within another reference it would end that.
    #[must_use]
    pub fn fill(&self, known: &dyn Fn(&str) -> Option<String>) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(&escape(text)),
                Part::Reference { name, when, otherwise } => {
                    let colon = if *when == When::NonEmpty { ":" } else { "" };
                    match (known(name), otherwise) {
                        (Some(value), Otherwise::Alternative(word)) if *when == When::Set || !value.is_empty() => {
                            out.push_str(&word.fill(known));
                        }
                        (Some(value), _) if *when == When::Set || !value.is_empty() => out.push_str(&escape(&value)),
                        (_, Otherwise::Empty) => out.push_str(&format!("${{{name}}}")),
                        (_, Otherwise::Default(word)) => out.push_str(&format!("${{{name}{colon}-{}}}", word.fill(known))),
                        (_, Otherwise::Alternative(word)) => out.push_str(&format!("${{{name}{colon}+{}}}", word.fill(known))),
                        (_, Otherwise::Required(word)) => out.push_str(&format!("${{{name}{colon}?{}}}", word.fill(known))),
                    }
                }
            }
        }
        out
    }
}

/// Makes a text that expands to `text` itself, whatever dollar signs are in it.
#[must_use]
pub fn escape(text: &str) -> String {
    text.replace('$', "$$")
}

struct Parser<'t> {
    text: &'t str,
    position: usize,
}

impl Parser<'_> {
    /// Parses up to the end, or inside a reference (`depth` > 0) up to its closing brace, which is left in place.
    fn parts(&mut self, depth: usize) -> Result<Vec<Part>, TemplateError> {
        let mut parts = Vec::new();
        let mut text = String::new();
        while let Some(c) = self.peek() {
            let rest = &self.text[self.position..];
            if depth > 0 && c == '}' {
                break;
            } else if rest.starts_with("$$") {
                text.push('$');
                self.position += 2;
            } else if rest.starts_with("${") {
                if !text.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut text)));
                }
                parts.push(self.reference(depth)?);
            } else {
                text.push(c);
                self.position += c.len_utf8();
            }
        }
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
        Ok(parts)
    }

    fn reference(&mut self, depth: usize) -> Result<Part, TemplateError> {
        let offset = self.position;
        let error = |message: String| Err(TemplateError { offset, message });
        if depth >= MAX_DEPTH {
            return error(format!("references nest more than {MAX_DEPTH} deep"));
        }
        self.position += 2;
        let rest = &self.text[self.position..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let name = rest[..end].to_owned();
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return error("`${` must be followed by the name of a variable; write `$$` for a dollar sign".to_owned());
        }
        self.position += end;
        let colon = self.peek() == Some(':');
        if colon {
            self.position += 1;
        }
        let when = if colon { When::NonEmpty } else { When::Set };
        let make: fn(Template) -> Otherwise = match self.peek() {
            Some('}') if !colon => {
                self.position += 1;
                return Ok(Part::Reference { name, when, otherwise: Otherwise::Empty });
            }
            Some('-') => Otherwise::Default,
            Some('+') => Otherwise::Alternative,
            Some('?') => Otherwise::Required,
            None => return error(format!("`${{{name}` is not closed: a `}}` is missing")),
            Some(_) => return error(format!("after `${{{name}` comes one of `}}`, `:-`, `:+`, `:?`, `-`, `+`, `?`")),
        };
        self.position += 1;
        let parts = self.parts(depth + 1)?;
        if self.peek() != Some('}') {
            return error(format!("`${{{name}` is not closed: a `}}` is missing"));
        }
        self.position += 1;
        Ok(Part::Reference { name, when, otherwise: make(Template { parts }) })
    }

    fn peek(&self) -> Option<char> {
        self.text[self.position..].chars().next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::borrow::Cow;

    fn expand(text: &str) -> Result<String, MissingVariable> {
        let lookup = |name: &str| match name {
            "SET" => Some(Cow::Borrowed("value")),
            "EMPTY" => Some(Cow::Borrowed("")),
            _ => None,
        };
        Template::parse(text).expect("a template").expand(&lookup)
    }

    #[test]
    fn every_operator_does_what_compose_says() {
        for (text, want) in [
            ("a ${SET} b", "a value b"),
            ("${NONE}", ""),
            ("${NONE:-x}", "x"),
            ("${EMPTY:-x}", "x"),
            ("${EMPTY-x}", ""),
            ("${SET:+alt}", "alt"),
            ("${EMPTY:+alt}", ""),
            ("${EMPTY+alt}", "alt"),
            ("${SET:?no}", "value"),
            ("${NONE:-${OTHER:-deep}}", "deep"),
            ("${NONE:-a:b-c?d}", "a:b-c?d"),
            ("$$ $${SET} $host $i $", "$ ${SET} $host $i $"),
            ("{ } }", "{ } }"),
        ] {
            assert_eq!(expand(text).as_deref(), Ok(want), "{text}");
        }
    }

    #[test]
    fn a_required_variable_stops_with_its_message() {
        assert_eq!(expand("${NONE:?set ${NONE:-it}}").unwrap_err().message, "set it");
        assert_eq!(expand("${EMPTY:?}").unwrap_err().to_string(), "the variable EMPTY is required and not set");
        assert_eq!(expand("${EMPTY?}").as_deref(), Ok(""));
    }

    #[test]
    fn broken_references_say_where() {
        for (text, offset) in [("ab${", 2), ("${}", 0), ("${A", 0), ("x${A:-b", 1), ("${A:b}", 0), ("${1A}", 0), ("${A B}", 0)] {
            assert_eq!(Template::parse(text).map_err(|e| e.offset), Err(offset), "{text}");
        }
    }

    #[test]
    fn names_include_those_in_defaults() {
        let template = Template::parse("${A:-${B}} ${C:?${D}}").expect("a template");
        assert_eq!(template.names().into_iter().collect::<String>(), "ABCD");
    }

    #[test]
    fn what_is_known_is_filled_in_and_the_rest_stays() {
        let known = |name: &str| (name == "PORT").then(|| "3001".to_owned());
        for (text, want) in [
            ("-b :${PORT} $HOME ${HOST:-${PORT}}", "-b :3001 $$HOME ${HOST:-3001}"),
            ("${PORT:-1} ${PORT:+on ${A?needed}} ${B+x}", "3001 on ${A?needed} ${B+x}"),
            ("$${PORT} ${C:?${PORT}}", "$${PORT} ${C:?3001}"),
        ] {
            assert_eq!(Template::parse(text).expect("a template").fill(&known), want, "{text}");
        }
    }

    proptest! {
        #[test]
        fn filling_in_first_or_last_is_the_same(text in "([a ${}:?+-]|\\$\\{[AB]|\\}){0,20}") {
            if let Ok(template) = Template::parse(&text) {
                let all = |name: &str| Some(Cow::Owned(format!("{name}$1")));
                let filled = Template::parse(&template.fill(&|name| (name == "A").then(|| "A$1".to_owned())));
                prop_assert_eq!(filled.expect("still a template").expand(&all), template.expand(&all));
            }
        }

        #[test]
        fn escaped_text_expands_to_itself(text in ".{0,40}") {
            let template = Template::parse(&escape(&text)).expect("escaped text has no reference");
            prop_assert_eq!(template.literal(), Some(text.as_str()));
        }

        #[test]
        fn parsing_never_panics(text in "[${}A:?+-]{0,40}") {
            let _ = Template::parse(&text);
        }
    }
}
