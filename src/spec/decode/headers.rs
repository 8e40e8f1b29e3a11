//! What a route or a gateway says of answers and of who may ask: `headers`, `cors`, `allow`, `config`, and the like.

use super::keys::Section;
use super::{Decoder, value};
use crate::spec::model::{Cors, Expires};
use crate::spec::node::{Entry, Node, Value};
use indexmap::IndexMap;
use podinit_plan::units;
use std::net::IpAddr;

const CORS: Section = Section {
    expected: "an origin, a list of them, or a map with origins and credentials",
    name: "cors",
    keys: &["origins", "credentials"],
    later: &["methods", "headers", "max_age"],
};

/// Whether a key is the name of a header; if not, that is said.
pub fn is_name(cx: &mut Decoder<'_>, entry: &Entry) -> bool {
    let is_name = !entry.key.is_empty() && entry.key.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    if !is_name {
        cx.refuse::<()>(entry.key_span, "this is no name of a header", "use letters, digits and `-`");
    }
    is_name
}

/// Headers of answers by name; a null or an empty text takes one away.
pub fn headers(cx: &mut Decoder<'_>, node: &Node) -> Option<IndexMap<String, String>> {
    let map = match &node.value {
        Value::Map(map) => map,
        Value::Scalar(scalar) if scalar.is_null() => return Some(IndexMap::new()),
        _ => return cx.expected("a map of headers", node),
    };
    let mut headers = IndexMap::new();
    // `x-robots-tag` is a header, and nobody's own key.
    for entry in map.entries.iter().filter(|entry| !entry.value.is_broken()) {
        if !is_name(cx, entry) {
            continue;
        }
        let text = match entry.value.scalar() {
            Some(scalar) if scalar.is_null() => Some(String::new()),
            Some(scalar) => Some(scalar.text.clone()),
            None => cx.expected("the text of a header", &entry.value),
        };
        match text {
            Some(text) if text.contains(char::is_control) => {
                cx.refuse::<()>(entry.value.span, "a header is one line", "remove what is no text");
            }
            Some(text) => drop(headers.insert(entry.key.clone(), text)),
            None => {}
        }
    }
    Some(headers)
}

/// Origins, `*` for all.
pub fn cors(cx: &mut Decoder<'_>, node: &Node) -> Option<Cors> {
    let Some(map) = node.map() else {
        return origins(cx, node).map(|origins| Cors { origins, credentials: false });
    };
    cx.section(node, &CORS)?;
    let Some(entry) = map.entry("origins") else {
        return cx.refuse(node.span, "`origins` is missing", "add `origins: [https://example.org]`");
    };
    let origins = origins(cx, &entry.value)?;
    let credentials = value(cx, map, "credentials", Decoder::boolean).unwrap_or(false);
    if credentials && origins.iter().any(|origin| origin == "*") {
        let help = "name the origins: browsers send no cookies to who allows all of them";
        return cx.refuse(entry.value.span, "`*` does not go with credentials", help);
    }
    Some(Cors { origins, credentials })
}

fn origins(cx: &mut Decoder<'_>, node: &Node) -> Option<Vec<String>> {
    let origin = |cx: &mut Decoder<'_>, node: &Node| {
        let text = cx.resolved(node, "an origin such as https://example.org")?;
        let host = text.split_once("://").map(|(_, host)| host).unwrap_or_default();
        let is_origin = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-.:[]*".contains(c));
        if text == "*" || (is_origin && !(text.contains('*') && text.contains('['))) {
            return Some(text);
        }
        cx.refuse(node.span, "this is no origin", "write `https://example.org`, without a path, or `\"*\"`")
    };
    match &node.value {
        Value::Scalar(scalar) if !scalar.is_null() => origin(cx, node).map(|origin| vec![origin]),
        _ => cx.list(node, "a list of origins", origin),
    }
}

/// Networks: addresses, or CIDRs. A text may have several, or none, as a variable gives them: `10.0.0.0/8 192.0.2.1`.
pub fn networks(cx: &mut Decoder<'_>, node: &Node) -> Option<Vec<String>> {
    let network = |cx: &mut Decoder<'_>, node: &Node, text: &str| {
        let (address, bits) = text.split_once('/').unwrap_or((text, "0"));
        let bits: Option<u8> = bits.parse().ok();
        let is_network = match address.parse() {
            Ok(IpAddr::V4(_)) => bits.is_some_and(|bits| bits <= 32),
            Ok(IpAddr::V6(_)) => bits.is_some_and(|bits| bits <= 128),
            Err(_) => false,
        };
        if is_network {
            return Some(text.to_owned());
        }
        cx.refuse(node.span, format!("`{text}` is no network"), "write an address, or a network such as 10.0.0.0/8")
    };
    let networks = |cx: &mut Decoder<'_>, node: &Node| {
        let text = cx.resolved(node, "a network such as 10.0.0.0/8")?;
        let words = text.split([' ', ',']).filter(|word| !word.is_empty());
        Some(words.filter_map(|word| network(cx, node, word)).collect::<Vec<_>>())
    };
    match &node.value {
        Value::Scalar(scalar) if !scalar.is_null() => networks(cx, node),
        _ => cx.list(node, "a list of networks", networks).map(|all| all.concat()),
    }
}

/// Lines of nginx's, handed to it as they are: its own variables have the same form as ours.
pub fn config(cx: &mut Decoder<'_>, node: &Node) -> Option<String> {
    let text = cx.text(node, "lines of nginx's configuration")?;
    let text = text.trim().to_owned();
    if !text.is_empty() && !text.ends_with([';', '}']) {
        return cx.refuse(node.span, "a directive of nginx's ends with `;`", "add it");
    }
    Some(text)
}

/// How long files may be kept: a duration, weeks and years too, or `off`.
pub fn expires(cx: &mut Decoder<'_>, node: &Node) -> Option<Expires> {
    if node.scalar().is_some_and(|scalar| scalar.plain && ["off", "no", "false", "0"].contains(&scalar.text.as_str())) {
        return Some(Expires::Never);
    }
    let text = cx.resolved(node, "a duration such as 30d")?;
    let of_unit = |unit: char, days: u64| text.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(days * 86_400);
    if let Some(seconds) = of_unit('y', 365).or_else(|| of_unit('w', 7)) {
        return Some(Expires::Seconds(seconds));
    }
    let ms = cx.with_unit(&Node::plain(node.span, &text), "duration", units::parse_duration_ms)?;
    Some(if ms < 1_000 { Expires::Never } else { Expires::Seconds(ms / 1_000) })
}
