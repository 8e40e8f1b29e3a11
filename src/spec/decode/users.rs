//! `users`: what the image gets besides its own.

use super::keys::Section;
use super::{Decoder, value};
use crate::spec::model::{DEFAULT_UID, User};
use crate::spec::node::{Node, Value};
use indexmap::IndexMap;

const SECTION: Section = Section {
    expected: "a uid, or a map with uid, gid, groups, home and shell",
    name: "a user",
    keys: &["uid", "gid", "groups", "home", "shell"],
    later: &[],
};
/// The first uid that users get who name none; that of the usual user is below it.
const FIRST_FREE: u32 = DEFAULT_UID + 1;

/// Users by name.
pub fn users(cx: &mut Decoder<'_>, node: &Node) -> Option<IndexMap<String, User>> {
    let mut users: IndexMap<String, User> = IndexMap::new();
    let mut without_uid = Vec::new();
    match &node.value {
        Value::Map(map) => {
            for entry in map.entries.iter().filter(|entry| !entry.key.starts_with("x-")) {
                if !is_user_name(&entry.key) {
                    let help = "begin with a lower-case letter or `_`, go on with those, digits and `-`; at most 32";
                    cx.refuse::<()>(entry.key_span, "this is no name of a user", help);
                }
                let user = user(cx, &entry.value);
                // A user with a wrong uid is declared all the same.
                let (uid, gid, user) = user.unwrap_or((Some(0), Some(0), User::default()));
                if uid.is_none() {
                    without_uid.push((entry.key.clone(), gid));
                }
                let ids = (uid.unwrap_or(0), gid.or(uid).unwrap_or(0));
                users.insert(entry.key.clone(), User { uid: ids.0, gid: ids.1, ..user });
            }
        }
        Value::Scalar(scalar) if scalar.is_null() => {}
        _ => return cx.expected("a map of users, such as `{ node: 1001 }`", node),
    }
    for (name, gid) in without_uid {
        let is_free = |uid: &u32| users.values().all(|user| user.uid != *uid && user.gid != *uid);
        let uid = (FIRST_FREE..u32::MAX).find(is_free).unwrap_or(FIRST_FREE);
        if let Some(user) = users.get_mut(&name) {
            (user.uid, user.gid) = (uid, gid.unwrap_or(uid));
        }
    }
    Some(users)
}

fn is_user_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.len() <= 32
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-'))
}

/// A user, with the uid and the gid that it names; its uid is for the caller to choose when it names none.
fn user(cx: &mut Decoder<'_>, node: &Node) -> Option<(Option<u32>, Option<u32>, User)> {
    // The last two numbers mean "no change" to the kernel's calls.
    let id = |cx: &mut Decoder<'_>, node: &Node| cx.resolved_integer(node, "a number", 0..=u32::MAX - 2);
    if node.map().is_none() {
        let uid = id(cx, node)?;
        return Some((Some(uid), None, User::default()));
    }
    let map = cx.section(node, &SECTION)?;
    let groups = |cx: &mut Decoder<'_>, node: &Node| {
        cx.list(node, "a list of groups", |cx, node| {
            let group = cx.literal(node, "the name of a group")?;
            if is_user_name(&group) {
                return Some(group);
            }
            cx.refuse(node.span, "this is no name of a group", "write the name that it has, or is to have, in the image")
        })
    };
    let user = User {
        groups: value(cx, map, "groups", groups).unwrap_or_default(),
        home: value(cx, map, "home", Decoder::absolute_path),
        shell: value(cx, map, "shell", Decoder::absolute_path),
        ..User::default()
    };
    Some((value(cx, map, "uid", id), value(cx, map, "gid", id), user))
}
