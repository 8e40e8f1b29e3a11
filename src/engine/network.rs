//! Networks: one bridge for each pod.

use super::container::status;
use super::{Engine, labels};
use anyhow::{Context, Result};
use bollard::models::NetworkCreateRequest;
use std::collections::HashMap;

/// The name of a pod's network.
#[must_use]
pub fn name(pod: &str) -> String {
    format!("podctl_{pod}")
}

impl Engine {
    /// Makes sure that a bridge network of this name is there, labelled as a pod's.
    ///
    /// # Errors
    /// The engine cannot create it.
    pub async fn ensure_network(&self, name: &str, pod: &str) -> Result<()> {
        let context = || format!("cannot create the network {name}");
        match self.docker.inspect_network(name, None).await {
            Ok(_) => return Ok(()),
            Err(error) if status(&error) == Some(404) => {}
            Err(error) => return Err(error).with_context(context),
        }
        let request = NetworkCreateRequest {
            name: name.to_owned(),
            driver: Some("bridge".to_owned()),
            labels: Some(HashMap::from([(labels::POD.to_owned(), pod.to_owned())])),
            ..NetworkCreateRequest::default()
        };
        self.docker.create_network(request).await.map(drop).with_context(context)
    }

    /// Removes a network. Says whether there was one.
    ///
    /// # Errors
    /// Containers still use it, or the engine does not answer.
    pub async fn remove_network(&self, name: &str) -> Result<bool> {
        match self.docker.remove_network(name).await {
            Ok(()) => Ok(true),
            Err(error) if status(&error) == Some(404) => Ok(false),
            Err(error) => Err(error).with_context(|| format!("cannot remove the network {name}")),
        }
    }
}
