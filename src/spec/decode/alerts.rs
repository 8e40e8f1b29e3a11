//! `alerts`: who is told when something is wrong.

use super::command::command;
use super::headers::is_name as is_header_name;
use super::keys::Section;
use super::pod::is_name;
use super::{Decoder, value};
use crate::spec::diagnostics::Diagnostic;
use crate::spec::model::{AlertSink, AlertTarget, Alerts, DEFAULT_USER};
use crate::spec::node::{Map, Node, Value};
use indexmap::IndexMap;
use podinit_plan::alert::AlertKind;
use podinit_plan::plan::{self, FromFile};
use podinit_plan::units::UnitError;

const SECTION: Section = Section {
    expected: "true, or a map with sinks",
    name: "alerts",
    keys: &["file", "repeat", "rate", "queue", "secrets", "sinks"],
    later: &[],
};
const FILE: Section = Section {
    expected: "a path, false, or a map with path",
    name: "the file of alerts",
    keys: &["path", "max_size", "max_file"],
    later: &[],
};
const SINK: Section = Section {
    expected: "a map with slack, pagerduty, alertmanager, webhook, email or command",
    name: "a sink of alerts",
    keys: &[
        "slack",
        "pagerduty",
        "alertmanager",
        "webhook",
        "email",
        "command",
        "user",
        "on",
        "lines",
        "resolved",
        "timeout",
        "ca",
    ],
    later: &[],
};
const TARGETS: [&str; 6] = ["slack", "pagerduty", "alertmanager", "webhook", "email", "command"];
const PAGERDUTY: Section = Section { expected: "a key, or a map with key", name: "pagerduty", keys: &["key", "url"], later: &[] };
const WEBHOOK: Section =
    Section { expected: "a URL, or a map with url", name: "a webhook", keys: &["url", "method", "headers", "body"], later: &[] };
const EMAIL: Section =
    Section { expected: "a map with server, from and to", name: "email", keys: &["server", "from", "to"], later: &[] };
const FROM_FILE: Section = Section { expected: "text, or { file: PATH }", name: "a value", keys: &["file"], later: &[] };

/// The sink that the file is, and where it is unless told.
const FILE_SINK: &str = "file";
const DEFAULT_FILE: &str = "/tmp/alerts.json";
const MAX_SIZE: u64 = 10 * 1024 * 1024;
const MAX_FILES: u32 = 5;
const REPEAT_MS: u64 = 300_000;
const RATE: (u32, u64) = (20, 3_600_000);
const TIMEOUT_MS: u64 = 10_000;
const PAGERDUTY_URL: &str = "https://events.pagerduty.com/v2/enqueue";

const KINDS: [(&str, AlertKind); 9] = [
    ("exit", AlertKind::Exit),
    ("fatal", AlertKind::Fatal),
    ("unhealthy", AlertKind::Unhealthy),
    ("memory_limit", AlertKind::MemoryLimit),
    ("memory_warning", AlertKind::MemoryWarning),
    ("memory_critical", AlertKind::MemoryCritical),
    ("oom_kill", AlertKind::OomKill),
    ("disk", AlertKind::Disk),
    ("pod_stopping", AlertKind::PodStopping),
];

/// Who is told; the inner none is nobody.
pub fn alerts(cx: &mut Decoder<'_>, node: &Node) -> Option<Option<Alerts>> {
    const EMPTY: &Map = &Map { entries: Vec::new() };
    let map = match node.scalar().and_then(|scalar| scalar.boolean()) {
        Some(false) => return Some(None),
        Some(true) => EMPTY,
        None => cx.section(node, &SECTION)?,
    };
    let mut sinks = IndexMap::new();
    let default = Some(file_at(DEFAULT_FILE.to_owned()));
    let file = map.get("file").map_or(default, |node| file(cx, node));
    sinks.extend(file.map(|file| (FILE_SINK.to_owned(), file)));
    for (name, sink) in value(cx, map, "sinks", all_sinks).unwrap_or_default() {
        sinks.insert(name, sink);
    }
    if sinks.is_empty() && map.entry("sinks").is_none_or(|entry| entry.value.is_null()) {
        return cx.refuse(node.span, "nobody would be told", "add `sinks:`, or remove `file: false`");
    }
    let (rate, rate_ms) = value(cx, map, "rate", |cx, node| cx.with_unit(node, "rate", parse_rate)).unwrap_or(RATE);
    Some(Some(Alerts {
        sinks,
        repeat_ms: value(cx, map, "repeat", Decoder::duration).unwrap_or(REPEAT_MS),
        rate,
        rate_ms,
        queue: value(cx, map, "queue", Decoder::absolute_path),
        secrets: value(cx, map, "secrets", |cx, node| cx.list(node, "a list of variables", variable)).unwrap_or_default(),
    }))
}

