//! Who may come in, and what for: the rules of each of podinit's sockets. Pure.
//!
//! Browsers bring the danger that a page of somebody else's asks on behalf of whoever looks at it. What changes anything
//! therefore is no GET, and is refused when it comes from a page of another origin. And a page may give its own name
//! podinit's address, after it was loaded (DNS rebinding): then origin and host agree. Such a page knows no password, so
//! that this is looked at where there is none: only names that nobody else can own are answered there.

use super::http::{Request, Response};
use crate::xmlrpc::base64;
use podinit_plan::plan::Credentials;

/// What a socket is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Door {
    /// podinit's own control socket, for uid 0 and podinit's own.
    Own,
    /// What everybody in the container may read.
    Public,
    /// The port on which everybody may read the pod's figures.
    Metrics {
        /// The name of the container.
        host_name: String,
    },
    /// A server of the plan's.
    Server(Rules),
}

/// The rules of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Who may; everybody without.
    pub credentials: Option<Credentials>,
    /// Nothing can be changed.
    pub read_only: bool,
    /// It is a port, which browsers can talk to.
    pub is_port: bool,
    /// The name of the container.
    pub host_name: String,
}

/// How many connections may be open at a time.
const MAX_OWN: usize = 32;
const MAX_PUBLIC: usize = 32;
const MAX_METRICS: usize = 16;
const MAX_SERVERS: usize = 64;

impl Door {
    /// Nothing can be changed through it.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        match self {
            Door::Own => false,
            Door::Public | Door::Metrics { .. } => true,
            Door::Server(rules) => rules.read_only,
        }
    }

    /// How many connections may be open at a time, all doors of its kind together.
    #[must_use]
    pub fn most(&self) -> usize {
        match self {
            Door::Own => MAX_OWN,
            Door::Public => MAX_PUBLIC,
            Door::Metrics { .. } => MAX_METRICS,
            Door::Server(_) => MAX_SERVERS,
        }
    }

    /// Whether two doors share their number of connections.
    #[must_use]
    pub fn is_kind_of(&self, other: &Door) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// Lets a request in, or not; the head is enough for that.
    ///
    /// # Errors
    /// The answer to one that may not.
    pub fn admit(&self, request: &Request) -> Result<(), Response> {
        let changes = !matches!(request.method.as_str(), "GET" | "HEAD");
        let host = request.host.as_deref().unwrap_or_default();
        if let Door::Server(rules) = self {
            match &rules.credentials {
                Some(credentials) if !is_authorized(request, credentials) => return Err(Response::unauthorized()),
                None if rules.is_port && !is_own_name(host, &rules.host_name) => {
                    let text = "this name is not podinit's: use an address, localhost, or set a password";
                    return Err(Response::problem(403, text));
                }
                _ => {}
            }
            if changes && (request.is_cross_site || !is_same_origin(request)) {
                return Err(Response::problem(403, "requests of other sites' pages are refused"));
            }
        } else if changes && request.origin.is_some() {
            // No page in a browser has any business here.
            return Err(Response::problem(403, "requests of web pages are refused"));
        } else if let Door::Metrics { host_name } = self
            && !is_own_name(host, host_name)
        {
            return Err(Response::problem(403, "this name is not podinit's: use an address, or a name without a dot"));
        }
        Ok(())
    }
}

/// Whether a host is called by an address, or by a name that no page from elsewhere can have.
fn is_own_name(host: &str, host_name: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or(rest, |(address, _)| address),
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    // A name without a dot is no domain that somebody could have registered: `localhost`, a container's, a service's.
    !name.contains('.') || name.parse::<std::net::IpAddr>().is_ok() || name.eq_ignore_ascii_case(host_name)
}

/// Whether a request comes from a page of this server's, or from none.
fn is_same_origin(request: &Request) -> bool {
    let Some(origin) = &request.origin else { return true };
    let own = origin.split_once("://").map(|(_, rest)| rest);
    own.zip(request.host.as_deref()).is_some_and(|(origin, host)| without_port(origin) == without_port(host))
}

/// A proxy that speaks TLS may listen on another port than the browser knows.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && matches!(port, "80" | "443") => name,
        _ => host,
    }
}

