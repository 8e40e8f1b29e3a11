//! What supervisord.conf says besides its programs: the daemon, its servers, groups, listeners, and lines that did nothing.

use super::variables::Variables;
use crate::import::account::Account;
use crate::import::readers::supervisord::{Other, Supervisord, place_of, template};
use crate::import::yaml::Yaml;
use podinit_plan::supervisord::Listen;
use std::collections::BTreeSet;

/// What the rest of supervisord.conf says.
pub fn rest(source: &Supervisord, is_essential: bool, ending: &BTreeSet<String>, account: &mut Account) {
    daemon(source, account);
    for entry in &source.entries {
        let (kind, _) = entry.section.split_once(':').unwrap_or((&entry.section, ""));
        let place = entry.place;
        match (kind, entry.option.as_deref()) {
            ("program", None) => account.carried(place, "services"),
            ("program", Some(_)) if !source.programs.iter().any(|program| program.section == entry.section) => {
                account.implied(place, "with numprocs=0 there is no process");
            }
            ("group", None | Some("programs")) => {
                account.implied(place, "services have names of their own; podctl addresses them one by one")
            }
            ("group", Some("priority")) => account.carried(place, "services: priority"),
            ("eventlistener", _) if ending.contains(&entry.section) => {
                let by = if is_essential { "`essential: true`: the pod ends with a service that is down for good" } else { "" };
                account.implied(place, by);
            }
            ("eventlistener", _) if source.others.iter().any(|other| other.section == entry.section && only_logs(other)) => {
                account.implied(place, "the container's log has every line, with the name of its service");
            }
            ("eventlistener", None) => account.carried(place, "event_listeners"),
            ("fcgi-program", None) => account.left(place, "podinit opens no socket for a service; have the program open its own"),
            ("fcgi-program", Some(_)) => account.left(place, "belongs to that fcgi-program"),
            ("supervisorctl" | "rpcinterface" | "ctlplugin" | "unix_http_server", _) => {
                account.implied(place, "podinit has its socket at its own place, and answers supervisorctl there");
            }
            ("inet_http_server", _) => account.carried(place, "control"),
            ("include", _) => account.implied(place, "the included files are part of this one"),
            _ => {}
        }
        if entry.option.is_some() && !account.is_settled(place) {
            let counting = place_of(&source.entries, &entry.section, entry.option.as_deref().unwrap_or_default());
            if counting != Some(place) {
                account.implied(place, "a later line says it anew");
            } else if matches!(kind, "program" | "supervisord" | "eventlistener") {
                account.left(place, "supervisord has no such option; it did nothing");
            } else {
                account.left(place, "supervisord does nothing with it");
            }
        } else if entry.option.is_none() && !account.is_settled(place) {
            match kind {
                "supervisord" => account.implied(place, "podinit is the container's PID 1"),
                _ => account.left(place, "supervisord has no such section"),
            }
        }
    }
}

fn daemon(source: &Supervisord, account: &mut Account) {
    let why = |option: &str| match option {
        "nodaemon" => "PID 1 stays in the foreground",
        "logfile" | "logfile_maxbytes" | "logfile_backups" | "loglevel" | "silent" => {
            "podinit's own lines are in the container's log"
        }
        "pidfile" => "podinit is PID 1",
        "identifier" => "the pod's name says who it is",
        "minfds" | "minprocs" => "podinit needs few of its own; limits of services are `ulimits`",
        "umask" | "directory" => "of the daemon alone; it has none in the foreground",
        "childlogdir" | "nocleanup" => "logs go to the container's output",
        "strip_ansi" => "files have no escape sequences",
        "profile_options" => "podinit has no profiler",
        _ => "",
    };
    for entry in source.entries.iter().filter(|entry| entry.section == "supervisord") {
        match entry.option.as_deref() {
            Some("user") => account.carried(entry.place, "services: user"),
            Some("environment") => account.carried(entry.place, "environment"),
            Some(option) if !why(option).is_empty() => account.implied(entry.place, why(option)),
            _ => {}
        }
    }
}

/// Whether a listener only hands on what programs write.
pub fn only_logs(listener: &Other) -> bool {
    let is_log = |event: &String| event.starts_with("PROCESS_LOG");
    let names = ["supervisor_stdout", "supervisor-stdout", "supervisor_logging", "supervisor-logging"];
    listener.events.iter().all(is_log) && names.iter().any(|name| listener.command.contains(name))
}

/// A text of `[supervisord] environment` or the like.
pub fn environment(source: &Supervisord, variables: &mut Variables) {
    for (name, value) in &source.config.supervisord.environment {
        variables.of_pod(name, Some(&template(value)));
    }
}

/// `control`, where `[inet_http_server]` asks for it. Its password is never copied.
pub fn control(source: &Supervisord, variables: &mut Variables) -> Option<Yaml> {
    let (server, port) = source.config.servers.iter().find_map(|server| match server.listen {
        Listen::Inet { port, .. } => Some((server, port)),
        Listen::Unix { .. } => None,
    })?;
    let mut keys = vec![("port", Yaml::plain(port))];
    if server.password.is_some() {
        if let Some(user) = server.username.as_deref().filter(|user| *user != "admin") {
            keys.push(("user", Yaml::text(template(user))));
        }
        variables.hide("CONTROL_PASSWORD");
        keys.push(("password", Yaml::text("${CONTROL_PASSWORD:?}")));
    }
    Some(Yaml::map(keys))
}
