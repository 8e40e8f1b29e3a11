//! What is configured against what runs: reread, add, remove, update.

use super::super::server::{Trouble, number, text};
use super::super::session::{GENERIC, Outcome, Session};
use super::fault;
use crate::xmlrpc::Value;
use std::collections::BTreeMap;

/// Groups that were added, changed and removed in the configuration.
struct Changes([Vec<String>; 3]);

/// Has the server read its configuration again.
fn read_again(session: &Session) -> Result<Changes, Trouble> {
    let answer = session.call("reloadConfig", [])?;
    // It is wrapped in an array of its own.
    let lists: Vec<Vec<String>> = answer
        .items()
        .first()
        .map(Value::items)
        .unwrap_or_default()
        .iter()
        .map(|list| list.items().iter().filter_map(Value::as_str).map(str::to_owned).collect())
        .collect();
    lists.try_into().map(Changes).map_err(|_| Trouble::Other("the server's answer is no list of changes".to_owned()))
}

pub(super) fn reread(session: &mut Session, argument: &str) -> Outcome {
    if !argument.is_empty() {
        return session.refuse("Error: reread accepts no arguments", "reread", GENERIC);
    }
    let Changes(lists) = match read_again(session) {
        Ok(changes) => changes,
        Err(Trouble::Fault(fault)) if fault.code == fault::SHUTDOWN_STATE => {
            return session.complain("ERROR: supervisor shutting down");
        }
        Err(Trouble::Fault(fault)) if fault.code == fault::CANT_REREAD => {
            return session.complain(&format!("ERROR: {}", fault.text));
        }
        Err(trouble) => return Err(trouble),
    };
    let words = ["available", "changed", "disappeared"];
    let of = |(names, word): (Vec<String>, &'static str)| names.into_iter().map(move |name| (name, word));
    let by_name: BTreeMap<String, &str> = lists.into_iter().zip(words).flat_map(of).collect();
    if by_name.is_empty() {
        session.say("No config updates to processes");
    }
    for (name, word) in by_name {
        session.say(&format!("{name}: {word}"));
    }
    Ok(())
}

pub(super) fn add(session: &mut Session, argument: &str) -> Outcome {
    for name in argument.split_whitespace() {
        let Err(trouble) = session.call("addProcessGroup", [name]) else {
            session.say(&format!("{name}: added process group"));
            continue;
        };
        let Trouble::Fault(fault) = &trouble else { return Err(trouble) };
        match fault.code {
            fault::ALREADY_ADDED => {
                session.say("ERROR: process group already active");
                continue;
            }
            fault::SHUTDOWN_STATE => session.say("ERROR: shutting down"),
            fault::BAD_NAME => session.say(&format!("ERROR: no such process/group: {name}")),
            _ => return Err(trouble),
        }
        session.exit = GENERIC;
    }
    Ok(())
}

pub(super) fn remove(session: &mut Session, argument: &str) -> Outcome {
    for name in argument.split_whitespace() {
        let Err(trouble) = session.call("removeProcessGroup", [name]) else {
            session.say(&format!("{name}: removed process group"));
            continue;
        };
        let Trouble::Fault(fault) = &trouble else { return Err(trouble) };
        session.exit = GENERIC;
        match fault.code {
            fault::STILL_RUNNING => session.say(&format!("ERROR: process/group still running: {name}")),
            fault::BAD_NAME => session.say(&format!("ERROR: no such process/group: {name}")),
            _ => return Err(trouble),
        }
    }
    Ok(())
}

pub(super) fn update(session: &mut Session, argument: &str) -> Outcome {
    let Changes([added, changed, removed]) = match read_again(session) {
        Err(Trouble::Fault(fault)) if fault.code == fault::SHUTDOWN_STATE => {
            return session.complain("ERROR: already shutting down");
        }
        changes => changes?,
    };
    let mut wanted: Vec<&str> = argument.split_whitespace().collect();
    if wanted.contains(&"all") {
        wanted.clear();
    }
    if !wanted.is_empty() {
        let running = session.call("getAllProcessInfo", [])?;
        let runs = |group: &str| running.items().iter().any(|info| text(info, "group").is_ok_and(|own| own == group));
        for group in &wanted {
            if !runs(group) && !added.iter().any(|own| own == group) {
                session.say(&format!("ERROR: no such group: {group}"));
                session.exit = GENERIC;
            }
        }
    }
    let is_wanted = |group: &&String| wanted.is_empty() || wanted.contains(&group.as_str());
    for group in removed.iter().filter(is_wanted) {
        let results = session.call("stopProcessGroup", [group])?;
        session.say(&format!("{group}: stopped"));
        if results.items().iter().any(|result| number(result, "status").is_ok_and(|code| code == i64::from(fault::FAILED))) {
            session.say(&format!("{group}: has problems; not removing"));
            session.exit = GENERIC;
            continue;
        }
        session.call("removeProcessGroup", [group])?;
        session.say(&format!("{group}: removed process group"));
    }
    for group in changed.iter().filter(is_wanted) {
        session.call("stopProcessGroup", [group])?;
        session.say(&format!("{group}: stopped"));
        session.call("removeProcessGroup", [group])?;
        session.call("addProcessGroup", [group])?;
        session.say(&format!("{group}: updated process group"));
    }
    for group in added.iter().filter(is_wanted) {
        session.call("addProcessGroup", [group])?;
        session.say(&format!("{group}: added process group"));
    }
    Ok(())
}
