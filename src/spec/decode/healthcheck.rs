//! `healthcheck`: how a service is asked whether it is well.

use super::command::{command, words_of};
use super::keys::Section;
use super::{Decoder, value};
use crate::spec::model::{Command, HealthCheck, Probe};
use crate::spec::node::{Map, Node, Value};
use podinit_plan::plan::{Get, OnFailure};
use std::collections::BTreeMap;

const SECTION: Section = Section {
    expected: "a path such as /health, or a map with http, tcp, unix or exec",
    name: "a health check",
    keys: &[
        "http",
        "tcp",
        "unix",
        "exec",
        "test",
        "disable",
        "interval",
        "jitter",
        "timeout",
        "retries",
        "success_threshold",
        "start_period",
        "start_interval",
        "on_failure",
    ],
    later: &[],
};
const HTTP: Section = Section {
    expected: "a path such as /health, or a map with path, status, body and headers",
    name: "a check by HTTP",
    keys: &["path", "status", "body", "headers"],
    later: &[],
};
const KINDS: [&str; 5] = ["http", "tcp", "unix", "exec", "test"];
/// How much of an interval is added to it at random unless told, in percent.
const JITTER_PERCENT: u64 = 10;

/// The settings of a check that says nothing but what is done.
pub fn with_defaults(probe: Probe) -> HealthCheck {
    HealthCheck {
        probe,
        interval_ms: 10_000,
        start_interval_ms: 200,
        jitter_ms: 10_000 * JITTER_PERCENT / 100,
        timeout_ms: 5_000,
        retries: 3,
        success_threshold: 1,
        start_period_ms: 0,
        on_failure: vec![OnFailure::Restart],
    }
}

/// A check; without a kind it has `default`. The inner `None` is compose's `disable: true` or `test: NONE`.
pub fn healthcheck(cx: &mut Decoder<'_>, node: &Node, default: Probe) -> Option<Option<HealthCheck>> {
    if let Value::Scalar(scalar) = &node.value
        && !scalar.is_null()
    {
        return path(cx, node).map(|path| Some(with_defaults(Probe::Http(Get::new(path)))));
    }
    let map = cx.section(node, &SECTION)?;
    let kinds: Vec<_> = map.entries.iter().filter(|entry| KINDS.contains(&entry.key.as_str())).collect();
    if let [first, second, ..] = kinds.as_slice() {
        let diagnostic = crate::spec::diagnostics::Diagnostic::error(second.key_span, "a health check is of one kind");
        cx.report(diagnostic.also(first.key_span, "here is another").help("keep one of http, tcp, unix, exec and test"));
    }
    if value(cx, map, "disable", Decoder::boolean) == Some(true) {
        return Some(None);
    }
    let Some(probe) = probe(cx, map, default) else { return Some(None) };
    let default = with_defaults(probe);
    let interval_ms = value(cx, map, "interval", Decoder::positive_duration).unwrap_or(default.interval_ms);
    let jitter = value(cx, map, "jitter", |cx, node| jitter(cx, node, interval_ms));
    Some(Some(HealthCheck {
        interval_ms,
        jitter_ms: jitter.unwrap_or(interval_ms * JITTER_PERCENT / 100),
        start_interval_ms: value(cx, map, "start_interval", Decoder::positive_duration).unwrap_or(default.start_interval_ms),
        timeout_ms: value(cx, map, "timeout", Decoder::positive_duration).unwrap_or(default.timeout_ms),
        retries: value(cx, map, "retries", |cx, node| cx.integer(node, 1..=1_000)).unwrap_or(default.retries),
        success_threshold: value(cx, map, "success_threshold", |cx, node| cx.integer(node, 1..=1_000))
            .unwrap_or(default.success_threshold),
        start_period_ms: value(cx, map, "start_period", Decoder::duration).unwrap_or(default.start_period_ms),
        on_failure: value(cx, map, "on_failure", on_failure).unwrap_or(default.on_failure),
        ..default
    }))
}

/// A share of the interval, or a duration.
fn jitter(cx: &mut Decoder<'_>, node: &Node, interval_ms: u64) -> Option<u64> {
    if node.scalar().is_some_and(|scalar| scalar.text.ends_with('%')) {
        return cx.percent(node).map(|percent| interval_ms * u64::from(percent) / 100);
    }
    cx.duration(node)
}

/// What is done; none for compose's `NONE`.
fn probe(cx: &mut Decoder<'_>, map: &Map, default: Probe) -> Option<Probe> {
    if let Some(node) = map.get("http") {
        return http(cx, node).map(Probe::Http).or(Some(default));
    }
    if let Some(node) = map.get("unix") {
        return cx.absolute_path(node).map(Probe::Unix).or(Some(default));
    }
    if let Some(node) = map.get("exec") {
        return command(cx, node).map(Probe::Exec).or(Some(default));
    }
    if let Some(node) = map.get("tcp") {
        if cx.boolean(node) == Some(false) {
            cx.refuse::<()>(node.span, "`tcp: false` says nothing", "write `tcp: true`, or remove it");
        }
        return Some(Probe::Tcp);
    }
    match map.get("test") {
        Some(node) => test(cx, node, default),
        None => Some(default),
    }
}

