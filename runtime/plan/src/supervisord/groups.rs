//! Which groups there are: those of `[group:x]`, and one for each program that is in none.

use super::Surroundings;
use super::config::{Group, GroupKind, Variables};
use super::expand::Names;
use super::ini::Section;
use super::process::{Around, processes};
use super::reader::Reader;
use super::values::{self, integer, octal};

/// The priority of what has none.
const PRIORITY: i64 = 999;
/// What takes the results of listeners.
const RESULT_HANDLER: &str = "supervisor.dispatchers:default_handler";
/// Listeners are started first and stopped last.
const LISTENER_PRIORITY: i64 = -1;

/// Reads all groups; by priority, then by name.
pub(super) fn groups(reader: &mut Reader, names: &Names, environment: &Variables, surroundings: &Surroundings) -> Vec<Group> {
    let mut context = Context { reader, names, environment, surroundings };
    let mut groups = Vec::new();
    let mut members: Vec<&str> = Vec::new();
    for (section, name) in context.reader.named("group") {
        groups.push(context.group(section, name, &mut members));
    }
    for kind in ["program", "eventlistener", "fcgi-program"] {
        for (section, name) in context.reader.named(kind) {
            if !members.contains(&section.name.as_str()) {
                groups.push(context.lone(section, name, kind));
            }
        }
    }
    groups.sort_by(|a, b| (a.priority, &a.name).cmp(&(b.priority, &b.name)));
    groups
}

struct Context<'r, 'i, 'a> {
    reader: &'r mut Reader<'i>,
    names: &'a Names<'a>,
    environment: &'a Variables,
    surroundings: &'a Surroundings,
}

impl<'i> Context<'_, 'i, '_> {
    /// `[group:x]`; notes its members' sections.
    fn group(&mut self, section: &'i Section, name: &str, members: &mut Vec<&'i str>) -> Group {
        let name = self.name(section, name);
        let programs = self.reader.text(section, "programs", self.names).unwrap_or_default();
        if programs.is_empty() {
            self.reader.lacks(section, "has no programs");
        }
        let mut of_all = Vec::new();
        for program in values::list(&programs) {
            let ini = self.reader.ini;
            let found = ["program", "fcgi-program"].map(|kind| ini.section(&format!("{kind}:{program}")));
            match found {
                [Some(of), None] | [None, Some(of)] => {
                    members.push(&of.name);
                    of_all.extend(self.processes(of, &program, &name));
                }
                [None, None] => self.reader.mistake(section, "programs", &format!("there is no [program:{program}]")),
                [Some(_), Some(_)] => {
                    self.reader.mistake(section, "programs", &format!("{program} is a program and an fcgi-program"));
                }
            }
        }
        let priority = self.priority(section, PRIORITY);
        Group { name, priority, kind: GroupKind::Programs, processes: of_all }
    }

    /// A section that is a group of its own.
    fn lone(&mut self, section: &'i Section, name: &str, kind: &str) -> Group {
        let name = self.name(section, name);
        let default = if kind == "eventlistener" { LISTENER_PRIORITY } else { PRIORITY };
        let priority = self.priority(section, default);
        let kind = match kind {
            "eventlistener" => self.listener(section),
            "fcgi-program" => self.fcgi(section, &name),
            _ => GroupKind::Programs,
        };
        let processes = self.processes(section, &name, &name);
        Group { name, priority, kind, processes }
    }

