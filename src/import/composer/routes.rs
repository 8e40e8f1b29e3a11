//! Locations become routes.

use super::gateway::{Fates, Http, Obstacle};
use super::servers::Server;
use super::settings::Settings;
use super::targets::split_address;
use crate::import::account::{Fate, Place};
use crate::import::draft::Service;
use crate::import::readers::nginx::Directive;
use crate::import::yaml::Yaml;
use std::collections::BTreeMap;

/// Rates by the name of their zone.
pub type Zones = BTreeMap<String, String>;

/// Routes in the making.
pub struct Routes<'a> {
    pub(super) http: &'a Http<'a>,
    pub(super) services: &'a mut Vec<Service>,
    pub(super) fates: &'a mut Fates,
    pub(super) port: u16,
    /// Routes of the gateway itself.
    pub of_gateway: Vec<Yaml>,
    /// The gateway's certificate.
    pub tls: Option<Yaml>,
    /// Who asks without TLS is sent to TLS.
    pub redirects: bool,
    pub(super) of_services: BTreeMap<usize, Vec<Yaml>>,
}

/// Who answers.
pub(super) enum Target {
    Service(usize),
    Upstream(String),
}

/// Reads a zone of a rate.
pub fn zone(directive: &Directive, zones: &mut Zones, fates: &mut Fates) -> Result<(), Obstacle> {
    let named = |key: &str| directive.args.iter().find_map(|arg| arg.strip_prefix(key)).map(str::to_owned);
    let (zone, rate) = (named("zone="), named("rate="));
    let is_per_client = matches!(directive.arg(0), "$binary_remote_addr" | "$remote_addr");
    match (zone, rate) {
        (Some(zone), Some(rate)) if is_per_client => {
            zones.insert(zone.split(':').next().unwrap_or_default().to_owned(), rate);
            fates.push((directive.place, Fate::Carried("services: route.rate".to_owned())));
            Ok(())
        }
        _ => Err(Obstacle { place: directive.place, why: "rates are per client in pod.yaml".to_owned() }),
    }
}

/// One route as it is, several as a list. A path alone is text.
pub fn one_or_many(mut routes: Vec<Yaml>) -> Yaml {
    for route in &mut routes {
        if let Yaml::Map(entries) = route
            && let [(key, path)] = entries.as_slice()
            && key == "path"
        {
            *route = path.clone();
        }
    }
    if routes.len() == 1 { routes.remove(0) } else { Yaml::List(routes) }
}

