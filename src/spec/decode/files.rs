//! `files`: files and folders at fixed places of the image.

use super::base::image;
use super::build::relative;
use super::keys::Section;
use super::{Decoder, value};
use crate::spec::model::{File, FileSource};
use crate::spec::node::{Entry, Map, Node, Value};
use indexmap::IndexMap;

const SECTION: Section = Section {
    expected: "a path below the pod's folder, or a map with source, content, image, user, mode and template",
    name: "a file",
    keys: &["source", "content", "image", "user", "mode", "template"],
    later: &[],
};

/// Files by their target.
pub fn files(cx: &mut Decoder<'_>, node: &Node) -> Option<IndexMap<String, File>> {
    let map = match &node.value {
        Value::Map(map) => map,
        Value::Scalar(scalar) if scalar.is_null() => return Some(IndexMap::new()),
        _ => return cx.expected("a map of target: source", node),
    };
    let mut files = IndexMap::new();
    for entry in map.entries.iter().filter(|entry| !entry.key.starts_with("x-") && !entry.value.is_broken()) {
        if let Some((target, file)) = target(cx, entry).zip(file(cx, entry)) {
            files.insert(target, file);
        }
    }
    Some(files)
}

/// Absolute, without `.` and `..`; it keeps the slash at its end.
fn target(cx: &mut Decoder<'_>, entry: &Entry) -> Option<String> {
    let help = "write its absolute path in the image, such as /etc/app.conf";
    if !entry.key.starts_with('/') || entry.key.contains("${") {
        return cx.refuse(entry.key_span, "the target of a file is absolute", help);
    }
    let key = Node::plain(entry.key_span, &entry.key);
    let path = relative(cx, &key, entry.key.trim_start_matches('/'), "a target has no `..`", help)?;
    match path.as_str() {
        "." => cx.refuse(entry.key_span, "the image's top folder itself cannot be a file", help),
        _ => Some(format!("/{path}{}", if entry.key.ends_with('/') { "/" } else { "" })),
    }
}

fn file(cx: &mut Decoder<'_>, entry: &Entry) -> Option<File> {
    let node = &entry.value;
    let is_folder = entry.key.ends_with('/');
    match &node.value {
        Value::Scalar(scalar) if !scalar.is_null() => {
            let source = FileSource::Path(source(cx, node)?);
            return Some(File { source, user: None, mode: None, template: false });
        }
        _ => {}
    }
    let map = cx.section(node, &SECTION)?;
    let source = source_of(cx, map, entry, is_folder)?;
    let template = value(cx, map, "template", Decoder::boolean).unwrap_or(false);
    if template && !matches!(source, FileSource::Path(_) | FileSource::Content(_)) {
        let span = map.entry("template").map_or(entry.key_span, |entry| entry.key_span);
        let help = "remove `template`, or write `source: FILE` or `content: TEXT`";
        return cx.refuse(span, "only a file of the pod's folder, or a text, can be filled in at start", help);
    }
    if let (true, FileSource::Content(text), Some(entry)) = (template, &source, map.entry("content")) {
        cx.parse_template(&entry.value, text);
    }
    Some(File { source, user: value(cx, map, "user", owner), mode: value(cx, map, "mode", mode), template })
}

fn source_of(cx: &mut Decoder<'_>, map: &Map, entry: &Entry, is_folder: bool) -> Option<FileSource> {
    if let Some(content) = map.get("content") {
        if let Some(other) = map.entry("source").or_else(|| map.entry("image")) {
            let help = "keep one of content and source";
            cx.refuse::<()>(other.key_span, "a file has its content from one place", help);
        }
        if is_folder {
            return cx.refuse(entry.key_span, "a folder has no content", "remove the `/` at the end of its path");
        }
        return cx.text(content, "text").map(FileSource::Content);
    }
    if let Some(from) = map.get("image") {
        let image = image(cx, from)?;
        let Some(path) = map.get("source") else {
            return cx.refuse(from.span, "`source`, the path in that image, is missing", "add `source: /usr/bin/tool`");
        };
        return Some(FileSource::Image { image, path: cx.absolute_path(path)? });
    }
    match map.get("source") {
        Some(node) => source(cx, node).map(FileSource::Path),
        None if is_folder => Some(FileSource::Folder),
        None if map.entry("source").is_some() || map.entry("content").is_some() => None,
        None => {
            let help = "add `source: PATH` or `content: TEXT`; an empty folder has `/` at the end of its path";
            cx.refuse(entry.key_span, "this file comes from nowhere", help)
        }
    }
}

fn source(cx: &mut Decoder<'_>, node: &Node) -> Option<String> {
    let path = cx.resolved(node, "a path below the pod's folder")?;
    relative(cx, node, &path, "a file comes from the pod's folder", "write a path such as config/app.conf")
}

/// Who something belongs to; references are filled in now, as the image is made with it.
pub fn owner(cx: &mut Decoder<'_>, node: &Node) -> Option<String> {
    let user = cx.resolved(node, "a user: a name, a uid, uid:gid or user:group")?;
    let word = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    if user.split(':').all(word) && user.split(':').count() <= 2 {
        return Some(user);
    }
    cx.refuse(node.span, "this is no user", "write a name, a uid, uid:gid or user:group")
}

/// Octal, in quotes: YAML's versions do not agree on what 0644 is.
pub fn mode(cx: &mut Decoder<'_>, node: &Node) -> Option<u32> {
    let text = cx.literal(node, "an octal number in quotes, such as \"0640\"")?;
    if node.scalar().is_some_and(|scalar| scalar.plain) {
        return cx.refuse(node.span, "this may be taken for a decimal number", format!("put it in quotes: `mode: \"{text}\"`"));
    }
    match u32::from_str_radix(&text, 8) {
        Ok(mode @ 0..=0o7777) if !text.starts_with('+') => Some(mode),
        _ => cx.refuse(node.span, format!("`{text}` is no mode"), "write an octal number from \"0000\" to \"7777\""),
    }
}
