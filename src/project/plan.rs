//! What has to happen to a pod's container. Pure: wanted and found in, a step and its reasons out.

#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

use crate::engine::container::{self, Wanted};
use crate::engine::inspect::Found;
use crate::engine::secrets::SecretFile;
use crate::engine::{labels, network};
use crate::render;
use crate::spec::model::{Container, Deploy, Pod, PublishedPort};
use podinit_plan::units::format_duration_ms;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What a container was made from, as its label [`labels::CONFIG`] says it in JSON: enough to tell what changed, and no
/// value of a variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The id of its image.
    pub image: String,
    /// What is published, in compose's short form, sorted.
    pub ports: BTreeSet<String>,
    /// The names of the variables that were handed over.
    pub variables: BTreeSet<String>,
    /// What the engine gives it to stop.
    pub stop_grace_period_ms: u64,
    /// Its rights and limits, by their keys in pod.yaml.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rights: BTreeMap<String, String>,
}

/// What has to happen to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// There is none.
    Create,
    /// There is one, and it differs; why.
    Recreate(Vec<String>),
    /// It is right and does not run.
    Start,
    /// It is right and runs.
    Leave,
    /// Its name is taken by a container that podctl did not make.
    Refuse,
}

/// The container that a pod wants when its tag is the image of this id, with these variables: those that its plan refers
/// to, no others.
#[must_use]
pub fn wanted(pod: &Pod, image_id: &str, environment: BTreeMap<String, String>, secrets: Vec<SecretFile>) -> Wanted {
    let binds = container::binds(&pod.name, &pod.volumes);
    let config = Config {
        image: image_id.to_owned(),
        ports: pod.ports.iter().map(port).collect(),
        variables: environment.keys().cloned().collect(),
        stop_grace_period_ms: pod.stop_grace_period_ms,
        rights: rights(&pod.container, &binds),
    };
    let labels = [
        (labels::POD, pod.name.clone()),
        (labels::FOLDER, pod.folder.display().to_string()),
        // A struct of strings and numbers has no value that JSON lacks.
        (labels::CONFIG, serde_json::to_string(&config).unwrap_or_default()),
    ];
    Wanted {
        name: pod.name.clone(),
        // By its tag, so that `docker ps` shows a name; the label holds the id that it has to be.
        image: pod.image.clone(),
        environment,
        labels: labels.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        ports: pod.ports.clone(),
        network: Some(network::name(&pod.name)),
        stop_grace_period_ms: pod.stop_grace_period_ms,
        container: pod.container.clone(),
        tmpfs: render::tmpfs(pod),
        binds,
        secrets,
        ..Wanted::default()
    }
}

/// Compares what is wanted with what was found.
#[must_use]
pub fn step(wanted: &Wanted, found: Option<&Found>) -> Step {
    let Some(found) = found else { return Step::Create };
    if !found.is_pod() {
        return Step::Refuse;
    }
    let reasons = differences(wanted, found);
    match found.state.as_str() {
        _ if !reasons.is_empty() => Step::Recreate(reasons),
        "dead" | "removing" => Step::Recreate(vec![format!("it is {}", found.state)]),
        "running" => Step::Leave,
        _ => Step::Start,
    }
}

