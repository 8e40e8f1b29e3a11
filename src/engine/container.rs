//! Containers: from what is wanted to a running one, and back to nothing.

use super::Engine;
use super::secrets::SecretFile;
use crate::spec::model::{Container, PublishedPort, Volume, VolumeSource};
use anyhow::{Context, Result, anyhow};
use bollard::errors::Error;
use bollard::models::{
    ContainerCreateBody, DeviceMapping, EndpointSettings, HostConfig, NetworkConnectRequest, NetworkingConfig, PortBinding,
    ResourcesUlimits, RestartPolicy, RestartPolicyNameEnum,
};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, KillContainerOptionsBuilder, RemoveContainerOptionsBuilder, StopContainerOptionsBuilder,
};
use futures_util::StreamExt;
use std::collections::{BTreeMap, HashMap};
use std::fmt;

/// A container to be created.
#[derive(Clone, Default)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// An image's id or reference.
    pub image: String,
    /// Variables over those of the image. Values may be secret: they appear nowhere but in the container.
    pub environment: BTreeMap<String, String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// What is published.
    pub ports: Vec<PublishedPort>,
    /// A network that exists; none is the engine's default.
    pub network: Option<String>,
    /// What the engine gives it to stop.
    pub stop_grace_period_ms: u64,
    /// Its rights and limits.
    pub container: Container,
    /// Its folders in memory, and the options they are mounted with.
    pub tmpfs: BTreeMap<String, String>,
    /// What is mounted, as the engine is told: `/host/folder:/path:ro`, `volume:/path`, `/path`.
    pub binds: Vec<String>,
    /// Words that take the place of the image's own command.
    pub command: Option<Vec<String>>,
    /// Files at /run/secrets.
    pub secrets: Vec<SecretFile>,
    /// Its name on its network besides that of the container.
    pub alias: Option<String>,
}

/// What is mounted, as the engine is told; a volume is the pod's own by its name.
#[must_use]
pub fn binds(pod: &str, volumes: &[Volume]) -> Vec<String> {
    let bind = |volume: &Volume| {
        let source = match &volume.source {
            VolumeSource::Anonymous => return volume.target.clone(),
            VolumeSource::Named(name) => format!("{pod}_{name}"),
            VolumeSource::Bind(path) => path.display().to_string(),
        };
        format!("{source}:{}{}", volume.target, if volume.read_only { ":ro" } else { "" })
    };
    volumes.iter().map(bind).collect()
}

impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wanted")
            .field("name", &self.name)
            .field("image", &self.image)
            .field("environment", &self.environment.keys())
            .field("labels", &self.labels)
            .field("ports", &self.ports)
            .field("network", &self.network)
            .field("stop_grace_period_ms", &self.stop_grace_period_ms)
            .field("container", &self.container)
            .field("tmpfs", &self.tmpfs)
            .field("binds", &self.binds)
            .field("command", &self.command)
            .field("secrets", &self.secrets)
            .field("alias", &self.alias)
            .finish()
    }
}

impl Engine {
    /// Creates a container with its secrets, without starting it; the result is its id.
    ///
    /// # Errors
    /// The engine refuses, for instance because the name is taken.
    pub async fn create(&self, wanted: &Wanted) -> Result<String> {
        let mut options = CreateContainerOptionsBuilder::new().name(&wanted.name);
        if let Some(platform) = &wanted.container.platform {
            options = options.platform(platform);
        }
        let created = self.docker.create_container(Some(options.build()), body(wanted)).await;
        let id = created.with_context(|| format!("cannot create the container {}", wanted.name))?.id;
        for network in &wanted.container.networks {
            let request = NetworkConnectRequest { container: id.clone(), ..NetworkConnectRequest::default() };
            self.docker.connect_network(network, request).await.with_context(|| {
                format!("cannot join the network {network} with {}; `docker network create {network}` makes it", wanted.name)
            })?;
        }
        self.hand_over(&id, &wanted.secrets).await?;
        Ok(id)
    }

