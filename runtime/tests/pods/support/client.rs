//! A client of the control socket.

use super::PATIENCE;
use podinit_plan::protocol::Event;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// A connection.
pub struct Client(pub UnixStream);

impl Client {
    /// Connects; none when nobody listens there.
    pub fn connect(path: &Path) -> Option<Client> {
        let stream = UnixStream::connect(path).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Some(Client(stream))
    }

    /// Asks one thing; returns the answer's status code and body.
    pub fn request(mut self, method: &str, target: &str) -> (u16, String) {
        write!(self.0, "{method} {target} HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        self.0.read_to_string(&mut answer).unwrap();
        parse(&answer)
    }

    /// Sends bytes as they are; returns what comes back until the end.
    pub fn raw(mut self, bytes: &[u8]) -> String {
        // podinit may hang up in the middle of it.
        let _ = self.0.write_all(bytes);
        let _ = self.0.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = self.0.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// All events from the first on.
    pub fn events(mut self) -> Events {
        write!(self.0, "GET /v1/events?since=0 HTTP/1.1\r\nHost: pod\r\n\r\n").unwrap();
        let mut reader = BufReader::new(self.0);
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            assert!(reader.read_line(&mut line).unwrap() > 0, "the events have no end of a head");
        }
        Events { reader, seen: String::new() }
    }
}

/// Status code and body of an answer.
pub fn parse(answer: &str) -> (u16, String) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("not an answer: {answer:?}"));
    let code = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    (code.unwrap_or_else(|| panic!("no status code: {head:?}")), body.to_owned())
}

/// What happens, as it happens.
pub struct Events {
    reader: BufReader<UnixStream>,
    seen: String,
}

impl Events {
    /// Waits for an event.
    ///
    /// # Errors
    /// The events end, or nothing happens any more: all that were seen.
    pub fn find(&mut self, is_it: impl Fn(&Event) -> bool) -> Result<Event, String> {
        loop {
            let mut line = String::new();
            if !matches!(self.reader.read_line(&mut line), Ok(1..)) {
                return Err(self.seen.clone());
            }
            self.seen.push_str(&line);
            let event: Event = serde_json::from_str(&line).unwrap();
            if is_it(&event) {
                return Ok(event);
            }
        }
    }
}
