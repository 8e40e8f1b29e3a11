//! From a host's name to its addresses: numbers, /etc/hosts, then the nameservers by UDP.
//!
//! The C library's resolver loads parts of itself when it runs, which a static program cannot.

mod config;
mod message;
#[cfg(test)]
mod tests;

pub use config::{Hosts, Servers};

use message::{Answer, Kind};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// Answers that are no answers are passed over; so many of them are an attack or a mistake.
const STRAY_ANSWERS: u32 = 100;

/// Resolves names.
#[derive(Debug)]
pub struct Resolver {
    /// First.
    pub hosts: Hosts,
    /// Then.
    pub servers: Servers,
}

impl Resolver {
    /// As this container is configured.
    #[must_use]
    pub fn read() -> Resolver {
        Resolver { hosts: Hosts::read(), servers: Servers::read() }
    }

    /// The addresses of a host, IPv4 first; at least one.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub fn resolve(&self, host: &str, deadline: Instant) -> Result<Vec<IpAddr>, String> {
        if let Ok(address) = host.parse() {
            return Ok(vec![address]);
        }
        let known = self.hosts.find(host);
        if !known.is_empty() {
            return Ok(known);
        }
        let mut problem = None;
        for name in self.servers.names(host) {
            match self.ask(&name, deadline) {
                Ok(addresses) if !addresses.is_empty() => return Ok(addresses),
                Ok(_) => {}
                Err(error) => drop(problem.get_or_insert(error)),
            }
        }
        Err(problem.unwrap_or_else(|| "no such name".to_owned()))
    }

    /// Asks the servers in turn for a name until one of them knows; without addresses there is no such name.
    fn ask(&self, name: &str, deadline: Instant) -> Result<Vec<IpAddr>, String> {
        let mut problem = "no nameserver answers".to_owned();
        for _ in 0..self.servers.attempts {
            for server in &self.servers.addresses {
                match self.ask_server(name, *server, deadline) {
                    Ok(Some(addresses)) => return Ok(addresses),
                    Ok(None) => problem = format!("the nameserver {} cannot tell its address", server.0),
                    Err(_) => {}
                }
                if Instant::now() >= deadline {
                    return Err(problem);
                }
            }
        }
        Err(problem)
    }

    /// None when the server cannot say.
    fn ask_server(&self, name: &str, (server, port): (IpAddr, u16), deadline: Instant) -> io::Result<Option<Vec<IpAddr>>> {
        let first = random_id();
        let mut open = Vec::new();
        for (kind, id) in [(Kind::A, first), (Kind::Aaaa, first.wrapping_add(1))] {
            let Some(question) = message::question(id, name, kind) else { return Ok(Some(Vec::new())) };
            open.push((kind, question));
        }
        let any: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        // The kernel chooses a port at random, and lets in only what comes from the server.
        let socket = UdpSocket::bind(SocketAddr::new(any, 0))?;
        socket.connect(SocketAddr::new(server, port))?;
        for (_, question) in &open {
            socket.send(question)?;
        }
        let until = deadline.min(Instant::now() + self.servers.timeout);
        let (mut addresses, mut failed) = (Vec::new(), false);
        let mut buffer = [0; 4096];
        for _ in 0..STRAY_ANSWERS {
            let left = until.saturating_duration_since(Instant::now());
            socket.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
            let length = match socket.recv(&mut buffer) {
                Ok(length) => length,
                // One kind of address is enough.
                Err(_) if !addresses.is_empty() => break,
                Err(error) => return Err(error),
            };
            let answers = |(kind, question): &(Kind, Vec<u8>)| message::answer(question, *kind, &buffer[..length]);
            let Some((index, answer)) = open.iter().enumerate().find_map(|(index, asked)| Some((index, answers(asked)?))) else {
                continue;
            };
            open.remove(index);
            match answer {
                Answer::Addresses(more) => addresses.extend(more),
                Answer::NoSuchName => {}
                Answer::Failed => failed = true,
            }
            if open.is_empty() {
                break;
            }
        }
        addresses.sort_by_key(IpAddr::is_ipv6);
        // A server that failed for one kind of address may know the other, and one that says no such name knows.
        Ok((!addresses.is_empty() || !failed).then_some(addresses))
    }
}

/// A number that nobody else can foresee: the hasher's keys are random.
fn random_id() -> u16 {
    RandomState::new().build_hasher().finish() as u16
}
