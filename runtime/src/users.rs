//! Users and groups by name, from /etc/passwd and /etc/group as text: a static binary has no NSS, and a container no
//! directory service.

use crate::sys::processes::Credentials;
use std::io;
use std::path::Path;

/// A user that a service runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its login name; the number where there is none.
    pub name: String,
    /// Its home folder.
    pub home: String,
    /// What the kernel knows of it.
    pub credentials: Credentials,
}

/// Who a service runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user.
    pub account: Account,
    /// podinit is somebody else, so that the service has to become it.
    pub change: bool,
}

/// The users and groups of this container.
#[derive(Debug, Default)]
pub struct Accounts {
    users: Vec<User>,
    groups: Vec<Group>,
}

#[derive(Debug)]
struct User {
    name: String,
    uid: u32,
    gid: u32,
    home: String,
}

#[derive(Debug)]
struct Group {
    name: String,
    gid: u32,
    members: Vec<String>,
}

impl Accounts {
    /// Reads /etc/passwd and /etc/group below `root`; an image may have neither.
    ///
    /// # Errors
    /// One of them is there and cannot be read.
    pub fn read(root: &Path) -> io::Result<Accounts> {
        let text = |name: &str| match std::fs::read(root.join(name)) {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(error),
        };
        Ok(Accounts::parse(&text("etc/passwd")?, &text("etc/group")?))
    }

    /// Lines that are none of a user or a group are passed over, as everybody does.
    fn parse(passwd: &str, group: &str) -> Accounts {
        let user = |line: &str| {
            let fields: Vec<&str> = line.split(':').collect();
            let [name, _, uid, gid, _, home, ..] = fields.as_slice() else { return None };
            Some(User { name: (*name).to_owned(), uid: uid.parse().ok()?, gid: gid.parse().ok()?, home: (*home).to_owned() })
        };
        let group_of = |line: &str| {
            let fields: Vec<&str> = line.split(':').collect();
            let [name, _, gid, members, ..] = fields.as_slice() else { return None };
            let members = members.trim().split(',').filter(|member| !member.is_empty()).map(str::to_owned).collect();
            Some(Group { name: (*name).to_owned(), gid: gid.parse().ok()?, members })
        };
        Accounts { users: passwd.lines().filter_map(user).collect(), groups: group.lines().filter_map(group_of).collect() }
    }

    /// Finds `user`, `uid`, `user:group` or `uid:gid`. As with engines: a uid that nobody has gets group 0 and the
    /// home `/`, and a group that is named is the only one.
    ///
    /// # Errors
    /// A name that does not exist, in words.
    pub fn find(&self, text: &str) -> Result<Account, String> {
        let (user, group) = text.split_once(':').map_or((text, None), |(user, group)| (user, Some(group)));
        let known = match user.parse::<u32>() {
            Ok(uid) => self.users.iter().find(|known| known.uid == uid),
            Err(_) => Some(
                self.users
                    .iter()
                    .find(|known| known.name == user)
                    .ok_or_else(|| format!("there is no user {user} in /etc/passwd; declare it, or write a number"))?,
            ),
        };
        let (uid, own_gid) = known.map_or((user.parse().unwrap_or(0), 0), |known| (known.uid, known.gid));
        let name = known.map_or_else(|| uid.to_string(), |known| known.name.clone());
        let home = known.map(|known| known.home.clone()).filter(|home| !home.is_empty()).unwrap_or_else(|| "/".to_owned());
        let (gid, groups) = match group {
            Some(group) => (self.find_group(group)?, Vec::new()),
            None => (own_gid, self.groups_of(&name, own_gid)),
        };
        Ok(Account { name, home, credentials: Credentials { uid, gid, groups } })
    }

    /// Adds groups by name or number to those of a user.
    ///
    /// # Errors
    /// A name that does not exist, in words.
    pub fn add_groups(&self, mut account: Account, groups: &[String]) -> Result<Account, String> {
        for group in groups {
            let gid = self.find_group(group)?;
            if !account.credentials.groups.contains(&gid) {
                account.credentials.groups.push(gid);
            }
        }
        Ok(account)
    }

    fn find_group(&self, group: &str) -> Result<u32, String> {
        if let Ok(gid) = group.parse() {
            return Ok(gid);
        }
        let known = self.groups.iter().find(|known| known.name == group);
        known.map(|known| known.gid).ok_or_else(|| format!("there is no group {group} in /etc/group; write a number"))
    }

    fn groups_of(&self, user: &str, own_gid: u32) -> Vec<u32> {
        let is_member = |group: &&Group| group.gid == own_gid || group.members.iter().any(|member| member == user);
        self.groups.iter().filter(is_member).map(|group| group.gid).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts() -> Accounts {
        Accounts::parse(
            "root:x:0:0:root:/root:/bin/sh\n# no user\nnodejs:x:1001:1001::/home/nodejs:\nhomeless:x:7:8:::\nbroken:x:a:1::/:\n",
            "root:x:0:\nnodejs:x:1001:\nlogs:x:50:nodejs,root\nodd:x:51:nodejs2\n",
        )
    }

    #[test]
    fn users_have_their_groups_and_homes() {
        let nodejs = accounts().find("nodejs").unwrap();
        assert_eq!(nodejs.credentials, Credentials { uid: 1001, gid: 1001, groups: vec![1001, 50] });
        assert_eq!((nodejs.name.as_str(), nodejs.home.as_str()), ("nodejs", "/home/nodejs"));
        assert_eq!(accounts().find("1001"), Ok(nodejs));
        assert_eq!(accounts().find("homeless").unwrap().home, "/");
    }

    #[test]
    fn numbers_need_no_entry_and_a_named_group_is_the_only_one() {
        let stranger = accounts().find("4711").unwrap();
        assert_eq!(stranger.credentials, Credentials { uid: 4711, gid: 0, groups: vec![0] });
        assert_eq!((stranger.name.as_str(), stranger.home.as_str()), ("4711", "/"));
        for (text, uid, gid) in [("nodejs:logs", 1001, 50), ("1001:0", 1001, 0), ("nodejs:4711", 1001, 4711)] {
            assert_eq!(accounts().find(text).unwrap().credentials, Credentials { uid, gid, groups: vec![] }, "{text}");
        }
    }

    #[test]
    fn names_that_do_not_exist_are_said() {
        for (text, name) in [("nobody", "user nobody"), ("broken", "user broken"), ("nodejs:wheel", "group wheel"), ("", "user ")]
        {
            let error = accounts().find(text).unwrap_err();
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn an_image_without_the_files_knows_numbers() {
        let empty = tempfile::tempdir().unwrap();
        assert!(Accounts::read(empty.path()).unwrap().find("5").is_ok());
    }
}
