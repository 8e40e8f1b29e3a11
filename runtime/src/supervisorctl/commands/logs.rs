//! Logs: tail, maintail, clear.

use super::super::input::wait;
use super::super::interrupt::Interrupt;
use super::super::server::{Trouble, number, text};
use super::super::session::{GENERIC, Outcome, Session};
use super::super::stream::Stream;
use super::{fault, joined, split};
use crate::xmlrpc::Value;
use std::os::fd::AsFd;

/// How much of a log is shown unless told.
const BYTES: i64 = 1600;

pub(super) fn tail(session: &mut Session, argument: &str) -> Outcome {
    if !session.is_up()? {
        return Ok(());
    }
    let mut words: Vec<&str> = argument.split_whitespace().collect();
    match words.len() {
        0 => {
            return session.refuse("Error: too few arguments", "tail", GENERIC);
        }
        1..=3 => {}
        _ => {
            return session.refuse("Error: too many arguments", "tail", GENERIC);
        }
    }
    let amount = if words[0].starts_with('-') { Some(words.remove(0)) } else { None };
    let (name, channel) = match words[..] {
        [] => return session.complain("Error: tail requires process name"),
        [name] => (name, "stdout".to_owned()),
        [name, .., channel] => (name, channel.to_lowercase()),
    };
    let method = match channel.as_str() {
        "stdout" => "readProcessStdoutLog",
        "stderr" => "readProcessStderrLog",
        _ => return session.complain(&format!("Error: bad channel '{channel}'")),
    };
    if amount == Some("-f") {
        return follow(session, &format!("/logtail/{name}/{channel}"));
    }
    let Some(bytes) = amount.map_or(Some(BYTES), bytes) else {
        return session.complain(&format!("Error: bad argument {}", amount.unwrap_or_default()));
    };
    let read = session.server.call(method, vec![name.into(), bytes.saturating_neg().into(), 0.into()]);
    print(session, name, read)
}

pub(super) fn maintail(session: &mut Session, argument: &str) -> Outcome {
    if !session.is_up()? {
        return Ok(());
    }
    let bytes = match argument.split_whitespace().collect::<Vec<_>>()[..] {
        [] => Some(BYTES),
        ["-f"] => return follow(session, "/mainlogtail"),
        [amount] if amount.starts_with('-') => bytes(amount),
        [_] => None,
        _ => {
            return session.refuse("Error: too many arguments", "maintail", GENERIC);
        }
    };
    let Some(bytes) = bytes else { return session.complain(&format!("Error: bad argument {argument}")) };
    let read = session.server.call("readLog", vec![bytes.saturating_neg().into(), 0.into()]);
    print(session, "supervisord", read)
}

pub(super) fn clear(session: &mut Session, argument: &str) -> Outcome {
    if !session.is_up()? {
        return Ok(());
    }
    let names: Vec<&str> = argument.split_whitespace().collect();
    if names.is_empty() {
        return session.refuse("Error: clear requires a process name", "clear", GENERIC);
    }
    if names.contains(&"all") {
        for result in session.call("clearAllProcessLogs", [])?.items() {
            let name = joined(text(result, "group")?, text(result, "name")?);
            let code = i32::try_from(number(result, "status")?).unwrap_or_default();
            if !cleared(session, &name, code) {
                return Err(Trouble::Other(text(result, "description")?.to_owned()));
            }
        }
        return Ok(());
    }
    for name in names {
        let (group, process) = split(name);
        // Groups cannot be cleared; this is how the original says so.
        let full_name = joined(group, process.unwrap_or("None"));
        match session.call("clearProcessLogs", [name]) {
            Ok(_) => drop(cleared(session, &full_name, fault::SUCCESS)),
            Err(Trouble::Fault(fault)) if cleared(session, &full_name, fault.code) => {}
            Err(trouble) => return Err(trouble),
        }
    }
    Ok(())
}

/// Says what has become of clearing a log; false when there are no words for it.
fn cleared(session: &mut Session, name: &str, code: i32) -> bool {
    let reason = match code {
        fault::SUCCESS => {
            session.say(&format!("{name}: cleared"));
            return true;
        }
        fault::BAD_NAME => "no such process",
        fault::FAILED => "failed",
        _ => return false,
    };
    session.say(&format!("{name}: ERROR ({reason})"));
    session.exit = GENERIC;
    true
}

/// `-100`
fn bytes(amount: &str) -> Option<i64> {
    amount.strip_prefix('-')?.parse().ok()
}

/// Prints what was read of a log.
fn print(session: &mut Session, name: &str, read: Result<Value, Trouble>) -> Outcome {
    let fault = match read {
        Ok(log) => {
            session.say(log.as_str().unwrap_or_default());
            return Ok(());
        }
        Err(Trouble::Fault(fault)) => fault,
        Err(trouble) => return Err(trouble),
    };
    let reason = match fault.code {
        fault::NO_FILE => "no log file",
        fault::FAILED => "unknown error reading log",
        fault::BAD_NAME => "no such process name",
        _ => return Err(Trouble::Fault(fault)),
    };
    session.complain(&format!("{name}: ERROR ({reason})"))
}

/// Prints a log as it grows, until Ctrl-C or the server's end.
fn follow(session: &Session, path: &str) -> Outcome {
    let interrupt = Interrupt::catch().map_err(|error| Trouble::Other(error.to_string()))?;
    session.say("==> Press Ctrl-C to exit <==");
    let Some(mut stream) = Stream::open(&session.server, path) else { return Ok(()) };
    loop {
        let [interrupted, readable] = wait([interrupt.as_fd(), stream.connection.as_fd()]);
        if interrupted {
            session.say("");
            return Ok(());
        }
        if readable && !stream.print() {
            return Ok(());
        }
    }
}
