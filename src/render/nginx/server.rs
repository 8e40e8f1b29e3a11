//! Servers: one for each port, and one more for each host that has routes of its own there.

use super::location::{Location, Prepared, locations};
use crate::render::{NGINX_CHECK_PATH, NGINX_STATUS_PATH};
use crate::spec::model::{Gateway, Pod, Protocol, RoutePath, RouteTarget};
use anyhow::Result;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A server.
#[derive(Serialize)]
pub struct Server {
    port: u16,
    /// ` default_server`, ` http2`, or nothing.
    options: String,
    names: String,
    /// It is on the gateway's own port, where TLS may be.
    is_main: bool,
    locations: Vec<Location>,
    has_root: bool,
}

/// The servers, those that answer whoever else asks first.
pub fn servers(pod: &Pod, gateway: &Gateway, routes: &[Prepared<'_>]) -> Result<Vec<Server>> {
    let mut ports = vec![gateway.port];
    for route in routes {
        ports.extend(route.route.listen.filter(|port| !ports.contains(port)));
    }
    let mut servers = Vec::new();
    for port in ports {
        let here: Vec<&Prepared<'_>> =
            routes.iter().filter(|prepared| prepared.route.listen.unwrap_or(gateway.port) == port).collect();
        let everywhere: Vec<&Prepared<'_>> = here.iter().copied().filter(|prepared| prepared.route.hosts.is_empty()).collect();
        servers.push(server(pod, gateway, port, None, &everywhere)?);
        // Hosts with the same routes share a server.
        let mut by_routes: BTreeMap<Vec<usize>, Vec<&str>> = BTreeMap::new();
        let hosts: BTreeSet<&str> = here.iter().flat_map(|prepared| &prepared.route.hosts).map(String::as_str).collect();
        for host in hosts {
            let own = here.iter().filter(|prepared| prepared.route.hosts.iter().any(|other| other == host));
            by_routes.entry(own.map(|prepared| prepared.index).collect()).or_default().push(host);
        }
        for (indexes, hosts) in by_routes {
            let is_own = |prepared: &&&Prepared<'_>| indexes.contains(&prepared.index);
            let own: Vec<&Prepared<'_>> = here.iter().filter(is_own).copied().collect();
            let is_taken = |path: &RoutePath| own.iter().any(|prepared| prepared.route.path == *path);
            let others = everywhere.iter().copied().filter(|prepared| !is_taken(&prepared.route.path));
            let routes: Vec<&Prepared<'_>> = own.iter().copied().chain(others).collect();
            servers.push(server(pod, gateway, port, Some(&hosts), &routes)?);
        }
    }
    Ok(servers)
}

fn server(pod: &Pod, gateway: &Gateway, port: u16, hosts: Option<&[&str]>, routes: &[&Prepared<'_>]) -> Result<Server> {
    // nginx refuses the same exact location twice. What is asked for by name comes before the foot of a prefix.
    let mut exact = BTreeSet::from([NGINX_CHECK_PATH, NGINX_STATUS_PATH].map(str::to_owned));
    exact.extend([&gateway.health, &gateway.status].into_iter().flatten().cloned());
    let paths = routes.iter().map(|prepared| &prepared.route.path);
    exact.extend(paths.filter_map(|path| if let RoutePath::Exact(path) = path { Some(path.clone()) } else { None }));
    let mut all: Vec<Location> = Vec::new();
    for prepared in routes {
        for location in locations(pod, gateway, prepared, &exact)? {
            // Routes may share the page that answers when there is no file.
            if !all.iter().any(|other| other.matches == location.matches) {
                all.push(location);
            }
        }
    }
    let speaks_grpc = |prepared: &&&Prepared<'_>| match &prepared.route.target {
        RouteTarget::Service(name) => pod.services.get(name).is_some_and(|service| service.protocol == Protocol::Grpc),
        _ => false,
    };
    let http2 = if port != gateway.port && routes.iter().any(|prepared| speaks_grpc(&prepared)) { " http2" } else { "" };
    let default = if hosts.is_none() { " default_server" } else { "" };
    Ok(Server {
        port,
        options: format!("{default}{http2}"),
        names: hosts.map_or("_".to_owned(), |hosts| hosts.join(" ")),
        is_main: port == gateway.port,
        locations: all,
        has_root: routes.iter().any(|prepared| prepared.route.path == RoutePath::Prefix("/".to_owned())),
    })
}
