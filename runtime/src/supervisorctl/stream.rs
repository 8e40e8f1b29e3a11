//! A log that is followed: printed as it comes.

use super::http::Answer;
use super::server::{Server, Trouble};
use std::fs::File;
use std::io::{self, Read, Write};

/// A log that is followed.
pub(super) struct Stream {
    /// What it is called in messages.
    url: String,
    pub connection: File,
    answer: Answer,
}

impl Stream {
    /// Asks for a log. What is wrong is said on stderr, and nobody exits with it.
    pub fn open(server: &Server, path: &str) -> Option<Stream> {
        let url = format!("{}{path}", server.url);
        let opened = server.connect().and_then(|mut connection| {
            let request = format!("{}Accept: */*\r\n\r\n", server.head("GET", &escaped(path)));
            connection.write_all(request.as_bytes()).map_err(|error| Trouble::Other(error.to_string()))?;
            Ok(connection)
        });
        match opened {
            Ok(connection) => Some(Stream { url, connection, answer: Answer::new() }),
            Err(trouble) => {
                say_error(&format!("{url} Cannot connect, error: {}", server.words(&trouble)));
                None
            }
        }
    }

    /// Prints what has come; waits if there is nothing. False when there will be nothing more.
    pub fn print(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        let count = match self.connection.read(&mut buffer) {
            Ok(count) => count,
            Err(error) => return error.kind() == io::ErrorKind::Interrupted,
        };
        let mut text = Vec::new();
        if let Err(error) = self.answer.take(&buffer[..count], &mut text) {
            say_error(&format!("{} {error}", self.url));
            return false;
        }
        if !matches!(self.answer.status, 0 | 200) {
            say_error(&format!("{} Cannot read, status code {}", self.url, self.answer.status));
            return false;
        }
        let mut stdout = io::stdout();
        let is_read = stdout.write_all(&text).and_then(|()| stdout.flush()).is_ok();
        is_read && count > 0 && !self.answer.has_ended()
    }
}

/// A path as it can stand in a request.
fn escaped(path: &str) -> String {
    let mut escaped = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'!'..=b'~' if !b"%?#\"<>".contains(&byte) => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

fn say_error(text: &str) {
    // There is nobody left to tell when this fails.
    let _ = writeln!(io::stderr(), "{text}");
}
