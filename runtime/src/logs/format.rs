//! How a line looks in the container's output. Pure.

use crate::logs::lines::End;
use podinit_plan::plan::{Format, Stream};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// What a piece of a line that goes on ends with, but in an envelope.
const CUT_MARK: &[u8] = b" [...]";
/// A message that takes more than this when it is escaped, in bytes, is cut: engines cut at 16 KB, whatever is there.
const MESSAGE_MAX: usize = 15 * 1024;

/// How the lines of one stream of a service look.
#[derive(Debug)]
pub enum Shape {
    /// After these bytes.
    Prefix(Vec<u8>),
    /// In an envelope; these are its bytes from after the time to the message.
    Json(Vec<u8>),
    /// As they are.
    Raw,
}

impl Shape {
    /// For a stream of a service, or of podinit itself.
    #[must_use]
    pub fn new(format: Format, name: &str, stream: Stream) -> Shape {
        match format {
            Format::Prefix => Shape::Prefix(format!("{name} | ").into_bytes()),
            Format::Json => {
                let stream = match stream {
                    Stream::Stdout => "stdout",
                    Stream::Stderr => "stderr",
                };
                Shape::Json(format!(",\"service\":{},\"stream\":\"{stream}\",", serde_json::Value::from(name)).into_bytes())
            }
            Format::Raw => Shape::Raw,
        }
    }

    /// Whether [`Shape::write`] needs the time.
    #[must_use]
    pub fn has_time(&self) -> bool {
        matches!(self, Shape::Json(_))
    }

    /// Adds a piece of a line, whose bytes are `head` and `tail` together, and a newline. `time` is RFC 3339.
    #[inline]
    pub fn write(&self, out: &mut Vec<u8>, time: &str, head: &[u8], tail: &[u8], end: End) {
        let prefix = match self {
            Shape::Prefix(prefix) => prefix.as_slice(),
            Shape::Raw => &[],
            Shape::Json(names) if head.is_empty() => return envelope(out, time, names, tail, end),
            Shape::Json(names) => return envelope(out, time, names, &[head, tail].concat(), end),
        };
        out.reserve(prefix.len() + head.len() + tail.len() + CUT_MARK.len() + 1);
        out.extend_from_slice(prefix);
        out.extend_from_slice(head);
        out.extend_from_slice(tail);
        if end == End::Cut {
            out.extend_from_slice(CUT_MARK);
        }
        out.push(b'\n');
    }
}

fn envelope(out: &mut Vec<u8>, time: &str, names: &[u8], line: &[u8], end: End) {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match std::str::from_utf8(line) {
        Ok(text) if end == End::Line && is_object(text) => {
            begin(out, time, names);
            out.extend_from_slice(b"\"data\":");
            out.extend_from_slice(text.trim_ascii().as_bytes());
            out.extend_from_slice(b"}\n");
        }
        Ok(text) => message(out, time, names, text, end),
        Err(_) => message(out, time, names, &String::from_utf8_lossy(line), end),
    }
}

fn message(out: &mut Vec<u8>, time: &str, names: &[u8], text: &str, end: End) {
    let start = out.len();
    begin(out, time, names);
    out.extend_from_slice(b"\"message\":");
    let before = out.len();
    // Writing to memory cannot fail.
    let _ = serde_json::to_writer(&mut *out, text);
    if out.len() - before > MESSAGE_MAX {
        out.truncate(start);
        let (left, right) = text.split_at(text.floor_char_boundary(text.len() / 2));
        message(out, time, names, left, End::Cut);
        return message(out, time, names, right, end);
    }
    out.extend_from_slice(if end == End::Cut { b",\"cut\":true}\n" } else { b"}\n" });
}

fn begin(out: &mut Vec<u8>, time: &str, names: &[u8]) {
    out.extend_from_slice(b"{\"time\":\"");
    out.extend_from_slice(time.as_bytes());
    out.push(b'"');
    out.extend_from_slice(names);
}

/// Whether a line is a JSON object that any reader understands.
fn is_object(line: &str) -> bool {
    line.trim_ascii_start().starts_with('{') && serde_json::from_str::<Json>(line).is_ok()
}

/// Any JSON. In contrast to serde's own way to pass over a value, this one looks into texts and numbers, and refuses
/// what is nested too deeply to be read.
struct Json;

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(Json)
    }
}