fn differences(wanted: &Wanted, found: &Found) -> Vec<String> {
    let config = |labels: &BTreeMap<String, String>| -> Option<Config> { serde_json::from_str(labels.get(labels::CONFIG)?).ok() };
    let (Some(new), Some(old)) = (config(&wanted.labels), config(&found.labels)) else {
        return vec!["it was made by another version of podctl".to_owned()];
    };
    let mut reasons = Vec::new();
    // The engine's word counts: a label can be inherited by a container that was made by hand.
    if new.image != old.image || new.image != found.image_id {
        reasons.push("image changed".to_owned());
    }
    if new.ports != old.ports {
        reasons.push(format!("ports changed from {} to {}", list(&old.ports), list(&new.ports)));
    }
    if new.stop_grace_period_ms != old.stop_grace_period_ms {
        let [from, to] = [old.stop_grace_period_ms, new.stop_grace_period_ms].map(format_duration_ms);
        reasons.push(format!("stop_grace_period changed from {from} to {to}"));
    }
    let keys: BTreeSet<&String> = old.rights.keys().chain(new.rights.keys()).collect();
    reasons
        .extend(keys.into_iter().filter(|key| old.rights.get(*key) != new.rights.get(*key)).map(|key| format!("{key} changed")));
    for name in old.variables.union(&new.variables) {
        let what = match (old.variables.contains(name), new.variables.contains(name)) {
            (true, false) => "is not set any more",
            (false, true) => "is set now",
            // Never the values: they may be secret.
            _ if wanted.environment.get(name) != found.environment.get(name) => "changed",
            _ => continue,
        };
        reasons.push(format!("environment variable {name} {what}"));
    }
    let folder = |labels: &BTreeMap<String, String>| labels.get(labels::FOLDER).cloned().unwrap_or_default();
    if folder(&wanted.labels) != folder(&found.labels) {
        reasons.push(format!("it was made from {}", folder(&found.labels)));
    }
    reasons
}

/// What a container is given besides, as texts to compare.
fn rights(container: &Container, binds: &[String]) -> BTreeMap<String, String> {
    let limit = |limit: Option<u64>| limit.map_or("none".to_owned(), |limit| limit.to_string());
    let ulimits = container.ulimits.iter();
    let ulimits = ulimits.map(|(name, ulimit)| format!("{name} {}:{}", limit(ulimit.soft), limit(ulimit.hard)));
    let pairs =
        |map: &BTreeMap<String, String>| map.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ");
    let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    let devices = container.devices.iter();
    let devices = devices.map(|device| format!("{}:{}:{}", device.host, device.container, device.permissions));
    let rights = [
        ("cap_add", container.cap_add.join(" ")),
        ("cap_drop", container.cap_drop.join(" ")),
        ("ulimits", ulimits.collect::<Vec<_>>().join(" ")),
        ("read_only", if container.read_only { "true".to_owned() } else { String::new() }),
        ("security_opt", container.security_opt.join(" ")),
        ("volumes", binds.join(" ")),
        ("hostname", container.hostname.clone().unwrap_or_default()),
        ("extra_hosts", container.extra_hosts.join(" ")),
        ("dns", container.dns.join(" ")),
        ("tmpfs", pairs(&container.tmpfs)),
        ("shm_size", number(container.shm_size_bytes)),
        ("sysctls", pairs(&container.sysctls)),
        ("devices", devices.collect::<Vec<_>>().join(" ")),
        ("privileged", if container.privileged { "true".to_owned() } else { String::new() }),
        ("networks", container.networks.join(" ")),
        ("restart", container.restart.clone().unwrap_or_default()),
        ("platform", container.platform.clone().unwrap_or_default()),
        ("deploy", if container.deploy == Deploy::default() { String::new() } else { format!("{:?}", container.deploy) }),
    ];
    rights.into_iter().filter(|(_, text)| !text.is_empty()).map(|(key, text)| (key.to_owned(), text)).collect()
}

/// A published port in compose's short form: `127.0.0.1:8080:80/tcp`.
fn port(port: &PublishedPort) -> String {
    let address = match port.address {
        Some(address) if address.is_ipv6() => format!("[{address}]:"),
        Some(address) => format!("{address}:"),
        None => String::new(),
    };
    let host = port.host.map(|host| host.to_string()).unwrap_or_default();
    format!("{address}{host}:{}/{}", port.container, port.protocol)
}

