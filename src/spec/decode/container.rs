//! What the engine is asked to give the container: keys of the top level, as compose has them.

use super::attributes::{capabilities, ulimits};
use super::environment::labels;
use super::{Decoder, deploy, value};
use crate::spec::model::{Container, Device};
use crate::spec::node::{Map, Node, Value};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What the engine is asked for.
pub fn container(cx: &mut Decoder<'_>, map: &Map) -> Container {
    let any = |cx: &mut Decoder<'_>, node: &Node| capabilities(cx, node, true);
    Container {
        cap_add: value(cx, map, "cap_add", any).unwrap_or_default(),
        cap_drop: value(cx, map, "cap_drop", any).unwrap_or_default(),
        ulimits: value(cx, map, "ulimits", ulimits).unwrap_or_default(),
        read_only: value(cx, map, "read_only", Decoder::boolean).unwrap_or(false),
        security_opt: value(cx, map, "security_opt", security_opt).unwrap_or_default(),
        hostname: value(cx, map, "hostname", hostname),
        extra_hosts: value(cx, map, "extra_hosts", extra_hosts).unwrap_or_default(),
        dns: value(cx, map, "dns", dns).unwrap_or_default(),
        tmpfs: value(cx, map, "tmpfs", tmpfs).unwrap_or_default(),
        shm_size_bytes: value(cx, map, "shm_size", Decoder::resolved_size),
        sysctls: value(cx, map, "sysctls", labels).unwrap_or_default().into_iter().collect(),
        devices: value(cx, map, "devices", devices).unwrap_or_default(),
        privileged: value(cx, map, "privileged", Decoder::boolean).unwrap_or(false),
        networks: value(cx, map, "networks", networks).unwrap_or_default(),
        restart: value(cx, map, "restart", restart).filter(|policy| policy != "no"),
        platform: value(cx, map, "platform", platform),
        expose: value(cx, map, "expose", expose).unwrap_or_default(),
        deploy: value(cx, map, "deploy", deploy::deploy).unwrap_or_default(),
    }
}

fn security_opt(cx: &mut Decoder<'_>, node: &Node) -> Option<Vec<String>> {
    cx.list(node, "a list of security options", |cx, node| {
        let option = cx.resolved(node, "a security option such as no-new-privileges:true")?;
        if option.starts_with("seccomp") && !option.ends_with("unconfined") {
            // The engine wants the profile itself, the command line takes the path of its file.
            let help = "write `seccomp:unconfined`, or leave it to the engine's own profile";
            return cx.refuse(node.span, "a seccomp profile from a file is not supported yet", help);
        }
        Some(option)
    })
}

/// One text, or a list of them.
fn one_or_more<T>(
    cx: &mut Decoder<'_>,
    node: &Node,
    what: &str,
    mut item: impl FnMut(&mut Decoder<'_>, &Node) -> Option<T>,
) -> Option<Vec<T>> {
    match &node.value {
        Value::Scalar(scalar) if !scalar.is_null() => item(cx, node).map(|item| vec![item]),
        _ => cx.list(node, what, item),
    }
}

fn hostname(cx: &mut Decoder<'_>, node: &Node) -> Option<String> {
    let name = cx.resolved(node, "a host's name")?;
    let valid = name.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c)) && name.len() <= 63;
    if valid && name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Some(name);
    }
    cx.refuse(node.span, "this is no name of a host", "use letters, digits, `-` and `.`, at most 63")
}

/// `host:address` or `host=address` each, or a map; `host-gateway` is the host's own address.
fn extra_hosts(cx: &mut Decoder<'_>, node: &Node) -> Option<Vec<String>> {
    const HELP: &str = "write `name:address` or `name=address`; the address may be host-gateway";
    let check = |cx: &mut Decoder<'_>, node: &Node, name: &str, address: &str| {
        let address = address.trim_start_matches('[').trim_end_matches(']');
        if name.is_empty() || (address != "host-gateway" && address.parse::<IpAddr>().is_err()) {
            return cx.refuse(node.span, "this is no host with its address", HELP);
        }
        Some(format!("{name}:{address}"))
    };
    if let Some(map) = node.map() {
        let entries = map.entries.iter().filter(|entry| !entry.key.starts_with("x-"));
        let hosts = entries.filter_map(|entry| {
            let address = cx.resolved(&entry.value, "an address")?;
            check(cx, &entry.value, &entry.key, &address)
        });
        return Some(hosts.collect());
    }
    cx.list(node, "a list of hosts", |cx, node| {
        let text = cx.resolved(node, "name:address")?;
        let Some((name, address)) = text.split_once('=').or_else(|| text.split_once(':')) else {
            return cx.refuse(node.span, "this is no host with its address", HELP);
        };
        check(cx, node, name, address)
    })
}

