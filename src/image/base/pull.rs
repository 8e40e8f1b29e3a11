//! Pulling an image, and telling a registry that cannot be reached from one that refuses.

use crate::engine::{Engine, credentials};
use crate::ui::Ui;
use anyhow::{Context, Result, anyhow};
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::StreamExt;
use std::collections::HashMap;

/// How a pull ended.
pub(super) enum Pull {
    Done,
    /// The registry was not reached; the engine's words.
    Unreachable(String),
}

/// Words of an engine, or of a proxy on the way, that has not reached the registry.
const UNREACHABLE: [&str; 19] = [
    "dial tcp",
    "no such host",
    "server misbehaving",
    "temporary failure in name resolution",
    "i/o timeout",
    "connection refused",
    "connection reset",
    "network is unreachable",
    "no route to host",
    "tls handshake",
    "x509:",
    "tls: ",
    "context deadline exceeded",
    "client.timeout exceeded",
    "request canceled while waiting for connection",
    "proxyconnect",
    "bad gateway",
    "service unavailable",
    "gateway timeout",
];
/// Words of a registry that was reached.
const REFUSED: [&str; 12] = [
    "unauthorized",
    "denied",
    "forbidden",
    "manifest unknown",
    "not found",
    "does not exist",
    "toomanyrequests",
    "too many requests",
    "status: 401",
    "status: 403",
    "status: 404",
    "status: 429",
];

/// Pulls an image, with the user's credentials for its registry.
///
/// Fails when the registry refuses, and for everything else that is not a matter of reaching it.
pub(super) async fn pull(engine: &Engine, ui: &Ui, reference: &str) -> Result<Pull> {
    let credentials = credentials::for_image(reference).unwrap_or_else(|error| {
        ui.warn(format!("{error:#}; pulling {reference} without credentials"));
        None
    });
    // Without a tag the engine would pull them all.
    let name = if has_tag(reference) { reference.to_owned() } else { format!("{reference}:latest") };
    let options = CreateImageOptionsBuilder::default().from_image(&name).build();
    let task = ui.task(format!("pull {reference}"));
    let mut layers: HashMap<String, (i64, i64)> = HashMap::new();
    let mut done = 0;
    let mut events = engine.docker.create_image(Some(options), None, credentials);
    while let Some(event) = events.next().await {
        let event = match event {
            Ok(event) => event,
            Err(error) if is_unreachable(&error.to_string()) => {
                task.failed("the registry cannot be reached");
                return Ok(Pull::Unreachable(error.to_string()));
            }
            Err(error) => {
                task.failed("the registry refuses");
                return Err(anyhow!(error))
                    .with_context(|| format!("cannot pull {reference}; is the name right, and is a `docker login` needed?"));
            }
        };
        if let (Some(layer), Some(detail)) = (event.id, event.progress_detail)
            && event.status.as_deref() == Some("Downloading")
        {
            layers.insert(layer, (detail.current.unwrap_or_default(), detail.total.unwrap_or_default()));
            let (current, total) = layers.values().fold((0, 0), |sum, layer| (sum.0 + layer.0, sum.1 + layer.1));
            task.set_total(u64::try_from(total).unwrap_or_default());
            task.advance(u64::try_from(current - done).unwrap_or_default());
            done = done.max(current);
        }
    }
    task.done("pulled");
    Ok(Pull::Done)
}

fn has_tag(reference: &str) -> bool {
    reference.contains('@') || reference.rsplit('/').next().is_some_and(|name| name.contains(':'))
}

/// Never on 401, 403, 404 and 429: then the registry has spoken.
fn is_unreachable(error: &str) -> bool {
    let error = error.to_lowercase();
    let is_server_error = (500..600).any(|status| error.contains(&format!("http status: {status}")));
    // "no such host" and the like are sure signs; a proxy's page about them may hold any word.
    let says = |words: &[&str]| words.iter().any(|word| error.contains(word));
    (says(&UNREACHABLE) || is_server_error) && !says(&REFUSED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_registry_that_was_not_reached_is_unreachable() {
        for error in [
            "Get \"https://registry.example/v2/\": dial tcp: lookup registry.example on 10.0.0.1:53: no such host",
            "Get \"https://r.example/v2/\": dial tcp 127.0.0.1:1: connect: connection refused",
            "Get \"https://registry.example/v2/\": x509: certificate signed by unknown authority",
            "Get \"https://registry.example/v2/\": net/http: TLS handshake timeout",
            "received unexpected HTTP status: 503 Service Unavailable",
            "Head \"https://r.example/v2/a/manifests/b\": received unexpected HTTP status: 502 Bad Gateway",
        ] {
            assert!(is_unreachable(error), "{error}");
        }
        for error in [
            "pull access denied for nope, repository does not exist or may require 'docker login': denied: requested access",
            "manifest for debian:nope not found: manifest unknown: manifest unknown",
            "toomanyrequests: You have reached your pull rate limit.",
            "unauthorized: incorrect username or password",
            "received unexpected HTTP status: 403 Forbidden",
            "no space left on device",
        ] {
            assert!(!is_unreachable(error), "{error}");
        }
    }

    #[test]
    fn a_tag_is_told_from_a_port() {
        assert!(has_tag("debian:12") && has_tag("localhost:5000/a:b") && has_tag("a@sha256:00"));
        assert!(!has_tag("debian") && !has_tag("localhost:5000/a"));
    }
}