fn list(ports: &BTreeSet<String>) -> String {
    if ports.is_empty() { "none".to_owned() } else { ports.iter().map(String::as_str).collect::<Vec<_>>().join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::load;
    use crate::spec::source::Source;

    fn wanted(pod: &Pod, image_id: &str, environment: BTreeMap<String, String>) -> Wanted {
        super::wanted(pod, image_id, environment, Vec::new())
    }

    fn pod() -> Pod {
        let text = "name: shop\nports: ['127.0.0.1:8080:80']\nservices: { web: { command: x, port: 80 } }";
        let source = Source { name: "pod.yaml".to_owned(), text: text.to_owned() };
        let inputs = load::Inputs { sources: vec![source], folder: "/srv/shop".into(), variables: &|_| None };
        load::load(inputs).unwrap().pod
    }

    fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// The container that the engine shows after `wanted` was created from an image that has a PATH.
    fn running(wanted: &Wanted, image_id: &str) -> Found {
        let mut environment = wanted.environment.clone();
        environment.insert("PATH".to_owned(), "/usr/bin".to_owned());
        Found {
            name: wanted.name.clone(),
            image_id: image_id.to_owned(),
            labels: wanted.labels.clone(),
            environment,
            state: "running".to_owned(),
            running: true,
            ..Found::default()
        }
    }

    #[test]
    fn what_is_right_is_left_alone_or_started() {
        let wanted = wanted(&pod(), "sha256:1", environment(&[("A", "1")]));
        assert_eq!(step(&wanted, None), Step::Create);
        let found = running(&wanted, "sha256:1");
        assert_eq!(step(&wanted, Some(&found)), Step::Leave);
        let state = |state: &str| Found { state: state.to_owned(), running: false, ..found.clone() };
        assert_eq!(step(&wanted, Some(&state("exited"))), Step::Start);
        assert_eq!(step(&wanted, Some(&state("created"))), Step::Start);
        assert_eq!(step(&wanted, Some(&state("dead"))), Step::Recreate(vec!["it is dead".to_owned()]));
    }

    #[test]
    fn each_change_is_named_and_no_value_is_shown() {
        let old = running(
            &wanted(&pod(), "sha256:1", environment(&[("SECRET", "canary-1"), ("GONE", "x"), ("SAME", "s")])),
            "sha256:1",
        );
        let mut pod = pod();
        pod.ports[0].host = Some(9090);
        pod.stop_grace_period_ms = 15_000;
        pod.folder = "/srv/other".into();
        pod.container.cap_add.push("SYS_NICE".to_owned());
        let new = wanted(&pod, "sha256:2", environment(&[("SECRET", "canary-2"), ("NEW", "y"), ("SAME", "s")]));
        let Step::Recreate(reasons) = step(&new, Some(&old)) else { panic!("nothing changed") };
        assert_eq!(
            reasons,
            [
                "image changed",
                "ports changed from 127.0.0.1:8080:80/tcp to 127.0.0.1:9090:80/tcp",
                "stop_grace_period changed from 10s to 15s",
                "cap_add changed",
                "environment variable GONE is not set any more",
                "environment variable NEW is set now",
                "environment variable SECRET changed",
                "it was made from /srv/shop",
            ]
        );
        let labels = format!("{:?}{:?}", new.labels, old.labels);
        assert!(labels.contains("SECRET") && !labels.contains("canary"), "{labels}");
    }

    #[test]
    fn a_container_of_somebody_else_is_not_touched() {
        let wanted = wanted(&pod(), "sha256:1", BTreeMap::new());
        let of_the_image = BTreeMap::from([(labels::POD.to_owned(), "shop".to_owned())]);
        for labels in [BTreeMap::new(), of_the_image] {
            let found = Found { labels, ..running(&wanted, "sha256:1") };
            assert_eq!(step(&wanted, Some(&found)), Step::Refuse);
        }
        let copied = Found { name: "copy".to_owned(), ..running(&wanted, "sha256:1") };
        assert!(!copied.is_pod(), "its labels came with an image that was made of a pod");
    }

    #[test]
    fn a_label_of_another_version_is_no_reason_to_fail() {
        let wanted = wanted(&pod(), "sha256:1", BTreeMap::new());
        let mut found = running(&wanted, "sha256:1");
        found.labels.insert(labels::CONFIG.to_owned(), r#"{"version": 7}"#.to_owned());
        assert_eq!(step(&wanted, Some(&found)), Step::Recreate(vec!["it was made by another version of podctl".to_owned()]));
    }
}