fn is_authorized(request: &Request, credentials: &Credentials) -> bool {
    let said = request.authorization.as_deref().and_then(|said| said.split_once(' '));
    let said = said.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic")).and_then(|(_, text)| base64::decode(text));
    let Some(said) = said else { return false };
    let Some(colon) = said.iter().position(|byte| *byte == b':') else { return false };
    let (name, password) = (&said[..colon], &said[colon + 1..]);
    let hashed = credentials.password.strip_prefix("{SHA}").map(|digits| {
        let own = sha1_smol::Sha1::from(password).digest().to_string();
        are_same(own.as_bytes(), digits.to_ascii_lowercase().as_bytes())
    });
    let fits = hashed.unwrap_or_else(|| are_same(password, credentials.password.as_bytes()));
    are_same(name, credentials.username.as_bytes()) & fits
}

/// Compares without telling by the time it takes how much was right.
fn are_same(one: &[u8], other: &[u8]) -> bool {
    let differences = one.iter().zip(other).fold(0, |all, (a, b)| all | (a ^ b));
    one.len() == other.len() && std::hint::black_box(differences) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::http::{Parsed, parse};

    fn port(credentials: Option<(&str, &str)>) -> Door {
        let credentials =
            credentials.map(|(name, password)| Credentials { username: name.to_owned(), password: password.to_owned() });
        Door::Server(Rules { credentials, read_only: false, is_port: true, host_name: "pod-1.example".to_owned() })
    }

    fn admits(door: &Door, head: &str) -> bool {
        match parse(format!("{head}\r\n\r\n").as_bytes()) {
            Parsed::Whole(request, _) => door.admit(&request).is_ok(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_password_opens_plain_and_hashed() {
        let basic = |text: &str| {
            format!("GET / HTTP/1.1\r\nHost: pod.example\r\nAuthorization: Basic {}", base64::encode(text.as_bytes()))
        };
        // The SHA-1 of `thepassword`.
        for secret in ["thepassword", "{SHA}82ab876d1387bfafe46cc1c8a2ef074eae50cb1d"] {
            let door = port(Some(("user", secret)));
            assert!(admits(&door, &basic("user:thepassword")), "{secret}");
            for wrong in ["user:thepasswor", "user:thepassword1", "use:thepassword", "user:", "", ":", "user", "user:{SHA}82ab"] {
                assert!(!admits(&door, &basic(wrong)), "{wrong}");
            }
            assert!(!admits(&door, "GET / HTTP/1.1\r\nHost: pod.example"));
            assert!(!admits(&door, "GET / HTTP/1.1\r\nHost: pod.example\r\nAuthorization: Bearer dXNlcjp0aGVwYXNzd29yZA=="));
        }
    }

    #[test]
    fn a_name_that_somebody_may_have_given_podinits_address_is_refused_without_a_password() {
        let host = |host: &str| format!("GET / HTTP/1.1\r\nHost: {host}");
        let metrics = Door::Metrics { host_name: "pod-1.example".to_owned() };
        for own in ["127.0.0.1:9001", "[::1]:9001", "localhost", "LOCALHOST:9001", "web", "pod-1.example:9001", ""] {
            assert!(admits(&port(None), &host(own)), "{own}");
            assert!(admits(&metrics, &host(own)), "{own}");
        }
        for foreign in ["evil.example", "evil.example:9001", "127.0.0.1.evil.example", "1.2.3.4.5"] {
            assert!(!admits(&port(None), &host(foreign)), "{foreign}");
            assert!(!admits(&metrics, &host(foreign)), "{foreign}");
        }
    }

    #[test]
    fn pages_of_other_sites_change_nothing() {
        let post = |rest: &str| format!("POST /RPC2 HTTP/1.1\r\nHost: localhost:9001\r\n{rest}Content-Length: 0");
        let door = port(None);
        assert!(admits(&door, &post("")));
        assert!(admits(&door, &post("Origin: http://localhost:9001\r\n")));
        for foreign in ["http://evil.example", "http://localhost:8080", "null", "http://localhost"] {
            assert!(!admits(&door, &post(&format!("Origin: {foreign}\r\n"))), "{foreign}");
        }
        assert!(!admits(&door, &post("Sec-Fetch-Site: cross-site\r\n")));
        for own in [Door::Own, Door::Public] {
            assert!(!admits(&own, &post("Origin: http://localhost:9001\r\n")));
        }
    }
}
