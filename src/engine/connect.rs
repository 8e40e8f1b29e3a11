//! The connection to the engine, and what to do when there is none.

use super::Engine;
use super::endpoint::{self, Endpoint};
use crate::failure::{ExitCode, Failure};
use anyhow::Result;
use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use std::error::Error as _;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

/// An engine that does not answer `/version` in this time is not there.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Some calls are answered only when their work is done: a stop, a pull of an image, the end of a context's upload.
const CALL_TIMEOUT: Duration = Duration::from_secs(3600);

impl Engine {
    /// Connects to the engine that DOCKER_HOST, DOCKER_CONTEXT, the current context or one of the usual sockets
    /// (Docker's, rootless Docker's, Podman's) names, and agrees on a version with it.
    ///
    /// # Errors
    /// [`Failure`] with [`ExitCode::EngineUnreachable`].
    pub async fn connect() -> Result<Engine> {
        let unreachable = |text: String| Failure::new(ExitCode::EngineUnreachable, text);
        let endpoint = endpoint::find(|name| std::env::var(name).ok()).map_err(|error| unreachable(error.to_string()))?;
        let docker = open(&endpoint).map_err(|error| unreachable(explain(&endpoint, &error)))?;
        let docker = docker.with_timeout(CALL_TIMEOUT).with_request_modifier(with_url_safe_credentials);
        match tokio::time::timeout(ANSWER_TIMEOUT, docker.negotiate_version()).await {
            Ok(Ok(docker)) => Ok(Engine { docker }),
            Ok(Err(error)) => Err(unreachable(explain(&endpoint, &error)).into()),
            Err(_) => Err(unreachable(format!(
                "cannot reach the engine at {} (named by {}): no answer for {} s; is it running, and is the address right?",
                endpoint.host,
                endpoint.named_by,
                ANSWER_TIMEOUT.as_secs()
            ))
            .into()),
        }
    }
}

fn open(endpoint: &Endpoint) -> Result<Docker, Error> {
    let seconds = CALL_TIMEOUT.as_secs();
    match &endpoint.certificates {
        Some(folder) => {
            let file = |name: &str| -> PathBuf { folder.join(name) };
            let (key, cert, ca) = (file("key.pem"), file("cert.pem"), file("ca.pem"));
            Docker::connect_with_ssl(&endpoint.host, &key, &cert, &ca, seconds, API_DEFAULT_VERSION)
        }
        None if endpoint.host.starts_with("tcp://") || endpoint.host.starts_with("http://") => {
            Docker::connect_with_http(&endpoint.host, seconds, API_DEFAULT_VERSION)
        }
        None => Docker::connect_with_host(&endpoint.host),
    }
}

/// bollard 0.21 writes credentials in the standard base64 alphabet, the engine reads the URL-safe one and drops what it
/// cannot read: a password would be refused for a `+` or a `/` in its encoding.
fn with_url_safe_credentials(mut request: BollardRequest) -> BollardRequest {
    for header in ["x-registry-auth", "x-registry-config"] {
        let Some(value) = request.headers().get(header).and_then(|value| value.to_str().ok()) else { continue };
        if let Ok(value) = value.replace('+', "-").replace('/', "_").parse() {
            request.headers_mut().insert(header, value);
        }
    }
    request
}

fn explain(endpoint: &Endpoint, error: &Error) -> String {
    let (why, next) = match (error, io_kind(error)) {
        (Error::UnsupportedURISchemeError { .. }, _) if endpoint.host.starts_with("ssh://") => (
            "podctl does not speak ssh itself".to_owned(),
            "forward its socket, `ssh -NL /tmp/engine.sock:/var/run/docker.sock HOST`, and set DOCKER_HOST=unix:///tmp/engine.sock",
        ),
        (Error::SocketNotFoundError(_), _) | (_, Some(ErrorKind::NotFound)) => (
            "there is no such socket".to_owned(),
            "install and start Docker or Podman (`systemctl start docker`, `systemctl --user start podman.socket`), or set DOCKER_HOST",
        ),
        (_, Some(ErrorKind::ConnectionRefused)) => {
            ("nothing listens there".to_owned(), "start the engine (`systemctl start docker`), or set DOCKER_HOST")
        }
        (_, Some(ErrorKind::PermissionDenied)) => (
            "permission denied".to_owned(),
            "become a member of the group docker (`sudo usermod -aG docker $USER`, then log in again), or use a rootless engine",
        ),
        _ => (root_cause(error), "check that the engine runs and that DOCKER_HOST or the Docker context is right"),
    };
    format!("cannot reach the engine at {} (named by {}): {why}; {next}", endpoint.host, endpoint.named_by)
}

fn causes(error: &Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}

fn io_kind(error: &Error) -> Option<ErrorKind> {
    if let Error::IOError { err } = error {
        return Some(err.kind());
    }
    causes(error).find_map(|cause| cause.downcast_ref::<std::io::Error>()).map(std::io::Error::kind)
}

fn root_cause(error: &Error) -> String {
    causes(error).last().map_or_else(|| error.to_string(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(host: &str) -> String {
        let endpoint = Endpoint { host: host.to_owned(), certificates: None, named_by: "a test".to_owned() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let error = match open(&endpoint) {
            Ok(docker) => runtime.block_on(docker.negotiate_version()).unwrap_err(),
            Err(error) => error,
        };
        explain(&endpoint, &error)
    }

    #[test]
    fn an_unreachable_engine_is_named_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let gone = refused(&format!("unix://{}/gone.sock", folder.path().display()));
        assert!(gone.contains("no such socket") && gone.contains("named by a test") && gone.contains("start Docker"), "{gone}");
        let socket = folder.path().join("dead.sock");
        drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
        let dead = refused(&format!("unix://{}", socket.display()));
        assert!(dead.contains("nothing listens there"), "{dead}");
        let ssh = refused("ssh://somewhere");
        assert!(ssh.contains("ssh -NL"), "{ssh}");
    }

    #[test]
    fn credentials_are_sent_in_the_alphabet_that_engines_read() {
        let request = BollardRequest::new(bollard::body_full(bytes::Bytes::new()));
        let (mut parts, body) = request.into_parts();
        parts.headers.insert("x-registry-auth", "ab+/cd==".parse().unwrap());
        let request = with_url_safe_credentials(BollardRequest::from_parts(parts, body));
        assert_eq!(request.headers()["x-registry-auth"], "ab-_cd==");
    }
}
