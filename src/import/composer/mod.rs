//! The composer: what becomes of what the sources say.

mod around;
mod daemon;
mod files;
mod gateway;
mod health;
mod image;
mod listeners;
mod logs;
pub mod names;
mod packages;
mod ports;
mod priorities;
mod routes;
mod script;
mod servers;
pub mod services;
mod settings;
mod stages;
mod targets;
mod users;
mod variables;

use super::Imported;
use super::account::{Account, Place};
use super::draft::{self, Service};
use super::project::{Project, Sources};
use super::readers::dockerfile::Dockerfile;
use super::readers::nginx::Nginx;
use super::readers::supervisord::Other;
use super::yaml::{self, Yaml};
use std::collections::BTreeMap;
use variables::Variables;

/// A pod in the making.
#[derive(Debug, Default)]
struct Pod {
    base: Option<Yaml>,
    stages: Vec<(String, Yaml)>,
    users: Vec<(String, Yaml)>,
    labels: Vec<(String, Yaml)>,
    variables: Variables,
    files: Vec<(String, Yaml)>,
    volumes: Vec<String>,
    ports: Vec<String>,
    /// Keys that compose has, too.
    same: Vec<(String, Yaml)>,
    services: Vec<Service>,
    gateway: Option<Service>,
    listeners: Vec<Service>,
    control: Option<Yaml>,
    backing: Vec<(String, Yaml)>,
}

/// Makes pod.yaml.
#[must_use]
pub fn compose(project: &Project, sources: &Sources, mut account: Account) -> Imported {
    let mut pod = Pod::default();
    let mut renamed = Vec::new();
    if let Some(supervisord) = &sources.supervisord {
        daemon::environment(supervisord, &mut pod.variables);
    }
    let around = match &sources.compose {
        Some(compose) => {
            around::environment(compose, &mut pod.variables);
            around::compose(compose, project, &mut pod, &mut account)
        }
        None => around::Around::default(),
    };
    let dockerfile = sources.dockerfile.as_ref();
    let user = dockerfile.and_then(|dockerfile| dockerfile.find("USER")).map(|user| user.text.trim().to_owned());
    let user = around.user.or(user).unwrap_or_else(|| "root".to_owned());
    let working_dir =
        around.working_dir.or_else(|| dockerfile.map(|dockerfile| dockerfile.working_dir().unwrap_or_else(|| "/".to_owned())));
    if let Some(supervisord) = &sources.supervisord {
        let ending = listeners::ending(supervisord, project);
        let around =
            services::Surroundings { user: &user, working_dir: working_dir.as_deref(), is_essential: !ending.is_empty() };
        (pod.services, renamed) = services::services(supervisord, &around, &mut pod.variables, &mut account);
        let settled = |other: &Other| ending.contains(&other.section) || daemon::only_logs(other);
        pod.listeners = services::listeners(supervisord, &settled, &around, &mut pod.variables, &mut account);
        for listener in &mut pod.listeners {
            let is_taken = |name: &str| pod.services.iter().any(|service| service.name == name);
            if is_taken(&listener.name) {
                listener.name = names::unique(&format!("{}-listener", listener.name), &is_taken);
            }
        }
        pod.control = daemon::control(supervisord, &mut pod.variables);
        daemon::rest(supervisord, around.is_essential, &ending, &mut account);
    }
    let kept = sources.nginx.as_ref().and_then(|nginx| web(nginx, &mut pod, &mut account));
    if let Some(dockerfile) = dockerfile {
        image(dockerfile, sources, project, &mut pod, &mut account);
    }
    if let (Some(nginx), Some(obstacle)) = (&sources.nginx, kept) {
        keep_nginx(nginx, &obstacle, sources, project, &mut pod, &mut account);
    }
    if let Some(script) = &sources.script {
        script::compose(script, &user, working_dir.as_deref(), &mut pod, &mut account);
    }
    ports::show(sources, &mut pod);
    health::carry(sources, &mut pod, &mut account);
    // nginx as the gateway knows no variables; what is left of the services' may be the pod's.
    for (name, value) in draft::shared_variables(&mut pod.services) {
        pod.variables.of_all(name, value);
    }
    users::declare(&mut pod);
    if pod.base.is_none() {
        account.note("no Dockerfile is here: say in `base` what the image starts from, and which packages it needs");
    }
    for renamed in &mut renamed {
        if pod.gateway.is_some()
            && !pod
                .services
                .iter()
                .any(|service| renamed.is == service.name || renamed.is.starts_with(&format!("{}-", service.name)))
        {
            renamed.is = "gateway".to_owned();
        }
    }
    let text = write(project, &mut pod, &account);
    Imported { text, account, renamed, asked: pod.variables.asked().to_vec() }
}

