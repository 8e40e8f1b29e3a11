//! Ports: where a service listens, and what the pod publishes, in compose's forms.

use super::keys::Section;
use super::{Decoder, value};
use crate::spec::model::PublishedPort;
use crate::spec::node::{Node, Value};
use std::net::IpAddr;

const PORTS: std::ops::RangeInclusive<u16> = 1..=u16::MAX;
const FORMS: &str = "write \"8080:80\", \"127.0.0.1:8080:80\", \"80\", or { target, published, host_ip, protocol }";

const LONG: Section = Section {
    expected: "a published port",
    name: "a published port",
    keys: &["target", "published", "host_ip", "protocol"],
    later: &["mode", "name", "app_protocol"],
};

/// Where a service listens: a number, a range with one port for each of its replicas, or a list of those. Of replicas it
/// is where the first one listens.
pub fn listening(cx: &mut Decoder<'_>, node: &Node, replicas: Option<u16>) -> Option<Vec<u16>> {
    match &node.value {
        Value::List(items) => Some(items.iter().filter_map(|item| first_port(cx, item, replicas)).collect()),
        _ => first_port(cx, node, replicas).map(|port| vec![port]),
    }
}

/// One port.
pub fn listening_port(cx: &mut Decoder<'_>, node: &Node) -> Option<u16> {
    cx.integer(node, PORTS)
}

/// One port, references to variables filled in now.
pub fn resolved_port(cx: &mut Decoder<'_>, node: &Node) -> Option<u16> {
    cx.resolved_integer(node, "a port", PORTS)
}

fn first_port(cx: &mut Decoder<'_>, node: &Node, replicas: Option<u16>) -> Option<u16> {
    let Some((first, last)) = range(node) else {
        let first = listening_port(cx, node)?;
        if first.checked_add(replicas.unwrap_or(1) - 1).is_none() {
            return cx.refuse(node.span, "the ports of the last replicas would be beyond 65535", "begin with a lower port");
        }
        return Some(first);
    };
    let ports = u32::from(last) + 1 - u32::from(first.min(last));
    match replicas {
        _ if first == 0 || last < first => {
            cx.refuse(node.span, "this is no range of ports", "write it from the lower to the higher, 3000-3003")
        }
        None => {
            let help = format!("add `replicas: {ports}`, each on a port of its own, or write a list of ports");
            cx.refuse(node.span, "a range of ports goes with replicas", help)
        }
        Some(replicas) if u32::from(replicas) != ports => {
            let message = format!("{ports} ports are not one for each of {replicas} replicas");
            cx.refuse(node.span, message, format!("write `{first}` alone: the ports are counted up from there"))
        }
        Some(_) => Some(first),
    }
}

/// `3000-3003`.
fn range(node: &Node) -> Option<(u16, u16)> {
    let (first, last) = node.scalar()?.text.split_once('-')?;
    Some((first.trim().parse().ok()?, last.trim().parse().ok()?))
}

/// What the pod publishes.
pub fn published(cx: &mut Decoder<'_>, node: &Node) -> Option<Vec<PublishedPort>> {
    cx.list(node, "a list of ports", |cx, item| match &item.value {
        Value::Map(_) => long(cx, item),
        _ => short(cx, item),
    })
}

fn long(cx: &mut Decoder<'_>, node: &Node) -> Option<PublishedPort> {
    let map = cx.section(node, &LONG)?;
    let number = |cx: &mut Decoder<'_>, node: &Node| {
        let text = cx.resolved(node, "a port")?;
        port(cx, node, &text)
    };
    let Some(target) = map.entry("target") else {
        return cx.refuse(node.span, "`target`, the port in the container, is missing", FORMS);
    };
    let container = number(cx, &target.value)?;
    let address = value(cx, map, "host_ip", |cx, node| {
        let text = cx.resolved(node, "an address")?;
        address(cx, node, &text)
    });
    let protocol = value(cx, map, "protocol", |cx, node| cx.one_of(node, &[("tcp", "tcp"), ("udp", "udp")])).unwrap_or("tcp");
    Some(PublishedPort { address, host: value(cx, map, "published", number), container, protocol })
}

fn short(cx: &mut Decoder<'_>, node: &Node) -> Option<PublishedPort> {
    let text = cx.resolved(node, "a published port")?;
    let (text, protocol) = match text.split_once('/') {
        None => (text.as_str(), "tcp"),
        Some((text, "tcp")) => (text, "tcp"),
        Some((text, "udp")) => (text, "udp"),
        Some(_) => return cx.refuse(node.span, "the protocol of a port is tcp or udp", FORMS),
    };
    // From the right, as an IPv6 address has colons of its own.
    let mut parts = text.rsplitn(3, ':');
    let container = port(cx, node, parts.next().unwrap_or_default())?;
    let host = match parts.next() {
        None | Some("") => None,
        Some(host) => Some(port(cx, node, host)?),
    };
    let address = match parts.next() {
        None => None,
        Some(text) => Some(address(cx, node, text)?),
    };
    Some(PublishedPort { address, host, container, protocol })
}

fn port(cx: &mut Decoder<'_>, node: &Node, text: &str) -> Option<u16> {
    match text.parse() {
        Ok(port @ 1..) => Some(port),
        _ if text.contains('-') => cx.refuse(node.span, "a range of ports is not supported yet", "publish each port of its own"),
        _ => cx.refuse(node.span, "this is no published port: a port is a number from 1 to 65535", FORMS),
    }
}

fn address(cx: &mut Decoder<'_>, node: &Node, text: &str) -> Option<IpAddr> {
    match text.trim_start_matches('[').trim_end_matches(']').parse() {
        Ok(address) => Some(address),
        Err(_) => cx.refuse(node.span, "a port is published on an IP address", FORMS),
    }
}
