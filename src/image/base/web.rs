//! Downloads: through the proxy that the environment names, tried again when the network fails.

use anyhow::{Context, Result, bail};
use std::fs;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use ureq::Agent;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

/// How often a download is tried.
const ATTEMPTS: u32 = 4;
/// Before the second attempt; doubled for each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// A download that takes longer than this is dead.
const BODY_TIMEOUT: Duration = Duration::from_secs(900);
const CHUNK: usize = 64 * 1024;
/// Where the distributions keep the certificates that the host trusts.
const HOST_CERTIFICATES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// Says to all downloads that nobody wants them any more.
#[derive(Debug, Clone, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Stops the downloads when it is dropped.
    pub(super) fn on_drop(&self) -> impl Drop + use<> {
        struct Guard(Stop);
        impl Drop for Guard {
            fn drop(&mut self) {
                self.0.0.store(true, Ordering::Relaxed);
            }
        }
        Guard(self.clone())
    }

    fn check(&self) -> Result<()> {
        if self.0.load(Ordering::Relaxed) { bail!("interrupted") } else { Ok(()) }
    }
}

/// A client for downloads; threads share it.
#[derive(Debug)]
pub(super) struct Web {
    agent: Agent,
    stop: Stop,
}

/// Why there is no answer: the server says so, or nothing was heard of it.
enum Failed {
    Status(u16),
    Network(anyhow::Error),
}

impl Web {
    pub(super) fn new(stop: Stop) -> Web {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_recv_response(Some(ANSWER_TIMEOUT))
            .timeout_recv_body(Some(BODY_TIMEOUT))
            .user_agent(concat!("podctl/", env!("CARGO_PKG_VERSION")))
            .tls_config(TlsConfig::builder().root_certs(host_certificates()).build())
            .build()
            .into();
        Web { agent, stop }
    }

    /// Downloads a file; `None` when the server has none under this address. `progress` gets the number of each
    /// chunk's bytes, and a negative one when an attempt starts again.
    pub(super) fn get(&self, url: &str, progress: &dyn Fn(i64)) -> Result<Option<Vec<u8>>> {
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            self.stop.check()?;
            let error = match self.try_get(url, progress) {
                Ok(bytes) => return Ok(Some(bytes)),
                Err(Failed::Status(404)) => return Ok(None),
                Err(Failed::Status(status)) if status < 500 => bail!("cannot get {url}: the server answers {status}"),
                Err(Failed::Status(status)) => anyhow::anyhow!("the server answers {status}"),
                Err(Failed::Network(error)) => error,
            };
            if attempt == ATTEMPTS {
                return Err(error).with_context(|| format!("cannot get {url}, tried {ATTEMPTS} times"));
            }
            thread::sleep(pause);
            pause *= 2;
        }
        bail!("cannot get {url}")
    }

    fn try_get(&self, url: &str, progress: &dyn Fn(i64)) -> Result<Vec<u8>, Failed> {
        let network = |error: anyhow::Error| Failed::Network(error);
        let answer = self.agent.get(url).call().map_err(|error| network(error.into()))?;
        if answer.status() != 200 {
            return Err(Failed::Status(answer.status().as_u16()));
        }
        let mut body = answer.into_body().into_reader();
        let (mut bytes, mut chunk) = (Vec::new(), vec![0; CHUNK]);
        loop {
            self.stop.check().map_err(network)?;
            match body.read(&mut chunk) {
                Ok(0) => return Ok(bytes),
                Ok(length) => {
                    bytes.extend_from_slice(&chunk[..length]);
                    progress(length as i64);
                }
                Err(error) => {
                    progress(-(bytes.len() as i64));
                    return Err(network(error.into()));
                }
            }
        }
    }
}

/// What the host trusts, so that a mirror behind a company's own certificate works as it does for the host's apt.
fn host_certificates() -> RootCerts {
    let named = std::env::var("SSL_CERT_FILE").ok();
    let files = named.as_deref().into_iter().chain(HOST_CERTIFICATES);
    let pem = files.filter_map(|file| fs::read(file).ok()).next().unwrap_or_default();
    let certificates: Vec<_> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() { RootCerts::WebPki } else { RootCerts::new_with_certs(&certificates) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    /// The address of a server that gives these answers, one after the other.
    fn serve(answers: &[&'static str]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answers = answers.to_vec();
        thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let request = BufReader::new(stream.try_clone().unwrap());
                request.lines().map_while(|line| line.ok().filter(|line| !line.is_empty())).for_each(drop);
                stream.write_all(format!("HTTP/1.1 {answer}").as_bytes()).unwrap();
            }
        });
        format!("http://{address}/file")
    }

    const OK: &str = "200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nfile";
    const BUSY: &str = "503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

    #[test]
    fn a_server_in_trouble_and_a_cut_download_are_tried_again() {
        let cut = "200 OK\r\nContent-Length: 400\r\nConnection: close\r\n\r\nfi";
        let url = serve(&[BUSY, cut, OK]);
        let progress = std::cell::Cell::new(0);
        let got = Web::new(Stop::default()).get(&url, &|bytes| progress.set(progress.get() + bytes)).unwrap();
        assert_eq!(got.as_deref(), Some(&b"file"[..]));
        assert_eq!(progress.get(), 4, "what was cut does not count");
    }

    #[test]
    fn a_missing_file_is_none_and_a_refused_one_an_error() {
        let web = Web::new(Stop::default());
        let missing = serve(&["404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"]);
        assert_eq!(web.get(&missing, &|_| {}).unwrap(), None);
        let refused = serve(&["403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"]);
        assert!(web.get(&refused, &|_| {}).unwrap_err().to_string().contains("answers 403"));
    }

    #[test]
    fn nothing_is_downloaded_for_nobody() {
        let stop = Stop::default();
        let web = Web::new(stop.clone());
        drop(stop.on_drop());
        assert_eq!(web.get("http://127.0.0.1:1/", &|_| {}).unwrap_err().to_string(), "interrupted");
    }
}
