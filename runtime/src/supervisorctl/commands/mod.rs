//! The commands, by family.

mod daemon;
mod foreground;
mod groups;
mod info;
mod logs;
mod processes;

use super::session::{Outcome, Session};

/// Carries a command out, with what follows its name.
pub(super) type Command = fn(&mut Session, &str) -> Outcome;

/// Every command but those of the shell itself.
pub(super) const COMMANDS: [(&str, Command); 19] = [
    ("add", groups::add),
    ("avail", info::avail),
    ("clear", logs::clear),
    ("fg", foreground::fg),
    ("maintail", logs::maintail),
    ("open", daemon::open),
    ("pid", info::pid),
    ("reload", daemon::reload),
    ("remove", groups::remove),
    ("reread", groups::reread),
    ("restart", processes::restart),
    ("shutdown", daemon::shutdown),
    ("signal", processes::signal),
    ("start", processes::start),
    ("status", info::status),
    ("stop", processes::stop),
    ("tail", logs::tail),
    ("update", groups::update),
    ("version", info::version),
];

/// supervisord's numbers of what can be wrong.
mod fault {
    pub const SHUTDOWN_STATE: i32 = 6;
    pub const BAD_NAME: i32 = 10;
    pub const BAD_SIGNAL: i32 = 11;
    pub const NO_FILE: i32 = 20;
    pub const NOT_EXECUTABLE: i32 = 21;
    pub const FAILED: i32 = 30;
    pub const ABNORMAL_TERMINATION: i32 = 40;
    pub const SPAWN_ERROR: i32 = 50;
    pub const ALREADY_STARTED: i32 = 60;
    pub const NOT_RUNNING: i32 = 70;
    pub const SUCCESS: i32 = 80;
    pub const ALREADY_ADDED: i32 = 90;
    pub const STILL_RUNNING: i32 = 91;
    pub const CANT_REREAD: i32 = 92;
}

/// The group and the process that a name means; no process is the whole group.
fn split(name: &str) -> (&str, Option<&str>) {
    match name.split_once(':') {
        Some((group, "" | "*")) => (group, None),
        Some((group, process)) => (group, Some(process)),
        None => (name, Some(name)),
    }
}

/// The name that means a process of a group.
fn joined(group: &str, process: &str) -> String {
    if group == process { process.to_owned() } else { format!("{group}:{process}") }
}
