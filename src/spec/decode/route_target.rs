//! Who answers a route: `static`, `fallback` and `expires`; `upstream`, `return`, or its service.

use super::route::{Owner, plain_path};
use super::{Decoder, headers, value};
use crate::spec::model::{Expires, Fallback, Protocol, Return, RoutePath, RouteTarget};
use crate::spec::node::{Map, Node};

/// The files of a route.
#[derive(Default)]
pub struct Files {
    /// An absolute folder or file; none is none.
    pub path: Option<String>,
    /// It is one file.
    pub is_file: bool,
    /// What answers when there is no such file.
    pub fallback: Fallback,
    /// How long they may be kept.
    pub expires: Option<Expires>,
}

/// The files that are looked for first; none when what is said of them cannot be.
pub fn files(cx: &mut Decoder<'_>, map: &Map, owner: &Owner<'_>, path: Option<&RoutePath>) -> Option<Files> {
    let fallback = value(cx, map, "fallback", fallback);
    let expires = value(cx, map, "expires", headers::expires);
    let Some(entry) = map.entry("static") else {
        for key in ["fallback", "expires"] {
            if let Some(entry) = map.entry(key) {
                let help = "add `static: FOLDER`, or remove it";
                cx.refuse::<()>(entry.key_span, format!("`{key}` is about files, and this route has none"), help);
            }
        }
        return Some(Files::default());
    };
    let text = cx.resolved(&entry.value, "a folder or a file of the image")?;
    let odd = |c: char| c.is_control() || "\"'\\{};$".contains(c);
    if text.is_empty() || text.contains(odd) || text.split('/').any(|part| part == "..") {
        return cx.refuse(entry.value.span, "this is no folder of files", "write its path, such as public or /srv/web");
    }
    let path_in_image = match (text.starts_with('/'), owner.working_dir) {
        (true, _) => text.clone(),
        (false, Some(folder)) => {
            let below = text.trim_start_matches("./");
            format!("{}/{}", folder.trim_end_matches('/'), if below == "." { "" } else { below })
        }
        (false, None) => {
            let help = "write its absolute path in the image";
            return cx.refuse(entry.value.span, "this folder is relative to nothing that is known when the image is built", help);
        }
    };
    // Nobody has the image here: a file has a name with a dot, as /favicon.ico, and only one path can lead to it.
    let last = path_in_image.rsplit('/').next().unwrap_or_default();
    let is_file = matches!(path, Some(RoutePath::Exact(_))) && last.trim_start_matches('.').contains('.');
    let path = path_in_image.trim_end_matches('/');
    let path = if path.is_empty() { "/".to_owned() } else { path.to_owned() };
    Some(Files { path: Some(path), is_file, fallback: fallback.unwrap_or_default(), expires })
}

fn fallback(cx: &mut Decoder<'_>, node: &Node) -> Option<Fallback> {
    if node.scalar().and_then(|scalar| scalar.boolean()) == Some(false) {
        return Some(Fallback::None);
    }
    let path = cx.literal(node, "a file such as /index.html, or false")?;
    plain_path(cx, node, &path).map(Fallback::File)
}

/// Who answers.
pub fn target(cx: &mut Decoder<'_>, map: &Map, node: &Node, owner: &Owner<'_>) -> Option<RouteTarget> {
    if let (Some(upstream), Some(entry)) = (map.entry("upstream"), map.entry("return")) {
        let diagnostic = crate::spec::diagnostics::Diagnostic::error(entry.key_span, "a route has one answer");
        cx.report(diagnostic.also(upstream.key_span, "here is another").help("keep one of upstream and return"));
    }
    if let Some(node) = map.get("return") {
        return answer(cx, node).map(RouteTarget::Return);
    }
    if let Some(node) = map.get("upstream") {
        return upstream(cx, node);
    }
    if map.entry("return").is_some() || map.entry("upstream").is_some() {
        return None;
    }
    match owner.service {
        Some(_) if owner.protocol == Protocol::Tcp => {
            let help = "remove the route and publish the port, or say what the gateway is to speak: `protocol: http`";
            cx.refuse(node.span, "the gateway cannot speak to a service of `protocol: tcp`", help)
        }
        Some(name) => Some(RouteTarget::Service(name.to_owned())),
        None if map.entry("static").is_some() => Some(RouteTarget::Files),
        None => {
            let help = "add `static: FOLDER`, `upstream: http://host:port` or `return: 404`, or write the route at its service";
            cx.refuse(node.span, "this route leads to nothing: the gateway itself has only files", help)
        }
    }
}

/// `404`, `204`, `301 https://example.org$request_uri`, `200 ok`.
fn answer(cx: &mut Decoder<'_>, node: &Node) -> Option<Return> {
    const HELP: &str = "write a status such as 404, or one with a text or a target: `301 https://example.org/`";
    let text = cx.text(node, "a status, and a text or a target")?;
    let (status, text) = match text.split_once(char::is_whitespace) {
        Some((status, text)) => (status.to_owned(), Some(text.trim().to_owned())),
        None => (text, None),
    };
    let Ok(status @ 200..=599) = status.parse::<u16>() else {
        return cx.refuse(node.span, "this is no answer", HELP);
    };
    if text.as_ref().is_some_and(|text| text.contains(char::is_control)) {
        return cx.refuse(node.span, "an answer is one line", HELP);
    }
    if matches!(status, 301 | 302 | 303 | 307 | 308) && text.is_none() {
        return cx.refuse(node.span, "a redirection leads somewhere", HELP);
    }
    Some(Return { status, text })
}

/// A service's name, or an address.
fn upstream(cx: &mut Decoder<'_>, node: &Node) -> Option<RouteTarget> {
    let text = cx.resolved(node, "http://host:port, or a service's name")?;
    if !text.contains([':', '/', '.']) {
        return Some(RouteTarget::Service(text));
    }
    let address = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let is_host = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    match address.map(|address| address.trim_end_matches('/')) {
        Some(address) if !address.is_empty() && address.chars().all(is_host) => {
            Some(RouteTarget::Upstream(text.trim_end_matches('/').to_owned()))
        }
        _ => cx.refuse(node.span, "this is no address", "write `http://host:port` or `https://host`, or a service's name"),
    }
}
