//! nginx becomes the gateway, when all that its configuration says can be said in pod.yaml; else it stays the service that
//! it was, with its own file.

use super::Pod;
use super::routes::{self, Zones};
use super::settings;
use crate::import::account::{Account, Fate, Place};
use crate::import::draft::Service;
use crate::import::readers::nginx::{Directive, Nginx};
use crate::import::yaml::Yaml;
use std::collections::BTreeMap;

/// Why a configuration stays as it is.
#[derive(Debug)]
pub struct Obstacle {
    /// What cannot be said.
    pub place: Place,
    /// Why.
    pub why: String,
}

/// What is decided of directives, until it is clear that nothing is in the way.
pub type Fates = Vec<(Place, Fate)>;

/// Upstreams by name: the addresses of their servers.
pub type Upstreams = BTreeMap<String, Vec<String>>;

/// What all servers have in common.
pub struct Http<'a> {
    /// Upstreams by name.
    pub upstreams: Upstreams,
    /// Zones of rates by name.
    pub zones: Zones,
    /// The servers.
    pub servers: Vec<&'a Directive>,
    /// Settings of all of them.
    pub settings: settings::Settings,
}

/// The service that is nginx itself.
#[must_use]
pub fn nginx_of(services: &[Service]) -> Option<usize> {
    services.iter().position(|service| {
        let command = service.text("command").unwrap_or_default();
        let program = command.split_whitespace().next().unwrap_or_default();
        program.rsplit('/').next().is_some_and(|name| name == "nginx")
    })
}

/// Makes a gateway of nginx.
///
/// # Errors
/// What of its configuration cannot be said in pod.yaml; nothing has been changed then.
pub fn compose(nginx: &Nginx, pod: &mut Pod, own: usize, account: &mut Account) -> Result<(), Obstacle> {
    let mut fates = Fates::new();
    let mut user = None;
    let http = http(nginx, &mut user, &mut fates)?;
    let mut candidate = pod.services.clone();
    let nginx_service = candidate.remove(own);
    let mut gateway = Service::new("gateway");
    let main = main_server(&http)?;
    let port = listening(main).into_iter().find(|listen| !listen.is_tls).map_or(80, |listen| listen.port);
    gateway.set("port", Yaml::plain(port));
    let mut routes = routes::Routes::new(&http, &mut candidate, &mut fates, port);
    let main_settings = routes.server(main, true)?;
    for server in http.servers.iter().filter(|server| !std::ptr::eq(**server, main)) {
        routes.server(server, false)?;
    }
    let own_routes = std::mem::take(&mut routes.of_gateway);
    let mut tls = routes.tls.take();
    if let Some(Yaml::Map(tls)) = tls.as_mut().filter(|_| routes.redirects) {
        tls.push(("redirect".to_owned(), Yaml::plain(true)));
    }
    routes.attach();
    // Sockets of services belong to who nginx was.
    gateway.set("user", Yaml::text(user.unwrap_or_else(|| "www-data".to_owned())));
    if let Some(tls) = tls {
        gateway.set("tls", tls);
    }
    main_settings.over(&http.settings).keys().into_iter().for_each(|(key, value)| gateway.set(&key, value));
    if !own_routes.is_empty() {
        gateway.set("route", routes::one_or_many(own_routes));
    }
    for key in [
        "priority",
        "restart.policy",
        "restart.retries",
        "restart.stable_after",
        "restart.exit_codes",
        "essential",
        "stop_grace_period",
        "logging.file",
        "logging.max_size",
        "logging.max_file",
        "logging.stderr",
        "autostart",
    ] {
        if let Some(value) = nginx_service.get(key) {
            gateway.set(key, value.clone());
        }
    }
    gateway.remove("autostart");
    for (place, fate) in fates {
        account.settle(place, fate);
    }
    pod.services = candidate;
    pod.gateway = Some(gateway);
    Ok(())
}

