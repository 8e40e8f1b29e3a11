//! `users`: what the image gets besides its own.

use super::keys::Section;
use super::{Decoder, value};
use crate::spec::model::User;
use crate::spec::node::{Node, Value};
use indexmap::IndexMap;

const SECTION: Section = Section {
    expected: "a uid, or a map with uid and gid",
    name: "a user",
    keys: &["uid", "gid"],
    later: &["groups", "home", "shell"],
};

/// Users by name.
pub fn users(cx: &mut Decoder<'_>, node: &Node) -> Option<IndexMap<String, User>> {
    let mut users = IndexMap::new();
    match &node.value {
        Value::Map(map) => {
            for entry in map.entries.iter().filter(|entry| !entry.key.starts_with("x-")) {
                if !is_user_name(&entry.key) {
                    let help = "begin with a lower-case letter or `_`, go on with those, digits and `-`; at most 32";
                    cx.refuse::<()>(entry.key_span, "this is no name of a user", help);
                }
                let user = user(cx, &entry.value);
                // A user with a wrong uid is declared all the same.
                users.insert(entry.key.clone(), user.unwrap_or(User { uid: 0, gid: 0 }));
            }
        }
        Value::Scalar(scalar) if scalar.is_null() => {}
        _ => return cx.expected("a map of users, such as `{ node: 1001 }`", node),
    }
    Some(users)
}

fn is_user_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.len() <= 32
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-'))
}

fn user(cx: &mut Decoder<'_>, node: &Node) -> Option<User> {
    // The last two numbers mean "no change" to the kernel's calls.
    let id = |cx: &mut Decoder<'_>, node: &Node| cx.integer(node, 0..=u32::MAX - 2);
    if node.map().is_none() {
        let uid = id(cx, node)?;
        return Some(User { uid, gid: uid });
    }
    let map = cx.section(node, &SECTION)?;
    let Some(uid_entry) = map.entry("uid") else {
        return cx.refuse(node.span, "this user has no uid", "add `uid: 1001`");
    };
    let uid = id(cx, &uid_entry.value)?;
    Some(User { uid, gid: value(cx, map, "gid", id).unwrap_or(uid) })
}
