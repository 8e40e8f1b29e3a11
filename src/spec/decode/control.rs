//! `control`: where podinit can be talked to as supervisord can, and its page for people.

use super::keys::Section;
use super::ports::resolved_port;
use super::{Decoder, value};
use crate::spec::model::Control;
use crate::spec::node::Node;
use crate::spec::source::Span;

const SECTION: Section =
    Section { expected: "a map with port or socket", name: "control", keys: &["port", "socket", "user", "password"], later: &[] };

/// Who is asked for with a password unless told.
const USER: &str = "admin";

/// Where podinit can be talked to.
pub fn control(cx: &mut Decoder<'_>, node: &Node) -> Option<Control> {
    let map = cx.section(node, &SECTION)?;
    if map.entry("port").is_none() && map.entry("socket").is_none() {
        return cx.refuse(node.span, "nobody could talk to it", "add `port: 9001`, or `socket:` with a path in the container");
    }
    let user = value(cx, map, "user", |cx, node| cx.template(node, "a name"));
    let password = value(cx, map, "password", password);
    if let (Some(entry), None) = (map.entry("user"), map.entry("password")) {
        cx.refuse::<()>(entry.key_span, "a user needs a password", "add `password: \"${CONTROL_PASSWORD:?}\"`");
    }
    Some(Control {
        port: value(cx, map, "port", resolved_port),
        socket: value(cx, map, "socket", Decoder::absolute_path),
        credentials: password.map(|password| (user.unwrap_or_else(|| USER.to_owned()), password)),
    })
}

/// A password comes when the container starts: what is in the file is in the image.
fn password(cx: &mut Decoder<'_>, node: &Node) -> Option<String> {
    let text = cx.template(node, "a reference to a variable")?;
    let span: Span = node.span;
    if text.contains("${") {
        Some(text)
    } else {
        cx.refuse(
            span,
            "a password in the file would be in the image",
            "write `\"${CONTROL_PASSWORD:?}\"`, and give the container that variable",
        )
    }
}