impl<'a> Routes<'a> {
    pub fn new(http: &'a Http<'a>, services: &'a mut Vec<Service>, fates: &'a mut Fates, port: u16) -> Routes<'a> {
        Routes { http, services, fates, port, of_gateway: Vec::new(), tls: None, redirects: false, of_services: BTreeMap::new() }
    }

    /// Gives services their routes.
    pub fn attach(self) {
        for (index, routes) in self.of_services {
            if let Some(service) = self.services.get_mut(index) {
                service.set("route", one_or_many(routes));
            }
        }
    }

    pub(super) fn location(&mut self, location: &Directive, server: &Server) -> Result<(), Obstacle> {
        let (sign, path) = pattern(location);
        let is_done = path.starts_with('@')
            || (sign.starts_with('~')
                && (is_about_names(location) || server.php.as_ref().is_some_and(|(_, _, place)| *place == location.place)));
        if is_done {
            return Ok(());
        }
        if self.is_implied(location, sign, path) {
            return Ok(());
        }
        let mut route = Route::new(sign, path);
        for inner in location.inner() {
            self.directive(inner, &mut route, server)?;
        }
        self.finish(location, route, server)
    }

    /// Locations that the gateway has by itself.
    fn is_implied(&mut self, location: &Directive, sign: &str, path: &str) -> bool {
        let names: Vec<&str> = location.inner().iter().map(|inner| inner.name.as_str()).collect();
        let only = |allowed: &[&str]| names.iter().all(|name| allowed.contains(name));
        let why = if sign.starts_with('~') && path.contains("/\\.") && names.contains(&"deny") {
            "files whose names begin with a dot are never given out"
        } else if only(&["log_not_found", "access_log", "allow", "try_files"]) && !names.is_empty() && sign == "=" {
            "a file as any other"
        } else if path == "/health" && names.contains(&"return") {
            "the gateway answers /health for the whole pod"
        } else if names.contains(&"stub_status") {
            "`gateway.status` shows how the services are"
        } else if (names.contains(&"internal") && only(&["internal", "root", "alias"])) || path.contains("50x.html") {
            "errors are JSON, and HTML to browsers; `error_pages` are your own"
        } else {
            return false;
        };
        location.each(&mut |inner| self.fates.push((inner.place, Fate::Implied(why.to_owned()))));
        true
    }

    fn directive(&mut self, inner: &Directive, route: &mut Route, server: &Server) -> Result<(), Obstacle> {
        let first = inner.arg(0);
        match inner.name.as_str() {
            "proxy_pass" | "uwsgi_pass" | "fastcgi_pass" | "grpc_pass" => {
                let protocol = match inner.name.as_str() {
                    "proxy_pass" => "http",
                    "uwsgi_pass" => "uwsgi",
                    "grpc_pass" => "grpc",
                    _ => "fastcgi",
                };
                let (address, rest) = split_address(first);
                match rest {
                    None => {}
                    Some("/") if route.is_prefix() => route.strips = route.path != "/",
                    Some(rest) if rest.trim_end_matches('/') == route.path.trim_end_matches('/') => {}
                    Some(_) => {
                        return Err(Obstacle { place: inner.place, why: "the path of a request becomes another one".to_owned() });
                    }
                }
                route.target = Some(self.target(inner, address, protocol)?);
                self.carried(inner.place, "route");
            }
            "try_files" => self.try_files(inner, route, server)?,
            "root" => {
                let folder = first.trim_end_matches('/');
                let below = if route.is_prefix() && route.path != "/" { route.path.trim_end_matches('/') } else { "" };
                route.files = Some(format!("{folder}{below}"));
                self.carried(inner.place, "route.static");
            }
            "alias" => {
                route.files = Some(first.trim_end_matches('/').to_owned());
                self.carried(inner.place, "route.static");
            }
            "return" => {
                route.answer = Some(inner.args.join(" "));
                self.carried(inner.place, "route.return");
            }
            "limit_req" => self.rate(inner, "route.rate", &mut route.settings)?,
            "location" => {
                return Err(Obstacle { place: inner.place, why: "a location in a location has no key in pod.yaml".to_owned() });
            }
            "auth_request" | "proxy_cache" | "fastcgi_cache" | "limit_conn" | "internal" => {
                return Err(Obstacle { place: inner.place, why: format!("`{}` has no key in pod.yaml", inner.name) });
            }
            "error_page" => self.implied(inner.place, "errors are JSON, and HTML to browsers; `error_pages` are your own"),
            _ => route.settings.take(inner, "route", self.fates)?,
        }
        Ok(())
    }

    fn try_files(&mut self, inner: &Directive, route: &mut Route, server: &Server) -> Result<(), Obstacle> {
        let last = inner.args.last().map_or("", String::as_str);
        self.carried(inner.place, "route.static");
        if route.files.is_none() {
            let below = if route.is_prefix() && route.path != "/" { route.path.trim_end_matches('/') } else { "" };
            route.files = server.root.as_ref().map(|root| format!("{root}{below}"));
        }
        if let Some(named) = server.named.get(last).cloned() {
            for inner in named.inner() {
                self.directive(inner, route, server)?;
            }
            return Ok(());
        }
        let file = last.split('?').next().unwrap_or_default();
        if last.starts_with('=') {
            route.fallback = Some(Yaml::plain(false));
        } else if file.starts_with('/') && !file.contains('$') {
            // A front controller is what PHP falls back to by itself.
            let is_usual = file == "/index.php";
            route.falls_back_to_php = is_usual;
            route.fallback = (!is_usual).then(|| Yaml::text(file));
        } else if !last.starts_with("$uri") {
            return Err(Obstacle { place: inner.place, why: "what answers when there is no file cannot be told".to_owned() });
        }
        Ok(())
    }

    /// Makes the route, and gives it to who answers.
    fn finish(&mut self, location: &Directive, mut route: Route, server: &Server) -> Result<(), Obstacle> {
        self.carried(location.place, "route");
        let is_root = route.is_prefix() && route.path == "/";
        let mut php_settings = Settings::default();
        if route.target.is_none() && route.answer.is_none() {
            let has_files = route.files.is_some() || server.root.is_some();
            if let Some((Target::Service(index), settings, _)) = &server.php
                && (is_root || route.falls_back_to_php)
            {
                route.target = Some(Target::Service(*index));
                php_settings = settings.clone();
            } else if route.settings.denies && route.settings.allow.is_empty() {
                route.answer = Some("403".to_owned());
            } else if !has_files {
                return Err(Obstacle { place: location.place, why: "nobody answers for this location".to_owned() });
            }
            if route.answer.is_none() && route.files.is_none() {
                let below = if route.is_prefix() && route.path != "/" { route.path.trim_end_matches('/') } else { "" };
                route.files = server.root.as_ref().map(|root| format!("{root}{below}"));
            }
        }
        let settings = route.settings.over(&php_settings);
        let mut keys = vec![("path".to_owned(), Yaml::text(route.shown()))];
        keys.extend(server.keys.clone());
        if let Some(files) = &route.files {
            keys.push(("static".to_owned(), Yaml::text(if files.is_empty() { "/" } else { files })));
            let is_php =
                matches!((&route.target, &server.php), (Some(Target::Service(a)), Some((Target::Service(b), ..))) if a == b);
            match &route.fallback {
                Some(fallback) => keys.push(("fallback".to_owned(), fallback.clone())),
                // Scripts alone, and nothing in the place of what is not there.
                None if is_php && !route.falls_back_to_php => keys.push(("fallback".to_owned(), Yaml::plain(false))),
                None => {}
            }
            if let Some(expires) = settings.expires.clone().or_else(|| server.expires.clone()) {
                keys.push(("expires".to_owned(), Yaml::text(expires)));
            }
        }
        if route.strips {
            keys.push(("strip_prefix".to_owned(), Yaml::plain(true)));
        }
        if let Some(answer) = &route.answer {
            keys.push(("return".to_owned(), Yaml::text(answer.as_str())));
        }
        keys.extend(settings.keys());
        match route.target {
            Some(Target::Service(index)) => self.of_services.entry(index).or_default().push(Yaml::Map(keys)),
            Some(Target::Upstream(address)) => {
                keys.insert(1, ("upstream".to_owned(), Yaml::text(address)));
                self.of_gateway.push(Yaml::Map(keys));
            }
            None => self.of_gateway.push(Yaml::Map(keys)),
        }
        Ok(())
    }

    /// A rate, as a line of settings: they become `rate` and `burst`.
    pub(super) fn rate(&mut self, inner: &Directive, key: &str, settings: &mut Settings) -> Result<(), Obstacle> {
        let named = |key: &str| inner.args.iter().find_map(|arg| arg.strip_prefix(key));
        let Some(rate) = named("zone=").and_then(|zone| self.http.zones.get(zone)) else {
            return Err(Obstacle { place: inner.place, why: "its limit_req_zone is not in the project".to_owned() });
        };
        settings.rate = Some((rate.clone(), named("burst=").and_then(|burst| burst.parse().ok())));
        self.carried(inner.place, key);
        Ok(())
    }

    pub(super) fn carried(&mut self, place: Place, key: &str) {
        self.fates.push((place, Fate::Carried(key.to_owned())));
    }

    pub(super) fn implied(&mut self, place: Place, why: &str) {
        self.fates.push((place, Fate::Implied(why.to_owned())));
    }

    pub(super) fn left(&mut self, place: Place, why: &str) {
        self.fates.push((place, Fate::Left(why.to_owned())));
    }
}