/// The image: taken apart, or as its Dockerfile makes it.
fn image(dockerfile: &Dockerfile, sources: &Sources, project: &Project, pod: &mut Pod, account: &mut Account) {
    let has_gateway = pod.gateway.is_some();
    let skip = |package: &str| package == "supervisor" || (has_gateway && package == "nginx");
    let context = sources.compose.as_ref().map_or("", |compose| compose.context.trim_matches('.'));
    let nginx_files = sources.nginx.as_ref().map(|nginx| nginx.files.as_slice()).unwrap_or_default();
    let script = sources.script.as_ref().map(|script| script.name.as_str());
    let is_replaced = |source: &str| (has_gateway && nginx_files.iter().any(|file| file == source)) || script == Some(source);
    let made = match context {
        "" => image::compose(dockerfile, &skip, &is_replaced, project, pod, account),
        _ => Err(image::Obstacle {
            place: dockerfile.last().map_or(Place::line(0, 0), |stage| stage.place),
            why: format!("it is built in {context}"),
        }),
    };
    match made {
        Ok(made) => {
            // Who has the project's folder as its own gets it from a build; all others have none.
            let mut has_it = false;
            for service in &mut pod.services {
                if made.project_at.is_some() && service.text("working_dir") == made.project_at.as_deref() {
                    if !has_it && !project.below.is_empty() {
                        service.set("build", Yaml::map([("context", Yaml::text(project.path(".")))]));
                    }
                    has_it = true;
                } else {
                    service.set("build", Yaml::plain(false));
                }
            }
            // What podctl would install by itself, the image did not have.
            let none = (!made.installs && has_lock_file(project)).then(|| ("install".to_owned(), Yaml::List(Vec::new())));
            if let Some(at) = made.project_at.filter(|_| !has_it) {
                let context = (!project.below.is_empty()).then(|| ("context".to_owned(), Yaml::text(project.path("."))));
                let copy = ("copy".to_owned(), Yaml::map([(".", Yaml::text(at))]));
                pod.stages.push(("app".to_owned(), Yaml::Map(context.into_iter().chain(none).chain([copy]).collect())));
            } else if let Some(none) = none.filter(|_| has_it) {
                let is_own = |service: &&mut Service| service.get("build") != Some(&Yaml::plain(false));
                if let Some(service) = pod.services.iter_mut().find(is_own) {
                    let mut keys = match service.get("build") {
                        Some(Yaml::Map(keys)) => keys.clone(),
                        _ => Vec::new(),
                    };
                    keys.push(none);
                    service.set("build", Yaml::Map(keys));
                }
            }
        }
        Err(obstacle) => image::keep(dockerfile, context, &obstacle, project, pod, account),
    }
}

/// Whether podctl would install something by itself.
fn has_lock_file(project: &Project) -> bool {
    crate::render::lockfile_names().any(|name| project.files.iter().any(|file| file == name))
}

