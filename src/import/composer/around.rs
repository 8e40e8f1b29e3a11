//! The compose file: what it says of the project's own container, and the containers beside it.

use super::Pod;
use super::variables::Variables;
use crate::import::account::Account;
use crate::import::project::Project;
use crate::import::readers::compose::Compose;
use crate::import::secrets;
use crate::import::yaml::Yaml;
use crate::spec::node::{Entry, Node, Value};

/// Keys of a compose service that pod.yaml has at its top level.
const SAME: [&str; 21] = [
    "cap_add",
    "cap_drop",
    "deploy",
    "devices",
    "dns",
    "expose",
    "extra_hosts",
    "hostname",
    "labels",
    "platform",
    "privileged",
    "read_only",
    "restart",
    "security_opt",
    "shm_size",
    "stop_grace_period",
    "sysctls",
    "tmpfs",
    "ulimits",
    "env_file",
    "image",
];

/// What it says of the container as a whole.
#[derive(Debug, Default)]
pub struct Around {
    /// Who it runs as.
    pub user: Option<String>,
    /// Where.
    pub working_dir: Option<String>,
}

/// The variables of the project's own service: over those of its Dockerfile.
pub fn environment(compose: &Compose, variables: &mut Variables) {
    let Some(environment) = compose.own.as_ref().and_then(|own| compose.service(own)?.at(&["environment"])) else { return };
    for (name, value) in pairs(environment) {
        variables.of_pod(&name, value.as_deref());
    }
}

/// What else it says.
pub fn compose(compose: &Compose, project: &Project, pod: &mut Pod, account: &mut Account) -> Around {
    let mut around = Around::default();
    let top = compose.tree.as_ref().and_then(Node::map).map(|map| map.entries.as_slice()).unwrap_or_default();
    for entry in top {
        let Some(place) = compose.place(entry) else { continue };
        match entry.key.as_str() {
            "services" => account.implied(place, "the services below"),
            "version" => account.implied(place, "compose itself ignores it"),
            "name" => account.implied(place, "the pod has the folder's name"),
            "volumes" => {
                account.implied(place, "volumes are made when they are named");
                for entry in inner(&entry.value) {
                    if let Some(place) = compose.place(entry) {
                        match entry.value.map().is_none_or(|map| map.entries.is_empty()) {
                            true => account.implied(place, "volumes are made when they are named"),
                            false => account.left(place, "options of a volume have no key in pod.yaml"),
                        }
                    }
                }
            }
            "networks" => {
                account.implied(place, "a pod and what is beside it share a network");
                inner(&entry.value).iter().filter_map(|entry| compose.place(entry)).for_each(|place| {
                    account.implied(place, "a pod and what is beside it share a network");
                });
            }
            key if key.starts_with("x-") => account.implied(place, "what refers to it has its content"),
            _ => account.left(place, "it is not about this container"),
        }
    }
    let services = compose.tree.as_ref().and_then(|tree| tree.at(&["services"]));
    for entry in services.map(inner).unwrap_or_default() {
        if Some(&entry.key) == compose.own.as_ref() {
            if let Some(place) = compose.place(entry) {
                account.carried(place, "the pod");
            }
            for key in inner(&entry.value) {
                own(compose, key, project, pod, &mut around, account);
            }
        } else {
            beside(compose, entry, project, pod, account);
        }
    }
    around
}

