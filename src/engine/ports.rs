//! Ports of the host: which of those that are wanted somebody else has, and who.

use super::Engine;
use super::inspect::Found;
use crate::spec::model::PublishedPort;
use anyhow::{Context, Result};
use bollard::models::ContainerSummary;
use bollard::query_parameters::ListContainersOptionsBuilder;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};

/// A port that somebody else has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The port on the host.
    pub port: u16,
    /// `the container NAME`, or `another process`.
    pub holder: String,
}

impl Engine {
    /// Those of the wanted ports that are not free. What `own`, the container they are wanted for, holds is free.
    ///
    /// # Errors
    /// The engine does not answer.
    pub async fn taken_ports(&self, wanted: &[PublishedPort], own: Option<&Found>) -> Result<Vec<Taken>> {
        if wanted.iter().all(|port| port.host.is_none()) {
            return Ok(Vec::new());
        }
        let options = ListContainersOptionsBuilder::new().build();
        let running = self.docker.list_containers(Some(options)).await.context("cannot list the engine's containers")?;
        let own_id = own.map(|own| own.id.as_str());
        let others: Vec<_> = running.into_iter().filter(|container| container.id.as_deref() != own_id).collect();
        let here = self.is_on_this_host().await?;
        let mut taken = Vec::new();
        for port in wanted {
            let Some(host) = port.host else { continue };
            if let Some(holder) = others.iter().find(|container| holds(container, port, host)) {
                let name = holder.names.iter().flatten().next().map_or("?", |name| name.trim_start_matches('/'));
                taken.push(Taken { port: host, holder: format!("the container {name}") });
            } else if here && !held_by(own, port, host) && is_bound(port, host) {
                taken.push(Taken { port: host, holder: "another process".to_owned() });
            }
        }
        Ok(taken)
    }

    /// Whether the engine's ports are this host's, so that binding one tells something.
    async fn is_on_this_host(&self) -> Result<bool> {
        let info = self.docker.info().await.context("cannot ask the engine about itself")?;
        let hostname = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        Ok(info.name.is_some_and(|name| name == hostname.trim_end()))
    }
}

fn holds(container: &ContainerSummary, wanted: &PublishedPort, host: u16) -> bool {
    container.ports.iter().flatten().any(|port| {
        let protocol = port.typ.map(|protocol| protocol.to_string()).unwrap_or_default();
        port.public_port == Some(host) && protocol == wanted.protocol && overlap(port.ip.as_deref(), wanted.address)
    })
}

fn held_by(own: Option<&Found>, wanted: &PublishedPort, host: u16) -> bool {
    own.is_some_and(|own| own.ports.iter().any(|port| port.host == host && port.protocol == wanted.protocol))
}

/// Whether two addresses on the host can't both have a port: they are the same, or one is every address of its kind.
fn overlap(theirs: Option<&str>, ours: Option<IpAddr>) -> bool {
    let Some(theirs) = theirs.and_then(|ip| ip.parse::<IpAddr>().ok()) else { return true };
    match ours {
        None => true,
        Some(ours) => {
            ours == theirs || (ours.is_ipv4() == theirs.is_ipv4() && (ours.is_unspecified() || theirs.is_unspecified()))
        }
    }
}

/// Whether a process of this host listens there. What cannot be tried, a port below 1024 for instance, counts as free:
/// the engine will say so if it is not.
fn is_bound(port: &PublishedPort, host: u16) -> bool {
    let addresses = match port.address {
        Some(address) => vec![address],
        None => vec![IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)],
    };
    addresses.into_iter().any(|address| {
        let address = SocketAddr::new(address, host);
        let tried =
            if port.protocol == "udp" { UdpSocket::bind(address).map(drop) } else { TcpListener::bind(address).map(drop) };
        tried.is_err_and(|error| error.kind() == ErrorKind::AddrInUse)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_seen_and_a_free_port_is_free() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().port();
        let port = PublishedPort { address: Some(Ipv4Addr::LOCALHOST.into()), host: Some(host), container: 80, protocol: "tcp" };
        assert!(is_bound(&port, host));
        assert!(is_bound(&PublishedPort { address: None, ..port.clone() }, host), "every address includes that one");
        drop(listener);
        assert!(!is_bound(&port, host));
    }

    #[test]
    fn every_address_overlaps_with_each_of_its_kind() {
        let ip = |text: &str| text.parse::<IpAddr>().ok();
        for (theirs, ours, want) in [
            (Some("127.0.0.1"), "127.0.0.1", true),
            (Some("0.0.0.0"), "127.0.0.1", true),
            (Some("127.0.0.1"), "0.0.0.0", true),
            (Some("127.0.0.2"), "127.0.0.1", false),
            (Some("::"), "127.0.0.1", false),
            (None, "127.0.0.1", true),
        ] {
            assert_eq!(overlap(theirs, ip(ours)), want, "{theirs:?} {ours}");
        }
    }
}
