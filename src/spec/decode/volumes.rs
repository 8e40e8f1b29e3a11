//! `volumes`: what is mounted, in compose's forms.

use super::keys::Section;
use super::secrets::on_this_side;
use super::{Decoder, value};
use crate::spec::model::{Volume, VolumeSource};
use crate::spec::node::{Node, Value};
use std::path::Path;

const FORMS: &str = "write \"./folder:/path\", \"name:/path\", \"name:/path:ro\", or { type, source, target, read_only }";

const LONG: Section = Section {
    expected: "a volume",
    name: "a volume",
    keys: &["type", "source", "target", "read_only", "bind"],
    later: &["volume", "tmpfs", "consistency"],
};
/// A host's folder is made when it is missing, whatever `bind` says.
const BIND: Section = Section {
    expected: "a map with create_host_path",
    name: "bind",
    keys: &["create_host_path"],
    later: &["propagation", "selinux"],
};

/// What is mounted.
pub fn volumes(cx: &mut Decoder<'_>, node: &Node, folder: &Path) -> Option<Vec<Volume>> {
    cx.list(node, "a list of volumes", |cx, item| match &item.value {
        Value::Map(_) => long(cx, item, folder),
        _ => short(cx, item, folder),
    })
}

fn short(cx: &mut Decoder<'_>, node: &Node, folder: &Path) -> Option<Volume> {
    let text = cx.resolved(node, "a volume")?;
    let parts: Vec<&str> = text.split(':').collect();
    let (source, to, options) = match parts.as_slice() {
        [to] => (None, *to, ""),
        [from, to] => (Some(*from), *to, ""),
        [from, to, options] => (Some(*from), *to, *options),
        _ => return cx.refuse(node.span, "this is no volume", FORMS),
    };
    let mut read_only = false;
    for option in options.split(',').filter(|option| !option.is_empty()) {
        match option {
            "ro" => read_only = true,
            // A volume of podctl's is what these ask for, or they are for hosts with SELinux.
            "rw" | "z" | "Z" => {}
            _ => return cx.refuse(node.span, format!("`{option}` is no option of a volume that is known"), FORMS),
        }
    }
    let source = match source {
        None => VolumeSource::Anonymous,
        Some(source) => self::source(cx, node, source, folder)?,
    };
    Some(Volume { source, target: target(cx, node, to)?, read_only })
}

fn long(cx: &mut Decoder<'_>, node: &Node, folder: &Path) -> Option<Volume> {
    let map = cx.section(node, &LONG)?;
    let Some(to) = map.entry("target") else {
        return cx.refuse(node.span, "`target`, the path in the container, is missing", FORMS);
    };
    let to_text = cx.resolved(&to.value, "a path in the container")?;
    let target = target(cx, &to.value, &to_text)?;
    let read_only = value(cx, map, "read_only", Decoder::boolean).unwrap_or(false);
    value(cx, map, "bind", |cx, node| cx.section(node, &BIND).map(drop));
    let is_bind = value(cx, map, "type", |cx, node| cx.one_of(node, &[("bind", true), ("volume", false)]));
    let source = match map.get("source") {
        None if is_bind == Some(true) => {
            return cx.refuse(node.span, "`source`, the path on the host, is missing", FORMS);
        }
        None => VolumeSource::Anonymous,
        Some(node) => {
            let text = cx.resolved(node, "a name or a path")?;
            match is_bind {
                Some(true) => VolumeSource::Bind(on_this_side(folder, &text)),
                _ => source(cx, node, &text, folder)?,
            }
        }
    };
    Some(Volume { source, target, read_only })
}

/// A path, which has a slash or begins with a dot, or a name.
fn source(cx: &mut Decoder<'_>, node: &Node, text: &str, folder: &Path) -> Option<VolumeSource> {
    if text.starts_with('~') {
        return cx.refuse(node.span, "`~` is not known here", "write ${HOME} instead");
    }
    if text.starts_with(['/', '.']) {
        return Some(VolumeSource::Bind(on_this_side(folder, text)));
    }
    let is_name = text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
    if is_name {
        return Some(VolumeSource::Named(text.to_owned()));
    }
    cx.refuse(node.span, "this is neither a path of the host nor a name", format!("{FORMS}; a path begins with `.` or `/`"))
}

fn target(cx: &mut Decoder<'_>, node: &Node, text: &str) -> Option<String> {
    let path = text.trim_end_matches('/');
    if !text.starts_with('/') || path.is_empty() || text.split('/').any(|part| part == "..") {
        return cx.refuse(node.span, "a volume is mounted at an absolute path of the container", FORMS);
    }
    Some(path.to_owned())
}
