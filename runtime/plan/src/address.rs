//! Addresses that a service waits for, `HOST:PORT`.

/// A host, by name or number, and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// A name, an IPv4 address, or an IPv6 address without its brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// Reads `db:5432`, `10.0.0.1:80` or `[::1]:80`; a leading `tcp://` is understood.
///
/// # Errors
/// What is wrong with it, in words that fit behind "`TEXT`: ".
pub fn parse(text: &str) -> Result<Address, String> {
    let text = text.strip_prefix("tcp://").unwrap_or(text);
    let (host, port) = text.rsplit_once(':').ok_or("a port is missing: write HOST:PORT")?;
    let (host, is_v6) = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(host) => (host, true),
        None => (host, false),
    };
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    let port: u16 = port.parse().ok().filter(|port| digits && *port > 0).ok_or("the port must be a number from 1 to 65535")?;
    if is_v6 && host.parse::<std::net::Ipv6Addr>().is_err() {
        return Err("an IPv6 address is expected between the brackets".to_owned());
    }
    if !is_v6 && host.contains(':') {
        return Err("an IPv6 address goes between brackets: [::1]:80".to_owned());
    }
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if !is_v6 && (host.is_empty() || !host.bytes().all(is_name)) {
        return Err("a host is letters, digits, hyphens and dots".to_owned());
    }
    Ok(Address { host: host.to_owned(), port })
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Address { host, port } = self;
        if host.contains(':') { write!(f, "tcp://[{host}]:{port}") } else { write!(f, "tcp://{host}:{port}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_or_numbers() {
        for (text, host, shown) in [
            ("db:5432", "db", "tcp://db:5432"),
            ("tcp://db.example.com.:5432", "db.example.com.", "tcp://db.example.com.:5432"),
            ("10.0.0.1:5432", "10.0.0.1", "tcp://10.0.0.1:5432"),
            ("[::1]:5432", "::1", "tcp://[::1]:5432"),
        ] {
            let address = parse(text).unwrap();
            assert_eq!(address, Address { host: host.to_owned(), port: 5432 });
            assert_eq!(address.to_string(), shown);
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, want) in [
            ("db", "a port is missing"),
            ("db:", "the port"),
            ("db:+1", "the port"),
            ("db:0", "the port"),
            ("db:65536", "the port"),
            (":80", "a host is"),
            ("a b:80", "a host is"),
            ("http://db:80", "between brackets"),
            ("::1:80", "between brackets"),
            ("[db]:80", "an IPv6 address is expected"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(want) || error.contains(want), "{text}: {error}");
        }
    }
}
