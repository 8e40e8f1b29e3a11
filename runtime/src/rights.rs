//! What podinit has to be allowed for its services, looked at before the first of them starts: in a container it may lack
//! what it needs even as root, and no later attempt would go better.

use crate::sys::capabilities::{KILL, SETGID, SETUID};
use crate::users::Identity;

/// What podinit may not do for its services, in words.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Lacking {
    /// Services that it could not stop.
    pub to_signal: Vec<String>,
    /// Services that it could not start as their users.
    pub to_become: Vec<String>,
}

/// Looks at what each service runs as; `capabilities` are podinit's.
#[must_use]
pub fn lacking<'a>(
    services: impl Iterator<Item = (&'a String, &'a Option<Identity>)>,
    own_uid: u32,
    capabilities: u64,
) -> Lacking {
    let mut lacking = Lacking::default();
    let changed = services.filter_map(|(name, identity)| Some((name, identity.as_ref().filter(|identity| identity.change)?)));
    for (name, identity) in changed {
        let user = &identity.account.name;
        let is_other = identity.account.credentials.uid != own_uid;
        if is_other && capabilities & KILL == 0 {
            lacking.to_signal.push(format!("cannot signal {name}, which runs as user {user}: {}", mend(&["CAP_KILL"])));
        }
        let needed = [("CAP_SETUID", SETUID, is_other), ("CAP_SETGID", SETGID, true)];
        let missing = needed.iter().filter(|(_, bit, is_needed)| *is_needed && capabilities & bit == 0);
        let missing: Vec<&str> = missing.map(|(name, ..)| *name).collect();
        if !missing.is_empty() {
            lacking.to_become.push(format!("cannot run {name} as user {user}: {}", mend(&missing)));
        }
    }
    lacking
}

fn mend(missing: &[&str]) -> String {
    let names = missing.join(" and ");
    format!("podinit lacks {names}; add it to the container's cap_add, or run the whole pod as that user")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::processes::Credentials;
    use crate::users::Account;

    fn identity(name: &str, uid: u32, change: bool) -> Option<Identity> {
        let credentials = Credentials { uid, gid: uid, groups: Vec::new() };
        Some(Identity { account: Account { name: name.to_owned(), home: "/".to_owned(), credentials }, change })
    }

    fn of(identity: Option<Identity>, capabilities: u64) -> Lacking {
        lacking([(&"web".to_owned(), &identity)].into_iter(), 0, capabilities)
    }

    #[test]
    fn what_is_lacking_is_named_with_service_and_user() {
        let lacking = of(identity("app", 7, true), 0);
        assert!(lacking.to_signal[0].starts_with("cannot signal web, which runs as user app: podinit lacks CAP_KILL; add"));
        assert!(lacking.to_become[0].starts_with("cannot run web as user app: podinit lacks CAP_SETUID and CAP_SETGID; add"));
        let lacking = of(identity("app", 7, true), KILL | SETGID);
        assert!(lacking.to_signal.is_empty() && lacking.to_become[0].contains("lacks CAP_SETUID;"), "{lacking:?}");
    }

    #[test]
    fn nothing_is_needed_for_podinit_s_own_user() {
        assert_eq!(of(None, 0), Lacking::default());
        assert_eq!(of(identity("app", 7, false), 0), Lacking::default());
        assert_eq!(of(identity("app", 7, true), KILL | SETUID | SETGID), Lacking::default());
        // Root with other groups.
        assert_eq!(of(identity("root", 0, true), SETGID), Lacking::default());
        assert_eq!(of(identity("root", 0, true), KILL | SETUID).to_become.len(), 1);
    }
}
