//! XML, as much of it as a message has: elements, text, CDATA; comments, declarations and attributes are passed over.

use super::Malformed;

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event<'t> {
    /// `<name>`
    Open(&'t str),
    /// `</name>`, also the second half of `<name/>`.
    Close(&'t str),
    /// Text between two of them, never empty; it may come in several parts.
    Text(String),
    /// Nothing any more.
    End,
}

/// Reads a document from its start to its end.
pub(super) struct Reader<'t> {
    rest: &'t str,
    /// The element that was opened and closed at once.
    empty: Option<&'t str>,
}

impl<'t> Reader<'t> {
    pub fn new(text: &'t str) -> Reader<'t> {
        Reader { rest: text.strip_prefix('\u{feff}').unwrap_or(text), empty: None }
    }

    pub fn next(&mut self) -> Result<Event<'t>, Malformed> {
        if let Some(name) = self.empty.take() {
            return Ok(Event::Close(name));
        }
        loop {
            let Some(markup) = self.rest.strip_prefix('<') else { return self.text() };
            if let Some(rest) = markup.strip_prefix("!--") {
                self.rest = rest.split_once("-->").ok_or_else(|| malformed("a comment has no end"))?.1;
            } else if let Some(rest) = markup.strip_prefix("![CDATA[") {
                let (text, rest) = rest.split_once("]]>").ok_or_else(|| malformed("a CDATA section has no end"))?;
                self.rest = rest;
                if !text.is_empty() {
                    return Ok(Event::Text(with_line_ends(text)));
                }
            } else if let Some(rest) = markup.strip_prefix('?') {
                self.rest = rest.split_once("?>").ok_or_else(|| malformed("a declaration has no end"))?.1;
            } else if markup.starts_with('!') {
                return Err(malformed("a document type is not taken"));
            } else {
                return self.tag(markup);
            }
        }
    }

    /// An element's begin or end.
    fn tag(&mut self, markup: &'t str) -> Result<Event<'t>, Malformed> {
        let (inside, rest) = split_at_end(markup).ok_or_else(|| malformed("a tag has no end"))?;
        self.rest = rest;
        let name_of = |text: &'t str| {
            let name = text.split(|c: char| c.is_ascii_whitespace()).next().unwrap_or_default();
            if name.is_empty() { Err(malformed("a tag has no name")) } else { Ok(name) }
        };
        if let Some(inside) = inside.strip_prefix('/') {
            return name_of(inside).map(Event::Close);
        }
        match inside.strip_suffix('/') {
            Some(inside) => {
                let name = name_of(inside)?;
                self.empty = Some(name);
                Ok(Event::Open(name))
            }
            None => name_of(inside).map(Event::Open),
        }
    }

    fn text(&mut self) -> Result<Event<'t>, Malformed> {
        let (text, rest) = self.rest.split_at(self.rest.find('<').unwrap_or(self.rest.len()));
        self.rest = rest;
        if text.is_empty() {
            return Ok(Event::End);
        }
        let mut parts = text.split('&');
        let mut out = with_line_ends(parts.next().unwrap_or_default());
        for part in parts {
            let (reference, plain) = part.split_once(';').ok_or_else(|| malformed("an & is not written &amp;"))?;
            out.push(referred(reference).ok_or_else(|| malformed(&format!("&{}; is not known", short(reference))))?);
            out.push_str(&with_line_ends(plain));
        }
        Ok(Event::Text(out))
    }
}

/// What XML can hold.
pub(super) fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

pub(super) fn malformed(text: &str) -> Malformed {
    Malformed(text.to_owned())
}

/// The beginning of a text that comes from outside, for messages.
pub(super) fn short(text: &str) -> String {
    text.chars().take(24).collect()
}

/// The sign that a reference stands for.
fn referred(reference: &str) -> Option<char> {
    Some(match reference {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "apos" => '\'',
        "quot" => '"',
        _ => {
            let number = reference.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            return char::from_u32(code.ok()?).filter(|c| is_allowed(*c));
        }
    })
}

/// Line ends of every kind are one kind within XML.
fn with_line_ends(text: &str) -> String {
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text.to_owned() }
}

/// Splits at the `>` that is in no attribute's value.
fn split_at_end(markup: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    for (at, byte) in markup.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some((&markup[..at], &markup[at + 1..])),
            (None, b'<') => return None,
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}
