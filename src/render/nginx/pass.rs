//! Handing a request on: to a service in its protocol, or elsewhere.

use super::{always_quoted, headers, quoted};
use crate::render::UNREADY_DIR;
use crate::spec::model::{Gateway, Pod, Protocol, Route, RoutePath, RouteTarget};
use serde::Serialize;

/// How a request is handed on.
#[derive(Debug, Clone, Serialize)]
pub struct Pass {
    /// `http`, `grpc`, `fastcgi` or `uwsgi`.
    protocol: &'static str,
    to: String,
    /// The variable that holds the address: then nginx looks the name up when it is asked, not when it starts.
    variable: Option<String>,
    timeout_ms: u64,
    buffering: bool,
    rewrite: Option<String>,
    /// Names of headers, when they are others than everywhere.
    hidden: Vec<String>,
    /// The program behind FastCGI, and the part of the path that it is asked for by.
    script: Option<Script>,
    /// What the service does not see of the path.
    prefix: String,
    /// The file that is there while the service is not ready; what is elsewhere has none.
    flag: Option<String>,
}

/// A program behind FastCGI; its texts are as nginx is to read them.
#[derive(Debug, Clone, Serialize)]
pub struct Script {
    name: String,
    file: String,
    path_info: String,
}

impl Script {
    /// A program that a location has found, by the names of its parts.
    pub fn new(name: String, file: String, path_info: &str) -> Script {
        Script { name: always_quoted(&name), file: always_quoted(&file), path_info: always_quoted(path_info) }
    }
}

/// How the requests of a route are handed on; none when nginx answers itself.
pub fn pass(pod: &Pod, gateway: &Gateway, route: &Route, index: usize, rewrite: Option<String>) -> Option<Pass> {
    let prefix = match &route.path {
        RoutePath::Prefix(path) | RoutePath::Exact(path) if route.strip_prefix && path != "/" => path.clone(),
        _ => String::new(),
    };
    let (protocol, to, variable) = match &route.target {
        RouteTarget::Service(name) => match pod.services.get(name)?.protocol {
            Protocol::Fastcgi => ("fastcgi", name.clone(), None),
            Protocol::Uwsgi => ("uwsgi", name.clone(), None),
            Protocol::Grpc => ("grpc", format!("grpc://{name}"), None),
            Protocol::Http | Protocol::Tcp => ("http", format!("http://{name}"), None),
        },
        RouteTarget::Upstream(to) => ("upstream", to.clone(), is_name(to).then(|| format!("$podctl_upstream_{index}"))),
        RouteTarget::Return(_) | RouteTarget::Files => return None,
    };
    let flag = match &route.target {
        RouteTarget::Service(name) => Some(quoted(&format!("{UNREADY_DIR}/{name}"))),
        _ => None,
    };
    let is_own = !route.headers.is_empty() || route.cors.is_some() || protocol != "http";
    let hidden = if is_own { headers::hidden_of_route(gateway, route) } else { Vec::new() };
    let script = (protocol == "fastcgi").then(|| match &route.path {
        // An application that is asked for all of a part of the paths.
        RoutePath::Prefix(_) => Script::new(prefix.clone(), "$document_uri".to_owned(), "$document_uri"),
        // A page that the server itself has.
        RoutePath::Exact(_) | RoutePath::Regex(_) => {
            Script::new("$fastcgi_script_name".to_owned(), "$fastcgi_script_name".to_owned(), "")
        }
    });
    let Route { timeout_ms, buffering, .. } = *route;
    Some(Pass {
        protocol,
        to: quoted(&to),
        variable,
        timeout_ms,
        buffering,
        rewrite,
        hidden,
        script,
        prefix: quoted_or_empty(&prefix),
        flag,
    })
}

impl Pass {
    /// Whether there is a file while the service is not ready.
    pub fn has_flag(&self) -> bool {
        self.flag.is_some()
    }

    /// The same where not everybody may ask: who may not is to learn nothing, so nobody is answered before that is known.
    pub fn guarded(self, is_guarded: bool) -> Pass {
        Pass { flag: self.flag.filter(|_| !is_guarded), ..self }
    }

    pub fn speaks_fastcgi(&self) -> bool {
        self.protocol == "fastcgi"
    }

    /// The same, for a program that the location finds.
    pub fn to_script(&self, script: Script) -> Pass {
        Pass { script: Some(script), ..self.clone() }
    }
}

fn quoted_or_empty(text: &str) -> String {
    if text.is_empty() { "\"\"".to_owned() } else { quoted(text) }
}

/// Whether an address has a name that somebody has to look up.
pub fn is_name(address: &str) -> bool {
    let authority = address.split_once("://").map_or(address, |(_, authority)| authority);
    let host = match authority.strip_prefix('[') {
        Some(_) => return false,
        None => authority.split(':').next().unwrap_or_default(),
    };
    host.parse::<std::net::Ipv4Addr>().is_err() && host != "localhost"
}