/// A key of the project's own service.
fn own(compose: &Compose, entry: &Entry, project: &Project, pod: &mut Pod, around: &mut Around, account: &mut Account) {
    let Some(place) = compose.place(entry) else { return };
    let text = || entry.value.scalar().map(|scalar| scalar.text.clone());
    let key = entry.key.as_str();
    match key {
        "build" => {
            let has_args = entry.value.at(&["args"]).is_some() || entry.value.at(&["target"]).is_some();
            match has_args {
                true => account.left(place, "arguments of a build: write them below `base.build`"),
                false => account.carried(place, "base"),
            }
        }
        "environment" => account.carried(place, key),
        "ports" => {
            pod.ports = list(&entry.value);
            account.carried(place, key);
        }
        "volumes" => {
            let volumes: Vec<String> = list(&entry.value).iter().map(|volume| mounted(volume, project)).collect();
            pod.volumes.retain(|known| !volumes.iter().any(|volume| target(volume) == target(known)));
            pod.volumes.extend(volumes);
            account.carried(place, key);
        }
        "user" => {
            around.user = text();
            account.carried(place, "services: user");
        }
        "working_dir" => {
            around.working_dir = text();
            account.carried(place, "services: working_dir");
        }
        "container_name" | "init" | "tty" | "stdin_open" => {
            account.implied(place, "the container has the pod's name, and podinit as its init")
        }
        "depends_on" | "links" => {
            account.implied(place, "backing services are started first; `depends_on` of a service waits for them")
        }
        "networks" => account.implied(place, "a pod and what is beside it share a network"),
        "healthcheck" => account.implied(place, "podinit answers the engine's check for all services"),
        "stop_signal" => account.implied(place, "podinit stops on SIGTERM"),
        "command" | "entrypoint" => account.implied(place, "podinit is the container's PID 1"),
        "logging" => account.left(place, "the engine's own logs are its matter"),
        "env_file" => {
            let path = |text: &str| Yaml::text(if text.starts_with('/') { text.to_owned() } else { project.path(text) });
            let value = match value(&entry.value) {
                Yaml::Text(text) => path(&text),
                Yaml::List(items) => Yaml::List(
                    items.into_iter().map(|item| if let Yaml::Text(text) = item { path(&text) } else { item }).collect(),
                ),
                other => other,
            };
            pod.same.push((key.to_owned(), value));
            account.carried(place, key);
        }
        _ if SAME.contains(&key) && has_secret(&entry.value) => account.left(place, "a secret seems to be in it"),
        _ if SAME.contains(&key) => {
            pod.same.push((key.to_owned(), value(&entry.value)));
            account.carried(place, key);
        }
        _ => account.left(place, "it has no key in pod.yaml"),
    }
}

/// A container beside the pod.
fn beside(compose: &Compose, entry: &Entry, project: &Project, pod: &mut Pod, account: &mut Account) {
    let Some(place) = compose.place(entry) else { return };
    let keys = inner(&entry.value);
    let Some(_) = keys.iter().find(|key| key.key == "image") else {
        account.left(place, "another container that is built has a pod.yaml of its own");
        for place in keys.iter().filter_map(|key| compose.place(key)) {
            account.left(place, "belongs to that container");
        }
        return;
    };
    let mut kept = Vec::new();
    for key in keys {
        let Some(place) = compose.place(key) else { continue };
        match key.key.as_str() {
            "environment" => {
                let values = pairs(&key.value).into_iter().map(|(name, value)| match value {
                    Some(value) if !secrets::is_hidden(&name, &value) => (name, Yaml::Text(value)),
                    // podctl passes on what it has itself.
                    _ => (name, Yaml::Null),
                });
                kept.push(("environment".to_owned(), Yaml::Map(values.collect())));
                account.carried(place, "backing_services");
            }
            "volumes" => {
                let volumes = list(&key.value);
                kept.push(("volumes".to_owned(), Yaml::texts(volumes.iter().map(|volume| mounted(volume, project)))));
                account.carried(place, "backing_services");
            }
            "image" | "command" | "ports" => {
                kept.push((key.key.clone(), without_secrets(value(&key.value), &mut pod.variables)));
                account.carried(place, "backing_services");
            }
            "restart" | "container_name" | "networks" | "expose" => {
                account.implied(place, "podctl starts it and finds it by its name")
            }
            _ => account.left(place, "a backing service has no such key"),
        }
    }
    account.carried(place, "backing_services");
    pod.backing.push((super::names::pod(&entry.key), Yaml::Map(kept)));
}

