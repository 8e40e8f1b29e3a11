//! What the container says of names: /etc/hosts and /etc/resolv.conf. Pure, but for reading them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// The most that is read of either file, in bytes.
const LONGEST: usize = 1024 * 1024;
/// Nameservers that are asked, and domains that are searched, at most; as C libraries have it.
const SERVERS: usize = 3;
const DOMAINS: usize = 6;

/// The names of /etc/hosts.
#[derive(Debug, Default)]
pub struct Hosts(String);

impl Hosts {
    /// Reads the file; one that cannot be read has no names.
    pub fn read() -> Hosts {
        Hosts(read("/etc/hosts"))
    }

    /// From the text of such a file.
    pub fn new(text: &str) -> Hosts {
        Hosts(text.to_owned())
    }

    /// The addresses of a name; `localhost` has some in any case.
    pub fn find(&self, name: &str) -> Vec<IpAddr> {
        let name = name.strip_suffix('.').unwrap_or(name);
        let lines = self.0.lines().map(|line| line.split('#').next().unwrap_or_default().split_whitespace());
        let addresses = lines.filter_map(|mut words| {
            let address = words.next()?.parse().ok()?;
            words.any(|word| word.eq_ignore_ascii_case(name)).then_some(address)
        });
        let addresses: Vec<IpAddr> = addresses.collect();
        if addresses.is_empty() && name.eq_ignore_ascii_case("localhost") {
            return vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        }
        addresses
    }
}

/// Whom to ask, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Servers {
    /// In the order in which they are asked, and the port of each.
    pub addresses: Vec<(IpAddr, u16)>,
    /// What is appended to names.
    pub search: Vec<String>,
    /// A name with so many dots is tried as it is first.
    pub ndots: usize,
    /// How long one answer may take.
    pub timeout: Duration,
    /// How often each is asked.
    pub attempts: u32,
}

impl Servers {
    /// Reads /etc/resolv.conf; without it there is a server on this host.
    pub fn read() -> Servers {
        Servers::parse(&read("/etc/resolv.conf"))
    }

    /// From the text of such a file; what is not understood is passed over.
    pub fn parse(text: &str) -> Servers {
        let (addresses, search) = (Vec::new(), Vec::new());
        let mut servers = Servers { addresses, search, ndots: 1, timeout: Duration::from_secs(2), attempts: 2 };
        for line in text.lines() {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("nameserver") => servers.addresses.extend(words.next().and_then(server)),
                // The last line counts.
                Some("search" | "domain") => servers.search = words.take(DOMAINS).map(domain).collect(),
                Some("options") => words.for_each(|option| servers.option(option)),
                _ => {}
            }
        }
        servers.addresses.truncate(SERVERS);
        servers.search.retain(|domain| !domain.is_empty());
        if servers.addresses.is_empty() {
            servers.addresses.push((Ipv4Addr::LOCALHOST.into(), 53));
        }
        servers
    }

    fn option(&mut self, option: &str) {
        let Some((name, value)) = option.split_once(':') else { return };
        let Ok(value) = value.parse::<u32>() else { return };
        match name {
            "ndots" => self.ndots = value.min(15) as usize,
            "timeout" => self.timeout = Duration::from_secs(u64::from(value.clamp(1, 5))),
            "attempts" => self.attempts = value.clamp(1, 5),
            _ => {}
        }
    }

    /// The names to ask for in turn.
    pub fn names(&self, host: &str) -> Vec<String> {
        if let Some(absolute) = host.strip_suffix('.') {
            return vec![absolute.to_owned()];
        }
        let searched = self.search.iter().map(|domain| format!("{host}.{domain}"));
        let itself = std::iter::once(host.to_owned());
        let has_dots = host.matches('.').count() >= self.ndots;
        if has_dots { itself.chain(searched).collect() } else { searched.chain(itself).collect() }
    }
}

/// An address, which may name an interface after `%`; that is left to the kernel's routes.
fn server(text: &str) -> Option<(IpAddr, u16)> {
    Some((text.split('%').next()?.parse().ok()?, 53))
}

fn domain(text: &str) -> String {
    text.trim_matches('.').to_owned()
}

fn read(path: &str) -> String {
    let mut bytes = std::fs::read(path).unwrap_or_default();
    bytes.truncate(LONGEST);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_found_by_every_name_in_any_case() {
        let hosts =
            Hosts::new("127.0.0.1 localhost\n# 9.9.9.9 db\n10.0.0.2\tdb.local  DB # the database\nfe80::1 db\nbad line\n");
        assert_eq!(hosts.find("db"), ["10.0.0.2".parse::<IpAddr>().unwrap(), "fe80::1".parse().unwrap()]);
        assert_eq!(hosts.find("db.local."), ["10.0.0.2".parse::<IpAddr>().unwrap()]);
        assert_eq!(hosts.find("9.9.9.9"), [] as [IpAddr; 0]);
        assert_eq!(Hosts::default().find("LocalHost").len(), 2);
    }

    #[test]
    fn servers_are_as_the_file_says_within_bounds() {
        let servers = Servers::parse(
            "; comment\nnameserver 127.0.0.11\nnameserver nonsense\nnameserver fe80::1%eth0\ndomain a\nsearch b.test c.test.\n\
             options ndots:5 timeout:30 attempts:0 rotate x:y\n",
        );
        let addresses = vec![("127.0.0.11".parse().unwrap(), 53), ("fe80::1".parse().unwrap(), 53)];
        let search = vec!["b.test".to_owned(), "c.test".to_owned()];
        assert_eq!(servers, Servers { addresses, search, ndots: 5, timeout: Duration::from_secs(5), attempts: 1 });
        assert_eq!(servers.names("db"), ["db.b.test", "db.c.test", "db"]);
        assert_eq!(servers.names("db."), ["db"]);
        let servers = Servers::parse("search b.test");
        assert_eq!(servers.names("db.x"), ["db.x", "db.x.b.test"]);
        assert_eq!(servers.addresses, [(IpAddr::from(Ipv4Addr::LOCALHOST), 53)]);
    }
}
