//! `acceptance`: what the acceptance test holds the pod to.

use super::keys::Section;
use super::{Decoder, value};
use crate::spec::model::Acceptance;
use crate::spec::node::Node;

const SECTION: Section = Section {
    expected: "a map with image_size and health_within",
    name: "acceptance",
    keys: &["image_size", "health_within"],
    later: &[],
};

/// The criteria's limits.
pub fn acceptance(cx: &mut Decoder<'_>, node: &Node) -> Option<Acceptance> {
    let map = cx.section(node, &SECTION)?;
    Some(Acceptance {
        image_size_bytes: value(cx, map, "image_size", Decoder::size),
        health_within_ms: value(cx, map, "health_within", Decoder::positive_duration),
    })
}
