//! HTTP from outside, through a published port.

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::Request;
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::net::TcpStream;

/// The longest a request may take; longer than anything the gateway itself waits for when nothing answers.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Enough of a body to tell an error of the gateway from anything else.
const BODY_LIMIT: usize = 4 * 1024 * 1024;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Bytes,
}

impl Answer {
    /// The gateway's word for its own error; none when a service has answered.
    #[must_use]
    pub fn gateway_error(&self) -> Option<String> {
        let body: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
        let own = body.get("status")? == self.status && body.get("request_id").is_some();
        own.then(|| body.get("error")?.as_str().map(str::to_owned))?
    }
}

/// Asks for a path on a published port of the engine's host, with a request id by which the log tells it from others.
///
/// # Errors
/// Nothing listens, or no whole answer comes in time.
pub async fn get(port: u16, path: &str, request_id: &str) -> Result<Answer> {
    let context = || format!("cannot get {path} from the published port {port}");
    tokio::time::timeout(TIMEOUT, exchange(port, path, request_id)).await.with_context(context)?.with_context(context)
}

async fn exchange(port: u16, path: &str, request_id: &str) -> Result<Answer> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // The request below fails when the connection does.
    let connection = tokio::spawn(connection);
    let request = Request::get(path)
        .header("Host", format!("127.0.0.1:{port}"))
        .header("Accept", "application/json")
        .header("Connection", "close")
        .header("X-Request-Id", request_id)
        .body(Empty::<Bytes>::new())?;
    let answer = sender.send_request(request).await?;
    let status = answer.status().as_u16();
    let body = Limited::new(answer.into_body(), BODY_LIMIT).collect().await.map_err(|error| anyhow::anyhow!(error))?;
    connection.abort();
    Ok(Answer { status, body: body.to_bytes() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_gateway_is_told_from_one_of_a_service() {
        let answer = |status, body: &'static str| Answer { status, body: Bytes::from_static(body.as_bytes()) };
        let own = answer(404, r#"{"error":"not_found","status":404,"request_id":"abc"}"#);
        assert_eq!(own.gateway_error().as_deref(), Some("not_found"));
        assert_eq!(answer(404, r#"{"error":"no such user"}"#).gateway_error(), None);
        assert_eq!(answer(200, r#"{"error":"x","status":404,"request_id":"abc"}"#).gateway_error(), None);
        assert_eq!(answer(502, "<html>Bad Gateway</html>").gateway_error(), None);
    }
}
