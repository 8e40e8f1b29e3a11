//! `build`: how a service's files come into the image.

use super::base::{image, packages, shell_lines};
use super::keys::Section;
use super::{Decoder, value};
use crate::spec::model::Stage;
use crate::spec::node::{Node, Value};

const SECTION: Section = Section {
    expected: "a map with context, image, packages, install, run and copy, or false",
    name: "build",
    keys: &["context", "image", "packages", "install", "run", "copy"],
    later: &["environment", "secrets"],
};

/// The build of a service that says nothing of it: the pod's folder.
pub fn default() -> Stage {
    Stage { context: ".".to_owned(), image: None, packages: Vec::new(), install: None, run: Vec::new(), copy: None }
}

/// A build; the inner `None` is `false`.
pub fn build(cx: &mut Decoder<'_>, node: &Node) -> Option<Option<Stage>> {
    match &node.value {
        Value::Scalar(scalar) if scalar.boolean() == Some(false) => return Some(None),
        Value::Scalar(scalar) if !scalar.is_null() && scalar.boolean().is_none() => {
            return cx.refuse(node.span, "a build by name is not supported yet", "write `build: { context: FOLDER }`");
        }
        _ => {}
    }
    let map = cx.section(node, &SECTION)?;
    Some(Some(Stage {
        context: value(cx, map, "context", context).unwrap_or_else(|| ".".to_owned()),
        image: value(cx, map, "image", image),
        packages: value(cx, map, "packages", packages).unwrap_or_default(),
        install: value(cx, map, "install", shell_lines),
        run: value(cx, map, "run", shell_lines).unwrap_or_default(),
        copy: value(cx, map, "copy", copy),
    }))
}

fn context(cx: &mut Decoder<'_>, node: &Node) -> Option<String> {
    let path = cx.resolved(node, "a folder")?;
    relative(cx, node, &path, "the folder of a build lies below the pod's", "write a path such as services/auth")
}

/// A path below some folder without `.` and `..`; that folder itself is `.`.
fn relative(cx: &mut Decoder<'_>, node: &Node, path: &str, why: &str, help: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if path.starts_with('/') || parts.contains(&"..") || path.contains(['\n', '\0']) {
        return cx.refuse(node.span, format!("this path leads elsewhere: {why}"), help);
    }
    Some(if parts.is_empty() { ".".to_owned() } else { parts.join("/") })
}

fn copy(cx: &mut Decoder<'_>, node: &Node) -> Option<Vec<(String, String)>> {
    let path = |cx: &mut Decoder<'_>, node: &Node, path: &str| {
        relative(cx, node, path, "what is kept lies below working_dir", "write a path relative to working_dir")
    };
    match &node.value {
        Value::Map(map) => {
            let pairs = map.entries.iter().filter_map(|entry| {
                let key = Node::plain(entry.key_span, &entry.key);
                let from = path(cx, &key, &entry.key);
                let to = cx.literal(&entry.value, "a path").and_then(|to| path(cx, &entry.value, &to));
                from.zip(to)
            });
            Some(pairs.collect())
        }
        _ => cx.list(node, "a list of paths, or a map from: to", |cx, node| {
            let kept = cx.literal(node, "a path").and_then(|text| path(cx, node, &text))?;
            Some((kept.clone(), kept))
        }),
    }
}
