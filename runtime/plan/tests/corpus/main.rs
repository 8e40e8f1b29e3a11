//! Real configurations, and what supervisord itself makes of them. They are other people's files and are not kept here:
//! PODCTL_SUPERVISORD_CORPUS names a folder with `conf/FILE` and `oracle/FILE.json`; without it nothing is compared.

mod case;

use case::{Case, cases};
use podinit_plan::supervisord::{AutoRestart, Config, Group, GroupKind, Log, LogTarget, Process};
use serde_json::{Value, json};

#[test]
fn real_configurations_mean_what_supervisord_takes_them_for() {
    let mut differing = Vec::new();
    let all = cases();
    for (name, Case { oracle, .. }, reading) in all.iter().map(|(name, case)| (name, case, case.read())) {
        let differences = match (reading, oracle["ok"] == true) {
            (Ok(reading), true) => compare(&reading.config, oracle),
            (Err(_), false) => Vec::new(),
            (Ok(_), false) => vec![format!("is refused by the original: {}", oracle["error"])],
            (Err(mistakes), true) => mistakes.iter().map(ToString::to_string).collect(),
        };
        if !differences.is_empty() {
            differing.push(format!("{name}\n  {}", differences.join("\n  ")));
        }
    }
    println!("{} of {} agree", all.len() - differing.len(), all.len());
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

fn compare(config: &Config, oracle: &Value) -> Vec<String> {
    let groups: Vec<Value> = config.groups.iter().map(group).collect();
    let empty = Vec::new();
    let wanted = oracle["groups"].as_array().unwrap_or(&empty);
    let mut differences = Vec::new();
    for key in
        ["logfile_maxbytes", "logfile_backups", "nodaemon", "user", "umask", "minfds", "minprocs", "identifier", "strip_ansi"]
    {
        let own = json!(config.supervisord)[key].clone();
        let wanted = &oracle["supervisord"][key];
        if own != *wanted && !(key == "user" && own.is_string() && !wanted.is_null()) {
            differences.push(format!("[supervisord] {key}: {own}, and the original {wanted}"));
        }
    }
    if json!(config.supervisord.environment) != oracle["supervisord"]["environment"] {
        differences.push("[supervisord] environment".to_owned());
    }
    if groups.len() != wanted.len() {
        differences.push(format!("{} groups, and the original has {}", groups.len(), wanted.len()));
    }
    for (own, wanted) in groups.iter().zip(wanted) {
        differ(&own["group"].to_string(), own, wanted, &mut differences);
    }
    differences
}

/// What both have under the same key must be equal.
fn differ(at: &str, own: &Value, wanted: &Value, differences: &mut Vec<String>) {
    match (own, wanted) {
        (Value::Object(own), Value::Object(wanted)) => {
            for (key, value) in own {
                differ(&format!("{at}.{key}"), value, wanted.get(key).unwrap_or(&Value::Null), differences);
            }
        }
        (Value::Array(own), Value::Array(wanted)) if own.len() == wanted.len() => {
            for (index, (own, wanted)) in own.iter().zip(wanted).enumerate() {
                differ(&format!("{at}[{index}]"), own, wanted, differences);
            }
        }
        _ if own == wanted => {}
        // Of paths in its own folder the oracle kept the last part.
        (Value::String(own), Value::String(wanted)) if own.contains("/dir/") && last_parts(own) == *wanted => {}
        _ => differences.push(format!("{at}: {own}, and the original {wanted}")),
    }
}

fn last_parts(text: &str) -> String {
    let last = |word: &str| match word.strip_prefix("/dir/") {
        Some(path) => path.rsplit('/').next().unwrap_or(path).to_owned(),
        None => word.to_owned(),
    };
    text.split(' ').map(last).collect::<Vec<_>>().join(" ")
}

fn group(group: &Group) -> Value {
    let kind = match group.kind {
        GroupKind::Programs => "ProcessGroupConfig",
        GroupKind::EventListener { .. } => "EventListenerPoolConfig",
        GroupKind::Fcgi { .. } => "FastCGIGroupConfig",
    };
    let processes: Vec<Value> = group.processes.iter().map(process).collect();
    json!({ "group": group.name, "priority": group.priority, "type": kind, "processes": processes })
}

fn process(process: &Process) -> Value {
    let autorestart = match process.autorestart {
        AutoRestart::True => json!("true"),
        AutoRestart::False => json!(false),
        AutoRestart::Unexpected => json!("unexpected"),
    };
    let mut value = json!({
        "name": process.name,
        "command": process.command,
        "argv": process.argv,
        "directory": process.directory,
        "umask": process.umask,
        "priority": process.priority,
        "autostart": process.autostart,
        "autorestart": autorestart,
        "startsecs": process.startsecs,
        "startretries": process.startretries,
        // Users stand for 1000, root for 0; a variable was given root there.
        "uid": process.user.as_deref().map(|user| if user == "root" || user == "0" || user.starts_with("envval_") { 0 } else { 1000 }),
        "stopsignal": process.stopsignal,
        "stopwaitsecs": process.stopwaitsecs,
        "stopasgroup": process.stopasgroup,
        "killasgroup": process.killasgroup,
        "exitcodes": process.exitcodes,
        "redirect_stderr": process.redirect_stderr,
        "environment": process.environment,
        "serverurl": process.serverurl,
    });
    for (stream, log) in [("stdout", &process.stdout), ("stderr", &process.stderr)] {
        for (key, of_log) in of_log(log) {
            value[format!("{stream}_{key}")] = of_log;
        }
    }
    value
}

fn of_log(log: &Log) -> [(&'static str, Value); 6] {
    let logfile = match &log.logfile {
        LogTarget::None => Value::Null,
        LogTarget::Auto => json!("AUTO"),
        LogTarget::Path(path) => json!(path),
    };
    [
        ("logfile", logfile),
        ("logfile_maxbytes", json!(log.logfile_maxbytes)),
        ("logfile_backups", json!(log.logfile_backups)),
        ("capture_maxbytes", json!(log.capture_maxbytes)),
        ("events_enabled", json!(log.events_enabled)),
        ("syslog", json!(log.syslog)),
    ]
}
