//! What a container has written, line by line.

use super::Engine;
use anyhow::{Context, Result};
use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptionsBuilder;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use serde::Deserialize;
use std::borrow::Cow;

/// Which stream a line was written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// stdout
    Stdout,
    /// stderr
    Stderr,
}

/// A line, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where it was written.
    pub output: Output,
    /// What was written; any bytes.
    pub text: Bytes,
}

/// Which lines are wanted.
#[derive(Debug, Clone, Default)]
pub struct Range {
    /// Go on with what is written from now on, until the container ends.
    pub follow: bool,
    /// The last so many lines; none is all.
    pub last: Option<usize>,
    /// Not what was written before this second since 1970.
    pub since: Option<i64>,
    /// Each line begins with the time at which the engine received it, in RFC 3339 with nine decimals, and a space.
    pub timestamps: bool,
}

/// What podinit's own lines begin with before it has read its plan, and after its log has ended.
const OWN: &[u8] = b"podinit: ";
/// What stands between a service's name and its line.
const SEPARATOR: &[u8] = b" | ";

/// Who wrote a line of a pod, a service or `podinit`, and what; none when nobody is named.
#[must_use]
pub fn attributed(line: &[u8]) -> Option<(&[u8], &[u8])> {
    if let Some(text) = line.strip_prefix(OWN) {
        return Some((b"podinit", text));
    }
    let end = line.windows(SEPARATOR.len()).position(|window| window == SEPARATOR)?;
    Some((&line[..end], &line[end + SEPARATOR.len()..]))
}

/// Who wrote a line of a pod, with the name before the line or in an envelope around it; none when nobody is named.
#[must_use]
pub fn writer(line: &[u8]) -> Option<Cow<'_, [u8]>> {
    #[derive(Deserialize)]
    struct Envelope {
        service: String,
    }
    // No name begins like this.
    if line.starts_with(b"{") {
        let envelope: Envelope = serde_json::from_slice(line).ok()?;
        return Some(envelope.service.into_bytes().into());
    }
    attributed(line).map(|(name, _)| name.into())
}

impl Engine {
    /// The lines of a container, running or not.
    pub fn logs(&self, container: &str, range: &Range) -> impl Stream<Item = Result<Line>> + Send + use<> {
        let mut options = LogsOptionsBuilder::new().stdout(true).stderr(true).follow(range.follow).timestamps(range.timestamps);
        options = options.tail(&range.last.map_or_else(|| "all".to_owned(), |last| last.to_string()));
        if let Some(since) = range.since {
            options = options.since(i32::try_from(since).unwrap_or(i32::MAX));
        }
        let context = format!("cannot read the logs of the container {container}");
        let chunks = self.docker.logs(container, Some(options.build()));
        let chunks = chunks.map(move |chunk| chunk.with_context(|| context.clone())).map(Some);
        // The end of the stream is one more item, so that lines without an end come out.
        let chunks = chunks.chain(futures_util::stream::once(std::future::ready(None)));
        chunks
            .scan(Splitter::default(), |splitter, chunk| {
                let lines = match chunk {
                    Some(Ok(chunk)) => splitter.push(chunk).into_iter().map(Ok).collect(),
                    Some(Err(error)) => vec![Err(error)],
                    None => splitter.rest().into_iter().map(Ok).collect(),
                };
                std::future::ready(Some(futures_util::stream::iter(lines)))
            })
            .flatten()
    }
}

/// Makes lines of the engine's chunks, which end anywhere.
#[derive(Default)]
struct Splitter {
    stdout: BytesMut,
    stderr: BytesMut,
}

impl Splitter {
    fn push(&mut self, chunk: LogOutput) -> Vec<Line> {
        let (output, begun, bytes) = match chunk {
            LogOutput::StdErr { message } => (Output::Stderr, &mut self.stderr, message),
            other => (Output::Stdout, &mut self.stdout, other.into_bytes()),
        };
        begun.extend_from_slice(&bytes);
        let mut lines = Vec::new();
        while let Some(end) = begun.iter().position(|byte| *byte == b'\n') {
            let mut text = begun.split_to(end + 1).freeze();
            text.truncate(end);
            lines.push(Line { output, text });
        }
        lines
    }

    fn rest(&mut self) -> Vec<Line> {
        [(Output::Stdout, &mut self.stdout), (Output::Stderr, &mut self.stderr)]
            .into_iter()
            .filter(|(_, begun)| !begun.is_empty())
            .map(|(output, begun)| Line { output, text: begun.split().freeze() })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_belongs_to_the_name_before_the_first_bar() {
        assert_eq!(attributed(b"api | a | b"), Some((&b"api"[..], &b"a | b"[..])));
        assert_eq!(attributed(b"api | "), Some((&b"api"[..], &b""[..])));
        assert_eq!(attributed(b"podinit: cannot run | it"), Some((&b"podinit"[..], &b"cannot run | it"[..])));
        assert_eq!(attributed(b"no prefix"), None);
    }

    #[test]
    fn lines_are_whole_whatever_the_chunks_and_streams_do_not_mix() {
        let mut splitter = Splitter::default();
        let stdout = |text: &'static str| LogOutput::StdOut { message: Bytes::from_static(text.as_bytes()) };
        let stderr = |text: &'static str| LogOutput::StdErr { message: Bytes::from_static(text.as_bytes()) };
        let mut lines = Vec::new();
        for chunk in [stdout("a | on"), stderr("podinit | x\n"), stdout("e\n\nb | two\nc |"), stdout(" three")] {
            lines.extend(splitter.push(chunk));
        }
        lines.extend(splitter.rest());
        let texts: Vec<_> = lines.iter().map(|line| String::from_utf8_lossy(&line.text).into_owned()).collect();
        assert_eq!(texts, ["podinit | x", "a | one", "", "b | two", "c | three"]);
        assert_eq!(lines[0].output, Output::Stderr);
    }

    #[test]
    fn a_line_is_its_writers_whatever_its_format() {
        let writer = |line: &'static str| writer(line.as_bytes()).map(|name| String::from_utf8_lossy(&name).into_owned());
        assert_eq!(writer("api | {\"service\":\"b\"}").as_deref(), Some("api"));
        assert_eq!(writer("{\"time\":\"t\",\"service\":\"api\",\"message\":\"x | y\"}").as_deref(), Some("api"));
        assert_eq!(writer("{\"message\":\"x | y\"}"), None);
        assert_eq!(writer("podinit: cannot start").as_deref(), Some("podinit"));
    }
}