    fn listener(&mut self, section: &'i Section) -> GroupKind {
        let buffer_size = self.reader.value_or(section, "buffer_size", self.names, values::count, 10);
        if buffer_size == 0 {
            self.reader.mistake(section, "buffer_size", "it must be 1 at least");
        }
        let events = self.reader.text(section, "events", self.names).unwrap_or_default();
        let events: Vec<String> = values::list(&events).iter().map(|event| event.to_uppercase()).collect();
        if events.is_empty() {
            self.reader.lacks(section, "has no events");
        }
        for event in events.iter().filter(|event| !EVENTS.contains(&event.as_str())) {
            self.reader.mistake(section, "events", &format!("there is no event {event}"));
        }
        if self.reader.value_or(section, "redirect_stderr", self.names, values::boolean, false) {
            self.reader.mistake(section, "redirect_stderr", "it cannot be true here: a listener's stdout is its protocol");
        }
        if self.reader.raw(section, "result_handler").is_some_and(|handler| handler != RESULT_HANDLER) {
            self.reader.warn(section, "result_handler", "it is not called: `OK` is success, anything else a rejection");
        }
        GroupKind::EventListener { events, buffer_size }
    }

    fn fcgi(&mut self, section: &'i Section, name: &str) -> GroupKind {
        let mut names = Names::within(self.names);
        names.text("program_name", name);
        let socket = self.reader.text(section, "socket", &names).unwrap_or_default();
        if socket.is_empty() {
            self.reader.lacks(section, "has no socket");
        } else if !socket.starts_with("unix:///") && !socket.starts_with("tcp://") {
            self.reader.mistake(section, "socket", &format!("`{socket}`: expected unix:///path or tcp://host:port"));
        }
        let socket_backlog = self.reader.value(section, "socket_backlog", &names, backlog);
        let socket_owner = self.reader.text(section, "socket_owner", &names);
        let socket_mode = self.reader.value(section, "socket_mode", &names, octal);
        if !socket.starts_with("unix:") {
            for option in ["socket_owner", "socket_mode"] {
                if self.reader.raw(section, option).is_some() {
                    self.reader.mistake(section, option, "only a unix socket has one");
                }
            }
        }
        GroupKind::Fcgi { socket, socket_backlog, socket_owner, socket_mode }
    }

    fn processes(&mut self, section: &'i Section, program: &str, group: &str) -> Vec<super::Process> {
        let around = Around { group, names: self.names, environment: self.environment, surroundings: self.surroundings };
        processes(self.reader, section, program, &around)
    }

    fn priority(&mut self, section: &'i Section, default: i64) -> i64 {
        self.reader.value_or(section, "priority", self.names, integer, default)
    }

    fn name(&mut self, section: &Section, name: &str) -> String {
        values::name(name).unwrap_or_else(|error| {
            self.reader.lacks(section, &error);
            name.to_owned()
        })
    }
}

/// How many connections may wait.
fn backlog(text: &str) -> Result<u64, String> {
    values::count(text).ok().filter(|backlog| (1..=65_535).contains(backlog)).ok_or("expected 1 to 65535".to_owned())
}

/// What a listener can be told of: events, and families of them.
pub const EVENTS: &[&str] = &[
    "EVENT",
    "PROCESS_STATE",
    "PROCESS_STATE_STOPPED",
    "PROCESS_STATE_EXITED",
    "PROCESS_STATE_STARTING",
    "PROCESS_STATE_STOPPING",
    "PROCESS_STATE_BACKOFF",
    "PROCESS_STATE_FATAL",
    "PROCESS_STATE_RUNNING",
    "PROCESS_STATE_UNKNOWN",
    "PROCESS_COMMUNICATION",
    "PROCESS_COMMUNICATION_STDOUT",
    "PROCESS_COMMUNICATION_STDERR",
    "PROCESS_LOG",
    "PROCESS_LOG_STDOUT",
    "PROCESS_LOG_STDERR",
    "REMOTE_COMMUNICATION",
    "SUPERVISOR_STATE_CHANGE",
    "SUPERVISOR_STATE_CHANGE_RUNNING",
    "SUPERVISOR_STATE_CHANGE_STOPPING",
    "TICK",
    "TICK_5",
    "TICK_60",
    "TICK_3600",
    "PROCESS_GROUP",
    "PROCESS_GROUP_ADDED",
    "PROCESS_GROUP_REMOVED",
];
