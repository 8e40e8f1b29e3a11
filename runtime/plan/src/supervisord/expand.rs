//! `%(name)s` in values: Python's printf style with names, as far as supervisord's values can need it.

use std::collections::BTreeMap;
use std::fmt::Write;

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    Text(String),
    Number(i64),
}

/// The names that are known in one place, over those of the place around it.
#[derive(Debug, Default)]
pub(super) struct Names<'a> {
    around: Option<&'a Names<'a>>,
    own: BTreeMap<String, Known>,
}

impl<'a> Names<'a> {
    pub fn within(around: &'a Names<'a>) -> Names<'a> {
        Names { around: Some(around), own: BTreeMap::new() }
    }

    pub fn text(&mut self, name: &str, value: &str) {
        self.own.insert(name.to_owned(), Known::Text(value.to_owned()));
    }

    pub fn number(&mut self, name: &str, value: i64) {
        self.own.insert(name.to_owned(), Known::Number(value));
    }

    /// Makes variables known as `ENV_NAME`.
    pub fn variables<'v>(&mut self, variables: impl IntoIterator<Item = (&'v String, &'v String)>) {
        for (name, value) in variables {
            self.text(&format!("ENV_{name}"), value);
        }
    }

    fn find(&self, name: &str) -> Option<&Known> {
        self.own.get(name).or_else(|| self.around.and_then(|around| around.find(name)))
    }

    /// Names that are no variables, for messages.
    fn list(&self) -> Vec<&str> {
        let mut names = self.around.map(Names::list).unwrap_or_default();
        names.extend(self.own.keys().map(String::as_str).filter(|name| !name.starts_with("ENV_")));
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// Fills in the names; `%%` is a percent sign.
///
/// # Errors
/// A name that is not known, or a percent sign that begins nothing, in words.
pub(super) fn expand(text: &str, names: &Names) -> Result<String, String> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        filled.push_str(before);
        if let Some(after) = after.strip_prefix('%') {
            filled.push('%');
            rest = after;
            continue;
        }
        let stray = || format!("a percent sign must be written %%: `%{}`", after.chars().take(12).collect::<String>());
        let (name, format) = after.strip_prefix('(').and_then(|after| after.split_once(')')).ok_or_else(stray)?;
        let known = names.find(name).ok_or_else(|| unknown(name, names))?;
        let (conversion, after) = Conversion::parse(format).ok_or_else(stray)?;
        conversion.write(known, &mut filled).ok_or_else(|| format!("%({name}) is no number"))?;
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

fn unknown(name: &str, names: &Names) -> String {
    match name.strip_prefix("ENV_") {
        Some(variable) => format!("%({name})s: the variable {variable} is not set"),
        None => format!("%({name})s is not known here; known are ENV_NAME for variables, {}", names.list().join(", ")),
    }
}

/// What follows a name: flags, width, precision, kind.
struct Conversion {
    left: bool,
    zeros: bool,
    plus: bool,
    width: usize,
    precision: Option<usize>,
    kind: char,
}

impl Conversion {
    /// The widest that is filled: a value cannot ask for all the memory there is.
    const MOST: usize = 1024;

    fn parse(text: &str) -> Option<(Conversion, &str)> {
        let flags = text.find(|c| !"-0+ #".contains(c))?;
        let (flags, text) = text.split_at(flags);
        let (width, text) = number(text);
        let (precision, text) = match text.strip_prefix('.') {
            Some(text) => {
                let (precision, text) = number(text);
                (Some(precision.unwrap_or(0)), text)
            }
            None => (None, text),
        };
        let kind = text.chars().next()?;
        let width = width.unwrap_or(0);
        if !"sdiuxXo".contains(kind) || width.max(precision.unwrap_or(0)) > Self::MOST {
            return None;
        }
        let conversion = Conversion {
            left: flags.contains('-'),
            zeros: flags.contains('0'),
            plus: flags.contains('+'),
            width,
            precision,
            kind,
        };
        Some((conversion, &text[kind.len_utf8()..]))
    }

    fn write(&self, known: &Known, out: &mut String) -> Option<()> {
        if self.kind == 's' {
            let text = match known {
                Known::Text(text) => text.clone(),
                Known::Number(number) => number.to_string(),
            };
            let text: String = text.chars().take(self.precision.unwrap_or(usize::MAX)).collect();
            self.pad("", &text, ' ', out);
            return Some(());
        }
        let Known::Number(number) = *known else { return None };
        let size = number.unsigned_abs();
        let digits = match self.kind {
            'x' => format!("{size:x}"),
            'X' => format!("{size:X}"),
            'o' => format!("{size:o}"),
            _ => size.to_string(),
        };
        let digits = format!("{digits:0>width$}", width = self.precision.unwrap_or(0));
        let sign = if number < 0 {
            "-"
        } else if self.plus {
            "+"
        } else {
            ""
        };
        self.pad(sign, &digits, if self.zeros { '0' } else { ' ' }, out);
        Some(())
    }

    fn pad(&self, sign: &str, text: &str, fill: char, out: &mut String) {
        let missing = self.width.saturating_sub(sign.len() + text.chars().count());
        let padding: String = std::iter::repeat_n(fill, missing).collect();
        // A String takes all that is written to it.
        let _ = match (self.left, fill) {
            (true, _) => write!(out, "{sign}{text}{}", " ".repeat(missing)),
            (false, '0') => write!(out, "{sign}{padding}{text}"),
            (false, _) => write!(out, "{padding}{sign}{text}"),
        };
    }
}

fn number(text: &str) -> (Option<usize>, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    // More digits than fit are too many for any width.
    (if end == 0 { None } else { Some(text[..end].parse().unwrap_or(usize::MAX)) }, &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names<'static> {
        let mut names = Names::default();
        names.text("program_name", "web");
        names.number("process_num", 7);
        names.variables([(&"HOME".to_owned(), &"/r%t".to_owned())]);
        names
    }

    #[test]
    fn expands_as_python_does() {
        for (text, want) in [
            ("%(program_name)s_%(process_num)02d", "web_07"),
            ("%(ENV_HOME)s %% %(process_num)s", "/r%t % 7"),
            ("[%(process_num)4d|%(process_num)-4d|%(process_num)+d|%(process_num).3d]", "[   7|7   |+7|007]"),
            ("%(program_name)5s|%(program_name).1s", "  web|w"),
            ("$HOME ${X} plain", "$HOME ${X} plain"),
        ] {
            assert_eq!(expand(text, &names()), Ok(want.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_expanded_is_named() {
        for (text, named) in [
            ("%(nope)s", "process_num, program_name"),
            ("%(ENV_NOPE)s", "NOPE is not set"),
            ("date +%Y", "%Y"),
            ("100%", "%"),
            ("%(program_name)d", "no number"),
            ("%(program_name)", "%(program_na"),
            ("%(program_name)9999999999s", "%("),
        ] {
            let error = expand(text, &names()).unwrap_err();
            assert!(error.contains(named), "{text}: {error}");
        }
    }
}
