//! Who runs what, in numbers: the Dockerfile names users by uid and gid, so that an image does not depend on how its
//! base resolves names.

use super::files;
use crate::spec::model::{Alerts, Pod};
use std::fmt;

/// A user and a group in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ids {
    pub uid: u32,
    pub gid: u32,
}

impl Ids {
    pub const ROOT: Ids = Ids { uid: 0, gid: 0 };
}

/// As Docker writes it: `1001:1001`.
impl fmt::Display for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.uid, self.gid)
    }
}

/// The numbers of a service's `user`; `None` when they are known at run time only.
pub fn ids(pod: &Pod, user: &str) -> Option<Ids> {
    let (name, group) = match user.split_once(':') {
        Some((name, group)) => (name, Some(group)),
        None => (user, None),
    };
    let of_name = |name: &str| match name {
        "root" => Some(Ids::ROOT),
        name => pod.users.get(name).map(|user| Ids { uid: user.uid, gid: user.gid }),
    };
    let user = match name.parse() {
        Ok(uid) => {
            let declared = pod.users.values().find(|user| user.uid == uid);
            Ids { uid, gid: declared.map_or(0, |user| user.gid) }
        }
        Err(_) => of_name(name)?,
    };
    let gid = match group {
        None => user.gid,
        Some(group) => group.parse().ok().or_else(|| of_name(group).map(|ids| ids.gid))?,
    };
    Some(Ids { gid, ..user })
}

/// A user as `chown` and `install` take it: in numbers where they are known, else by the name that the base has.
pub fn owner(pod: &Pod, user: &str) -> String {
    ids(pod, user).map_or_else(|| user.to_owned(), |ids| ids.to_string())
}

/// The image's user: that of the services when all have the same one and none needs more, else root, who can become each
/// of them.
pub fn of_image(pod: &Pod) -> Ids {
    let tellers = pod.alerts.iter().flat_map(Alerts::users);
    let mut users = pod.all_services().map(|(_, service)| service.user.as_str()).chain(tellers).map(|user| ids(pod, user));
    let needs_root = pod.all_services().any(|(_, service)| service.needs_root()) || files::need_root(pod);
    match users.next().flatten() {
        Some(first) if !needs_root && users.all(|user| user == Some(first)) => first,
        _ => Ids::ROOT,
    }
}
