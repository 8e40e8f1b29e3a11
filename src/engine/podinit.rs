//! A client of podinit's socket; [`podinit_plan::protocol`] says what it speaks.

use anyhow::{Context, Result, anyhow, bail};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, stream};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::{Method, Request, Response};
use podinit_plan::protocol::{Done, Event, Problem, Status, Tested};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::future::ready;
use std::sync::{Arc, Mutex};

/// A connection to a pod's podinit; [`super::Engine::dial`] makes one.
pub struct Podinit {
    requests: SendRequest<Empty<Bytes>>,
    complaints: Arc<Mutex<String>>,
}

impl Podinit {
    pub(super) fn new(requests: SendRequest<Empty<Bytes>>, complaints: Arc<Mutex<String>>) -> Podinit {
        Podinit { requests, complaints }
    }

    /// What the pod looks like now.
    ///
    /// # Errors
    /// podinit does not answer.
    pub async fn status(&mut self) -> Result<Status> {
        let answer = self.request(Method::GET, "/v1/status").await?;
        body(answer).await
    }

    /// Restarts a service, and waits until podinit says that it is done.
    ///
    /// # Errors
    /// podinit says why it cannot, or does not answer.
    pub async fn restart(&mut self, service: &str) -> Result<Done> {
        let answer = self.request(Method::POST, &format!("/v1/services/{service}/restart")).await?;
        if answer.status().is_success() {
            return body(answer).await;
        }
        let problem: Problem = body(answer).await?;
        bail!(problem.error)
    }

    /// The same, with figures that are measured for it.
    ///
    /// # Errors
    /// podinit does not answer.
    pub async fn fresh_status(&mut self) -> Result<Status> {
        let answer = self.request(Method::GET, "/v1/status?fresh=1").await?;
        body(answer).await
    }

    /// What happened after event `since`, as far as podinit still knows.
    ///
    /// # Errors
    /// podinit does not answer.
    pub async fn past_events(&mut self, since: u64) -> Result<Vec<Bytes>> {
        let answer = self.request(Method::GET, &format!("/v1/events?since={since}&follow=0")).await?;
        let bytes = answer.into_body().collect().await.context("podinit's answer broke off")?.to_bytes();
        let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(end, _)| end);
        let mut begin = 0;
        Ok(ends.map(|end| bytes.slice(std::mem::replace(&mut begin, end + 1)..end)).collect())
    }

    /// Has one alert sent through each sink, and waits for what becomes of it.
    ///
    /// # Errors
    /// podinit says why it cannot, or does not answer.
    pub async fn test_alerts(&mut self) -> Result<BTreeMap<String, Tested>> {
        let answer = self.request(Method::POST, "/v1/alerts/test").await?;
        if answer.status().is_success() {
            return body(answer).await;
        }
        let problem: Problem = body(answer).await?;
        bail!(problem.error)
    }

    /// What happened after event `since`, and then what happens, until the pod ends or the connection breaks.
    ///
    /// # Errors
    /// podinit does not answer.
    pub async fn events(self, since: u64) -> Result<impl Stream<Item = Event> + Send> {
        // A line that is no event comes from a newer podinit: not for this reader.
        Ok(self.event_lines(since).await?.filter_map(|line| ready(serde_json::from_slice(&line).ok())))
    }

    /// The same, each as the line of JSON that podinit sends.
    ///
    /// # Errors
    /// podinit does not answer.
    pub async fn event_lines(mut self, since: u64) -> Result<impl Stream<Item = Bytes> + Send> {
        let answer = self.request(Method::GET, &format!("/v1/events?since={since}&linger=0")).await?.into_body();
        let lines = stream::unfold((answer, BytesMut::new(), self), async |(mut answer, mut text, connection)| {
            loop {
                if let Some(end) = text.iter().position(|byte| *byte == b'\n') {
                    let line = text.split_to(end + 1).freeze();
                    return Some((line.slice(..end), (answer, text, connection)));
                }
                let frame = answer.frame().await?.ok()?;
                text.extend_from_slice(frame.data_ref()?);
            }
        });
        // Its end may be asked for more than once.
        Ok(lines.fuse())
    }

    async fn request(&mut self, method: Method, path: &str) -> Result<Response<Incoming>> {
        let request = Request::builder().method(method).uri(path).header("Host", "podinit").body(Empty::new())?;
        // The connection takes a request only once it is done with the one before, a moment after that one's answer.
        let answer = async {
            self.requests.ready().await?;
            self.requests.send_request(request).await
        };
        match answer.await {
            Ok(answer) => Ok(answer),
            // Why the connection broke is what the process at its other end said.
            Err(error) => match self.complaints.lock().map(|text| text.trim().to_owned()) {
                Ok(complaint) if !complaint.is_empty() => Err(anyhow!(complaint)),
                _ => Err(error).context("podinit does not answer"),
            },
        }
    }
}

async fn body<T: DeserializeOwned>(answer: Response<Incoming>) -> Result<T> {
    let status = answer.status();
    let bytes = answer.into_body().collect().await.context("podinit's answer broke off")?.to_bytes();
    serde_json::from_slice(&bytes).with_context(|| format!("podinit's answer ({status}) cannot be understood"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

    /// Failed when the second request overtook the connection's end of the first: seldom, so many are sent.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn one_connection_carries_one_request_after_the_other() {
        let (ours, theirs) = tokio::io::duplex(4096);
        tokio::spawn(async move {
            let (requests, mut answers) = tokio::io::split(theirs);
            let mut lines = BufReader::new(requests).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                if line.is_empty() {
                    let body = r#"{"state":"ready"}"#;
                    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                    answers.write_all(answer.as_bytes()).await.expect("the client reads");
                }
            }
        });
        let (requests, connection) = hyper::client::conn::http1::handshake(TokioIo::new(ours)).await.expect("a connection");
        tokio::spawn(async move { drop(connection.await) });
        let mut podinit = Podinit::new(requests, Arc::default());
        for _ in 0..2000 {
            podinit.restart("web").await.expect("an answer");
        }
    }
}
