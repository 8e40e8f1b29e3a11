//! Names of hosts, for those who connect: through podinit's own resolver, since a static program has no other.

use podinit_resolver::Resolver;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver as Resolve};
use ureq::unversioned::transport::NextTimeout;

/// The addresses of a host and a port; at least one.
///
/// # Errors
/// Why there is none.
pub fn resolve(host: &str, port: u16, within: Duration) -> io::Result<Vec<SocketAddr>> {
    // As a URL writes an IPv6 address.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let addresses = Resolver::read().resolve(host, Instant::now() + within).map_err(io::Error::other)?;
    Ok(addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect())
}

/// The same for ureq.
#[derive(Debug)]
pub struct Names {
    /// The longest that a name may take.
    pub within: Duration,
}

impl Resolve for Names {
    fn resolve(&self, uri: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let host = uri.host().ok_or(ureq::Error::HostNotFound)?;
        let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("http") { 80 } else { 443 });
        let mut resolved = self.empty();
        // ureq keeps no more.
        for address in resolve(host, port, self.within)?.into_iter().take(16) {
            resolved.push(address);
        }
        Ok(resolved)
    }
}
