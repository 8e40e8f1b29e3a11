//! What the engine is asked to give the container: keys of the top level, as compose has them.

use super::attributes::{capabilities, ulimits};
use super::{Decoder, value};
use crate::spec::model::Container;
use crate::spec::node::{Map, Node};

/// What the engine is asked for.
pub fn container(cx: &mut Decoder<'_>, map: &Map) -> Container {
    let any = |cx: &mut Decoder<'_>, node: &Node| capabilities(cx, node, true);
    Container {
        cap_add: value(cx, map, "cap_add", any).unwrap_or_default(),
        cap_drop: value(cx, map, "cap_drop", any).unwrap_or_default(),
        ulimits: value(cx, map, "ulimits", ulimits).unwrap_or_default(),
        read_only: value(cx, map, "read_only", Decoder::boolean).unwrap_or(false),
        security_opt: value(cx, map, "security_opt", security_opt).unwrap_or_default(),
    }
}

fn security_opt(cx: &mut Decoder<'_>, node: &Node) -> Option<Vec<String>> {
    cx.list(node, "a list of security options", |cx, node| {
        let option = cx.resolved(node, "a security option such as no-new-privileges:true")?;
        if option.starts_with("seccomp") && !option.ends_with("unconfined") {
            // The engine wants the profile itself, the command line takes the path of its file.
            let help = "write `seccomp:unconfined`, or leave it to the engine's own profile";
            return cx.refuse(node.span, "a seccomp profile from a file is not supported yet", help);
        }
        Some(option)
    })
}
