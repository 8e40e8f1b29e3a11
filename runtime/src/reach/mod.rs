//! `podinit reach ADDRESS...`: whether everything that a service waits for accepts a connection. It is a process of its
//! own, as names may take long to resolve and podinit must not wait. podinit runs it as the service's user and reads its
//! last line when it fails.

#[cfg(test)]
mod tests;

use crate::sys::files::{Files, Wanted};
use crate::sys::{Linux, Sockets};
use podinit_plan::address::{self, Address};
use podinit_plan::units::format_duration_ms;
use podinit_resolver::Resolver;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// The longest that a name may take to resolve.
const RESOLVE: Duration = Duration::from_secs(5);
/// The longest that all addresses of a name together may take to connect.
const CONNECT: Duration = Duration::from_secs(5);
/// The longest that one address of `depends_on_addresses` takes, and a little more, in milliseconds.
pub const LONGEST_MS: u64 = 11_000;

/// Tries to connect to all of them, in turn.
///
/// # Errors
/// What was wrong with the first that cannot be reached: `tcp://db:5432: connection refused`.
pub fn run(addresses: &[String]) -> Result<(), String> {
    let resolver = Resolver::read();
    for text in addresses {
        let address = address::parse(text).map_err(|error| format!("{text}: {error}"))?;
        reach(&resolver, &address).map_err(|error| format!("{address}: {error}"))?;
    }
    Ok(())
}

/// The addresses of a host; at least one.
///
/// # Errors
/// Why there is none, in words.
pub fn resolve(host: &str) -> Result<Vec<IpAddr>, String> {
    let resolver = Resolver::read();
    resolver.resolve(host, Instant::now() + RESOLVE)
}

fn reach(resolver: &Resolver, Address { host, port }: &Address) -> Result<(), String> {
    let addresses = resolver.resolve(host, Instant::now() + RESOLVE)?;
    connect(&addresses, *port, Instant::now() + CONNECT)
}

/// Connects to the first that accepts. Each has its share of the time that is left.
fn connect(addresses: &[IpAddr], port: u16, deadline: Instant) -> Result<(), String> {
    let mut problem = "it has no address".to_owned();
    for (index, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now()) / (addresses.len() - index) as u32;
        match attempt(SocketAddr::new(*address, port), left) {
            Ok(()) => return Ok(()),
            Err(error) => problem = in_words(&error),
        }
    }
    Err(problem)
}

fn attempt(to: SocketAddr, within: Duration) -> io::Result<()> {
    let connection = Linux.connect(to)?;
    let within = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
    match Linux.wait(&[Wanted { fd: connection.as_fd(), write: true }], within)? {
        0 => Err(io::ErrorKind::TimedOut.into()),
        _ => Linux.connected(connection.as_fd()),
    }
}

fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::TimedOut => format!("no answer within {}", format_duration_ms(CONNECT.as_millis() as u64)),
        io::ErrorKind::HostUnreachable => "no route to host".to_owned(),
        io::ErrorKind::NetworkUnreachable => "network is unreachable".to_owned(),
        _ => error.to_string(),
    }
}
