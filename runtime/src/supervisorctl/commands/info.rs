//! What there is and how it is: status, pid, avail, version.

use super::super::server::{Trouble, number, text};
use super::super::session::{GENERIC, Outcome, Session};
use super::{fault, joined, split};
use crate::xmlrpc::Value;

/// The states that are no life: STOPPED, EXITED, FATAL and UNKNOWN.
const STOPPED_STATES: [i64; 4] = [0, 100, 200, 1000];
/// Of status: one of them is in such a state.
const NOT_RUNNING: u8 = 3;
/// Of status: that is not known.
const UNKNOWN: u8 = 4;

pub(super) fn status(session: &mut Session, argument: &str) -> Outcome {
    if !session.is_up()? {
        session.exit = UNKNOWN;
        return Ok(());
    }
    let all = session.call("getAllProcessInfo", [])?;
    let names: Vec<&str> = argument.split_whitespace().collect();
    let mut shown: Vec<&Value> = Vec::new();
    if names.is_empty() || names.contains(&"all") {
        shown.extend(all.items());
    } else {
        for name in names {
            let (group, process) = split(name);
            let matches = |info: &&Value| {
                let is_process = |process| text(info, "name").is_ok_and(|name| name == process);
                text(info, "group").is_ok_and(|own| own == group) && process.is_none_or(is_process)
            };
            let before = shown.len();
            shown.extend(all.items().iter().filter(matches));
            if shown.len() == before {
                session.say(&match process {
                    None => format!("{group}: ERROR (no such group)"),
                    Some(_) => format!("{name}: ERROR (no such process)"),
                });
                session.exit = UNKNOWN;
            }
        }
    }
    let mut lines = Vec::new();
    for info in &shown {
        let name = joined(text(info, "group")?, text(info, "name")?);
        lines.push((name, text(info, "statename")?, text(info, "description")?));
    }
    let width = lines.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0).max(30) + 3;
    for (name, state, description) in &lines {
        session.say(&format!("{name:<width$}{state:<10}{description}"));
    }
    for info in shown {
        if STOPPED_STATES.contains(&number(info, "state")?) {
            session.exit = NOT_RUNNING;
        }
    }
    Ok(())
}

pub(super) fn pid(session: &mut Session, argument: &str) -> Outcome {
    if !session.is_up()? {
        return Ok(());
    }
    let names: Vec<&str> = argument.split_whitespace().collect();
    if names.is_empty() {
        let pid = session.call("getPID", [])?.as_int().unwrap_or_default();
        session.say(&pid.to_string());
    } else if names.contains(&"all") {
        for info in session.call("getAllProcessInfo", [])?.items() {
            session.say(&number(info, "pid")?.to_string());
        }
    } else {
        for name in names {
            match session.call("getProcessInfo", [name]) {
                Ok(info) => {
                    let pid = number(&info, "pid")?;
                    session.say(&pid.to_string());
                    if pid == 0 {
                        session.exit = 7;
                    }
                }
                Err(Trouble::Fault(fault)) if fault.code == fault::BAD_NAME => {
                    session.say(&format!("No such process {name}"));
                    session.exit = GENERIC;
                }
                Err(trouble) => return Err(trouble),
            }
        }
    }
    Ok(())
}

pub(super) fn avail(session: &mut Session, argument: &str) -> Outcome {
    if !argument.is_empty() {
        return session.refuse("Error: avail accepts no arguments", "avail", GENERIC);
    }
    let configured = match session.call("getAllConfigInfo", []) {
        Err(Trouble::Fault(fault)) if fault.code == fault::SHUTDOWN_STATE => {
            return session.complain("ERROR: supervisor shutting down");
        }
        configured => configured?,
    };
    let is = |info: &Value, name: &str| match info.get(name) {
        Some(Value::Bool(truth)) => *truth,
        Some(Value::Int(number)) => *number != 0,
        _ => false,
    };
    for info in configured.items() {
        let name = joined(text(info, "group")?, text(info, "name")?);
        let in_use = if is(info, "inuse") { "in use" } else { "avail" };
        let started = if is(info, "autostart") { "auto" } else { "manual" };
        let (group, process) = (number(info, "group_prio")?, number(info, "process_prio")?);
        session.say(&format!("{name:<32} {in_use:<9} {started:<9} {group}:{process}"));
    }
    Ok(())
}

pub(super) fn version(session: &mut Session, argument: &str) -> Outcome {
    if !argument.is_empty() {
        return session.refuse("Error: version accepts no arguments", "version", GENERIC);
    }
    if session.is_up()? {
        let version = session.call("getSupervisorVersion", [])?;
        session.say(version.as_str().unwrap_or_default());
    }
    Ok(())
}
