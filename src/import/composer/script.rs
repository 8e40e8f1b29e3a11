//! The entrypoint: what it does before supervisord is a oneshot that everything waits for.

use super::Pod;
use super::names;
use crate::import::account::Account;
use crate::import::draft::Service;
use crate::import::readers::script::Script;
use crate::import::readers::supervisord::escape;
use crate::import::secrets;
use crate::import::yaml::Yaml;

/// Makes a oneshot of an entrypoint that does something.
pub fn compose(script: &Script, user: &str, working_dir: Option<&str>, pod: &mut Pod, account: &mut Account) {
    let mut text: Vec<&str> = Vec::new();
    let mut fails = false;
    for (place, line) in &script.lines {
        let words: Vec<&str> = line.split_whitespace().collect();
        let first = words.first().copied().unwrap_or_default();
        let starts = words.iter().any(|word| word.trim_matches(['"', '\'']).rsplit('/').next() == Some("supervisord"));
        if starts || (first == "exec" && line.contains("\"$@\"")) || line.trim() == "\"$@\"" {
            account.implied(*place, "podinit is the container's PID 1");
        } else if first == "set" {
            fails |= words.get(1).is_some_and(|flags| flags.starts_with('-') && flags.contains('e'));
            text.push(line);
            account.carried(*place, "services: the oneshot that runs before");
        } else if let Some((name, value)) = exported(line) {
            account.carried(*place, "environment");
            pod.variables.over(name, Some(&escape(value)));
        } else if first == "export" || first == "." || first == "source" {
            account.left(*place, "variables that it gives to services: write them under `environment`");
        } else if line.contains("$@") || line.contains("$1") {
            account.left(*place, "it looks at its arguments, and a service has none");
        } else {
            text.push(line);
            account.carried(*place, "services: the oneshot that runs before");
        }
    }
    let says = |line: &&&str| !line.trim_start().starts_with("set ");
    // Blocks of which a part was left cannot be run.
    let is_whole = !script.lines.iter().any(|(place, _)| account.is_left(*place));
    if text.iter().filter(says).count() == 0 {
        return;
    }
    if !is_whole {
        for (place, _) in &script.lines {
            account.left(*place, "the entrypoint as a whole is not run: a part of it has no place in a oneshot");
        }
        return;
    }
    let (text, hidden) = secrets::without_values(&text.join("\n"));
    hidden.iter().for_each(|name| pod.variables.require(name));
    let taken: Vec<String> = pod.services.iter().map(|service| service.name.clone()).collect();
    let mut service = Service::new(&names::unique("prepare", &|name| taken.iter().any(|taken| taken == name)));
    service.follows = true;
    service.set("type", Yaml::text("oneshot"));
    service.set(
        "command",
        match script.interpreter.contains("bash") {
            true => Yaml::texts(["bash".to_owned(), "-c".to_owned(), escape(&text)]),
            false => Yaml::map([("shell", Yaml::Text(text))]),
        },
    );
    service.set("user", Yaml::text(user));
    if let Some(folder) = working_dir {
        service.set("working_dir", Yaml::text(folder));
    }
    if matches!(pod.services.first().and_then(|service| service.get("build")), Some(Yaml::Plain(_))) {
        service.set("build", Yaml::plain(false));
    }
    service.set("restart.policy", Yaml::text("no"));
    service.set("essential", Yaml::plain(fails));
    let first = pod.services.iter().chain(&pod.gateway).filter_map(|service| service.text("priority")?.parse::<i64>().ok()).min();
    let first = first.unwrap_or(100).min(100);
    service.set("priority", Yaml::plain(if first > 1 { 1 } else { first - 1 }));
    pod.services.insert(0, service);
}

/// `export NAME=value` with a value that is what it looks like.
fn exported(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.trim().strip_prefix("export ")?.split_once('=')?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let value = value.trim().trim_matches('"').trim_matches('\'');
    (is_name && !value.contains(['$', '`', '"', ';', '&', '|'])).then_some((name, value))
}