/// A location in the making.
struct Route {
    sign: String,
    path: String,
    target: Option<Target>,
    files: Option<String>,
    fallback: Option<Yaml>,
    falls_back_to_php: bool,
    answer: Option<String>,
    strips: bool,
    settings: Settings,
}

impl Route {
    fn new(sign: &str, path: &str) -> Route {
        Route {
            sign: sign.to_owned(),
            path: path.to_owned(),
            target: None,
            files: None,
            fallback: None,
            falls_back_to_php: false,
            answer: None,
            strips: false,
            settings: Settings::default(),
        }
    }

    fn is_prefix(&self) -> bool {
        !self.sign.starts_with('~') && self.sign != "="
    }

    /// As pod.yaml has it.
    fn shown(&self) -> String {
        match self.sign.as_str() {
            "=" => format!("= {}", self.path),
            "~" => format!("~ {}", self.path),
            "~*" => format!("~ (?i){}", self.path),
            _ if self.path == "/" => "/".to_owned(),
            _ => self.path.trim_end_matches('/').to_owned(),
        }
    }
}

/// The sign and the pattern of a location.
pub(super) fn pattern(location: &Directive) -> (&str, &str) {
    match location.arg(0) {
        sign @ ("=" | "~" | "~*" | "^~") => (sign, location.arg(1)),
        path => match path.strip_prefix('=') {
            Some(rest) if rest.starts_with('/') => ("=", rest),
            _ => ("", path),
        },
    }
}

pub(super) fn is_php(path: &str) -> bool {
    path.contains("\\.php")
}

/// Whether a location is for names of files, to say how long they may be kept.
pub(super) fn is_about_names(location: &Directive) -> bool {
    let allowed =
        ["expires", "access_log", "log_not_found", "add_header", "try_files", "root", "etag", "tcp_nodelay", "open_file_cache"];
    let (_, path) = pattern(location);
    path.contains("\\.")
        && !is_php(path)
        && !path.contains("/\\.")
        && location.inner().iter().all(|inner| allowed.contains(&inner.name.as_str()))
}
