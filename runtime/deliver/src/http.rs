//! Alerts by HTTP and HTTPS: one request, and what its answer means.

use crate::failure::line;
use crate::names::Names;
use crate::secrets::Secrets;
use crate::{Attempt, Failure, text, trust};
use podinit_plan::plan::HttpTarget;
use rustls::crypto::ring;
use std::io::{ErrorKind, Read};
use std::sync::Arc;
use std::time::Duration;
use ureq::http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Body};

/// The most of an answer that is read, in bytes, and told, in characters.
const ANSWER_READ: u64 = 64 * 1024;
const ANSWER_TOLD: usize = 200;
/// How long the text of an answer that says no may take; the answer itself is known by then.
const ANSWER_TEXT: Duration = Duration::from_secs(1);

/// Sends it.
///
/// # Errors
/// It could not be sent, or the answer is not 2xx.
pub fn send(target: &HttpTarget, attempt: Attempt<'_>) -> Result<(), Failure> {
    let Attempt { alert, limit, secrets } = attempt;
    let url = secrets.value(&target.url)?;
    let uri = url.parse::<Uri>().ok().filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some());
    let uri = uri.ok_or_else(|| Failure::refused("the URL is none that begins with http:// or https:// and a host"))?;
    let host = uri.host().unwrap_or_default().to_owned();
    // A server may tell parts of it; ureq logs in with a user and a password.
    let login = uri.authority().and_then(|authority| authority.as_str().rsplit_once('@'));
    login.and_then(|(login, _)| login.split_once(':')).into_iter().for_each(|(_, password)| secrets.add(password));
    uri.path().split('/').chain(uri.query()).filter(|part| part.len() > 7).for_each(|part| secrets.add(part));
    uri.path_and_query().filter(|path| path.as_str().len() > 1).into_iter().for_each(|path| secrets.add(path.as_str()));

    let values = secrets.values(&target.values)?;
    let mut request = Request::new(text::body(&target.body, alert, &values).map_err(Failure::refused)?);
    *request.method_mut() = match target.method.as_str() {
        "PUT" => Method::PUT,
        _ => Method::POST,
    };
    *request.uri_mut() = uri;
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("Idempotency-Key", header("Idempotency-Key", &alert.id)?);
    for (name, text) in secrets.values(&target.headers)? {
        let known = HeaderName::try_from(&name).map_err(|_| Failure::refused(format!("{name} is no name of a header")))?;
        headers.insert(known, header(&name, &text)?);
    }

    let roots = if request.uri().scheme_str() == Some("https") { trust::roots(target.ca.as_deref())? } else { Vec::new() };
    let response = agent(&roots, limit).run(request).map_err(|error| unreachable(&host, &error))?;
    judge(&host, response, secrets)
}

fn header(name: &str, text: &str) -> Result<HeaderValue, Failure> {
    HeaderValue::from_str(text).map_err(|_| Failure::refused(format!("the header {name} has characters that none may have")))
}

fn agent(roots: &[rustls::pki_types::CertificateDer<'_>], limit: Duration) -> Agent {
    let roots: Vec<_> = roots.iter().map(|root| Certificate::from_der(root).to_owned()).collect();
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
        .build();
    let config = Agent::config_builder()
        .user_agent(concat!("podinit/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls)
        // A redirect would take the alert, and the keys with it, to somebody else.
        .max_redirects(0)
        .http_status_as_error(false)
        // Half of the whole, so that what is told says what it was that took so long.
        .timeout_connect(Some(limit / 2))
        .timeout_recv_body(Some(ANSWER_TEXT))
        .build();
    Agent::with_parts(config, DefaultConnector::default(), Names { within: limit / 2 })
}

/// What an answer means.
fn judge(host: &str, mut response: Response<Body>, secrets: &Secrets) -> Result<(), Failure> {
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let mut problem = format!("{host} answered {status}");
    if status.is_redirection() {
        problem += ", a redirect, which is not followed: the URL has to be the one it leads to";
    }
    if let Some(Ok(seconds)) = response.headers().get(header::RETRY_AFTER).map(|value| value.to_str()) {
        problem += &format!(", Retry-After {seconds}");
    }
    let mut text = Vec::new();
    // What has come so far, when it breaks off.
    let _ = response.body_mut().as_reader().take(ANSWER_READ).read_to_end(&mut text);
    let text = line(&secrets.blank(&String::from_utf8_lossy(&text)), ANSWER_TOLD);
    if !text.is_empty() {
        problem += &format!(": {text}");
    }
    let may_pass = matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS);
    if may_pass || status.is_server_error() { Err(Failure::again(problem)) } else { Err(Failure::refused(problem)) }
}

/// Why there is no answer. ureq's words for a URL hold the URL; they are not told.
fn unreachable(host: &str, error: &ureq::Error) -> Failure {
    let why = match error {
        ureq::Error::BadUri(_) | ureq::Error::Http(_) | ureq::Error::InvalidProxyUrl => {
            return Failure::refused(format!("{host}: the URL cannot be used"));
        }
        ureq::Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        ureq::Error::Io(error) if error.kind() == ErrorKind::UnexpectedEof => "it closed the connection early".to_owned(),
        ureq::Error::Io(error) => error.to_string(),
        error => error.to_string(),
    };
    Failure::again(format!("{host}: {why}"))
}
