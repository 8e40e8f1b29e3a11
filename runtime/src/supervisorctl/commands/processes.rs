//! start, stop, restart and signal: one thing asked of all, of groups, and of processes.

use super::super::server::{Trouble, number, text};
use super::super::session::{GENERIC, Outcome, Session};
use super::{fault, joined, split};
use crate::xmlrpc::{Fault, Value};

/// The exit code of what did not come up, or was not up.
const DEAD: u8 = 7;

/// What can be asked of processes.
struct Verb {
    /// The methods for all, for a group, and for one.
    methods: [&'static str; 3],
    /// What is said of one that did it.
    done: &'static str,
    /// What is no failure although it is no success.
    harmless: Option<i32>,
    /// The exit code when there is no such group.
    no_group: u8,
}

const START: Verb = Verb {
    methods: ["startAllProcesses", "startProcessGroup", "startProcess"],
    done: "started",
    harmless: Some(fault::ALREADY_STARTED),
    no_group: 2,
};
const STOP: Verb = Verb {
    methods: ["stopAllProcesses", "stopProcessGroup", "stopProcess"],
    done: "stopped",
    harmless: Some(fault::NOT_RUNNING),
    no_group: GENERIC,
};
const SIGNAL: Verb = Verb {
    methods: ["signalAllProcesses", "signalProcessGroup", "signalProcess"],
    done: "signalled",
    harmless: None,
    no_group: GENERIC,
};

pub(super) fn start(session: &mut Session, argument: &str) -> Outcome {
    if !session.is_up()? {
        return Ok(());
    }
    if argument.is_empty() {
        return session.refuse("Error: start requires a process name", "start", 2);
    }
    START.ask(session, argument, None)
}

pub(super) fn stop(session: &mut Session, argument: &str) -> Outcome {
    if !session.is_up()? {
        return Ok(());
    }
    if argument.is_empty() {
        return session.refuse("Error: stop requires a process name", "stop", GENERIC);
    }
    STOP.ask(session, argument, None)
}

pub(super) fn restart(session: &mut Session, argument: &str) -> Outcome {
    if !session.is_up()? {
        return Ok(());
    }
    if argument.is_empty() {
        return session.refuse("Error: restart requires a process name", "restart", GENERIC);
    }
    stop(session, argument)?;
    start(session, argument)
}

pub(super) fn signal(session: &mut Session, argument: &str) -> Outcome {
    if !session.is_up()? {
        return Ok(());
    }
    match argument.split_once(char::is_whitespace) {
        Some((signal, names)) => SIGNAL.ask(session, names, Some(signal)),
        None => session.refuse("Error: signal requires a signal name and a process name", "signal", GENERIC),
    }
}

impl Verb {
    fn ask(&self, session: &mut Session, names: &str, signal: Option<&str>) -> Outcome {
        let names: Vec<&str> = names.split_whitespace().collect();
        let call = |session: &Session, method, name: Option<&str>| {
            session.server.call(method, name.into_iter().chain(signal).map(Value::from).collect())
        };
        let [all, of_group, of_one] = self.methods;
        if names.contains(&"all") {
            let results = call(session, all, None)?;
            return self.report_all(session, &results);
        }
        for name in names {
            match split(name) {
                (group, None) => match call(session, of_group, Some(group)) {
                    Ok(results) => self.report_all(session, &results)?,
                    Err(Trouble::Fault(fault)) if fault.code == fault::BAD_NAME => {
                        session.say(&format!("{group}: ERROR (no such group)"));
                        session.exit = self.no_group;
                    }
                    Err(trouble) => return Err(trouble),
                },
                (group, Some(process)) => match call(session, of_one, Some(name)) {
                    Ok(_) => session.say(&format!("{}: {}", joined(group, process), self.done)),
                    Err(Trouble::Fault(fault)) => self.report(session, &joined(group, process), fault)?,
                    Err(trouble) => return Err(trouble),
                },
            }
        }
        Ok(())
    }

    fn report_all(&self, session: &mut Session, results: &Value) -> Outcome {
        for result in results.items() {
            let name = joined(text(result, "group")?, text(result, "name")?);
            let code = i32::try_from(number(result, "status")?).unwrap_or_default();
            let text = text(result, "description").unwrap_or_default().to_owned();
            self.report(session, &name, Fault { code, text })?;
        }
        Ok(())
    }

    /// Says what has become of one, and what that means for the exit code.
    fn report(&self, session: &mut Session, name: &str, result: Fault) -> Outcome {
        let reason = match result.code {
            fault::SUCCESS => {
                session.say(&format!("{name}: {}", self.done));
                return Ok(());
            }
            fault::BAD_NAME => "no such process",
            fault::BAD_SIGNAL => "bad signal name",
            fault::NO_FILE => "no such file",
            fault::NOT_EXECUTABLE => "file is not executable",
            fault::ABNORMAL_TERMINATION => "abnormal termination",
            fault::SPAWN_ERROR => "spawn error",
            fault::ALREADY_STARTED => "already started",
            fault::NOT_RUNNING => "not running",
            fault::FAILED => {
                session.say(&result.text);
                session.exit = GENERIC;
                return Ok(());
            }
            _ => return Err(Trouble::Fault(result)),
        };
        session.say(&format!("{name}: ERROR ({reason})"));
        match result.code {
            code if self.harmless == Some(code) => {}
            fault::SPAWN_ERROR | fault::ABNORMAL_TERMINATION | fault::NOT_RUNNING => session.exit = DEAD,
            _ => session.exit = GENERIC,
        }
        Ok(())
    }
}