impl<'de> Visitor<'de> for Json {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_bool<E>(self, _: bool) -> Result<Json, E> {
        Ok(Json)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Json, E> {
        Ok(Json)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Json, E> {
        Ok(Json)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
        Ok(Json)
    }
    fn visit_str<E>(self, _: &str) -> Result<Json, E> {
        Ok(Json)
    }
    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        while items.next_element::<Json>()?.is_some() {}
        Ok(Json)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        while entries.next_entry::<Json, Json>()?.is_some() {}
        Ok(Json)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const TIME: &str = "2026-02-28T23:59:59.042Z";

    fn write(format: Format, head: &[u8], tail: &[u8], end: End) -> Vec<u8> {
        let mut out = Vec::new();
        Shape::new(format, "a\"b", Stream::Stderr).write(&mut out, TIME, head, tail, end);
        out
    }

    fn envelopes(line: &[u8], end: End) -> Vec<Value> {
        let out = write(Format::Json, &line[..line.len() / 3], &line[line.len() / 3..], end);
        assert_eq!(out.last(), Some(&b'\n'));
        out[..out.len() - 1].split(|byte| *byte == b'\n').map(|line| serde_json::from_slice(line).unwrap()).collect()
    }

    #[test]
    fn lines_have_a_prefix_or_none() {
        assert_eq!(write(Format::Prefix, b"o", b"ne\xff\r", End::Line), b"a\"b | one\xff\r\n");
        assert_eq!(write(Format::Prefix, b"", b"one", End::Cut), b"a\"b | one [...]\n");
        assert_eq!(write(Format::Raw, b"o", b"ne", End::Line), b"one\n");
    }

    #[test]
    fn an_envelope_says_when_and_who_and_nests_objects() {
        let of = |rest: Value| {
            let mut whole = json!({"time": TIME, "service": "a\"b", "stream": "stderr"});
            whole.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
            vec![whole]
        };
        assert_eq!(envelopes(b"say \"hi\"\t\x1b[0m\\\r", End::Line), of(json!({"message": "say \"hi\"\t\u{1b}[0m\\"})));
        assert_eq!(envelopes(b"\xe2\x82 \xff", End::Line), of(json!({"message": "\u{fffd} \u{fffd}"})));
        assert_eq!(envelopes(b" {\"a\": [1, {\"b\": null}]} \r", End::Line), of(json!({"data": {"a": [1, {"b": null}]}})));
        assert_eq!(envelopes(b"{\"a\": 1}", End::Cut), of(json!({"message": "{\"a\": 1}", "cut": true})));
        let deep = [b"{\"a\":".repeat(1000), b"1".to_vec(), b"}".repeat(1000)].concat();
        let others: [&[u8]; 9] = [b"{}x", b"{\"a\":}", b"[1]", b"1", b"{", b"", b"{\"a\":\"\\ud800\"}", b"{\"a\":1e999}", &deep];
        for line in others {
            let text = String::from_utf8(line.to_vec()).unwrap();
            assert_eq!(envelopes(line, End::Line), of(json!({"message": text})), "{text}");
        }
    }

    #[test]
    fn what_grows_when_it_is_escaped_is_cut_before_an_engine_cuts_it() {
        let line = [b"\x01".repeat(8000), "ä".repeat(96).into_bytes()].concat();
        let out = write(Format::Json, b"", &line, End::Line);
        assert!(out.split(|byte| *byte == b'\n').all(|line| line.len() < 16 * 1024));
        let parts = envelopes(&line, End::Line);
        let text: String = parts.iter().map(|part| part["message"].as_str().unwrap()).collect();
        assert_eq!(text.as_bytes(), line);
        let cuts: Vec<bool> = parts.iter().map(|part| part["cut"] == json!(true)).collect();
        assert!(cuts.len() > 1 && cuts[..cuts.len() - 1].iter().all(|cut| *cut) && !cuts[cuts.len() - 1]);
    }

    proptest! {
        #[test]
        fn any_bytes_make_one_line_of_json(line in proptest::collection::vec(any::<u8>().prop_filter("one line", |byte| *byte != b'\n'), 0..200)) {
            let parts = envelopes(&line, End::Line);
            prop_assert_eq!(parts.len(), 1);
            let line = line.strip_suffix(b"\r").unwrap_or(&line);
            let text = String::from_utf8_lossy(line);
            prop_assert!(parts[0]["message"] == json!(text) || parts[0].get("data").is_some());
        }
    }
}
