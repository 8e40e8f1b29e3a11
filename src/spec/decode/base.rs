//! `base`: what the image starts from.

use super::keys::Section;
use super::{Decoder, value};
use crate::spec::model::Base;
use crate::spec::node::{Node, Value};

/// The base of a pod that names none.
pub const DEFAULT_IMAGE: &str = "debian:bookworm-slim";

const SECTION: Section = Section {
    expected: "an image, or a map with image, packages and run",
    name: "base",
    keys: &["image", "packages", "run"],
    later: &["build"],
};

/// The base; a text is its image.
pub fn base(cx: &mut Decoder<'_>, node: &Node) -> Option<Base> {
    let mut base = default();
    match &node.value {
        Value::Scalar(scalar) if !scalar.is_null() => base.image = image(cx, node)?,
        _ => {
            let map = cx.section(node, &SECTION)?;
            base.image = value(cx, map, "image", image).unwrap_or(base.image);
            base.packages = value(cx, map, "packages", packages).unwrap_or_default();
            base.run = value(cx, map, "run", shell_lines).unwrap_or_default();
        }
    }
    Some(base)
}

/// The base of a pod that says nothing of it.
pub fn default() -> Base {
    Base { image: DEFAULT_IMAGE.to_owned(), packages: Vec::new(), run: Vec::new() }
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