/// nginx becomes the gateway; what is in the way of that, when there is something.
fn web(nginx: &Nginx, pod: &mut Pod, account: &mut Account) -> Option<gateway::Obstacle> {
    let Some(own) = gateway::nginx_of(&pod.services) else {
        for directive in &nginx.directives {
            directive.each(&mut |inner| account.left(inner.place, "no program of this project is nginx"));
        }
        return None;
    };
    gateway::compose(nginx, pod, own, account).err()
}

/// nginx stays a service: its files are in the image, by the Dockerfile or by `files`.
fn keep_nginx(
    nginx: &Nginx,
    obstacle: &gateway::Obstacle,
    sources: &Sources,
    project: &Project,
    pod: &mut Pod,
    account: &mut Account,
) {
    let is_built = matches!(&pod.base, Some(Yaml::Map(base)) if base.iter().any(|(key, _)| key == "build"));
    gateway::keep(nginx, obstacle, if is_built { "base.build" } else { "files" }, account);
    for (index, file) in nginx.files.iter().enumerate().filter(|_| !is_built) {
        let known = sources.dockerfile.as_ref().and_then(|dockerfile| dockerfile.target_of(file));
        let name = file.rsplit('/').next().unwrap_or_default();
        let usual = if index == 0 { "/etc/nginx/nginx.conf".to_owned() } else { format!("/etc/nginx/conf.d/{name}") };
        // Where the Dockerfile copies it, it is in `files` already.
        if known.is_none() {
            pod.files.push((usual, Yaml::text(project.path(file))));
        }
    }
}

/// Writes it, with what was left as comments.
fn write(project: &Project, pod: &mut Pod, account: &Account) -> String {
    let defaults = draft::share(&mut pod.services, pod.gateway.iter_mut().chain(&mut pod.listeners).collect());
    let grace = grace(pod, &defaults);
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
    add("labels", &pod.labels);
    add("users", &pod.users);
    add("environment", pod.variables.entries());
    add("files", &pod.files);
    if !pod.volumes.is_empty() {
        top.push(("volumes".to_owned(), Yaml::texts(pod.volumes.clone())));
    }
    if !pod.ports.is_empty() {
        top.push(("ports".to_owned(), Yaml::texts(pod.ports.clone())));
    }
    let has_grace = pod.same.iter().any(|(key, _)| key == "stop_grace_period");
    top.extend(pod.same.clone());
    if let Some(grace) = grace.filter(|_| !has_grace) {
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
    if !pod.listeners.is_empty() {
        let listeners = pod.listeners.iter().map(|service| (service.name.clone(), draft::nested(&service.keys, &is_over)));
        top.push(("event_listeners".to_owned(), Yaml::map(listeners)));
    }
    if let Some(control) = &pod.control {
        top.push(("control".to_owned(), control.clone()));
    }
    if !pod.backing.is_empty() {
        top.push(("backing_services".to_owned(), Yaml::Map(pod.backing.clone())));
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

/// What the pod needs to stop when services ask for time, one level after the other; none when it has it anyway.
fn grace(pod: &Pod, defaults: &[(String, Yaml)]) -> Option<u64> {
    let key = "stop_grace_period";
    let seconds = |value: &Yaml| match value {
        Yaml::Text(text) => podinit_plan::units::parse_duration_ms(text).ok().map(|ms| ms / 1_000),
        _ => None,
    };
    let common = defaults.iter().find(|(known, _)| known == key).and_then(|(_, value)| seconds(value));
    let mut levels: BTreeMap<i64, u64> = BTreeMap::new();
    for service in pod.services.iter().chain(&pod.gateway) {
        let priority = service.text("priority").and_then(|priority| priority.parse().ok()).unwrap_or(100);
        let level = levels.entry(priority).or_default();
        *level = (*level).max(service.get(key).and_then(seconds).or(common).unwrap_or(0));
    }
    let sum = levels.values().fold(0u64, |sum, level| sum.saturating_add(*level));
    // The rest is for podinit, and for who asks for no time.
    (sum >= 10).then(|| sum.saturating_add(5).min(365 * 86_400))
}
