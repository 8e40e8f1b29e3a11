//! A client that asks a gateway again and again.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What nobody should have to wait for an answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The client.
pub struct Asker {
    ends: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Duration>>,
}

impl Asker {
    /// Begins to ask for `/` at a port of this host, twenty times a second.
    pub fn of(port: &str) -> Asker {
        let ends = Arc::new(AtomicBool::new(false));
        let (port, is_over) = (port.to_owned(), Arc::clone(&ends));
        let thread = thread::spawn(move || {
            let mut took = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                let start = Instant::now();
                let answer = ask(&port).unwrap_or_else(|error| format!("{error}"));
                assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("hello\n"), "request {}: {answer}", took.len());
                took.push(start.elapsed());
                thread::sleep(Duration::from_millis(50));
            }
            took
        });
        Asker { ends, thread }
    }

    /// Every request was answered, with 200; says how many there were and how long they took.
    pub fn end(self) -> String {
        self.ends.store(true, Ordering::Relaxed);
        let mut took = self.thread.join().expect("every request was answered");
        took.sort();
        assert!(took.len() > 50, "only {} requests", took.len());
        let (half, last) = (took[took.len() / 2], took[took.len() - 1]);
        format!("{} requests, all answered with 200; median {half:.1?}, slowest {last:.1?}", took.len())
    }
}

fn ask(port: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
