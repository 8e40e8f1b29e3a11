//! Variables: `environment`, `env_file`; and `labels`, which are written alike: a map, or a list of `NAME=value`.

use super::keys::Section;
use super::secrets::on_this_side;
use super::{Decoder, value};
use crate::spec::model::EnvFile;
use crate::spec::node::{Node, Scalar, Value};
use indexmap::IndexMap;
use podinit_plan::plan::{self, FromFile};
use std::path::Path;

const FROM_FILE: Section =
    Section { expected: "text, a number, a boolean, or { file: PATH }", name: "a variable", keys: &["file"], later: &[] };
const ENV_FILE: Section =
    Section { expected: "the path of a file of variables", name: "an env_file", keys: &["path"], later: &["required", "format"] };
const REQUIRED: Section = Section { keys: &["path", "required"], later: &["format"], ..ENV_FILE };

/// Variables; texts stay templates, a name without a value passes the container's through.
pub fn environment(cx: &mut Decoder<'_>, node: &Node) -> Option<IndexMap<String, Option<plan::Value>>> {
    pairs(cx, node, "a map of variables, or a list of NAME=value", |cx, name, value| {
        let valid =
            name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !name.starts_with(|c: char| c.is_ascii_digit());
        if !valid || name.is_empty() {
            return cx.refuse(value.node().span, format!("`{name}` is no name of a variable"), "use letters, digits and `_`");
        }
        match value {
            Given::Nothing(_) => Some(None),
            Given::Text(node, text) => cx.parse_template(node, text).map(|_| Some(text.to_owned().into())),
            Given::Other(node) => {
                let map = cx.section(node, &FROM_FILE)?;
                let Some(file) = map.entry("file") else { return cx.expected(FROM_FILE.expected, node) };
                Some(Some(plan::Value::File(FromFile { file: cx.absolute_template(&file.value)? })))
            }
        }
    })
}

/// Labels, and whatever else is names with texts; references in them are filled in now.
pub fn labels(cx: &mut Decoder<'_>, node: &Node) -> Option<IndexMap<String, String>> {
    pairs(cx, node, "a map of labels, or a list of NAME=value", |cx, _, value| match value {
        Given::Nothing(_) => Some(String::new()),
        Given::Text(node, text) => cx.resolve(node, text),
        Given::Other(node) => cx.expected("text, a number or a boolean", node),
    })
}

/// Variables of a container beside the pod; references are filled in now, a name without a value passes this side's on.
pub fn given_now(cx: &mut Decoder<'_>, node: &Node) -> Option<IndexMap<String, Option<String>>> {
    pairs(cx, node, "a map of variables, or a list of NAME=value", |cx, _, value| match value {
        Given::Nothing(_) => Some(None),
        Given::Text(node, text) => cx.resolve(node, text).map(Some),
        Given::Other(node) => cx.expected("text, a number or a boolean", node),
    })
}

/// Files of variables in the container: a path, or a list of paths.
pub fn env_files(cx: &mut Decoder<'_>, node: &Node) -> Option<Vec<String>> {
    match &node.value {
        Value::List(items) => Some(items.iter().filter_map(|item| env_file(cx, item)).collect()),
        _ => env_file(cx, node).map(|path| vec![path]),
    }
}

fn env_file(cx: &mut Decoder<'_>, node: &Node) -> Option<String> {
    if node.map().is_some() {
        let map = cx.section(node, &ENV_FILE)?;
        let Some(path) = map.entry("path") else { return cx.expected(ENV_FILE.expected, node) };
        return env_file(cx, &path.value);
    }
    let path = cx.template(node, ENV_FILE.expected)?;
    if path.starts_with('/') || path.starts_with("${") {
        return Some(path);
    }
    let help = "write its absolute path in the container, where each start reads it; or put its variables under \
                `environment`, without values, and into the `.env` beside pod.yaml";
    cx.refuse(node.span, format!("`{path}` is not in the container: an env_file is read there"), help)
}

/// Files of variables of the whole pod: those with a relative path are on this side, and the container is given what they
/// say; those with an absolute one are in the container.
pub fn pod_env_files(cx: &mut Decoder<'_>, node: &Node, folder: &Path) -> Option<(Vec<EnvFile>, Vec<String>)> {
    let (mut here, mut inside) = (Vec::new(), Vec::new());
    let mut sort = |cx: &mut Decoder<'_>, item: &Node| {
        let (path, required) = match item.map() {
            None => (cx.template(item, ENV_FILE.expected)?, true),
            Some(_) => {
                let map = cx.section(item, &REQUIRED)?;
                let Some(path) = map.entry("path") else { return cx.expected::<()>(ENV_FILE.expected, item) };
                (cx.template(&path.value, ENV_FILE.expected)?, value(cx, map, "required", Decoder::boolean).unwrap_or(true))
            }
        };
        match path.starts_with('/') {
            true => inside.push(path),
            false => {
                let path = cx.resolve(item, &path)?;
                here.push(EnvFile { path: on_this_side(folder, &path), required });
            }
        }
        Some(())
    };
    match &node.value {
        Value::List(items) => items.iter().for_each(|item| {
            sort(cx, item);
        }),
        _ => sort(cx, node)?,
    }
    Some((here, inside))
}

/// What is given for a name.
enum Given<'n> {
    /// The name alone.
    Nothing(&'n Node),
    /// Text, a number, a boolean.
    Text(&'n Node, &'n str),
    /// A list or a map.
    Other(&'n Node),
}

impl<'n> Given<'n> {
    /// Where it stands.
    fn node(&self) -> &'n Node {
        match self {
            Given::Nothing(node) | Given::Text(node, _) | Given::Other(node) => node,
        }
    }
}

fn pairs<T>(
    cx: &mut Decoder<'_>,
    node: &Node,
    what: &str,
    mut decode: impl FnMut(&mut Decoder<'_>, &str, Given<'_>) -> Option<T>,
) -> Option<IndexMap<String, T>> {
    let mut found = IndexMap::new();
    match &node.value {
        Value::Map(map) => {
            for entry in map.entries.iter().filter(|entry| !entry.key.starts_with("x-")) {
                // A name alone has no value to point at.
                let name = Node::plain(entry.key_span, "");
                let value = match &entry.value.value {
                    Value::Scalar(scalar) if scalar.is_null() => Given::Nothing(&name),
                    Value::Scalar(scalar) => Given::Text(&entry.value, &scalar.text),
                    Value::Broken => continue,
                    _ => Given::Other(&entry.value),
                };
                if let Some(value) = decode(cx, &entry.key, value) {
                    found.insert(entry.key.clone(), value);
                }
            }
        }
        Value::List(items) => {
            for item in items {
                let Some(Scalar { text, .. }) = item.scalar() else {
                    cx.expected::<()>("NAME=value", item);
                    continue;
                };
                let (name, value) = match text.split_once('=') {
                    Some((name, value)) => (name, Given::Text(item, value)),
                    None => (text.as_str(), Given::Nothing(item)),
                };
                if let Some(value) = decode(cx, name, value) {
                    found.insert(name.to_owned(), value);
                }
            }
        }
        Value::Scalar(scalar) if scalar.is_null() => {}
        _ => return cx.expected(what, node),
    }
    Some(found)
}