fn variable(cx: &mut Decoder<'_>, node: &Node) -> Option<String> {
    let name = cx.literal(node, "the name of a variable")?;
    if !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Some(name);
    }
    cx.refuse(node.span, format!("`{name}` is no name of a variable"), "use letters, digits and `_`")
}

/// `20/h`: how many, and within how many milliseconds.
fn parse_rate(text: &str) -> Result<(u32, u64), UnitError> {
    const EXAMPLE: &str = "20/h, 5/m or 1/s";
    let (number, unit) = text.split_once('/').ok_or(UnitError::Malformed(EXAMPLE))?;
    let within = match unit.trim() {
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(UnitError::Malformed(EXAMPLE)),
    };
    match number.trim().parse() {
        Ok(number @ 1..=10_000) => Ok((number, within)),
        _ => Err(UnitError::Malformed(EXAMPLE)),
    }
}

fn file_at(path: String) -> AlertSink {
    AlertSink {
        to: AlertTarget::File { path, max_size_bytes: MAX_SIZE, max_files: MAX_FILES },
        on: Vec::new(),
        lines: true,
        resolved: true,
        timeout_ms: TIMEOUT_MS,
        ca: None,
    }
}

fn file(cx: &mut Decoder<'_>, node: &Node) -> Option<AlertSink> {
    match (&node.value, node.scalar().and_then(|scalar| scalar.boolean())) {
        (_, Some(false)) => None,
        (_, Some(true)) => Some(file_at(DEFAULT_FILE.to_owned())),
        (Value::Map(_), _) => {
            let map = cx.section(node, &FILE)?;
            let path = value(cx, map, "path", Decoder::absolute_path).unwrap_or_else(|| DEFAULT_FILE.to_owned());
            let max_size_bytes = value(cx, map, "max_size", Decoder::size).unwrap_or(MAX_SIZE);
            let max_files = value(cx, map, "max_file", |cx, node| cx.integer(node, 1..=1_000)).unwrap_or(MAX_FILES);
            Some(AlertSink { to: AlertTarget::File { path, max_size_bytes, max_files }, ..file_at(String::new()) })
        }
        _ => cx.absolute_path(node).map(file_at),
    }
}

fn all_sinks(cx: &mut Decoder<'_>, node: &Node) -> Option<IndexMap<String, AlertSink>> {
    let map = match &node.value {
        Value::Map(map) => map,
        Value::Scalar(scalar) if scalar.is_null() => return Some(IndexMap::new()),
        _ => return cx.expected("a map of sinks", node),
    };
    let mut sinks = IndexMap::new();
    for entry in map.entries.iter().filter(|entry| !entry.key.starts_with("x-") && !entry.value.is_broken()) {
        if entry.key == FILE_SINK {
            cx.refuse::<()>(entry.key_span, "`file` is the name of the file's sink", "write `file:` beside `sinks`");
        } else if !is_name(&entry.key) {
            let help = "use lower-case letters, digits, `-`, `_` and `.`, a letter or digit first, at most 63";
            cx.refuse::<()>(entry.key_span, "this is no name of a sink", help);
        }
        if let Some(sink) = sink(cx, &entry.value) {
            sinks.insert(entry.key.clone(), sink);
        }
    }
    Some(sinks)
}

