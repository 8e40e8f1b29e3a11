//! What the engine knows of a container.

use super::container::status;
use super::{Engine, labels};
use anyhow::{Context, Result};
use bollard::models::{ContainerInspectResponse, ContainerStateStatusEnum, HealthStatusEnum, HealthcheckResult};
use bollard::query_parameters::ListContainersOptionsBuilder;
use futures_util::future::try_join_all;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A container as it is now.
#[derive(Clone, Default)]
pub struct Found {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The id of its image.
    pub image_id: String,
    /// What its image was called when it was created.
    pub image: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its variables, those of the image among them. Values may be secret.
    pub environment: BTreeMap<String, String>,
    /// What it is doing, in the engine's words: `created`, `running`, `paused`, `exited`, `dead`, ...
    pub state: String,
    /// Whether its processes run.
    pub running: bool,
    /// How it ended, when it did.
    pub exit_code: Option<i64>,
    /// When it was started last.
    pub started_at: Option<OffsetDateTime>,
    /// Whether the engine's last check of its health passed.
    pub healthy: bool,
    /// The engine's last check of its health.
    pub health: Option<HealthcheckResult>,
    /// What is published while it runs.
    pub ports: Vec<Published>,
}

/// A published port of a running container.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Published {
    /// The port in the container.
    pub container: u16,
    /// `tcp` or `udp`.
    pub protocol: String,
    /// The address on the host, `0.0.0.0` or `::` for every one.
    pub address: std::net::IpAddr,
    /// The port on the host.
    pub host: u16,
}

impl Found {
    /// Whether podctl made it to run a pod. A container that somebody made from a pod's image has labels of podctl, too.
    #[must_use]
    pub fn is_pod(&self) -> bool {
        self.labels.contains_key(labels::CONFIG) && self.labels.get(labels::POD) == Some(&self.name)
    }
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Found { id, name, image_id, state, exit_code, environment, .. } = self;
        write!(f, "Found {{ {name} {id} of {image_id}, {state} {exit_code:?}, variables {:?} }}", environment.keys())
    }
}

impl Engine {
    /// Looks at a container, by name or whole id; `None` when there is none.
    ///
    /// # Errors
    /// The engine does not answer.
    pub async fn inspect(&self, name: &str) -> Result<Option<Found>> {
        match self.docker.inspect_container(name, None).await {
            // The engine takes the beginning of an id for a name too: a pod `db` is not the container db17...
            Ok(answer) => Ok(Some(found(answer)).filter(|found| found.name == name || found.id == name)),
            Err(error) if status(&error) == Some(404) => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot inspect the container {name}")),
        }
    }

    /// All pods that podctl has on this engine, running or not, by name.
    ///
    /// # Errors
    /// The engine does not answer.
    pub async fn pods(&self) -> Result<Vec<Found>> {
        let mut pods = self.listed(labels::POD.to_owned()).await?;
        // One that went away in between is none.
        pods.retain(Found::is_pod);
        Ok(pods)
    }

    /// All containers with this label, running or not, by name.
    ///
    /// # Errors
    /// The engine does not answer.
    pub async fn labelled(&self, label: &str, value: &str) -> Result<Vec<Found>> {
        self.listed(format!("{label}={value}")).await
    }

    async fn listed(&self, label: String) -> Result<Vec<Found>> {
        let filters = HashMap::from([("label", vec![label])]);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let listed = self.docker.list_containers(Some(options)).await.context("cannot list the engine's containers")?;
        let ids: Vec<String> = listed.into_iter().filter_map(|container| container.id).collect();
        let looked_at = try_join_all(ids.iter().map(|id| self.inspect(id))).await?;
        let mut found: Vec<Found> = looked_at.into_iter().flatten().collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// The id of an image, by reference or id; `None` when the engine does not have it.
    ///
    /// # Errors
    /// The engine does not answer.
    pub async fn image_id(&self, reference: &str) -> Result<Option<String>> {
        match self.docker.inspect_image(reference).await {
            Ok(image) => Ok(image.id),
            Err(error) if status(&error) == Some(404) => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot inspect the image {reference}")),
        }
    }
}

fn found(answer: ContainerInspectResponse) -> Found {
    let config = answer.config.unwrap_or_default();
    let state = answer.state.unwrap_or_default();
    let health = state.health.unwrap_or_default();
    let status = state.status.unwrap_or(ContainerStateStatusEnum::EMPTY);
    let ended = matches!(status, ContainerStateStatusEnum::EXITED | ContainerStateStatusEnum::DEAD);
    let published = answer.network_settings.and_then(|settings| settings.ports).unwrap_or_default();
    let mut ports: Vec<Published> = published
        .into_iter()
        .filter_map(|(key, hosts)| {
            let (container, protocol) = key.split_once('/')?;
            Some((container.parse().ok()?, protocol.to_owned(), hosts?))
        })
        .flat_map(|(container, protocol, hosts)| {
            hosts.into_iter().filter_map(move |host| {
                let address = host.host_ip?.parse().ok()?;
                Some(Published { container, protocol: protocol.clone(), address, host: host.host_port?.parse().ok()? })
            })
        })
        .collect();
    ports.sort();
    Found {
        id: answer.id.unwrap_or_default(),
        name: answer.name.unwrap_or_default().trim_start_matches('/').to_owned(),
        image_id: answer.image.unwrap_or_default(),
        image: config.image.unwrap_or_default(),
        labels: config.labels.unwrap_or_default().into_iter().collect(),
        environment: config
            .env
            .unwrap_or_default()
            .iter()
            .filter_map(|entry| entry.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        state: status.to_string(),
        running: state.running.unwrap_or(false),
        exit_code: if ended { state.exit_code } else { None },
        started_at: state.started_at.and_then(|text| OffsetDateTime::parse(&text, &Rfc3339).ok()),
        healthy: health.status == Some(HealthStatusEnum::HEALTHY),
        health: health.log.and_then(|mut log| log.pop()),
        ports,
    }
}