/// A path, or a request and what its answer has to be.
fn http(cx: &mut Decoder<'_>, node: &Node) -> Option<Get> {
    if node.scalar().is_some_and(|scalar| !scalar.is_null()) {
        return path(cx, node).map(Get::new);
    }
    let map = cx.section(node, &HTTP)?;
    let Some(entry) = map.entry("path") else {
        return cx.refuse(node.span, "`path` is missing", "add `path: /health`");
    };
    Some(Get {
        path: path(cx, &entry.value)?,
        status: value(cx, map, "status", statuses).unwrap_or_default(),
        body: value(cx, map, "body", |cx, node| cx.text(node, "a text that the answer contains")),
        headers: value(cx, map, "headers", headers).unwrap_or_default(),
    })
}

fn path(cx: &mut Decoder<'_>, node: &Node) -> Option<String> {
    let path = cx.template(node, "a path such as /health")?;
    if !(path.starts_with('/') || path.starts_with("${")) || path.contains(char::is_whitespace) {
        let help = "write a path such as /health; it is asked for on the service's first port";
        return cx.refuse(node.span, "this is no path of an http check", help);
    }
    Some(path)
}

/// A code, a range of codes, or a list of both.
fn statuses(cx: &mut Decoder<'_>, node: &Node) -> Option<Vec<(u16, u16)>> {
    let one = |cx: &mut Decoder<'_>, node: &Node| {
        let text = cx.literal(node, "a status such as 204, or 200-299")?;
        let (first, last) = text.split_once('-').unwrap_or((&text, &text));
        let code = |text: &str| text.trim().parse::<u16>().ok().filter(|code| (100..=599).contains(code));
        match (code(first), code(last)) {
            (Some(first), Some(last)) if first <= last => Some((first, last)),
            _ => {
                cx.refuse(node.span, format!("`{text}` is no status"), "write a code such as `204`, or a range such as `200-299`")
            }
        }
    };
    match &node.value {
        Value::Scalar(scalar) if !scalar.is_null() => one(cx, node).map(|status| vec![status]),
        _ => cx.list(node, "a status, or a list of them", one),
    }
}

/// Headers of the request; their values are filled in when the container starts.
fn headers(cx: &mut Decoder<'_>, node: &Node) -> Option<BTreeMap<String, String>> {
    let headers = super::headers::headers(cx, node)?;
    for value in node.map().into_iter().flat_map(|map| &map.entries).map(|entry| &entry.value) {
        if let Some(scalar) = value.scalar() {
            cx.parse_template(value, &scalar.text);
        }
    }
    Some(headers.into_iter().collect())
}

/// compose's form: `["CMD", ...]`, `["CMD-SHELL", text]`, `["NONE"]`, or text for a shell.
fn test(cx: &mut Decoder<'_>, node: &Node, default: Probe) -> Option<Probe> {
    let Some(items) = node.list() else {
        return cx.text(node, "a test").map(|text| Probe::Exec(Command::Shell(text))).or(Some(default));
    };
    let first = items.first().and_then(Node::scalar).map(|scalar| scalar.text.as_str());
    match (first, items) {
        (Some("NONE"), [_]) => None,
        (Some("CMD"), [_, words @ ..]) => words_of(cx, node, words).map(Probe::Exec).or(Some(default)),
        (Some("CMD-SHELL"), [_, text]) => {
            cx.text(text, "shell text").map(|text| Probe::Exec(Command::Shell(text))).or(Some(default))
        }
        _ => {
            let help = "write `exec: COMMAND`, or a list that begins with CMD, CMD-SHELL or NONE";
            cx.refuse::<()>(node.span, "this is no test of a health check", help);
            Some(default)
        }
    }
}

/// A step, or the steps that are taken one after the other.
fn on_failure(cx: &mut Decoder<'_>, node: &Node) -> Option<Vec<OnFailure>> {
    let words = [
        ("restart", OnFailure::Restart),
        ("unready", OnFailure::Unready),
        ("stop_pod", OnFailure::StopPod),
        ("none", OnFailure::None),
    ];
    match &node.value {
        Value::List(items) if items.is_empty() => {
            cx.refuse(node.span, "there is no step here", "write `none`, or steps such as `[restart, restart, stop_pod]`")
        }
        Value::List(_) => cx.list(node, "a list of steps", |cx, node| cx.one_of(node, &words)),
        _ => cx.one_of(node, &words).map(|step| vec![step]),
    }
}
