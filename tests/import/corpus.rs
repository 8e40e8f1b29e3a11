//! Real configurations, imported, beside what supervisord itself makes of them. They are other people's files and are not
//! kept here: PODCTL_SUPERVISORD_CORPUS names a folder with `conf/FILE` and `oracle/FILE.json`; without it nothing is
//! compared.

use super::support::{compile, import_file};
use podctl::import::Imported;
use podinit_plan::plan::{Command, Plan, RestartPolicy, Service};
use podinit_plan::template::Template;
use podinit_plan::{signal, words};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

/// Differences that docs/import.md gives the reason of.
const ACCEPTED: [&str; 5] = ["secret", "shell", "here", "user", "priority"];

/// The folder that an imported file has in the image.
const HERE: &str = "/app";

#[test]
fn real_configurations_keep_their_programs_and_every_difference_has_a_reason() {
    let Ok(folder) = std::env::var("PODCTL_SUPERVISORD_CORPUS") else { return };
    let folder = Path::new(&folder);
    let mut names: Vec<_> = std::fs::read_dir(folder.join("conf")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert!(!names.is_empty());
    let (mut failures, mut counts, mut list) = (Vec::new(), BTreeMap::<&str, usize>::new(), String::new());
    let mut programs = 0;
    for name in &names {
        let name = name.to_str().unwrap();
        let bytes = std::fs::read(folder.join("conf").join(name)).unwrap();
        let oracle: Value =
            serde_json::from_slice(&std::fs::read(folder.join("oracle").join(format!("{name}.json"))).unwrap()).unwrap();
        let imported = import_file("supervisord.conf", &String::from_utf8_lossy(&bytes));
        let (imported, plan) = match (imported, oracle["ok"] == true) {
            // A file that only includes others, which are not here.
            (Err(mistakes), true) if processes(&oracle).is_empty() && mistakes[0].contains("no program") => {
                *counts.entry("nothing to run").or_default() += 1;
                continue;
            }
            (Err(mistakes), true) => {
                failures.push(format!("{name}: refused: {mistakes:?}"));
                continue;
            }
            (Err(_), false) => continue,
            (Ok(_), false) => {
                failures.push(format!("{name}: the original refuses it: {}", oracle["error"]));
                continue;
            }
            (Ok(imported), true) => match compile(&imported.text) {
                Ok(plan) => (imported, plan),
                Err(mistakes) => {
                    failures.push(format!("{name}: {mistakes}"));
                    continue;
                }
            },
        };
        programs += imported.renamed.len();
        failures
            .extend(unaccounted(&imported, &String::from_utf8_lossy(&bytes)).into_iter().map(|line| format!("{name}: {line}")));
        for (kind, text) in compare(&imported, &plan, &oracle) {
            *counts.entry(kind).or_default() += 1;
            writeln!(list, "{name}: {kind}: {text}").unwrap();
            if !ACCEPTED.contains(&kind) {
                failures.push(format!("{name}: {kind}: {text}"));
            }
        }
    }
    println!("{list}{} files, {programs} processes; differences: {counts:?}", names.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Lines that nothing is said of.
fn unaccounted(imported: &Imported, text: &str) -> Vec<String> {
    let told: BTreeSet<usize> = imported.account.records().flat_map(|record| record.line..=record.end_line).collect();
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let lines = text.split('\n').enumerate().map(|(index, line)| (index + 1, line.trim()));
    let says = lines.filter(|(number, line)| !line.is_empty() && !line.starts_with([';', '#']) && !told.contains(number));
    says.map(|(number, line)| format!("line {number} is not accounted for: {line}")).collect()
}

/// The programs' processes that supervisord has, in the order of groups.
fn processes(oracle: &Value) -> Vec<(&Value, &Value)> {
    let groups = oracle["groups"].as_array().map(Vec::as_slice).unwrap_or_default();
    let programs = groups.iter().filter(|group| group["type"] == "ProcessGroupConfig");
    programs.flat_map(|group| group["processes"].as_array().unwrap().iter().map(move |process| (group, process))).collect()
}

/// Every difference, by its kind.
fn compare(imported: &Imported, plan: &Plan, oracle: &Value) -> Vec<(&'static str, String)> {
    let mut differences = Vec::new();
    let wanted = processes(oracle);
    let mut found = Vec::new();
    for (group, process) in &wanted {
        let was = match (group["group"].as_str().unwrap(), process["name"].as_str().unwrap()) {
            (group, name) if group == name => name.to_owned(),
            (group, name) => format!("{group}:{name}"),
        };
        let Some(service) =
            imported.renamed.iter().find(|renamed| renamed.was == was).and_then(|renamed| plan.services.get(&renamed.is))
        else {
            differences.push(("missing", was));
            continue;
        };
        found.push(((group["priority"].as_i64().unwrap(), process["priority"].as_i64().unwrap()), service.priority, was.clone()));
        of_process(&was, service, process, oracle, &mut differences);
    }
    for (a, service_a, was_a) in &found {
        for (b, service_b, was_b) in &found {
            if a.cmp(b) != service_a.cmp(service_b) {
                differences.push(("order", format!("{was_a} and {was_b}: {a:?} {b:?}, and {service_a} {service_b}")));
            }
        }
    }
    // The number itself may differ where the order does not.
    let numbers = found.iter().filter(|((_, own), service, _)| own != service);
    differences.extend(numbers.map(|(wanted, service, was)| ("priority", format!("{was}: {wanted:?} is {service}"))));
    // Nothing is there that nobody asked for.
    let (listeners, services): (Vec<_>, Vec<_>) = plan.services.values().partition(|service| service.listener.is_some());
    let pools = oracle["groups"].as_array().into_iter().flatten().filter(|group| group["type"] == "EventListenerPoolConfig");
    if services.len() != imported.renamed.len() || listeners.len() > pools.count() {
        differences.push(("services", format!("{} of {}", plan.services.len(), imported.renamed.len())));
    }
    differences
}

fn of_process(was: &str, service: &Service, process: &Value, oracle: &Value, differences: &mut Vec<(&'static str, String)>) {
    let mut differ = |kind: &'static str, what: &str, own: Value, wanted: &Value| {
        if own != *wanted {
            differences.push((kind, format!("{was}: {what} {own}, and the original {wanted}")));
        }
    };
    let argv = json!(argv(&service.command));
    let kind = match (&argv, &process["argv"]) {
        (own, _) if own.to_string().contains("(asked)") => "secret",
        (own, wanted) if own[0] == "/bin/sh" && wanted[0] == "sh" && tail(own) == tail(wanted) => "shell",
        (own, wanted) if without_here(own) == without_here(wanted) => "here",
        _ => "command",
    };
    differ(kind, "argv", argv, &process["argv"]);
    let user = service.user.as_deref().unwrap_or_default();
    let wanted_user = match &process["uid"] {
        Value::Null => {
            oracle["supervisord"]["user"].as_str().map(|user| if user == "0" { "root" } else { user }).unwrap_or("root")
        }
        uid if *uid == json!(0) => "root",
        _ => "another",
    };
    let own_user = match user {
        "0" => "root",
        user if user.starts_with("${") && wanted_user == "root" => "root",
        "root" => "root",
        _ if wanted_user == "another" => "another",
        user => user,
    };
    differ(if user == "app" { "user" } else { "uid" }, "user", json!(own_user), &json!(wanted_user));
    let policy = match service.restart.policy {
        RestartPolicy::Always => json!("true"),
        RestartPolicy::Never => json!(false),
        RestartPolicy::OnFailure => json!("unexpected"),
    };
    differ("restart", "autorestart", policy, &process["autorestart"]);
    differ("restart", "startretries", json!(service.restart.retries), &process["startretries"]);
    differ("restart", "exitcodes", json!(service.restart.exit_codes), &process["exitcodes"]);
    differ("restart", "what forgets failures", json!(service.restart.stable_after_ms), &json!(0));
    let alive = match service.ready {
        podinit_plan::plan::Ready::AliveMs(ms) => json!(ms / 1_000),
        _ => json!(null),
    };
    differ("restart", "startsecs", alive, &process["startsecs"]);
    let autostart = if service.autostart.starts_with("${") { json!(true) } else { json!(service.autostart == "true") };
    differ("start", "autostart", autostart, &process["autostart"]);
    differ("stop", "stopsignal", json!(signal::number(&service.stop.signal)), &process["stopsignal"]);
    differ("stop", "stopwaitsecs", json!(service.stop.grace_period_ms / 1_000), &process["stopwaitsecs"]);
    differ("stop", "stopasgroup", json!(service.stop.group), &process["stopasgroup"]);
}

/// The words of a command in a container with the variables that the oracle was given.
fn argv(command: &Command) -> Vec<String> {
    let value = |name: &str| {
        Some(Cow::Owned(match name {
            "PATH" => "/usr/local/bin:/usr/bin:/bin".to_owned(),
            "HOSTNAME" => "host".to_owned(),
            name => format!("envval_{}", name.to_lowercase()),
        }))
    };
    let fill = |text: &str| {
        let template = Template::parse(text).unwrap();
        let is_asked = text.contains(":?}");
        let filled = template.expand(&value).unwrap();
        if is_asked { format!("(asked) {filled}") } else { filled }
    };
    match command {
        Command::Words(words) => words.iter().map(|word| fill(word)).collect(),
        Command::Line(line) => words::split(&fill(line)).unwrap(),
    }
}

/// Of paths in its own folder the oracle kept the last part.
fn without_here(words: &Value) -> Vec<String> {
    let last = |word: &str| {
        let parts = word.split(' ').map(|part| match part.strip_prefix(HERE) {
            Some(path) => path.rsplit('/').next().unwrap_or(path),
            None => part,
        });
        parts.collect::<Vec<_>>().join(" ")
    };
    words.as_array().into_iter().flatten().map(|word| last(word.as_str().unwrap_or_default())).collect()
}

fn tail(words: &Value) -> &[Value] {
    words.as_array().and_then(|words| words.get(1..)).unwrap_or_default()
}
