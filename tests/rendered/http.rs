//! HTTP/1.1 to the letter: a client and servers that show every byte that a proxy changes.

use crate::ports::free_port;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    head: Vec<String>,
    pub body: String,
}

impl Answer {
    /// The one value of a header; empty without it.
    pub fn header(&self, name: &str) -> &str {
        let values: Vec<&str> = self.head.iter().filter_map(|line| header_value(line, name)).collect();
        assert!(values.len() <= 1, "{name} is there more than once: {values:?}");
        values.first().copied().unwrap_or_default()
    }
}

fn header_value<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (given, value) = line.split_once(':')?;
    given.eq_ignore_ascii_case(name).then(|| value.trim())
}

/// The value of a header in an echoed request; empty without it.
pub fn echoed<'a>(body: &'a str, name: &str) -> &'a str {
    body.lines().find_map(|line| header_value(line, name)).unwrap_or_default()
}

/// GET with headers (`Name: value`).
pub fn get(port: u16, path: &str, headers: &[&str]) -> Answer {
    request(port, "GET", path, headers, "")
}

/// One request on a connection of its own.
pub fn request(port: u16, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("nginx accepts");
    exchange(stream, method, path, headers, body)
}

pub fn exchange(mut stream: TcpStream, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    let mut text = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.iter().any(|header| header.starts_with("Host:")) {
        text.push_str("Host: pod.test\r\n");
    }
    headers.iter().for_each(|header| text.push_str(&format!("{header}\r\n")));
    text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    // The answer may come, and the connection close, before all of a body is sent.
    let _ = stream.write_all(text.as_bytes());
    let mut reader = BufReader::new(stream);
    let head = read_head(&mut reader).expect("an answer");
    let status = head[0].split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    let mut body = Vec::new();
    reader.read_to_end(&mut body).expect("the whole body");
    Answer { status, head, body: String::from_utf8(body).expect("UTF-8") }
}

/// The lines up to the empty one; `None` at the end of the stream.
pub fn read_head(reader: &mut impl BufRead) -> Option<Vec<String>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => return Some(lines),
            line => lines.push(line.to_owned()),
        }
    }
}

/// A service that answers with the request it got, keeps connections, upgrades /ws and hangs up on /hang-up.
pub struct Echo {
    pub port: u16,
    connections: Arc<Mutex<Vec<TcpStream>>>,
    is_stopping: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Echo {
    /// Port 0 is a free one; nobody else is given it while the service is down.
    pub fn start(port: u16) -> Echo {
        let port = if port == 0 { free_port() } else { port };
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let connections = Arc::new(Mutex::new(Vec::new()));
        let is_stopping = Arc::new(AtomicBool::new(false));
        let (accepted, stop) = (Arc::clone(&connections), Arc::clone(&is_stopping));
        let thread = std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                accepted.lock().expect("no panic").push(stream.try_clone().expect("a second handle"));
                std::thread::spawn(move || serve(stream));
            }
        });
        Echo { port, connections, is_stopping, thread }
    }

    /// Closes its port and every connection, as a service that ends does; gives how many connections there had been.
    pub fn stop(self) -> usize {
        self.is_stopping.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        self.thread.join().expect("the thread ends");
        let connections = self.connections.lock().expect("no panic");
        for connection in connections.iter() {
            let _ = connection.shutdown(Shutdown::Both);
        }
        connections.len()
    }
}

fn serve(mut stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    while let Some(head) = read_head(&mut reader) {
        let path = head[0].split(' ').nth(1).unwrap_or_default();
        if path.starts_with("/hang-up") {
            let _ = stream.shutdown(Shutdown::Both);
            return;
        }
        if path == "/ws" {
            let answer = format!("HTTP/1.1 101 Switching Protocols\r\n{}\r\n\r\n", "Upgrade: websocket\r\nConnection: Upgrade");
            let _ = stream.write_all(answer.as_bytes());
            let _ = std::io::copy(&mut reader, &mut stream);
            return;
        }
        let length = head.iter().find_map(|line| header_value(line, "Content-Length")?.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let text = head.join("\n");
        let own = if path == "/own-headers" { "X-Frame-Options: DENY\r\nX-Request-Id: its-own\r\n" } else { "" };
        let status = if path == "/broken" { "502 Bad Gateway" } else { "200 OK" };
        let answer = format!("HTTP/1.1 {status}\r\n{own}Content-Length: {}\r\n\r\n{text}", text.len());
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// A unix socket that answers every request with its own request line, as podinit's place holder.
pub fn answer_on_socket(path: &Path) {
    let listener = UnixListener::bind(path).expect("a socket");
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            if let Some(head) = read_head(&mut BufReader::new(&stream)) {
                let answer =
                    format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{}", head[0].len(), head[0]);
                let _ = stream.write_all(answer.as_bytes());
            }
        }
    });
}
