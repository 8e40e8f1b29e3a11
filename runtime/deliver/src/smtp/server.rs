//! `smtp://[USER:PASSWORD@]HOST[:PORT]`, or `smtps://`.

use crate::Failure;

/// Without a port.
const PORT: u16 = 25;
const TLS_PORT: u16 = 465;

/// A server that takes mail.
#[derive(Debug, PartialEq, Eq)]
pub struct Server {
    /// A name, or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether TLS is spoken from the beginning; else as soon as it is offered.
    pub is_tls: bool,
    /// A user and the password.
    pub login: Option<(String, String)>,
}

impl Server {
    /// Reads it. In the user and the password `%40` and the like stand for characters that a URL cannot have.
    ///
    /// # Errors
    /// It is none; the text is not told.
    pub fn parse(url: &str) -> Result<Server, Failure> {
        parse(url)
            .ok_or_else(|| Failure::refused("the server is none that is written smtp://[USER:PASSWORD@]HOST[:PORT], or smtps://"))
    }
}

fn parse(url: &str) -> Option<Server> {
    let (scheme, rest) = url.trim_end_matches('/').split_once("://")?;
    let is_tls = match scheme {
        "smtp" => false,
        "smtps" => true,
        _ => return None,
    };
    let (login, address) = match rest.rsplit_once('@') {
        Some((login, address)) => (Some(login), address),
        None => (None, rest),
    };
    let login = match login {
        Some(login) => {
            let (user, password) = login.split_once(':')?;
            Some((decode(user)?, decode(password)?))
        }
        None => None,
    };
    // An IPv6 address is written in brackets.
    let (host, port) = match address.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => address.split_at(address.find(':').unwrap_or(address.len())),
    };
    let port = match port.strip_prefix(':') {
        Some(port) => port.parse().ok()?,
        None if port.is_empty() => {
            if is_tls {
                TLS_PORT
            } else {
                PORT
            }
        }
        None => return None,
    };
    let is_host = !host.is_empty() && !host.contains(['/', '?', '#', ' ']);
    is_host.then(|| Server { host: host.to_owned(), port, is_tls, login })
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut parts = text.split('%');
    bytes.extend(parts.next()?.bytes());
    for part in parts {
        bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        bytes.extend(part[2..].bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read_with_their_login() {
        let plain = |host: &str, port, is_tls| Server { host: host.to_owned(), port, is_tls, login: None };
        assert_eq!(parse("smtp://mail"), Some(plain("mail", 25, false)));
        assert_eq!(parse("smtps://mail.test/"), Some(plain("mail.test", 465, true)));
        assert_eq!(parse("smtp://[::1]:2525"), Some(plain("::1", 2525, false)));
        let login = Some(("me@shop".to_owned(), "p:%@ß".to_owned()));
        assert_eq!(parse("smtp://me%40shop:p:%25@%C3%9F@mail:587"), Some(Server { login, ..plain("mail", 587, false) }));
    }

    #[test]
    fn what_is_no_server_is_not_told() {
        for url in ["mail", "http://mail", "smtp://", "smtp://user@mail", "smtp://u:%zz@mail", "smtp://mail:port", "smtp://[::1"]
        {
            let problem = Server::parse(url).unwrap_err().problem;
            assert!(problem.starts_with("the server is none"), "{url}: {problem}");
        }
    }
}
