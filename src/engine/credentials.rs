//! Credentials for registries, from Docker's config.json and its helpers.

use anyhow::{Context, Result};
use bollard::auth::DockerCredentials;
use docker_credential::{CredentialRetrievalError, DockerCredential};
use std::collections::HashMap;

/// Under this key Docker's client keeps the credentials for Docker Hub.
const HUB: &str = "https://index.docker.io/v1/";
/// Under this name BuildKit asks for them.
const HUB_IN_BUILDKIT: &str = "registry-1.docker.io";

/// The credentials for the registry of an image reference; none when the user has none.
///
/// # Errors
/// config.json cannot be understood, or a credential helper fails.
pub fn for_image(reference: &str) -> Result<Option<DockerCredentials>> {
    let registry = registry(reference);
    let (username, password, identitytoken) = match docker_credential::get_credential(registry) {
        Ok(DockerCredential::UsernamePassword(username, password)) => (Some(username), Some(password), None),
        Ok(DockerCredential::IdentityToken(token)) => (None, None, Some(token)),
        Err(
            CredentialRetrievalError::NoCredentialConfigured
            | CredentialRetrievalError::ConfigNotFound
            | CredentialRetrievalError::ConfigReadError,
        ) => return Ok(None),
        // What every helper of Docker's says of a registry it does not know.
        Err(CredentialRetrievalError::HelperFailure { stdout, .. }) if stdout.contains("credentials not found") => {
            return Ok(None);
        }
        Err(error) => {
            return Err(error).with_context(|| {
                format!("cannot get the credentials for {registry} from Docker's config.json; do `docker login {registry}`")
            });
        }
    };
    let serveraddress = Some(registry.to_owned());
    Ok(Some(DockerCredentials { username, password, identitytoken, serveraddress, ..DockerCredentials::default() }))
}

/// The credentials for a build that reads these images, by registry, under all names that builders use for it.
///
/// # Errors
/// As [`for_image`].
pub fn for_build<'a>(references: impl IntoIterator<Item = &'a str>) -> Result<HashMap<String, DockerCredentials>> {
    let mut found = HashMap::new();
    for reference in references {
        let registry = registry(reference);
        if found.contains_key(registry) {
            continue;
        }
        if let Some(credentials) = for_image(reference)? {
            if registry == HUB {
                found.insert(HUB_IN_BUILDKIT.to_owned(), credentials.clone());
            }
            found.insert(registry.to_owned(), credentials);
        }
    }
    Ok(found)
}

/// The registry of a reference, as config.json names it: `ghcr.io`, `localhost:5000`, Docker Hub's address.
fn registry(reference: &str) -> &str {
    match reference.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => {
            if host == "docker.io" || host == "index.docker.io" { HUB } else { host }
        }
        _ => HUB,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_its_registry() {
        for (reference, expected) in [
            ("debian:bookworm-slim", HUB),
            ("library/debian", HUB),
            ("docker.io/library/debian", HUB),
            ("ghcr.io/a/b:c", "ghcr.io"),
            ("localhost/a", "localhost"),
            ("localhost:5000/a@sha256:00", "localhost:5000"),
        ] {
            assert_eq!(registry(reference), expected, "{reference}");
        }
    }
}
