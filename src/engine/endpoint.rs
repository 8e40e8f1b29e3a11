//! Which engine is meant: what Docker's own client would take, then Podman's sockets.

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};

const DOCKER_SOCKET: &str = "/var/run/docker.sock";
const PODMAN_SOCKET: &str = "/run/podman/podman.sock";

/// Where an engine listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// `unix:///var/run/docker.sock`, `tcp://127.0.0.1:2375`.
    pub host: String,
    /// The folder of ca.pem, cert.pem and key.pem; none is a connection without TLS.
    pub certificates: Option<PathBuf>,
    /// What named it, in words that an error can use.
    pub named_by: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientConfig {
    current_context: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContextMeta {
    endpoints: ContextEndpoints,
}

#[derive(Deserialize)]
struct ContextEndpoints {
    docker: ContextEndpoint,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContextEndpoint {
    host: String,
}

/// Finds the engine: DOCKER_HOST, then DOCKER_CONTEXT, then the client's current context, then the usual sockets.
///
/// `variable` looks into the environment. Fails when a context is named that does not exist.
pub(super) fn find(variable: impl Fn(&str) -> Option<String>) -> Result<Endpoint> {
    let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
    let config = match (variable("DOCKER_CONFIG"), variable("HOME")) {
        (Some(folder), _) => PathBuf::from(folder),
        (None, Some(home)) => Path::new(&home).join(".docker"),
        (None, None) => PathBuf::new(),
    };
    if let Some(host) = variable("DOCKER_HOST") {
        let certificates = variable("DOCKER_TLS_VERIFY").map(|_| variable("DOCKER_CERT_PATH").map_or(config, PathBuf::from));
        return Ok(Endpoint { host, certificates, named_by: "DOCKER_HOST".to_owned() });
    }
    let context = match variable("DOCKER_CONTEXT") {
        Some(name) => Some((name, "DOCKER_CONTEXT".to_owned())),
        None => current_context(&config).map(|name| (name, config.join("config.json").display().to_string())),
    };
    if let Some((name, named_by)) = context.filter(|(name, _)| name != "default") {
        return of_context(&config, &name, &named_by);
    }
    Ok(of_socket(variable("XDG_RUNTIME_DIR").as_deref()))
}

fn current_context(config: &Path) -> Option<String> {
    // A missing or unreadable file is no context, as it is for Docker's client.
    let text = fs::read_to_string(config.join("config.json")).ok()?;
    serde_json::from_str::<ClientConfig>(&text).ok()?.current_context.filter(|name| !name.is_empty())
}

fn of_context(config: &Path, name: &str, named_by: &str) -> Result<Endpoint> {
    // Docker's client names the folders of a context by the hash of its name.
    let id: String = Sha256::digest(name.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let file = config.join("contexts/meta").join(&id).join("meta.json");
    let text = fs::read_to_string(&file).with_context(|| {
        format!("cannot use the Docker context {name} that {named_by} names: no {}; do `docker context ls`", file.display())
    })?;
    let Ok(meta) = serde_json::from_str::<ContextMeta>(&text) else {
        bail!(
            "cannot use the Docker context {name}: {} names no Docker endpoint; do `docker context inspect {name}`",
            file.display()
        );
    };
    let certificates = config.join("contexts/tls").join(&id).join("docker");
    Ok(Endpoint {
        host: meta.endpoints.docker.host,
        certificates: certificates.is_dir().then_some(certificates),
        named_by: format!("the Docker context {name}"),
    })
}

fn of_socket(runtime_dir: Option<&str>) -> Endpoint {
    let rootless = runtime_dir.map(|folder| [format!("{folder}/docker.sock"), format!("{folder}/podman/podman.sock")]);
    let [docker, podman] = rootless.unwrap_or_default();
    let sockets = [DOCKER_SOCKET, &docker, &podman, PODMAN_SOCKET];
    let found = sockets.into_iter().find(|socket| !socket.is_empty() && Path::new(socket).exists());
    let host = format!("unix://{}", found.unwrap_or(DOCKER_SOCKET));
    Endpoint { host, certificates: None, named_by: "the default".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment<'a>(pairs: &'a [(&str, &str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    /// A client's folder with the context `far`, which is the current one.
    fn client_folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        // The SHA-256 of "far".
        let id = "512eea46ceb3921dff4363c7069d89d4964d1d9fccaa0f411851a7aa60a5c868";
        fs::create_dir_all(folder.path().join("contexts/meta").join(id)).unwrap();
        fs::create_dir_all(folder.path().join("contexts/tls").join(id).join("docker")).unwrap();
        fs::write(folder.path().join("config.json"), r#"{"auths": {}, "currentContext": "far"}"#).unwrap();
        let meta =
            r#"{"Name": "far", "Metadata": {}, "Endpoints": {"docker": {"Host": "tcp://far:2376", "SkipTLSVerify": false}}}"#;
        fs::write(folder.path().join("contexts/meta").join(id).join("meta.json"), meta).unwrap();
        folder
    }

    #[test]
    fn docker_host_wins_over_contexts() {
        let folder = client_folder();
        let config = folder.path().to_str().unwrap();
        let found = find(environment(&[("DOCKER_HOST", "tcp://here:1"), ("DOCKER_CONFIG", config)])).unwrap();
        assert_eq!(found, Endpoint { host: "tcp://here:1".into(), certificates: None, named_by: "DOCKER_HOST".into() });
        let tls = [("DOCKER_HOST", "tcp://here:1"), ("DOCKER_TLS_VERIFY", "1"), ("DOCKER_CERT_PATH", "/c")];
        assert_eq!(find(environment(&tls)).unwrap().certificates, Some("/c".into()));
    }

    #[test]
    fn the_current_context_is_taken_with_its_certificates() {
        let folder = client_folder();
        let found = find(environment(&[("DOCKER_CONFIG", folder.path().to_str().unwrap())])).unwrap();
        assert_eq!(found.host, "tcp://far:2376");
        assert!(found.certificates.unwrap().starts_with(folder.path()));
    }

    #[test]
    fn docker_context_wins_over_the_current_one() {
        let folder = client_folder();
        let config = folder.path().to_str().unwrap();
        let found = find(environment(&[("DOCKER_CONFIG", config), ("DOCKER_CONTEXT", "default")])).unwrap();
        assert!(found.host.starts_with("unix://"), "{found:?}");
        let missing = find(environment(&[("DOCKER_CONFIG", config), ("DOCKER_CONTEXT", "gone")])).unwrap_err();
        assert!(missing.to_string().contains("context gone that DOCKER_CONTEXT names"), "{missing}");
    }
}
