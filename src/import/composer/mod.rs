//! The composer: what becomes of what the sources say.

mod gateway;
mod listeners;
mod logs;
pub mod names;
mod routes;
pub mod services;
mod settings;
mod users;
mod variables;

use super::Imported;
use super::account::Account;
use super::draft::{self, Service};
use super::project::{Project, Sources};
use super::readers::nginx::Nginx;
use super::yaml::{self, Yaml};
use variables::Variables;

/// A pod in the making.
#[derive(Debug, Default)]
struct Pod {
    base: Option<Yaml>,
    stages: Vec<(String, Yaml)>,
    users: Vec<(String, Yaml)>,
    variables: Variables,
    files: Vec<(String, Yaml)>,
    volumes: Vec<String>,
    ports: Vec<String>,
    services: Vec<Service>,
    gateway: Option<Service>,
}

/// Makes pod.yaml.
#[must_use]
pub fn compose(project: &Project, sources: &Sources, mut account: Account) -> Imported {
    let mut pod = Pod::default();
    let mut renamed = Vec::new();
    if let Some(supervisord) = &sources.supervisord {
        let ending = listeners::ending(supervisord, project);
        let around = services::Surroundings { user: "root", working_dir: None, is_essential: !ending.is_empty() };
        services::daemon_environment(supervisord, &mut pod.variables);
        (pod.services, renamed) = services::services(supervisord, &around, &mut pod.variables, &mut account);
        services::rest(supervisord, around.is_essential, &ending, &mut account);
    }
    if let Some(nginx) = &sources.nginx {
        web(nginx, &mut pod, &mut account);
    }
    users::declare(&mut pod);
    let text = write(project, &mut pod, &account);
    Imported { text, account, renamed, asked: pod.variables.asked().to_vec() }
}

/// nginx becomes the gateway, or stays what it was.
fn web(nginx: &Nginx, pod: &mut Pod, account: &mut Account) {
    let Some(own) = gateway::nginx_of(&pod.services) else {
        for directive in &nginx.directives {
            directive.each(&mut |inner| account.left(inner.place, "no program of this project is nginx"));
        }
        return;
    };
    if let Err(obstacle) = gateway::compose(nginx, pod, own, account) {
        gateway::keep(nginx, &obstacle, "files", account);
    }
}

/// Writes it, with what was left as comments.
fn write(project: &Project, pod: &mut Pod, account: &Account) -> String {
    let grace = grace(&pod.services);
    let defaults = draft::share(&mut pod.services);
    let mut top: Vec<(String, Yaml)> = vec![("name".to_owned(), Yaml::text(names::pod(&project.name)))];
    let mut add = |key: &str, entries: &[(String, Yaml)]| {
        if !entries.is_empty() {
            top.push((key.to_owned(), Yaml::Map(entries.to_vec())));
        }
    };
    if let Some(Yaml::Map(base)) = &pod.base {
        add("base", base);
    }
    add("stages", &pod.stages);
    add("users", &pod.users);
    add("environment", pod.variables.entries());
    add("files", &pod.files);
    if !pod.volumes.is_empty() {
        top.push(("volumes".to_owned(), Yaml::texts(pod.volumes.clone())));
    }
    if !pod.ports.is_empty() {
        top.push(("ports".to_owned(), Yaml::texts(pod.ports.clone())));
    }
    if let Some(grace) = grace {
        top.push(("stop_grace_period".to_owned(), Yaml::text(services::seconds(grace))));
    }
    if !defaults.is_empty() {
        top.push(("defaults".to_owned(), draft::nested(&defaults, &|_| false)));
    }
    let is_over = |outer: &str| defaults.iter().any(|(key, _)| key.split_once('.').is_some_and(|(name, _)| name == outer));
    let services = pod.services.iter().map(|service| (service.name.clone(), draft::nested(&service.keys, &is_over)));
    top.push(("services".to_owned(), Yaml::map(services)));
    if let Some(gateway) = &pod.gateway {
        top.push(("gateway".to_owned(), draft::nested(&gateway.keys, &is_over)));
    }
    format!("{}{}{}", header(account), yaml::write(&top, &["services"]), footer(account))
}

fn header(account: &Account) -> String {
    format!("# Imported by podctl from {}.\n", account.files().join(", "))
}

fn footer(account: &Account) -> String {
    let mut out = String::new();
    let mut list = |title: &str, lines: &[String]| {
        if !lines.is_empty() {
            out.push_str(&format!("# {title}:\n"));
            lines.iter().for_each(|line| out.push_str(&format!("# - {}\n", line.replace(char::is_control, " "))));
        }
    };
    list("To know", account.notes());
    list("Not carried over", &account.left_over());
    out
}

/// What the pod needs to stop when services ask for time, one level after the other; none when that is what it has anyway.
fn grace(services: &[Service]) -> Option<u64> {
    let mut levels: std::collections::BTreeMap<&str, u64> = std::collections::BTreeMap::new();
    for service in services {
        let asked = service.text("stop_grace_period").and_then(|text| podinit_plan::units::parse_duration_ms(text).ok());
        let level = levels.entry(service.text("priority").unwrap_or("100")).or_default();
        *level = (*level).max(asked.filter(|asked| *asked != 10_000).unwrap_or(0) / 1_000);
    }
    let sum = levels.values().fold(0u64, |sum, level| sum.saturating_add(*level));
    (sum >= 10).then(|| sum.saturating_add(5))
}
