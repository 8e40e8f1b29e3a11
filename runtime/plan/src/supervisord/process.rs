//! `[program:x]` and its kin: from a section to its processes.

use super::config::{AutoRestart, Log, LogTarget, Process, Variables};
use super::daemon::{BACKUPS, MAX_BYTES, environment};
use super::expand::{Names, expand};
use super::ini::Section;
use super::reader::Reader;
use super::values::{self, boolean, count, exit_codes, integer, octal, signal_number, size};
use super::{Surroundings, words};

/// The most processes of one program: numbers from the environment can be anything.
const MOST: i64 = 1_000;

/// What the processes of a section have in common with those around it.
pub(super) struct Around<'a> {
    /// The group that they are in.
    pub group: &'a str,
    /// The variables that are known.
    pub names: &'a Names<'a>,
    /// What `[supervisord]` gives every program.
    pub environment: &'a Variables,
    pub surroundings: &'a Surroundings,
}

/// Reads the processes of a section; by priority, then by name.
pub(super) fn processes<'i>(reader: &mut Reader<'i>, section: &'i Section, name: &str, around: &Around) -> Vec<Process> {
    let program = values::name(name).unwrap_or_else(|error| {
        reader.lacks(section, &error);
        name.to_owned()
    });
    let mut names = Names::within(around.names);
    names.text("program_name", &program);
    names.text("group_name", around.group);
    names.text("host_node_name", &around.surroundings.host_name);
    let names = &names;

    let several = reader.value_or(section, "numprocs", names, processes_count, 1);
    let first = reader.value_or(section, "numprocs_start", names, integer, 0);
    let process_name = reader.raw(section, "process_name").unwrap_or("%(program_name)s");
    if let Err(error) = values::name(process_name) {
        reader.mistake(section, "process_name", &error);
    }
    if several > 1 && !process_name.contains("%(process_num)") {
        reader.mistake(section, "process_name", "it must contain %(process_num) when numprocs is more than 1");
    }
    let mut processes = Vec::new();
    for number in first..first.saturating_add(several) {
        let mut names = Names::within(names);
        names.number("process_num", number);
        names.number("numprocs", several);
        processes.extend(process(reader, section, process_name, &names, around));
    }
    processes.sort_by(|a, b| (a.priority, &a.name).cmp(&(b.priority, &b.name)));
    processes
}

fn processes_count(text: &str) -> Result<i64, String> {
    integer(text)?.le(&MOST).then_some(integer(text)?.max(0)).ok_or_else(|| format!("expected at most {MOST}"))
}

fn process<'i>(reader: &mut Reader<'i>, section: &'i Section, name: &str, names: &Names, around: &Around) -> Option<Process> {
    let own = environment(reader, section, names);
    // What a program gives itself is known in the rest of its options.
    let mut names = Names::within(names);
    names.variables(&own);
    let names = &names;
    let mut environment = around.environment.clone();
    environment.extend(own);

    let stopasgroup = reader.value_or(section, "stopasgroup", names, boolean, false);
    let killasgroup = reader.value_or(section, "killasgroup", names, boolean, stopasgroup);
    if stopasgroup && !killasgroup {
        reader.mistake(section, "killasgroup", "it cannot be false when stopasgroup is true");
    }
    let redirect_stderr = reader.value_or(section, "redirect_stderr", names, boolean, false);
    let stdout = log(reader, section, &Streams::STDOUT, names);
    let mut stderr = log(reader, section, &Streams::STDERR, names);
    if redirect_stderr {
        if matches!(stderr.logfile, LogTarget::Path(_)) {
            reader.warn(section, "stderr_logfile", "it does nothing, because redirect_stderr is true");
        }
        stderr.logfile = LogTarget::None;
    }
    if reader.raw(section, "command").is_none() {
        reader.lacks(section, "has no command");
    }
    let command = reader.text(section, "command", names).unwrap_or_default();
    let argv = words::split(&command).map_err(|error| reader.warn(section, "command", &format!("it cannot be started: {error}")));
    let serverurl = reader.text(section, "serverurl", names);
    Some(Process {
        name: reader.fill(section, "process_name", name, names)?.trim().to_owned(),
        argv: argv.ok(),
        command,
        directory: reader.text(section, "directory", names),
        umask: reader.value(section, "umask", names, octal),
        priority: reader.value_or(section, "priority", names, integer, 999),
        autostart: reader.value_or(section, "autostart", names, boolean, true),
        autorestart: reader.value_or(section, "autorestart", names, autorestart, AutoRestart::Unexpected),
        startsecs: reader.value_or(section, "startsecs", names, count, 1),
        startretries: reader.value_or(section, "startretries", names, count, 3),
        user: reader.text(section, "user", names),
        stdout,
        stderr,
        redirect_stderr,
        stopsignal: reader.value_or(section, "stopsignal", names, signal_number, 15),
        stopwaitsecs: reader.value_or(section, "stopwaitsecs", names, count, 10),
        stopasgroup,
        killasgroup,
        exitcodes: reader.value_or(section, "exitcodes", names, exit_codes, vec![0]),
        environment,
        serverurl: serverurl.filter(|url| !url.trim().eq_ignore_ascii_case("auto")),
    })
}

fn autorestart(text: &str) -> Result<AutoRestart, String> {
    if text.eq_ignore_ascii_case("unexpected") {
        return Ok(AutoRestart::Unexpected);
    }
    let always = boolean(text).map_err(|_| "expected true, false or unexpected".to_owned())?;
    Ok(if always { AutoRestart::True } else { AutoRestart::False })
}

/// The names of the options of one output.
struct Streams {
    logfile: &'static str,
    maxbytes: &'static str,
    backups: &'static str,
    capture: &'static str,
    events: &'static str,
    syslog: &'static str,
}

impl Streams {
    const STDOUT: Streams = Streams {
        logfile: "stdout_logfile",
        maxbytes: "stdout_logfile_maxbytes",
        backups: "stdout_logfile_backups",
        capture: "stdout_capture_maxbytes",
        events: "stdout_events_enabled",
        syslog: "stdout_syslog",
    };
    const STDERR: Streams = Streams {
        logfile: "stderr_logfile",
        maxbytes: "stderr_logfile_maxbytes",
        backups: "stderr_logfile_backups",
        capture: "stderr_capture_maxbytes",
        events: "stderr_events_enabled",
        syslog: "stderr_syslog",
    };
}

fn log<'i>(reader: &mut Reader<'i>, section: &'i Section, options: &Streams, names: &Names) -> Log {
    let text = reader.text(section, options.logfile, names);
    // The original fills these in twice: what a value brings along is filled in, too.
    let text = text.map(|text| if text.contains("%(") { expand(&text, names).unwrap_or(text) } else { text });
    let mut syslog = reader.value_or(section, options.syslog, names, boolean, false);
    let logfile = match text.as_deref().map(str::to_lowercase).as_deref() {
        None | Some("auto") => LogTarget::Auto,
        Some("none" | "off") => LogTarget::None,
        Some("syslog") => {
            syslog = true;
            LogTarget::None
        }
        Some(_) => LogTarget::Path(text.unwrap_or_default()),
    };
    if syslog {
        reader.warn(section, options.syslog, "podinit has no syslog; what would go there is dropped");
    }
    Log {
        logfile,
        logfile_maxbytes: reader.value_or(section, options.maxbytes, names, size, MAX_BYTES),
        logfile_backups: reader.value_or(section, options.backups, names, count, BACKUPS),
        capture_maxbytes: reader.value_or(section, options.capture, names, size, 0),
        events_enabled: reader.value_or(section, options.events, names, boolean, false),
        syslog,
    }
}
