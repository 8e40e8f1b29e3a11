//! A server of HTTP or HTTPS that keeps what it gets and answers as it is told.

use crate::certificates;
use rustls::{ServerConnection, StreamOwned};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::iter;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver as Channel, Sender, channel};
use std::thread;
use std::time::Duration;

/// What is done with a request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// These bytes, and the end of the connection.
    Bytes(String),
    /// These bytes, one each tenth of a second.
    Slowly(String),
    /// Nothing, for as long as the client waits.
    Silence,
    /// The connection is closed before the request is read.
    HangUp,
}

/// An answer with a status and a text.
pub fn answer(status: &str, text: &str) -> Answer {
    Answer::Bytes(format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{text}", text.len()))
}

/// A request as it came.
#[derive(Debug)]
pub struct Request {
    /// Its first line.
    pub line: String,
    /// By their names in small letters.
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Request {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// Runs until the test ends.
pub struct Receiver {
    pub port: u16,
    is_tls: bool,
    /// The requests that nobody has looked at yet.
    pub arriving: Channel<Request>,
}

impl Receiver {
    pub fn http(answer: Answer) -> Receiver {
        Receiver::start(local(), false, vec![answer])
    }

    pub fn https(answer: Answer) -> Receiver {
        Receiver::start(local(), true, vec![answer])
    }

    /// Gives each connection the next answer, and the last one to all that follow.
    pub fn start(listener: TcpListener, is_tls: bool, answers: Vec<Answer>) -> Receiver {
        let port = listener.local_addr().unwrap().port();
        let (tell, arriving) = channel();
        thread::spawn(move || {
            let last = answers.last().cloned();
            for (stream, answer) in listener.incoming().zip(answers.into_iter().chain(iter::repeat(last).flatten())) {
                let tell = tell.clone();
                // What a client breaks off is its own affair.
                thread::spawn(move || serve(stream.unwrap(), is_tls, &answer, &tell));
            }
        });
        Receiver { port, is_tls, arriving }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}://localhost:{}{path}", if self.is_tls { "https" } else { "http" }, self.port)
    }

    /// The requests since the last call.
    pub fn requests(&self) -> Vec<Request> {
        self.arriving.try_iter().collect()
    }

    /// The only request.
    pub fn request(&self) -> Request {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:?}");
        requests.remove(0)
    }
}

fn local() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

fn serve(stream: TcpStream, is_tls: bool, answer: &Answer, tell: &Sender<Request>) -> std::io::Result<()> {
    if matches!(answer, Answer::HangUp) {
        return Ok(());
    }
    if is_tls {
        let tls = ServerConnection::new(certificates::server()).unwrap();
        talk(&mut BufReader::new(StreamOwned::new(tls, stream)), answer, tell)
    } else {
        talk(&mut BufReader::new(stream), answer, tell)
    }
}

fn talk<S: Read + Write>(stream: &mut BufReader<S>, answer: &Answer, tell: &Sender<Request>) -> std::io::Result<()> {
    let request = read(stream)?;
    // A test has ended when nobody listens.
    let _ = tell.send(request);
    let out = stream.get_mut();
    match answer {
        Answer::Bytes(bytes) => out.write_all(bytes.as_bytes())?,
        Answer::Slowly(bytes) => {
            for byte in bytes.bytes() {
                out.write_all(&[byte])?;
                out.flush()?;
                thread::sleep(Duration::from_millis(100));
            }
        }
        Answer::Silence => drop(out.read(&mut [0])),
        Answer::HangUp => {}
    }
    out.flush()
}

fn read(stream: &mut impl BufRead) -> std::io::Result<Request> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let headers = lines[1..].iter().filter_map(|line| line.split_once(": "));
    let headers: BTreeMap<_, _> = headers.map(|(name, text)| (name.to_lowercase(), text.to_owned())).collect();
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    stream.read_exact(&mut body)?;
    Ok(Request { line: lines.remove(0), headers, body: String::from_utf8(body).unwrap() })
}
