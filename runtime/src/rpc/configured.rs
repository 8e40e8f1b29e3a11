//! What `getAllConfigInfo` says of a process: its configuration, whether it runs or not.

use super::view::View;
use crate::xmlrpc::Value;
use podinit_plan::plan::{Command, Output, Plan, Ready, Service};
use podinit_plan::signal;
use podinit_plan::supervisord::{Config, Group, Log, LogTarget, Process};

/// A process of the configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Configured {
    /// Its group.
    pub group: String,
    /// Its name.
    pub name: String,
    /// What is said of it, but for whether its group is there.
    members: Vec<(&'static str, Value)>,
}

/// All processes of a supervisord.conf.
#[must_use]
pub fn of_config(config: &Config) -> Vec<Configured> {
    let processes = config.groups.iter().flat_map(|group| group.processes.iter().map(move |process| (group, process)));
    sorted(processes.map(|(group, process)| from_process(group, process)).collect())
}

/// All services of a plan, in supervisord's terms as far as they go.
#[must_use]
pub fn of_plan(plan: &Plan) -> Vec<Configured> {
    sorted(plan.services.iter().map(|(name, service)| from_service(name, service)).collect())
}

fn sorted(mut all: Vec<Configured>) -> Vec<Configured> {
    all.sort_by(|one, other| (&one.name, &one.group).cmp(&(&other.name, &other.group)));
    all
}

/// What clients are told.
#[must_use]
pub fn listed(all: &[Configured], view: &dyn View) -> Value {
    let of_one = |one: &Configured| {
        let in_use = ("inuse", Value::Bool(view.group(&one.group).is_some()));
        let names = [("name", Value::from(one.name.as_str())), ("group", Value::from(one.group.as_str()))];
        let members = names.into_iter().chain([in_use]).chain(one.members.iter().cloned());
        Value::Struct(members.map(|(name, value)| (name.to_owned(), value)).collect())
    };
    Value::Array(all.iter().map(of_one).collect())
}

fn from_process(group: &Group, process: &Process) -> Configured {
    let codes = process.exitcodes.iter().map(|code| Value::from(*code)).collect();
    let mut members = vec![
        ("autostart", Value::Bool(process.autostart)),
        ("command", Value::from(process.command.as_str())),
        ("directory", or_none(process.directory.as_deref())),
        ("exitcodes", Value::Array(codes)),
        ("group_prio", Value::Int(group.priority)),
        ("killasgroup", Value::Bool(process.killasgroup)),
        ("process_prio", Value::Int(process.priority)),
        ("redirect_stderr", Value::Bool(process.redirect_stderr)),
        ("serverurl", or_none(process.serverurl.as_deref())),
        ("startretries", number(process.startretries)),
        ("startsecs", number(process.startsecs)),
        ("stopsignal", Value::from(process.stopsignal)),
        ("stopwaitsecs", number(process.stopwaitsecs)),
        ("uid", or_none(process.user.as_deref())),
    ];
    members.extend(STDOUT.into_iter().zip(log(&process.stdout)));
    members.extend(STDERR.into_iter().zip(log(&process.stderr)));
    Configured { group: group.name.clone(), name: process.name.clone(), members }
}

/// In the order of the names above.
fn log(log: &Log) -> [Value; 6] {
    let path = match &log.logfile {
        LogTarget::None => "none",
        LogTarget::Auto => "auto",
        LogTarget::Path(path) => path,
    };
    [
        number(log.capture_maxbytes),
        Value::Bool(log.events_enabled),
        Value::from(path),
        number(log.logfile_backups),
        number(log.logfile_maxbytes),
        Value::Bool(log.syslog),
    ]
}

fn from_service(full_name: &str, service: &Service) -> Configured {
    let (group, name) = super::names::split(full_name, service.group.as_deref());
    let command = match &service.command {
        Command::Words(words) => words.join(" "),
        Command::Line(line) => line.clone(),
    };
    let seconds = match service.ready {
        Ready::AliveMs(alive) => alive / 1_000,
        _ => 0,
    };
    let codes = service.restart.exit_codes.iter().map(|code| Value::from(*code)).collect();
    let mut members = vec![
        ("autostart", Value::Bool(service.autostart != "false")),
        ("command", Value::Text(command)),
        ("directory", Value::from(service.working_dir.as_str())),
        ("exitcodes", Value::Array(codes)),
        ("group_prio", Value::Int(service.priority)),
        ("killasgroup", Value::Bool(true)),
        ("process_prio", Value::Int(service.priority)),
        ("redirect_stderr", Value::Bool(service.logging.stderr.is_none())),
        ("serverurl", Value::from("none")),
        ("startretries", Value::from(service.restart.retries)),
        ("startsecs", number(seconds)),
        ("stopsignal", Value::from(signal::number(&service.stop.signal).unwrap_or(15))),
        ("stopwaitsecs", number(service.stop.grace_period_ms / 1_000)),
        ("uid", or_none(service.user.as_deref())),
    ];
    let none = Output::default();
    let outputs = [("stdout", &service.logging.stdout), ("stderr", service.logging.stderr.as_ref().unwrap_or(&none))];
    for (stream, output) in outputs {
        let (path, backups, size) = match (&output.file, output.container) {
            (Some(file), _) => (file.path.as_str(), u64::from(file.max_files.saturating_sub(1)), file.max_size_bytes),
            (None, Some(_)) if stream == "stdout" => ("/dev/stdout", 0, 0),
            (None, Some(_)) => ("/dev/stderr", 0, 0),
            (None, None) => ("none", 0, 0),
        };
        let values = [number(0), Value::Bool(false), Value::from(path), number(backups), number(size), Value::Bool(false)];
        let names: [&'static str; 6] = if stream == "stdout" { STDOUT } else { STDERR };
        members.extend(names.into_iter().zip(values));
    }
    Configured { group, name, members }
}

/// What is said of each output, in the order of [`log`].
const STDOUT: [&str; 6] = [
    "stdout_capture_maxbytes",
    "stdout_events_enabled",
    "stdout_logfile",
    "stdout_logfile_backups",
    "stdout_logfile_maxbytes",
    "stdout_syslog",
];
const STDERR: [&str; 6] = [
    "stderr_capture_maxbytes",
    "stderr_events_enabled",
    "stderr_logfile",
    "stderr_logfile_backups",
    "stderr_logfile_maxbytes",
    "stderr_syslog",
];

fn number(value: u64) -> Value {
    Value::Int(i64::try_from(value).unwrap_or(i64::MAX))
}

fn or_none(text: Option<&str>) -> Value {
    Value::from(text.unwrap_or("none"))
}