/// The directives above all servers.
fn http<'a>(nginx: &'a Nginx, user: &mut Option<String>, fates: &mut Fates) -> Result<Http<'a>, Obstacle> {
    let mut http =
        Http { upstreams: Upstreams::new(), zones: Zones::new(), servers: Vec::new(), settings: settings::Settings::default() };
    let mut above: Vec<&Directive> = Vec::new();
    for directive in &nginx.directives {
        match directive.name.as_str() {
            "http" => {
                fates.push((directive.place, Fate::Carried("gateway".to_owned())));
                above.extend(directive.inner());
            }
            "user" => {
                *user = Some(directive.arg(0).to_owned());
                fates.push((directive.place, Fate::Carried("gateway.user".to_owned())));
            }
            "events"
            | "worker_processes"
            | "worker_rlimit_nofile"
            | "worker_connections"
            | "pid"
            | "daemon"
            | "error_log"
            | "pcre_jit"
            | "worker_cpu_affinity"
            | "worker_priority"
            | "master_process"
            | "thread_pool"
            | "worker_shutdown_timeout" => {
                directive.each(&mut |inner| {
                    fates.push((inner.place, Fate::Implied("podctl's nginx.conf has it as the container needs it".to_owned())))
                });
            }
            "include" | "load_module" if directive.arg(0).contains("modules") => {
                fates.push((directive.place, Fate::Implied("nginx's own modules".to_owned())));
            }
            "load_module" | "stream" | "mail" | "env" => {
                return Err(Obstacle { place: directive.place, why: format!("`{}` has no key in pod.yaml", directive.name) });
            }
            _ => above.push(directive),
        }
    }
    for directive in above {
        match directive.name.as_str() {
            "server" if directive.block.is_some() => http.servers.push(directive),
            "upstream" => {
                let servers =
                    directive.inner().iter().filter(|inner| inner.name == "server").map(|inner| inner.arg(0).to_owned());
                http.upstreams.insert(directive.arg(0).to_owned(), servers.collect());
                let fate = Fate::Carried(format!("services: where {} listens", directive.arg(0)));
                directive.each(&mut |inner| {
                    let is_known = matches!(
                        inner.name.as_str(),
                        "upstream" | "server" | "keepalive" | "keepalive_timeout" | "keepalive_requests" | "zone" | "least_conn"
                    );
                    fates.push((
                        inner.place,
                        if is_known { fate.clone() } else { Fate::Left("replicas are taken in turn".to_owned()) },
                    ));
                });
            }
            "limit_req_zone" => routes::zone(directive, &mut http.zones, fates)?,
            "map" if directive.arg(0) == "$http_upgrade" => {
                directive.each(&mut |inner| fates.push((inner.place, Fate::Implied("websockets pass by themselves".to_owned()))));
            }
            "map" | "geo" | "split_clients" | "proxy_cache_path" | "fastcgi_cache_path" | "limit_conn_zone" | "js_import"
            | "lua_package_path" | "upstream_conf" => {
                return Err(Obstacle { place: directive.place, why: format!("`{}` has no key in pod.yaml", directive.name) });
            }
            _ => http.settings.take(directive, "gateway", fates)?,
        }
    }
    Ok(http)
}

/// The server that answers who asks for no other.
fn main_server<'a>(http: &Http<'a>) -> Result<&'a Directive, Obstacle> {
    let is_default = |server: &&&Directive| {
        server.inner().iter().any(|inner| inner.name == "listen" && inner.args.iter().any(|arg| arg.starts_with("default")))
    };
    let redirects = |server: &Directive| {
        let inner = server.inner();
        inner.iter().any(|inner| inner.name == "return") && !inner.iter().any(|inner| inner.name == "location")
    };
    let content = http.servers.iter().filter(|server| !redirects(server));
    let found = content.clone().find(is_default).or_else(|| content.clone().next()).or(http.servers.first());
    let nowhere = Place { file: 0, line: 0, nth: 0, end: 0 };
    found.copied().ok_or_else(|| Obstacle { place: nowhere, why: "no `server` is in it".to_owned() })
}

/// A `listen`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen {
    /// Its port.
    pub port: u16,
    /// For TLS.
    pub is_tls: bool,
}

/// Where a server listens.
#[must_use]
pub fn listening(server: &Directive) -> Vec<Listen> {
    let listens = server.inner().iter().filter(|inner| inner.name == "listen");
    let port = |listen: &Directive| {
        let address = listen.arg(0);
        let port = address.rsplit(':').next().unwrap_or(address).trim_end_matches(']');
        let port = port.parse().ok().or(if address.contains('.') || address.starts_with('[') { Some(80) } else { None })?;
        Some(Listen { port, is_tls: listen.args.iter().any(|arg| arg == "ssl") })
    };
    listens.filter_map(port).collect()
}

/// Says of a configuration that it stays as it is.
pub fn keep(nginx: &Nginx, obstacle: &Obstacle, key: &str, account: &mut Account) {
    let place = obstacle.place;
    let at = if place.line == 0 { String::new() } else { format!("{}:{}: ", account.name(place.file), place.line) };
    account.note(format!("nginx stays a service with its own configuration, and is not the gateway: {at}{}", obstacle.why));
    for directive in &nginx.directives {
        directive.each(&mut |inner| account.carried(inner.place, key));
    }
}
