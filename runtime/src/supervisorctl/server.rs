//! The server: how to connect to it, and calls.

use super::http::Answer;
use crate::reach;
use crate::sys::unix_sockets::Address;
use crate::sys::{Linux, UnixSockets};
use crate::xmlrpc::{Call, Fault, Value, base64, decode_response, encode_call};
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::path::PathBuf;

/// Where the server is, and who asks.
pub(super) struct Server {
    /// `unix:///path`, `unix://@name` or `http://host:port`.
    pub url: String,
    pub username: Option<String>,
    pub password: Option<String>,
}

/// Why a call has no answer.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Its socket is not there.
    Missing,
    /// Nobody listens.
    Refused,
    /// It wants to know who asks.
    Unauthorized,
    /// It says no.
    Fault(Fault),
    /// In words.
    Other(String),
}

impl Server {
    /// Connects. A socket is read and written like any file.
    pub fn connect(&self) -> Result<File, Trouble> {
        if let Some(path) = self.url.strip_prefix("unix://") {
            let address = match path.strip_prefix('@') {
                Some(name) => Address::Abstract(name.to_owned()),
                None if path.is_empty() => return Err(Trouble::Other(format!("{} names no socket", self.url))),
                None => Address::Path(PathBuf::from(path)),
            };
            return Linux.connect_unix(&address).map(File::from).map_err(|error| self.trouble(&error));
        }
        let Some(rest) = self.url.strip_prefix("http://") else {
            return Err(Trouble::Other(format!("Unknown protocol for serverurl {}", self.url)));
        };
        let (host, port) = host_and_port(rest).ok_or_else(|| Trouble::Other(format!("{} is no address", self.url)))?;
        let addresses = reach::resolve(host).map_err(|error| Trouble::Other(format!("{}: {error}", self.url)))?;
        let mut last = Trouble::Missing;
        for address in addresses {
            match TcpStream::connect(SocketAddr::new(address, port)) {
                Ok(stream) => return Ok(File::from(OwnedFd::from(stream))),
                // Where there is no IPv6, or no IPv4, only the other one says whether anybody listens.
                Err(error) if !matches!(last, Trouble::Refused) => last = self.trouble(&error),
                Err(_) => {}
            }
        }
        Err(last)
    }

    fn trouble(&self, error: &io::Error) -> Trouble {
        match error.kind() {
            io::ErrorKind::NotFound => Trouble::Missing,
            io::ErrorKind::ConnectionRefused | io::ErrorKind::AddrNotAvailable => Trouble::Refused,
            _ => Trouble::Other(format!("{}: {error}", self.url)),
        }
    }

    /// Why there is no answer, in words.
    pub fn words(&self, trouble: &Trouble) -> String {
        match trouble {
            Trouble::Missing => format!("{} no such file", self.url),
            Trouble::Refused => format!("{} refused connection", self.url),
            Trouble::Unauthorized => "Server requires authentication".to_owned(),
            Trouble::Fault(fault) => fault.text.clone(),
            Trouble::Other(text) => text.clone(),
        }
    }

    /// The head of a request, up to the headers of its own.
    pub fn head(&self, method: &str, path: &str) -> String {
        let authorization = match (&self.username, &self.password) {
            (Some(username), Some(password)) => {
                format!("Authorization: Basic {}\r\n", base64::encode(format!("{username}:{password}").as_bytes()))
            }
            _ => String::new(),
        };
        format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: supervisorctl\r\n{authorization}")
    }

    /// Calls a method of `supervisor`, and waits for its answer as long as it takes.
    pub fn call(&self, method: &str, params: Vec<Value>) -> Result<Value, Trouble> {
        let body = encode_call(&Call { method: format!("supervisor.{method}"), params });
        let mut request = self.head("POST", "/RPC2").into_bytes();
        let headers =
            format!("Content-Type: text/xml\r\nAccept: text/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        request.extend_from_slice(headers.as_bytes());
        request.extend_from_slice(&body);
        let mut connection = self.connect()?;
        let (status, answer) =
            exchange(&mut connection, &request).map_err(|error| Trouble::Other(format!("{}: {error}", self.url)))?;
        match status {
            200 => {}
            401 => return Err(Trouble::Unauthorized),
            _ => return Err(Trouble::Other(format!("{} answers supervisor.{method} with status {status}", self.url))),
        }
        match decode_response(&answer) {
            Ok(answer) => answer.map_err(Trouble::Fault),
            Err(error) => Err(Trouble::Other(format!("{} answers what is no XML-RPC: {error}", self.url))),
        }
    }
}

/// Sends a request and reads all of its answer.
fn exchange(connection: &mut File, request: &[u8]) -> Result<(u16, Vec<u8>), String> {
    let in_words = |error: io::Error| error.to_string();
    connection.write_all(request).map_err(in_words)?;
    let (mut answer, mut body) = (Answer::new(), Vec::new());
    let mut buffer = [0; 16 * 1024];
    while !answer.has_ended() {
        match connection.read(&mut buffer) {
            Ok(0) if answer.may_end() => break,
            Ok(0) => return Err("the server closed the connection without an answer".to_owned()),
            Ok(count) => answer.take(&buffer[..count], &mut body)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(in_words(error)),
        }
    }
    Ok((answer.status, body))
}

/// `user@host:port/path`, of which the host and the port count.
fn host_and_port(rest: &str) -> Option<(&str, u16)> {
    let authority = rest.split(['/', '?', '#']).next()?;
    let address = authority.rsplit_once('@').map_or(authority, |(_, address)| address);
    let (host, port) = match address.strip_prefix('[') {
        Some(address) => address.split_once(']').map(|(host, port)| (host, port.strip_prefix(':')))?,
        None => address.split_once(':').map_or((address, None), |(host, port)| (host, Some(port))),
    };
    let port = port.filter(|port| !port.is_empty()).map_or(Some(80), |port| port.parse().ok())?;
    (!host.is_empty()).then_some((host, port))
}

/// A text of a struct that the server has answered.
pub(super) fn text<'v>(of: &'v Value, name: &str) -> Result<&'v str, Trouble> {
    of.get(name).and_then(Value::as_str).ok_or_else(|| lacking(name))
}

/// A number of a struct that the server has answered.
pub(super) fn number(of: &Value, name: &str) -> Result<i64, Trouble> {
    of.get(name).and_then(Value::as_int).ok_or_else(|| lacking(name))
}

fn lacking(name: &str) -> Trouble {
    Trouble::Other(format!("the server's answer lacks {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_a_host_and_a_port() {
        for (url, want) in [
            ("127.0.0.1:9001", Some(("127.0.0.1", 9001))),
            ("localhost", Some(("localhost", 80))),
            ("me@host:1/RPC2?x", Some(("host", 1))),
            ("[::1]:9", Some(("::1", 9))),
            (":80", None),
            ("host:x", None),
        ] {
            assert_eq!(host_and_port(url), want, "{url}");
        }
    }
}
