//! `ready`: what a service says or does when it can be used, where its health check does not tell.

use super::keys::Section;
use super::{Decoder, value};
use crate::spec::diagnostics::Diagnostic;
use crate::spec::node::Node;
use podinit_plan::plan::Ready;

const SECTION: Section = Section {
    expected: "a map with log, file or notify",
    name: "ready",
    keys: &["log", "file", "notify", "watchdog"],
    later: &[],
};
const KINDS: [&str; 3] = ["log", "file", "notify"];
const NOTIFY: &str = "the number of a descriptor, or `systemd`";

/// When a service counts as up.
pub fn ready(cx: &mut Decoder<'_>, node: &Node) -> Option<Ready> {
    let map = cx.section(node, &SECTION)?;
    let kinds: Vec<_> = map.entries.iter().filter(|entry| KINDS.contains(&entry.key.as_str())).collect();
    if let [first, second, ..] = kinds.as_slice() {
        let diagnostic = Diagnostic::error(second.key_span, "a service is ready by one thing");
        cx.report(diagnostic.also(first.key_span, "here is another").help("keep one of log, file and notify"));
    }
    let watchdog_ms = value(cx, map, "watchdog", Decoder::positive_duration);
    let ready = match kinds.first() {
        None => cx.expected(SECTION.expected, node),
        Some(entry) if entry.value.is_broken() => None,
        Some(entry) => match entry.key.as_str() {
            "log" => log(cx, &entry.value),
            "file" => cx.absolute_template(&entry.value).map(Ready::File),
            _ => notify(cx, &entry.value, watchdog_ms.unwrap_or(0)),
        },
    };
    if let Some(watchdog) = map.entry("watchdog")
        && !matches!(ready, Some(Ready::NotifySocket { .. }) | None)
    {
        let help = "write `notify: systemd`, or remove it";
        cx.refuse::<()>(watchdog.key_span, "only a service with `notify: systemd` has a watchdog", help);
    }
    ready
}

/// A text; an empty one would be in the first line whatever it says.
fn log(cx: &mut Decoder<'_>, node: &Node) -> Option<Ready> {
    let text = cx.template(node, "text of a line that the service writes")?;
    if text.trim().is_empty() || text.contains('\n') {
        return cx.refuse(node.span, "no line holds this text alone", "write a part of one line, such as `listening on`");
    }
    Some(Ready::Log(text))
}

fn notify(cx: &mut Decoder<'_>, node: &Node, watchdog_ms: u64) -> Option<Ready> {
    let Some(scalar) = node.scalar() else { return cx.expected(NOTIFY, node) };
    match scalar.text.parse::<i32>() {
        _ if scalar.text == "systemd" => Some(Ready::NotifySocket { watchdog_ms }),
        Ok(0..=2) => cx.refuse(node.span, "0, 1 and 2 are stdin, stdout and stderr", "write 3 or more"),
        Ok(_) => cx.integer(node, 3..=255).map(Ready::NotifyFd),
        Err(_) => cx.expected(NOTIFY, node),
    }
}
