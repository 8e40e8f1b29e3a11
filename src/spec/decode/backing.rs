//! `backing_services`: containers beside the pod, in compose's words.

use super::base::image;
use super::command::command;
use super::environment::given_now;
use super::keys::Section;
use super::{Decoder, ports, value, volumes};
use crate::spec::model::{Backing, Command};
use crate::spec::node::{Node, Value};
use indexmap::IndexMap;
use std::path::Path;

const SECTION: Section = Section {
    expected: "a service of compose's, with an image",
    name: "a backing service",
    keys: &["image", "command", "environment", "volumes", "ports"],
    later: &["pod", "build", "healthcheck", "restart", "depends_on", "env_file", "labels", "deploy"],
};

/// Containers by name.
pub fn backing_services(cx: &mut Decoder<'_>, node: &Node, folder: &Path) -> Option<IndexMap<String, Backing>> {
    let map = match &node.value {
        Value::Map(map) => map,
        Value::Scalar(scalar) if scalar.is_null() => return Some(IndexMap::new()),
        _ => return cx.expected("a map of services of compose's", node),
    };
    let mut found = IndexMap::new();
    for entry in map.entries.iter().filter(|entry| !entry.key.starts_with("x-") && !entry.value.is_broken()) {
        if !super::pod::is_name(&entry.key) {
            let help = "use lower-case letters, digits, `-`, `_` and `.`, a letter or digit first";
            cx.refuse::<()>(entry.key_span, "this is no name of a container", help);
        }
        if let Some(backing) = backing(cx, &entry.value, folder) {
            found.insert(entry.key.clone(), backing);
        }
    }
    Some(found)
}

fn backing(cx: &mut Decoder<'_>, node: &Node, folder: &Path) -> Option<Backing> {
    let map = cx.section(node, &SECTION)?;
    let Some(name) = map.entry("image") else {
        return cx.refuse(node.span, "a backing service has an image", "add `image: NAME:TAG`");
    };
    Some(Backing {
        image: image(cx, &name.value)?,
        command: value(cx, map, "command", words),
        environment: value(cx, map, "environment", given_now).unwrap_or_default(),
        volumes: value(cx, map, "volumes", |cx, node| volumes::volumes(cx, node, folder)).unwrap_or_default(),
        ports: value(cx, map, "ports", ports::published).unwrap_or_default(),
    })
}

/// The words of a command; references are filled in now.
fn words(cx: &mut Decoder<'_>, node: &Node) -> Option<Vec<String>> {
    match command(cx, node)? {
        Command::Words(words) => words.iter().map(|word| cx.resolve(node, word)).collect(),
        Command::Shell(text) => Some(vec!["/bin/sh".to_owned(), "-c".to_owned(), text]),
        Command::Line(line) => {
            let line = cx.resolve(node, &line)?;
            match podinit_plan::words::split(&line) {
                Ok(words) => Some(words),
                Err(error) => cx.refuse(node.span, format!("this command has no words: {error}"), "correct its quotes"),
            }
        }
    }
}
