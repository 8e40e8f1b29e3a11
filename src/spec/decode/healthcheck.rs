//! `healthcheck`: how a service is asked whether it is well.

use super::command::{command, words_of};
use super::keys::Section;
use super::{Decoder, value};
use crate::spec::model::{Command, HealthCheck, Probe};
use crate::spec::node::{Map, Node, Value};
use podinit_plan::plan::OnFailure;

const SECTION: Section = Section {
    expected: "a path such as /health, or a map with http, tcp or exec",
    name: "a health check",
    keys: &["http", "tcp", "exec", "test", "interval", "timeout", "retries", "start_period", "start_interval", "on_failure"],
    later: &["disable"],
};
const KINDS: [&str; 4] = ["http", "tcp", "exec", "test"];

/// The settings of a check that says nothing but what is done.
pub fn with_defaults(probe: Probe) -> HealthCheck {
    HealthCheck {
        probe,
        interval_ms: 10_000,
        start_interval_ms: 200,
        timeout_ms: 5_000,
        retries: 3,
        start_period_ms: 0,
        on_failure: OnFailure::Restart,
    }
}

/// A check; without a kind it has `default`. The inner `None` is compose's `test: NONE`.
pub fn healthcheck(cx: &mut Decoder<'_>, node: &Node, default: Probe) -> Option<Option<HealthCheck>> {
    if let Value::Scalar(scalar) = &node.value
        && !scalar.is_null()
    {
        return http(cx, node).map(with_defaults).map(Some);
    }
    let map = cx.section(node, &SECTION)?;
    let kinds: Vec<_> = map.entries.iter().filter(|entry| KINDS.contains(&entry.key.as_str())).collect();
    if let [first, second, ..] = kinds.as_slice() {
        let diagnostic = crate::spec::diagnostics::Diagnostic::error(second.key_span, "a health check is of one kind");
        cx.report(diagnostic.also(first.key_span, "here is another").help("keep one of http, tcp, exec and test"));
    }
    let Some(probe) = probe(cx, map, default) else { return Some(None) };
    let default = with_defaults(probe);
    Some(Some(HealthCheck {
        interval_ms: value(cx, map, "interval", Decoder::positive_duration).unwrap_or(default.interval_ms),
        start_interval_ms: value(cx, map, "start_interval", Decoder::positive_duration).unwrap_or(default.start_interval_ms),
        timeout_ms: value(cx, map, "timeout", Decoder::positive_duration).unwrap_or(default.timeout_ms),
        retries: value(cx, map, "retries", |cx, node| cx.integer(node, 1..=1_000)).unwrap_or(default.retries),
        start_period_ms: value(cx, map, "start_period", Decoder::duration).unwrap_or(default.start_period_ms),
        on_failure: value(cx, map, "on_failure", on_failure).unwrap_or(default.on_failure),
        ..default
    }))
}

/// What is done; none for compose's `NONE`.
fn probe(cx: &mut Decoder<'_>, map: &Map, default: Probe) -> Option<Probe> {
    if let Some(node) = map.get("http") {
        return http(cx, node).or(Some(default));
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

fn http(cx: &mut Decoder<'_>, node: &Node) -> Option<Probe> {
    let path = cx.template(node, "a path such as /health")?;
    if !(path.starts_with('/') || path.starts_with("${")) || path.contains(char::is_whitespace) {
        let help = "write a path such as /health; it is asked for on the service's first port";
        return cx.refuse(node.span, "this is no path of an http check", help);
    }
    Some(Probe::Http(path))
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

fn on_failure(cx: &mut Decoder<'_>, node: &Node) -> Option<OnFailure> {
    let words = [
        ("restart", OnFailure::Restart),
        ("unready", OnFailure::Unready),
        ("stop_pod", OnFailure::StopPod),
        ("none", OnFailure::None),
    ];
    cx.one_of(node, &words)
}