    /// Starts a container; one that runs already is left alone.
    ///
    /// # Errors
    /// The engine cannot start it, for instance because a port is taken.
    pub async fn start(&self, name: &str) -> Result<()> {
        let started = self.docker.start_container(name, None).await;
        started.or_else(unless(304)).with_context(|| format!("cannot start the container {name}"))
    }

    /// Stops a container as its image and settings say, and waits until it is gone; `grace_seconds` overrides what it
    /// was created with. One that is not running, or not there, is left alone.
    ///
    /// # Errors
    /// The engine cannot stop it.
    pub async fn stop(&self, name: &str, grace_seconds: Option<u64>) -> Result<()> {
        let mut options = StopContainerOptionsBuilder::new();
        if let Some(seconds) = grace_seconds {
            options = options.t(i32::try_from(seconds).unwrap_or(i32::MAX));
        }
        let stopped = self.docker.stop_container(name, Some(options.build())).await;
        stopped.or_else(unless(304)).or_else(unless(404)).with_context(|| format!("cannot stop the container {name}"))
    }

    /// Sends a signal, `SIGKILL` for instance. A container that is not running, or not there, is left alone.
    ///
    /// # Errors
    /// The engine cannot signal it.
    pub async fn kill(&self, name: &str, signal: &str) -> Result<()> {
        let options = KillContainerOptionsBuilder::new().signal(signal).build();
        let killed = self.docker.kill_container(name, Some(options)).await;
        killed.or_else(unless(409)).or_else(unless(404)).with_context(|| format!("cannot send {signal} to the container {name}"))
    }

    /// Removes a container, at once if it still runs, with its anonymous volumes. Says whether there was one.
    ///
    /// # Errors
    /// The engine cannot remove it.
    pub async fn remove(&self, name: &str) -> Result<bool> {
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        match self.docker.remove_container(name, Some(options)).await {
            Ok(()) => Ok(true),
            Err(error) if status(&error) == Some(404) => Ok(false),
            Err(error) => Err(error).with_context(|| format!("cannot remove the container {name}")),
        }
    }

    /// Waits until a container does not run any more; the result is its exit code.
    ///
    /// # Errors
    /// There is no such container, or the engine went away.
    pub async fn wait(&self, name: &str) -> Result<i64> {
        let context = || format!("cannot wait for the end of the container {name}");
        match self.docker.wait_container(name, None).next().await {
            Some(Ok(ended)) => Ok(ended.status_code),
            // bollard takes every code but 0 for an error.
            Some(Err(Error::DockerContainerWaitError { code, .. })) => Ok(code),
            Some(Err(error)) => Err(error).with_context(context),
            None => Err(anyhow!("the engine closed the connection")).with_context(context),
        }
    }
}

