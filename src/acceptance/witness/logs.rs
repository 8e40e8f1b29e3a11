//! The bytes that the engine has of a container's output.

use crate::engine::Engine;
use crate::engine::logs::Range;
use anyhow::Result;
use futures_util::TryStreamExt;
use serde_json::Value;
use std::borrow::Cow;

/// Between a service's name and its line.
pub const SEPARATOR: &str = " | ";

/// A line as the engine has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The whole line.
    pub text: String,
}

impl Line {
    /// Whose line it is and what that one wrote, with the name before the line or in an envelope around it.
    #[must_use]
    pub fn attributed(&self) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
        if let Some((name, text)) = self.text.split_once(SEPARATOR).filter(|_| !self.text.starts_with('{')) {
            return Some((name.into(), text.into()));
        }
        let envelope: Value = serde_json::from_str(&self.text).ok()?;
        let text = match (envelope.get("message"), envelope.get("data")) {
            (Some(message), _) => message.as_str()?.to_owned(),
            (None, data) => data?.to_string(),
        };
        Some((envelope.get("service")?.as_str()?.to_owned().into(), text.into()))
    }

    /// What a service wrote, when it was this one.
    #[must_use]
    pub fn of(&self, service: &str) -> Option<Cow<'_, str>> {
        self.attributed().filter(|(name, _)| name == service).map(|(_, text)| text)
    }
}

/// All lines of a container, running or not, in the order in which they were written.
///
/// # Errors
/// The engine does not answer.
pub async fn read(engine: &Engine, container: &str) -> Result<Vec<Line>> {
    let lines = engine.logs(container, &Range::default());
    lines.map_ok(|line| Line { text: String::from_utf8_lossy(&line.text).into_owned() }).try_collect().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_belongs_to_the_name_before_the_first_bar() {
        let line = |text: &str| Line { text: text.to_owned() };
        assert_eq!(line("web | a | b").of("web").as_deref(), Some("a | b"));
        assert_eq!(line("web | a | b").of("we"), None);
        assert_eq!(line("bare").attributed(), None);
    }

    #[test]
    fn an_envelope_names_its_service() {
        let line = |text: &str| Line { text: text.to_owned() };
        let plain = line(r#"{"time":"t","service":"web","stream":"stdout","message":"a | b"}"#);
        assert_eq!(plain.of("web").as_deref(), Some("a | b"));
        let nested = line(r#"{"time":"t","service":"web","stream":"stdout","data":{"a":1}}"#);
        assert_eq!(nested.of("web").as_deref(), Some(r#"{"a":1}"#));
        assert_eq!(line(r#"{"message":"of nobody"}"#).attributed(), None);
    }
}