fn sink(cx: &mut Decoder<'_>, node: &Node) -> Option<AlertSink> {
    let map = cx.section(node, &SINK)?;
    let given: Vec<_> = map.entries.iter().filter(|entry| TARGETS.contains(&entry.key.as_str())).collect();
    let [target, others @ ..] = given.as_slice() else {
        let known = map.entries.iter().all(|entry| SINK.keys.contains(&entry.key.as_str()));
        let help = "add one of slack, pagerduty, alertmanager, webhook, email and command";
        return if known { cx.refuse(node.span, "it says nobody who is told", help) } else { None };
    };
    if let [second, ..] = others {
        let diagnostic = Diagnostic::error(second.key_span, "a sink is of one kind");
        cx.report(diagnostic.also(target.key_span, "here is another").help("make two sinks of it"));
    }
    let is_command = target.key == "command";
    if let (Some(user), false) = (map.entry("user"), is_command) {
        cx.refuse::<()>(user.key_span, "only a command has a user", "remove it");
    }
    for key in ["ca", "resolved"] {
        if let (Some(entry), true) = (map.entry(key), is_command) {
            cx.refuse::<()>(entry.key_span, format!("a command has no `{key}`: it is told everything"), "remove it");
        }
    }
    let to = match target.key.as_str() {
        "slack" => AlertTarget::Slack(secret(cx, &target.value, "SLACK_WEBHOOK_URL")?),
        "pagerduty" => pagerduty(cx, &target.value)?,
        "alertmanager" => AlertTarget::Alertmanager(address(cx, &target.value, &["http://", "https://"])?),
        "webhook" => webhook(cx, &target.value)?,
        "email" => email(cx, &target.value)?,
        _ => {
            let user = value(cx, map, "user", |cx, node| cx.template(node, "a user"));
            AlertTarget::Command { command: command(cx, &target.value)?, user: user.unwrap_or_else(|| DEFAULT_USER.to_owned()) }
        }
    };
    let kinds =
        |cx: &mut Decoder<'_>, node: &Node| cx.list(node, "a list of kinds of alerts", |cx, node| cx.one_of(node, &KINDS));
    Some(AlertSink {
        to,
        on: value(cx, map, "on", kinds).unwrap_or_default(),
        lines: value(cx, map, "lines", Decoder::boolean).unwrap_or(false),
        resolved: value(cx, map, "resolved", Decoder::boolean).unwrap_or(true),
        timeout_ms: value(cx, map, "timeout", Decoder::positive_duration).unwrap_or(TIMEOUT_MS),
        ca: value(cx, map, "ca", Decoder::absolute_path),
    })
}

fn pagerduty(cx: &mut Decoder<'_>, node: &Node) -> Option<AlertTarget> {
    let own = || plan::Value::Text(PAGERDUTY_URL.to_owned());
    let is_key = node.map().is_none_or(|map| map.entry("file").is_some());
    if is_key {
        return Some(AlertTarget::PagerDuty { key: secret(cx, node, "PAGERDUTY_KEY")?, url: own() });
    }
    let map = cx.section(node, &PAGERDUTY)?;
    let Some(key) = map.get("key") else { return cx.refuse(node.span, "`key` is missing", "add `key: \"${PAGERDUTY_KEY:?}\"`") };
    let url = value(cx, map, "url", |cx, node| address(cx, node, &["http://", "https://"]));
    Some(AlertTarget::PagerDuty { key: secret(cx, key, "PAGERDUTY_KEY")?, url: url.unwrap_or_else(own) })
}

fn webhook(cx: &mut Decoder<'_>, node: &Node) -> Option<AlertTarget> {
    let schemes = ["http://", "https://"];
    let (post, headers) = (|| "POST".to_owned(), IndexMap::new());
    if node.map().is_none_or(|map| map.entry("file").is_some()) {
        return Some(AlertTarget::Webhook { url: address(cx, node, &schemes)?, method: post(), headers, body: None });
    }
    let map = cx.section(node, &WEBHOOK)?;
    let Some(url) = map.get("url") else { return cx.refuse(node.span, "`url` is missing", "add where the alerts go") };
    let methods = [("POST", "POST"), ("PUT", "PUT")];
    let method = value(cx, map, "method", |cx, node| cx.one_of(node, &methods)).map_or_else(post, str::to_owned);
    let headers = value(cx, map, "headers", headers_of).unwrap_or_default();
    // Its own references are of the form that the template knows.
    let body = value(cx, map, "body", |cx, node| cx.text(node, "a template"));
    Some(AlertTarget::Webhook { url: address(cx, url, &schemes)?, method, headers, body })
}