/// The HTTP status of an engine's refusal.
pub(super) fn status(error: &Error) -> Option<u16> {
    match error {
        Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// Makes a success of one refusal: what was asked for is so already.
pub(super) fn unless(code: u16) -> impl Fn(Error) -> Result<(), Error> {
    move |error| if status(&error) == Some(code) { Ok(()) } else { Err(error) }
}

fn body(wanted: &Wanted) -> ContainerCreateBody {
    let mut bindings: HashMap<String, Option<Vec<PortBinding>>> = HashMap::new();
    for port in &wanted.ports {
        let host = PortBinding {
            host_ip: port.address.map(|address| address.to_string()),
            host_port: port.host.map(|host| host.to_string()),
        };
        bindings.entry(key(port)).or_default().get_or_insert_default().push(host);
    }
    ContainerCreateBody {
        image: Some(wanted.image.clone()),
        env: Some(wanted.environment.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        labels: Some(wanted.labels.clone().into_iter().collect()),
        exposed_ports: Some(bindings.keys().cloned().collect()),
        cmd: wanted.command.clone(),
        hostname: wanted.container.hostname.clone(),
        networking_config: wanted.network.as_ref().zip(wanted.alias.as_ref()).map(|(network, alias)| {
            let endpoint = EndpointSettings { aliases: Some(vec![alias.clone()]), ..EndpointSettings::default() };
            NetworkingConfig { endpoints_config: Some(HashMap::from([(network.clone(), endpoint)])) }
        }),
        // The engine counts whole seconds; a pod that asks for less than one still gets one.
        stop_timeout: Some(i64::try_from(wanted.stop_grace_period_ms.div_ceil(1_000)).unwrap_or(i64::MAX)),
        host_config: Some(HostConfig {
            port_bindings: Some(bindings),
            network_mode: wanted.network.clone(),
            binds: (!wanted.binds.is_empty()).then(|| wanted.binds.clone()),
            tmpfs: (!wanted.tmpfs.is_empty()).then(|| wanted.tmpfs.clone().into_iter().collect()),
            ..rights(&wanted.container)
        }),
        ..ContainerCreateBody::default()
    }
}

/// What pod.yaml asks the engine for besides; what it says nothing of is left to the engine.
fn rights(container: &Container) -> HostConfig {
    let given = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
    let number = |limit: Option<u64>| Some(limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX)));
    let limits = container.ulimits.iter();
    let limits = limits.map(|(name, limit)| ResourcesUlimits {
        name: Some(name.clone()),
        soft: number(limit.soft),
        hard: number(limit.hard),
    });
    let size = |bytes: Option<u64>| bytes.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
    let devices = container.devices.iter().map(|device| DeviceMapping {
        path_on_host: Some(device.host.clone()),
        path_in_container: Some(device.container.clone()),
        cgroup_permissions: Some(device.permissions.clone()),
    });
    HostConfig {
        extra_hosts: given(&container.extra_hosts),
        dns: given(&container.dns),
        shm_size: size(container.shm_size_bytes),
        sysctls: (!container.sysctls.is_empty()).then(|| container.sysctls.clone().into_iter().collect()),
        devices: (!container.devices.is_empty()).then(|| devices.collect()),
        privileged: container.privileged.then_some(true),
        restart_policy: container.restart.as_deref().map(restart),
        nano_cpus: size(container.deploy.nano_cpus),
        memory: size(container.deploy.memory_bytes),
        memory_reservation: size(container.deploy.memory_reservation_bytes),
        pids_limit: size(container.deploy.pids),
        cap_add: given(&container.cap_add),
        cap_drop: given(&container.cap_drop),
        ulimits: (!container.ulimits.is_empty()).then(|| limits.collect()),
        readonly_rootfs: container.read_only.then_some(true),
        security_opt: given(&container.security_opt),
        ..HostConfig::default()
    }
}

/// `always`, `unless-stopped`, `on-failure` or `on-failure:5`.
fn restart(policy: &str) -> RestartPolicy {
    let (name, count) = policy.split_once(':').unwrap_or((policy, ""));
    let name = match name {
        "always" => RestartPolicyNameEnum::ALWAYS,
        "unless-stopped" => RestartPolicyNameEnum::UNLESS_STOPPED,
        "on-failure" => RestartPolicyNameEnum::ON_FAILURE,
        _ => RestartPolicyNameEnum::NO,
    };
    RestartPolicy { name: Some(name), maximum_retry_count: count.parse().ok() }
}

/// A container's port as the engine writes it, `80/tcp`.
fn key(port: &PublishedPort) -> String {
    format!("{}/{}", port.container, port.protocol)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_variables_are_not_printed() {
        let environment = BTreeMap::from([("JWT_SECRET".to_owned(), "canary".to_owned())]);
        let text = format!("{:?}", Wanted { environment, ..Wanted::default() });
        assert!(text.contains("JWT_SECRET") && !text.contains("canary"), "{text}");
    }

    #[test]
    fn two_addresses_of_one_port_are_both_published() {
        let port = |host| PublishedPort { address: "127.0.0.1".parse().ok(), host, container: 80, protocol: "tcp" };
        let body = body(&Wanted { ports: vec![port(Some(8080)), port(None)], ..Wanted::default() });
        let bindings = body.host_config.and_then(|host| host.port_bindings).unwrap_or_default();
        let hosts: Vec<_> = bindings["80/tcp"].iter().flatten().map(|binding| binding.host_port.as_deref()).collect();
        assert_eq!(hosts, [Some("8080"), None]);
    }
}
