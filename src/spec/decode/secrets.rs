//! `secrets`: what appears as /run/secrets/NAME in the container, and nowhere else.

use super::command::command;
use super::files::{mode, owner};
use super::keys::Section;
use super::{Decoder, value};
use crate::spec::model::{Command, Secret, SecretSource};
use crate::spec::node::{Map, Node, Value};
use indexmap::IndexMap;
use std::path::{Path, PathBuf};

const SECTION: Section = Section {
    expected: "a map with file, environment or command",
    name: "a secret",
    keys: &["file", "environment", "command", "user", "mode"],
    later: &["external", "name"],
};
const SOURCES: [&str; 3] = ["file", "environment", "command"];

/// Secrets by name.
pub fn secrets(cx: &mut Decoder<'_>, node: &Node, folder: &Path) -> Option<IndexMap<String, Secret>> {
    let map = match &node.value {
        Value::Map(map) => map,
        Value::Scalar(scalar) if scalar.is_null() => return Some(IndexMap::new()),
        _ => return cx.expected("a map of secrets", node),
    };
    let mut secrets = IndexMap::new();
    for entry in map.entries.iter().filter(|entry| !entry.key.starts_with("x-") && !entry.value.is_broken()) {
        let is_name = entry.key.starts_with(|c: char| c.is_ascii_alphanumeric())
            && entry.key.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        if !is_name {
            let help = "it is the name of a file: letters, digits, `-`, `_` and `.`";
            cx.refuse::<()>(entry.key_span, "this is no name of a secret", help);
        }
        if let Some(secret) = secret(cx, &entry.value, folder) {
            secrets.insert(entry.key.clone(), secret);
        }
    }
    Some(secrets)
}

fn secret(cx: &mut Decoder<'_>, node: &Node, folder: &Path) -> Option<Secret> {
    let map = cx.section(node, &SECTION)?;
    let given: Vec<_> = map.entries.iter().filter(|entry| SOURCES.contains(&entry.key.as_str())).collect();
    if let [_, second, ..] = given.as_slice() {
        cx.refuse::<()>(second.key_span, "a secret comes from one place", "keep one of file, environment and command");
    }
    let source = source(cx, map, node, folder)?;
    Some(Secret { source, user: value(cx, map, "user", owner), mode: value(cx, map, "mode", mode) })
}

fn source(cx: &mut Decoder<'_>, map: &Map, node: &Node, folder: &Path) -> Option<SecretSource> {
    if let Some(file) = map.get("file") {
        return cx.resolved(file, "the path of a file").map(|path| SecretSource::File(on_this_side(folder, &path)));
    }
    if let Some(name) = map.get("environment") {
        return cx.literal(name, "the name of a variable").map(SecretSource::Environment);
    }
    if let Some(node) = map.get("command") {
        let words = match command(cx, node)? {
            Command::Words(words) => words,
            Command::Shell(text) => vec!["/bin/sh".to_owned(), "-c".to_owned(), text],
            Command::Line(line) => {
                let line = cx.resolve(node, &line)?;
                match podinit_plan::words::split(&line) {
                    Ok(words) => words,
                    Err(error) => {
                        return cx.refuse(node.span, format!("this command has no words: {error}"), "correct its quotes");
                    }
                }
            }
        };
        return Some(SecretSource::Command(words));
    }
    if map.entries.iter().any(|entry| SOURCES.contains(&entry.key.as_str())) {
        return None;
    }
    cx.refuse(node.span, "this secret comes from nowhere", "add `file: PATH`, `environment: NAME` or `command: COMMAND`")
}

/// A path on the side of podctl: relative ones start at the pod's folder.
pub fn on_this_side(folder: &Path, path: &str) -> PathBuf {
    let path = Path::new(path);
    folder.join(path.strip_prefix("./").unwrap_or(path))
}
