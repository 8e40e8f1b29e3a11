//! `depends_on`: services of the pod, addresses, and compose's long form.

use super::Decoder;
use super::keys::Section;
use crate::spec::node::{Node, Value};
use std::collections::BTreeSet;

/// What has to be there before a service starts; nothing twice.
#[derive(Debug, Default)]
pub struct Dependencies {
    /// Services by name.
    pub services: Vec<String>,
    /// `HOST:PORT` each, templates.
    pub addresses: Vec<String>,
}

/// Services and addresses.
pub fn depends_on(cx: &mut Decoder<'_>, node: &Node) -> Option<Dependencies> {
    let mut found = Dependencies::default();
    match &node.value {
        Value::Map(map) => {
            for entry in &map.entries {
                if !entry.key.starts_with("x-") {
                    found.add(cx, &Node::plain(entry.key_span, &entry.key));
                    condition(cx, &entry.value);
                }
            }
        }
        _ => drop(cx.list(node, "a list of services", |cx, item| {
            found.add(cx, item);
            Some(())
        })?),
    }
    Some(found)
}

impl Dependencies {
    fn add(&mut self, cx: &mut Decoder<'_>, node: &Node) {
        let is_address = node.scalar().is_some_and(|scalar| scalar.text.contains("://"));
        let (list, found) =
            if is_address { (&mut self.addresses, address(cx, node)) } else { (&mut self.services, name(cx, node)) };
        list.extend(found);
        let mut seen = BTreeSet::new();
        list.retain(|name| seen.insert(name.clone()));
    }
}

fn name(cx: &mut Decoder<'_>, node: &Node) -> Option<String> {
    cx.literal(node, "the name of a service, or tcp://host:port")
}

/// `tcp://host:port`, a template, without `tcp://`.
fn address(cx: &mut Decoder<'_>, node: &Node) -> Option<String> {
    const HELP: &str = "write tcp://host:port: the service starts when a connection is accepted there";
    let text = cx.template(node, "tcp://host:port")?;
    let Some(address) = text.strip_prefix("tcp://") else {
        return cx.refuse(node.span, "only `tcp://` can be waited for", HELP);
    };
    let address = address.trim_end_matches('/');
    // With references in it only podinit can tell.
    if !address.contains("${") && !is_address(address) {
        return cx.refuse(node.span, "this is no address", HELP);
    }
    Some(address.to_owned())
}

/// `host:port`, or `[IPv6]:port`.
fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || ":/@[]".contains(c)),
    };
    is_host && port.parse::<u16>().is_ok_and(|port| port > 0)
}

/// compose's conditions. Both that are accepted are what ready means here, for a service and for a oneshot.
fn condition(cx: &mut Decoder<'_>, node: &Node) {
    const DEPENDENCY: Section =
        Section { expected: "a map with condition", name: "a dependency", keys: &["condition"], later: &["restart", "required"] };
    if let Some(condition) = cx.section(node, &DEPENDENCY).and_then(|map| map.get("condition")) {
        if condition.scalar().is_some_and(|scalar| scalar.text == "service_started") {
            let help = "write `service_healthy`: a dependant starts when what it needs is ready";
            cx.refuse::<()>(condition.span, "`service_started` is not supported yet", help);
        } else {
            cx.one_of(condition, &[("service_healthy", ()), ("service_completed_successfully", ())]);
        }
    }
}