fn headers_of(cx: &mut Decoder<'_>, node: &Node) -> Option<IndexMap<String, plan::Value>> {
    let Value::Map(map) = &node.value else { return cx.expected("a map of headers", node) };
    let mut headers = IndexMap::new();
    for entry in map.entries.iter().filter(|entry| !entry.value.is_broken()) {
        if !is_header_name(cx, entry) {
            continue;
        }
        let is_secret = entry.key.eq_ignore_ascii_case("authorization");
        let value =
            if is_secret { secret(cx, &entry.value, "TOKEN") } else { text_or_file(cx, &entry.value, "the text of a header") };
        headers.extend(value.map(|value| (entry.key.clone(), value)));
    }
    Some(headers)
}

fn email(cx: &mut Decoder<'_>, node: &Node) -> Option<AlertTarget> {
    let map = cx.section(node, &EMAIL)?;
    for (key, help) in [
        ("server", "add `server: \"${SMTP_URL:?}\"`"),
        ("from", "add who it is from: `from: pod@example.org`"),
        ("to", "add who gets it: `to: [ops@example.org]`"),
    ] {
        if map.entry(key).is_none() {
            cx.refuse::<()>(node.span, format!("`{key}` is missing"), help);
        }
    }
    let server = value(cx, map, "server", |cx, node| {
        let server = address(cx, node, &["smtp://", "smtps://"])?;
        let has_password = server.literal().is_some_and(|text| !text.contains("${") && text.contains('@'));
        if has_password { in_the_image(cx, node, "SMTP_URL") } else { Some(server) }
    });
    let mailbox = |cx: &mut Decoder<'_>, node: &Node| text_or_file(cx, node, "an address such as ops@example.org");
    let to = value(cx, map, "to", |cx, node| match &node.value {
        Value::List(_) => cx.list(node, "a list of addresses", mailbox),
        _ => mailbox(cx, node).map(|one| vec![one]),
    });
    if let (Some(to), Some(node)) = (&to, map.get("to"))
        && to.is_empty()
    {
        cx.refuse::<()>(node.span, "nobody gets this mail", "add an address");
    }
    Some(AlertTarget::Email { server: server?, from: value(cx, map, "from", mailbox)?, to: to? })
}

/// Text that is filled in when the container starts, or what is in a file of the container.
fn text_or_file(cx: &mut Decoder<'_>, node: &Node, what: &str) -> Option<plan::Value> {
    if node.map().is_none() {
        return cx.template(node, what).map(plan::Value::Text);
    }
    let map = cx.section(node, &FROM_FILE)?;
    let Some(file) = map.entry("file") else { return cx.expected(FROM_FILE.expected, node) };
    Some(plan::Value::File(FromFile { file: cx.absolute_template(&file.value)? }))
}

/// What is secret comes when the container starts: what is in pod.yaml is in the image.
fn secret(cx: &mut Decoder<'_>, node: &Node, variable: &str) -> Option<plan::Value> {
    match text_or_file(cx, node, "a reference to a variable")? {
        plan::Value::Text(text) if !text.contains("${") => in_the_image(cx, node, variable),
        value => Some(value),
    }
}

fn in_the_image<T>(cx: &mut Decoder<'_>, node: &Node, variable: &str) -> Option<T> {
    let help = format!("write `\"${{{variable}:?}}\"`, and give the container that variable; or `{{ file: /run/secrets/NAME }}`");
    cx.refuse(node.span, "a secret in the file would be in the image", help)
}

/// An address of one of these schemes; one that begins with a reference may be of any.
fn address(cx: &mut Decoder<'_>, node: &Node, schemes: &[&str]) -> Option<plan::Value> {
    let value = text_or_file(cx, node, "an address")?;
    let is_known = |text: &str| text.starts_with("${") || schemes.iter().any(|scheme| text.starts_with(scheme));
    if value.literal().is_some_and(|text| !is_known(text)) {
        return cx.refuse(node.span, "this is no address", format!("begin it with {}", schemes.join(" or ")));
    }
    Some(value)
}
