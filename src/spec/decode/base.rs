//! `base`: what the image starts from.

use super::build::relative;
use super::environment::labels;
use super::keys::Section;
use super::{Decoder, value};
use crate::spec::model::{Base, BaseBuild};
use crate::spec::node::{Map, Node, Value};

/// The base of a pod that names none.
pub const DEFAULT_IMAGE: &str = "debian:bookworm-slim";

const SECTION: Section = Section {
    expected: "an image, or a map with image, packages and run",
    name: "base",
    keys: &["image", "build", "packages", "run"],
    later: &[],
};

const BUILD: Section = Section {
    expected: "a folder, or a map with context, dockerfile, target and args",
    name: "base.build",
    keys: &["context", "dockerfile", "target", "args"],
    later: &["additional_contexts", "cache_from", "network", "secrets", "ssh"],
};

/// What the image of a pod's own Dockerfile is called: an engine has it under this name.
pub fn built_name(pod: &str) -> String {
    format!("podctl-base/{pod}:built")
}

/// The base of the pod of this name; a text is its image.
pub fn base(cx: &mut Decoder<'_>, node: &Node, pod: &str) -> Option<Base> {
    let mut base = default();
    match &node.value {
        Value::Scalar(scalar) if !scalar.is_null() => base.image = image(cx, node)?,
        _ => {
            let map = cx.section(node, &SECTION)?;
            base.image = value(cx, map, "image", image).unwrap_or(base.image);
            base.build = value(cx, map, "build", build);
            if let (Some(_), Some(entry)) = (&base.build, map.entry("image")) {
                let help = "remove `image`: the Dockerfile itself says what it starts from";
                cx.refuse::<()>(entry.key_span, "a base is an image or is built", help);
            }
            if base.build.is_some() {
                base.image = built_name(pod);
            }
            base.packages = value(cx, map, "packages", packages).unwrap_or_default();
            base.run = value(cx, map, "run", shell_lines).unwrap_or_default();
        }
    }
    Some(base)
}

/// The base of a pod that says nothing of it.
pub fn default() -> Base {
    Base { image: DEFAULT_IMAGE.to_owned(), build: None, packages: Vec::new(), run: Vec::new() }
}

/// compose's `build`: a folder, or a map.
fn build(cx: &mut Decoder<'_>, node: &Node) -> Option<BaseBuild> {
    const BELOW: (&str, &str) = ("it lies below the pod's folder", "write a path such as . or docker");
    let path = |cx: &mut Decoder<'_>, node: &Node| {
        let path = cx.resolved(node, "a path")?;
        relative(cx, node, &path, BELOW.0, BELOW.1)
    };
    let word = |cx: &mut Decoder<'_>, node: &Node| cx.resolved(node, "the name of a stage");
    const EMPTY: &Map = &Map { entries: Vec::new() };
    let (context, map) = match &node.value {
        Value::Scalar(scalar) if !scalar.is_null() => (path(cx, node)?, EMPTY),
        _ => {
            let map = cx.section(node, &BUILD)?;
            (value(cx, map, "context", path).unwrap_or_else(|| ".".to_owned()), map)
        }
    };
    Some(BaseBuild {
        context,
        dockerfile: value(cx, map, "dockerfile", path).unwrap_or_else(|| "Dockerfile".to_owned()),
        target: value(cx, map, "target", word),
        args: value(cx, map, "args", labels).unwrap_or_default(),
    })
}

/// An image reference, references to variables filled in.
pub fn image(cx: &mut Decoder<'_>, node: &Node) -> Option<String> {
    let image = cx.resolved(node, "an image such as debian:bookworm-slim")?;
    let valid = image.chars().all(|c| c.is_ascii_alphanumeric() || "_./:@-".contains(c));
    let name = image.rsplit('/').next().unwrap_or_default();
    let upper = name.split([':', '@']).next().unwrap_or_default().chars().any(|c| c.is_ascii_uppercase());
    if !valid || upper || !image.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        let help = "write NAME, NAME:TAG or REGISTRY/NAME:TAG, the name in lower-case letters";
        return cx.refuse(node.span, "this is no name of an image", help);
    }
    Some(image)
}

/// Packages of the image's distribution, references to variables filled in.
pub fn packages(cx: &mut Decoder<'_>, node: &Node) -> Option<Vec<String>> {
    cx.list(node, "a list of packages", |cx, node| {
        let package = cx.resolved(node, "a package")?;
        let valid = package.chars().all(|c| c.is_ascii_alphanumeric() || "+.:=~_-".contains(c));
        if !valid || !package.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return cx.refuse(node.span, "this is no name of a package", "write one package per item, `name` or `name=version`");
        }
        Some(package)
    })
}

/// Shell lines: never interpolated.
pub fn shell_lines(cx: &mut Decoder<'_>, node: &Node) -> Option<Vec<String>> {
    cx.list(node, "a list of shell lines", |cx, node| cx.text(node, "a shell line"))
}