fn dns(cx: &mut Decoder<'_>, node: &Node) -> Option<Vec<String>> {
    one_or_more(cx, node, "a list of addresses", |cx, node| {
        let address = cx.resolved(node, "an address")?;
        match address.parse::<IpAddr>() {
            Ok(_) => Some(address),
            Err(_) => cx.refuse(node.span, "a server of names is given by its address", "write it, such as 9.9.9.9"),
        }
    })
}

/// `/path` or `/path:options` each.
fn tmpfs(cx: &mut Decoder<'_>, node: &Node) -> Option<BTreeMap<String, String>> {
    let folders = one_or_more(cx, node, "a list of folders", |cx, node| {
        let text = cx.resolved(node, "a folder such as /tmp")?;
        let (path, options) = text.split_once(':').unwrap_or((&text, ""));
        if !path.starts_with('/') || path == "/" {
            return cx.refuse(node.span, "a folder in memory is at an absolute path", "write `/tmp` or `/tmp:size=64m`");
        }
        Some((path.to_owned(), options.to_owned()))
    })?;
    Some(folders.into_iter().collect())
}

fn devices(cx: &mut Decoder<'_>, node: &Node) -> Option<Vec<Device>> {
    cx.list(node, "a list of devices", |cx, node| {
        let text = cx.resolved(node, "a device such as /dev/ttyUSB0")?;
        let parts: Vec<&str> = text.split(':').collect();
        let (host, container, permissions) = match parts.as_slice() {
            [host] => (*host, *host, "rwm"),
            [host, container] => (*host, *container, "rwm"),
            [host, container, permissions] => (*host, *container, *permissions),
            _ => ("", "", ""),
        };
        let is_right = !permissions.is_empty() && permissions.chars().all(|c| "rwm".contains(c));
        if !host.starts_with('/') || !container.starts_with('/') || !is_right {
            return cx.refuse(node.span, "this is no device", "write `/dev/x`, `/dev/x:/dev/y` or `/dev/x:/dev/y:rw`");
        }
        let [host, container, permissions] = [host, container, permissions].map(str::to_owned);
        Some(Device { host, container, permissions })
    })
}

/// Names of networks that the engine has; compose's long form has settings that are not known here.
fn networks(cx: &mut Decoder<'_>, node: &Node) -> Option<Vec<String>> {
    cx.list(node, "a list of networks that the engine has", |cx, node| {
        let name = cx.resolved(node, "the name of a network")?;
        if ["default", "host", "none", "bridge"].contains(&name.as_str()) {
            let help = "remove it: a pod is on a network of its own; name others that it is to join";
            return cx.refuse(node.span, format!("the network `{name}` cannot be joined"), help);
        }
        Some(name)
    })
}

fn restart(cx: &mut Decoder<'_>, node: &Node) -> Option<String> {
    if node.scalar().and_then(|scalar| scalar.boolean()) == Some(false) {
        return Some("no".to_owned());
    }
    let text = cx.resolved(node, "no, always, unless-stopped, on-failure or on-failure:5")?;
    let is_known = ["no", "always", "unless-stopped", "on-failure"].contains(&text.as_str())
        || text.strip_prefix("on-failure:").is_some_and(|count| count.parse::<u16>().is_ok());
    if is_known {
        return Some(text);
    }
    let help = "write no, always, unless-stopped, on-failure or on-failure:5; what happens to a service is for its own `restart`";
    cx.refuse(node.span, "this is no policy of the engine's", help)
}

fn platform(cx: &mut Decoder<'_>, node: &Node) -> Option<String> {
    let text = cx.resolved(node, "a platform such as linux/amd64")?;
    match text.split('/').collect::<Vec<_>>().as_slice() {
        ["linux", "amd64" | "arm64"] | ["linux", "arm64", "v8"] => Some(text),
        _ => cx.refuse(node.span, "podinit is there for linux/amd64 and linux/arm64", "write one of these"),
    }
}

fn expose(cx: &mut Decoder<'_>, node: &Node) -> Option<Vec<String>> {
    cx.list(node, "a list of ports", |cx, node| {
        let text = cx.resolved(node, "a port")?;
        let (port, protocol) = text.split_once('/').unwrap_or((&text, "tcp"));
        match (port.parse::<u16>(), protocol) {
            (Ok(1..), "tcp" | "udp") => Some(format!("{port}/{protocol}")),
            _ => cx.refuse(node.span, "this is no port", "write `8080` or `8080/udp`"),
        }
    })
}
