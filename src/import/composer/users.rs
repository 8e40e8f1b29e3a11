//! Users: everyone a service runs as is declared, with the number that distributions give them.

use super::{Pod, names};
use crate::import::yaml::Yaml;

/// Numbers of users that packages and images make.
const KNOWN: [(&str, u32); 16] = [
    ("daemon", 1),
    ("bin", 2),
    ("sys", 3),
    ("games", 5),
    ("man", 6),
    ("mail", 8),
    ("proxy", 13),
    ("backup", 34),
    ("list", 38),
    ("nginx", 101),
    ("redis", 999),
    ("mysql", 999),
    ("postgres", 999),
    ("node", 1000),
    ("ubuntu", 1000),
    ("sshd", 105),
];

/// Users that every base has.
const EVERYWHERE: [&str; 4] = ["root", "nobody", "nogroup", "www-data"];

/// Declares the users that services run as.
pub fn declare(pod: &mut Pod) {
    // What packages, shell lines or a Dockerfile bring has a number that nobody here knows.
    let may_be_there = match &pod.base {
        Some(Yaml::Map(base)) => base.iter().any(|(key, _)| key != "image"),
        _ => false,
    };
    let mut next = 1001;
    let services = pod.services.iter_mut().chain(&mut pod.gateway).chain(&mut pod.listeners);
    for service in services {
        let Some(user) = service.text("user").map(str::to_owned) else { continue };
        if EVERYWHERE.contains(&user.as_str())
            || user == "0"
            || user == "app"
            || user.contains("${")
            || user.parse::<u32>().is_ok()
        {
            continue;
        }
        for part in user.split(':').filter(|part| part.parse::<u32>().is_err() && !EVERYWHERE.contains(part)) {
            if !names::is_user(part) || pod.users.iter().any(|(known, _)| known == part) {
                continue;
            }
            if may_be_there {
                continue;
            }
            let known = KNOWN.iter().find(|(name, _)| *name == part).map(|(_, uid)| *uid);
            let uid = known.unwrap_or_else(|| {
                next += 1;
                next - 1
            });
            pod.users.push((part.to_owned(), Yaml::plain(uid)));
        }
        if !user.split(':').all(|part| names::is_user(part) || part.parse::<u32>().is_ok()) {
            // A name that a script fills in before: nobody has it, and nobody can be given it.
            service.set("user", Yaml::text("app"));
        }
    }
}
