//! `.env` files, in compose's grammar: `NAME=value`, `export`, comments, single quotes that take everything literally,
//! double quotes with escapes, `${NAME}` and `$NAME` outside of single quotes.

use crate::template::Template;
use std::borrow::Cow;
use std::fmt;

/// Why a text is no .env file. Says where and what, never a value: those are secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DotenvError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for DotenvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for DotenvError {}

/// Reads a file. References see `lookup` first, then what stands above them.
///
/// # Errors
/// The first line that assigns nothing, has an open quote or a broken reference.
pub fn parse(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Vec<(String, String)>, DotenvError> {
    let mut variables: Vec<(String, String)> = Vec::new();
    let text = text.trim_start_matches('\u{feff}');
    let mut rest = text;
    while !rest.is_empty() {
        let line = text[..text.len() - rest.len()].matches('\n').count() + 1;
        let error = |message: &str| DotenvError { line, message: message.to_owned() };
        let (content, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let content = content.trim();
        let assignment = content.strip_prefix("export ").unwrap_or(content).trim_start();
        if content.is_empty() || content.starts_with('#') {
            rest = after;
            continue;
        }
        let Some((name, _)) = assignment.split_once('=') else {
            // compose takes a bare name from the shell, which comes first anyway.
            if !is_name(assignment) {
                return Err(error("expected NAME=value"));
            }
            rest = after;
            continue;
        };
        let name = name.trim_end();
        if !is_name(name) {
            return Err(error("the name of a variable has letters, digits and `_`, a letter or `_` first"));
        }
        // The value may go on in further lines, so it is looked for in all of the rest.
        let start = rest.find('=').map_or(rest.len(), |at| at + 1);
        let value = rest[start..].trim_start_matches([' ', '\t']);
        let known = |name: &str| {
            lookup(name).or_else(|| variables.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.clone()))
        };
        let (value, after) = match value.chars().next() {
            Some('\'') => {
                let (value, after) = quoted(&value[1..], '\'').ok_or_else(|| error("a single quote is not closed"))?;
                (value.replace("\\'", "'"), after)
            }
            Some('"') => {
                let (value, after) = quoted(&value[1..], '"').ok_or_else(|| error("a double quote is not closed"))?;
                (expand(&unescaped(value), &known).map_err(|message| error(&message))?, after)
            }
            _ => {
                let (value, after) = value.split_once('\n').unwrap_or((value, ""));
                (expand(without_comment(value), &known).map_err(|message| error(&message))?, after)
            }
        };
        variables.push((name.to_owned(), value));
        rest = after;
    }
    Ok(variables)
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The text up to the closing quote, and what follows the line in which it closes.
fn quoted(text: &str, quote: char) -> Option<(&str, &str)> {
    let mut escaped = false;
    let end = text.char_indices().find_map(|(at, c)| {
        let closes = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        closes.then_some(at)
    })?;
    let after = &text[end + 1..];
    Some((&text[..end], after.split_once('\n').map_or("", |(_, after)| after)))
}

fn without_comment(value: &str) -> &str {
    let value = value.trim_end();
    let comment = value.match_indices('#').find(|(at, _)| *at == 0 || value[..*at].ends_with([' ', '\t']));
    comment.map_or(value, |(at, _)| value[..at].trim_end())
}

/// The escapes of double quotes; an escaped dollar sign stays one.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '\\' { chars.next() } else { None }) {
            ('\\', Some('n')) => out.push('\n'),
            ('\\', Some('r')) => out.push('\r'),
            ('\\', Some('t')) => out.push('\t'),
            ('\\', Some('$')) => out.push_str("$$"),
            ('\\', Some(c @ ('"' | '\\' | '\''))) => out.push(c),
            ('\\', Some(c)) => out.extend(['\\', c]),
            (c, _) => out.push(c),
        }
    }
    out
}

fn expand(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let template = Template::parse(&with_braces(text)).map_err(|error| error.message)?;
    template.expand(&|name| lookup(name).map(Cow::Owned)).map_err(|missing| missing.to_string())
}

/// `$NAME` as `${NAME}`: what a .env file may leave out, pod.yaml may not.
fn with_braces(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        if is_name(&rest[..length]) {
            out.push_str(&format!("${{{}}}", &rest[..length]));
            rest = &rest[length..];
        } else if let Some(after) = rest.strip_prefix('$') {
            out.push_str("$$");
            rest = after;
        } else {
            out.push('$');
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<String> {
        let lookup = |name: &str| (name == "SHELL_VALUE").then(|| "shell".to_owned());
        parse(text, &lookup).expect("a file").into_iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    #[test]
    fn values_are_read_as_compose_reads_them() {
        for (text, want) in [
            ("A=b", "A=b"),
            (" export A = b c \r\n", "A=b c"),
            ("A=b # comment", "A=b"),
            ("A=b#c", "A=b#c"),
            ("A=", "A="),
            ("A= # comment", "A="),
            ("A='$B # \"x\"' # comment", "A=$B # \"x\""),
            (r"A='Let\'s go'", "A=Let's go"),
            (r#"A="a\nb\t\"c\" \$D \\""#, "A=a\nb\t\"c\" $D \\"),
            ("A='x\ny'", "A=x\ny"),
            ("A=${SHELL_VALUE}-$SHELL_VALUE-${NONE:-d}-$$", "A=shell-shell-d-$"),
            ("A=\"${SHELL_VALUE}\"", "A=shell"),
            ("A=b=c", "A=b=c"),
        ] {
            assert_eq!(values(text), [want], "{text}");
        }
        assert_eq!(values("# c\n\nA=1\nNAME\nB=$A$A\r\n"), ["A=1", "B=11"]);
    }

    #[test]
    fn mistakes_say_the_line_and_no_value() {
        for (text, line) in
            [("A=1\nsecret value", 2), ("A='secret", 1), ("\n\nA=\"secret", 3), ("A=1\nB=secret${", 2), ("1A=secret", 1)]
        {
            let error = parse(text, &|_| None).expect_err(text);
            assert_eq!(error.line, line, "{text}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