fn without_secrets(value: Yaml, variables: &mut Variables) -> Yaml {
    match value {
        Yaml::Text(text) => {
            let (text, names) = secrets::without_values(&text);
            names.iter().for_each(|name| variables.hide(name));
            // What is asked for when podctl reads the file must not keep it from being read.
            Yaml::Text(text.replace(":?}", ":-}"))
        }
        Yaml::List(items) => Yaml::List(items.into_iter().map(|item| without_secrets(item, variables)).collect()),
        other => other,
    }
}

fn has_secret(node: &Node) -> bool {
    match &node.value {
        Value::Scalar(scalar) => !secrets::without_values(&scalar.text).1.is_empty(),
        Value::List(items) => items.iter().any(has_secret),
        Value::Map(map) => map.entries.iter().any(|entry| {
            let is_hidden = |node: &Node| node.scalar().is_some_and(|scalar| secrets::is_hidden(&entry.key, &scalar.text));
            is_hidden(&entry.value) || has_secret(&entry.value)
        }),
        Value::Broken => false,
    }
}

/// A volume whose folder is one of the project.
fn mounted(volume: &str, project: &Project) -> String {
    match volume.strip_prefix("./") {
        Some(rest) => {
            let (path, target) = rest.split_once(':').unwrap_or((rest, ""));
            format!("./{}:{target}", project.path(path).trim_start_matches("./"))
        }
        None => volume.to_owned(),
    }
}

/// The path in the container that a volume is mounted on.
fn target(volume: &str) -> &str {
    let parts: Vec<&str> = volume.split(':').collect();
    match parts.as_slice() {
        [_, target] | [_, target, _] => target,
        _ => volume,
    }
}

fn inner(node: &Node) -> &[Entry] {
    node.map().map(|map| map.entries.as_slice()).unwrap_or_default()
}

/// `environment` in either of its forms.
fn pairs(node: &Node) -> Vec<(String, Option<String>)> {
    match &node.value {
        Value::Map(map) => {
            let text = |node: &Node| node.scalar().filter(|scalar| !scalar.is_null()).map(|scalar| scalar.text.clone());
            map.entries.iter().map(|entry| (entry.key.clone(), text(&entry.value))).collect()
        }
        Value::List(items) => {
            let texts = items.iter().filter_map(Node::scalar).map(|scalar| scalar.text.as_str());
            texts
                .map(|text| {
                    text.split_once('=')
                        .map_or((text.to_owned(), None), |(name, value)| (name.to_owned(), Some(value.to_owned())))
                })
                .collect()
        }
        _ => Vec::new(),
    }
}

/// Short forms as they are, long ones as short ones.
fn list(node: &Node) -> Vec<String> {
    let short = |item: &Node| {
        if let Some(scalar) = item.scalar() {
            return Some(scalar.text.clone());
        }
        let text = |key: &str| item.at(&[key]).and_then(Node::scalar).map(|scalar| scalar.text.clone());
        let target = text("target")?;
        let source = text("published").or_else(|| text("source"));
        Some(source.map_or(target.clone(), |source| format!("{source}:{target}")))
    };
    node.list().unwrap_or_default().iter().filter_map(short).collect()
}

/// As it is.
fn value(node: &Node) -> Yaml {
    match &node.value {
        Value::Broken => Yaml::Null,
        Value::Scalar(scalar) if scalar.is_null() => Yaml::Null,
        Value::Scalar(scalar) if scalar.plain && (scalar.boolean().is_some() || scalar.text.parse::<i64>().is_ok()) => {
            Yaml::plain(&scalar.text)
        }
        Value::Scalar(scalar) => Yaml::text(scalar.text.as_str()),
        Value::List(items) => Yaml::List(items.iter().map(value).collect()),
        Value::Map(map) => Yaml::map(map.entries.iter().map(|entry| (entry.key.clone(), value(&entry.value)))),
    }
}
