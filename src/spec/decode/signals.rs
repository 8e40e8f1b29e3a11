//! Signals: `stop_signal`, and `signals`, which hands the container's on.

use super::Decoder;
use super::keys::nearest;
use crate::spec::node::Node;
use podinit_plan::signal;
use std::collections::BTreeMap;

const WHAT: &str = "a map of signals, such as `{ USR2: USR2 }`";
/// Signals that nobody can hand on, and why.
const KEPT: [(&str, &str, &str); 5] = [
    ("SIGTERM", "SIGTERM stops the pod", "`stop_signal` says by which signal a service stops"),
    ("SIGINT", "SIGINT stops the pod", "`stop_signal` says by which signal a service stops"),
    ("SIGCHLD", "SIGCHLD tells podinit of its children", "use another signal, such as USR2"),
    ("SIGKILL", "SIGKILL cannot be caught", "use another signal, such as USR2"),
    ("SIGSTOP", "SIGSTOP cannot be caught", "use another signal, such as USR2"),
];

/// A signal by its full name.
pub fn signal(cx: &mut Decoder<'_>, node: &Node) -> Option<String> {
    let text = cx.literal(node, "a signal such as SIGTERM")?;
    named(cx, node, &text)
}

/// The container's signals, and what a service gets for each.
pub fn signals(cx: &mut Decoder<'_>, node: &Node) -> Option<BTreeMap<String, String>> {
    if node.is_null() {
        return Some(BTreeMap::new());
    }
    let Some(map) = node.map() else { return cx.expected(WHAT, node) };
    let mut found = BTreeMap::new();
    for entry in map.entries.iter().filter(|entry| !entry.key.starts_with("x-")) {
        let from = named(cx, &Node::plain(entry.key_span, &entry.key), &entry.key);
        let to = if entry.value.is_broken() { None } else { signal(cx, &entry.value) };
        let (Some(from), Some(to)) = (from, to) else { continue };
        if let Some((_, why, help)) = KEPT.iter().find(|(kept, ..)| *kept == from) {
            cx.refuse::<()>(entry.key_span, format!("{from} is not handed on: {why}"), *help);
        } else if found.insert(from.clone(), to).is_some() {
            cx.refuse::<()>(entry.key_span, format!("{from} is here twice"), "remove one of them");
        }
    }
    Some(found)
}

fn named(cx: &mut Decoder<'_>, node: &Node, text: &str) -> Option<String> {
    match signal::number(text) {
        // Without a name the number itself is what the signal is called everywhere.
        Some(number) => Some(signal::name(number)).filter(|name| name.starts_with("SIG")).or_else(|| Some(text.to_owned())),
        None => {
            let names: Vec<String> = signal::names().collect();
            let upper = text.to_ascii_uppercase();
            let full = if upper.starts_with("SIG") { upper } else { format!("SIG{upper}") };
            let help = match nearest(&full, names.iter().map(String::as_str)) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => "write a name such as SIGTERM".to_owned(),
            };
            cx.refuse(node.span, format!("`{text}` is no signal"), help)
        }
    }
}
