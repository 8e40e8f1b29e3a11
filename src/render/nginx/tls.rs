//! HTTPS. nginx refuses to start without the certificate, and that is in the container only when it runs: so what makes
//! TLS of a server is in a file of its own, which comes to where nginx looks for it before nginx starts.

use super::{quoted, templates};
use crate::render::{NGINX_CHECK_PATH, NGINX_RUN_DIR, NGINX_STATUS_PATH, TLS_CONF};
use crate::spec::model::{Gateway, Pod, Tls};
use anyhow::Result;
use serde::Serialize;

/// Where those are sent who ask without TLS.
#[derive(Serialize)]
pub struct Redirect {
    /// Paths that are answered all the same.
    spared: Vec<String>,
}

#[derive(Serialize)]
struct Context {
    port: u16,
    certificate: String,
    key: String,
    redirect: Option<String>,
}

impl Redirect {
    pub fn of(_: &Pod, gateway: &Gateway, _: &Tls) -> Redirect {
        let inner = [NGINX_CHECK_PATH, NGINX_STATUS_PATH].map(|path| Some(path.to_owned()));
        let own = [gateway.health.clone(), gateway.status.clone()];
        Redirect { spared: inner.into_iter().chain(own).flatten().map(|path| quoted(&format!("http:{path}"))).collect() }
    }
}

/// `tls.conf`: what a server of nginx's is told to speak TLS.
///
/// # Errors
/// The template does not fit.
pub fn render(pod: &Pod, tls: &Tls) -> Result<String> {
    let published = pod.ports.iter().find(|port| port.container == tls.port && port.protocol == "tcp");
    let port = match published.map_or(Some(tls.port), |port| port.host) {
        None | Some(443) => String::new(),
        Some(port) => format!(":{port}"),
    };
    templates::fill(
        "tls.conf",
        None,
        Context {
            port: tls.port,
            certificate: quoted(&tls.certificate),
            key: quoted(&tls.key),
            redirect: tls.redirect.then(|| format!("https://$host{port}$request_uri")),
        },
    )
}

/// The shell line that puts the file where nginx looks for it.
#[must_use]
pub fn prepare(tls: &Tls) -> String {
    let copy = format!("cp {TLS_CONF} {NGINX_RUN_DIR}/tls.conf");
    let word = |path: &str| format!("'{path}'");
    match tls.optional {
        false => copy,
        true => format!(
            "if test -r {} && test -r {}; then {copy}; else rm -f {NGINX_RUN_DIR}/tls.conf; fi",
            word(&tls.certificate),
            word(&tls.key)
        ),
    }
}
