//! `build` of a service and `stages`: how files come into the image.

use super::base::{image, packages, shell_lines};
use super::environment::labels;
use super::keys::Section;
use super::{Decoder, value};
use crate::spec::model::Stage;
use crate::spec::node::{Map, Node, Value};
use indexmap::IndexMap;

const SECTION: Section = Section {
    expected: "a map with context, image, packages, install, run and copy, the name of a stage, or false",
    name: "build",
    keys: &["context", "image", "packages", "environment", "secrets", "install", "run", "copy"],
    later: &[],
};

/// What a service says of its build.
#[derive(Debug, Clone, PartialEq)]
pub enum Build {
    /// `false`: it has none.
    None,
    /// One of its own.
    Own(Box<Stage>),
    /// A stage, by its name.
    Named(String),
}

/// The build of a service that says nothing of it: the pod's folder.
pub fn default() -> Stage {
    Stage { context: ".".to_owned(), ..Stage::default() }
}

/// A build.
pub fn build(cx: &mut Decoder<'_>, node: &Node) -> Option<Build> {
    match &node.value {
        Value::Scalar(scalar) if scalar.boolean() == Some(false) => Some(Build::None),
        Value::Scalar(scalar) if !scalar.is_null() && scalar.boolean().is_none() => {
            cx.literal(node, "the name of a stage").map(Build::Named)
        }
        _ => stage(cx, node).map(Box::new).map(Build::Own),
    }
}

/// `stages`: builds by name.
pub fn stages(cx: &mut Decoder<'_>, node: &Node) -> Option<IndexMap<String, Stage>> {
    let map = match &node.value {
        Value::Map(map) => map,
        Value::Scalar(scalar) if scalar.is_null() => return Some(IndexMap::new()),
        _ => return cx.expected("a map of stages", node),
    };
    let mut stages = IndexMap::new();
    for entry in map.entries.iter().filter(|entry| !entry.key.starts_with("x-")) {
        let is_name = entry.key.starts_with(|c: char| c.is_ascii_lowercase())
            && entry.key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c));
        if !is_name {
            let help = "begin with a lower-case letter, go on with those, digits, `-`, `_` and `.`";
            cx.refuse::<()>(entry.key_span, "this is no name of a stage", help);
        }
        // One that cannot be read is there all the same, for those who name it.
        let stage = if entry.value.is_broken() { None } else { stage(cx, &entry.value) };
        stages.insert(entry.key.clone(), Stage { name: Some(entry.key.clone()), ..stage.unwrap_or_else(default) });
    }
    Some(stages)
}

fn stage(cx: &mut Decoder<'_>, node: &Node) -> Option<Stage> {
    let map = cx.section(node, &SECTION)?;
    let only_copies = only_copies(map);
    Some(Stage {
        name: None,
        context: value(cx, map, "context", context).unwrap_or_else(|| ".".to_owned()),
        image: value(cx, map, "image", image),
        only_copies,
        packages: value(cx, map, "packages", packages).unwrap_or_default(),
        environment: value(cx, map, "environment", environment).unwrap_or_default(),
        secrets: value(cx, map, "secrets", |cx, node| {
            cx.list(node, "a list of secrets", |cx, node| cx.literal(node, "the name of a secret"))
        })
        .unwrap_or_default(),
        install: value(cx, map, "install", shell_lines),
        run: value(cx, map, "run", shell_lines).unwrap_or_default(),
        copy: value(cx, map, "copy", |cx, node| copy(cx, node, only_copies)),
    })
}

/// Variables of a stage's steps; references are filled in now.
fn environment(cx: &mut Decoder<'_>, node: &Node) -> Option<IndexMap<String, String>> {
    let variables = labels(cx, node)?;
    let is_name = |name: &String| {
        !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if let Some(name) = variables.keys().find(|name| name.is_empty() || !is_name(name)) {
        return cx.refuse(node.span, format!("`{name}` is no name of a variable"), "use letters, digits and `_`");
    }
    Some(variables)
}

/// An image and what is kept of it, and nothing that would be done: it is copied from as it is.
fn only_copies(map: &Map) -> bool {
    let says = |key: &str| map.entry(key).is_some_and(|entry| !entry.value.is_null());
    says("image") && says("copy") && !["context", "packages", "install", "run"].into_iter().any(says)
}

fn context(cx: &mut Decoder<'_>, node: &Node) -> Option<String> {
    let path = cx.resolved(node, "a folder")?;
    relative(cx, node, &path, "the folder of a build lies below the pod's", "write a path such as services/auth")
}

/// A path below some folder without `.` and `..`; that folder itself is `.`.
pub fn relative(cx: &mut Decoder<'_>, node: &Node, path: &str, why: &str, help: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if path.starts_with('/') || parts.contains(&"..") || path.contains(['\n', '\0']) {
        return cx.refuse(node.span, format!("this path leads elsewhere: {why}"), help);
    }
    Some(if parts.is_empty() { ".".to_owned() } else { parts.join("/") })
}

fn copy(cx: &mut Decoder<'_>, node: &Node, from_image: bool) -> Option<Vec<(String, String)>> {
    // What is kept may be meant for another place of the image, and an image has no working_dir.
    let path = |cx: &mut Decoder<'_>, node: &Node, path: &str, may_be_absolute: bool| match path.strip_prefix('/') {
        Some(absolute) if may_be_absolute => relative(cx, node, absolute, "a path has no `..`", "write the path itself")
            .map(|path| if path == "." { "/".to_owned() } else { format!("/{path}") }),
        _ => relative(cx, node, path, "what is kept lies below working_dir", "write a path relative to working_dir"),
    };
    match &node.value {
        Value::Map(map) => {
            let pairs = map.entries.iter().filter_map(|entry| {
                let key = Node::plain(entry.key_span, &entry.key);
                let from = path(cx, &key, &entry.key, from_image);
                let to = cx.literal(&entry.value, "a path").and_then(|to| path(cx, &entry.value, &to, true));
                from.zip(to)
            });
            Some(pairs.collect())
        }
        _ => cx.list(node, "a list of paths, or a map from: to", |cx, node| {
            let kept = cx.literal(node, "a path").and_then(|text| path(cx, node, &text, from_image))?;
            Some((kept.clone(), kept))
        }),
    }
}
