//! Locations become routes.

use super::gateway::{Fates, Http, Listen, Obstacle, listening};
use super::settings::Settings;
use crate::import::account::{Fate, Place};
use crate::import::draft::Service;
use crate::import::readers::nginx::Directive;
use crate::import::yaml::Yaml;
use std::collections::BTreeMap;

/// Rates by the name of their zone.
pub type Zones = BTreeMap<String, String>;

/// Routes in the making.
pub struct Routes<'a> {
    http: &'a Http<'a>,
    services: &'a mut Vec<Service>,
    fates: &'a mut Fates,
    port: u16,
    /// Routes of the gateway itself.
    pub of_gateway: Vec<Yaml>,
    /// The gateway's certificate.
    pub tls: Option<Yaml>,
    /// Who asks without TLS is sent to TLS.
    pub redirects: bool,
    of_services: BTreeMap<usize, Vec<Yaml>>,
}

/// Who answers.
enum Target {
    Service(usize),
    Upstream(String),
}

/// A server's own.
struct Server {
    root: Option<String>,
    settings: Settings,
    /// What every route of it says: `listen` and `host`, when it is not the main one.
    keys: Vec<(String, Yaml)>,
    /// Locations by name: `@app`.
    named: BTreeMap<String, Directive>,
    /// Files may be kept for so long: of a location for names of files.
    expires: Option<String>,
    /// Who answers for .php, and the settings of that location.
    php: Option<(Target, Settings, Place)>,
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

    /// Reads a server; gives what the main one says for all its locations.
    pub fn server(&mut self, directive: &Directive, is_main: bool) -> Result<Settings, Obstacle> {
        let listens = listening(directive);
        self.carried(directive.place, "gateway");
        let mut server = Server {
            root: None,
            settings: Settings::default(),
            keys: Vec::new(),
            named: BTreeMap::new(),
            expires: None,
            php: None,
        };
        if !is_main {
            self.apart(directive, &listens, &mut server);
        }
        let mut locations = Vec::new();
        let mut tls: Vec<(&str, Yaml)> = Vec::new();
        let mut answer = None;
        for inner in directive.inner() {
            match inner.name.as_str() {
                "listen" => self.listen(inner, is_main, &listens),
                "server_name" => {
                    if is_main || inner.arg(0) == "_" {
                        self.implied(inner.place, "the gateway answers for every host");
                    } else {
                        self.carried(inner.place, "route.host");
                    }
                }
                "root" => {
                    server.root = Some(inner.arg(0).trim_end_matches('/').to_owned());
                    self.carried(inner.place, "route.static");
                }
                "ssl_certificate" => {
                    tls.push(("certificate", Yaml::text(inner.arg(0))));
                    self.carried(inner.place, "gateway.tls");
                }
                "ssl_certificate_key" => {
                    tls.push(("key", Yaml::text(inner.arg(0))));
                    self.carried(inner.place, "gateway.tls");
                }
                name if name.starts_with("ssl_") || name == "http2" => {
                    self.implied(inner.place, "podctl's nginx.conf has TLS as today's clients want it");
                }
                "error_page" => self.implied(inner.place, "errors are JSON, and HTML to browsers; `error_pages` are your own"),
                "return" => answer = Some(inner),
                "try_files" => locations.push(inner),
                "location" => locations.push(inner),
                "limit_req" => self.rate(inner, "gateway.rate", &mut server.settings)?,
                _ => server.settings.take(inner, "gateway", self.fates),
            }
        }
        if !tls.is_empty() {
            let port = listens.iter().find(|listen| listen.is_tls).map_or(443, |listen| listen.port);
            tls.push(("port", Yaml::plain(port)));
            self.tls = Some(Yaml::map(tls));
        }
        if let Some(answer) = answer {
            self.answer_of_all(answer, &server)?;
        }
        self.before(&locations, &mut server)?;
        let has_root_location = locations.iter().any(|location| location.name == "location" && location.arg(0) == "/");
        if !has_root_location && answer.is_none() {
            self.files_of_server(&locations, &server, is_main)?;
        }
        for location in locations.iter().filter(|location| location.name == "location") {
            self.location(location, &server)?;
        }
        let mut settings = server.settings;
        if !is_main {
            settings = Settings::default();
        }
        Ok(settings)
    }

    /// What tells another server from the main one.
    fn apart(&mut self, directive: &Directive, listens: &[Listen], server: &mut Server) {
        if let Some(listen) = listens.iter().find(|listen| !listen.is_tls).filter(|listen| listen.port != self.port) {
            server.keys.push(("listen".to_owned(), Yaml::plain(listen.port)));
        }
        let names = directive.inner().iter().filter(|inner| inner.name == "server_name").flat_map(|inner| inner.args.clone());
        let names: Vec<String> = names.filter(|name| name != "_" && !name.starts_with('~') && !name.contains('$')).collect();
        match names.as_slice() {
            [] => {}
            [name] => server.keys.push(("host".to_owned(), Yaml::text(name.as_str()))),
            names => server.keys.push(("host".to_owned(), Yaml::texts(names.to_vec()))),
        }
    }

    fn listen(&mut self, inner: &Directive, is_main: bool, listens: &[Listen]) {
        let is_tls = inner.args.iter().any(|arg| arg == "ssl");
        match (is_tls, is_main) {
            (true, _) => self.carried(inner.place, "gateway.tls.port"),
            (false, true) if listens.iter().any(|listen| listen.port != self.port && !listen.is_tls) => {
                self.left(inner.place, "the gateway has one port; give a route `listen` for another");
            }
            (false, true) => self.carried(inner.place, "gateway.port"),
            (false, false) => self.carried(inner.place, "route.listen"),
        }
    }

    /// A server that sends everybody elsewhere.
    fn answer_of_all(&mut self, answer: &Directive, server: &Server) -> Result<(), Obstacle> {
        if answer.arg(1).starts_with("https://$") && answer.arg(0).starts_with('3') {
            self.carried(answer.place, "gateway.tls.redirect");
            self.redirects = true;
            return Ok(());
        }
        let mut keys = vec![("path".to_owned(), Yaml::text("/"))];
        keys.extend(server.keys.clone());
        keys.push(("return".to_owned(), Yaml::text(answer.args.join(" "))));
        self.carried(answer.place, "gateway.route.return");
        self.of_gateway.push(Yaml::Map(keys));
        Ok(())
    }

    /// What other locations need to know: those with names, that for PHP, those for names of files.
    fn before(&mut self, locations: &[&Directive], server: &mut Server) -> Result<(), Obstacle> {
        for location in locations.iter().filter(|location| location.name == "location") {
            let (sign, path) = pattern(location);
            if path.starts_with('@') {
                server.named.insert(path.to_owned(), (*location).clone());
                self.carried(location.place, "route");
            }
            if sign.starts_with('~') && is_php(path) && location.inner().iter().any(|inner| inner.name == "fastcgi_pass") {
                let (target, settings) = self.php(location)?;
                server.php = Some((target, settings, location.place));
            }
            if sign.starts_with('~') && is_about_names(location) {
                let mut settings = Settings::default();
                for inner in location.inner() {
                    match inner.name.as_str() {
                        "try_files" | "root" => self.implied(inner.place, "files are looked for first"),
                        "add_header" => self.implied(inner.place, "`expires` says how long files may be kept"),
                        _ => settings.take(inner, "route", self.fates),
                    }
                }
                server.expires = settings.expires;
                self.carried(location.place, "route.expires");
            }
        }
        Ok(())
    }

    fn php(&mut self, location: &Directive) -> Result<(Target, Settings), Obstacle> {
        let mut settings = Settings::default();
        let mut target = None;
        for inner in location.inner() {
            match inner.name.as_str() {
                "fastcgi_pass" => target = Some(self.target(inner, inner.arg(0), "fastcgi")?),
                "try_files" | "root" => self.implied(inner.place, "scripts are looked for in the route's folder"),
                "limit_req" => self.rate(inner, "route.rate", &mut settings)?,
                _ => settings.take(inner, "route", self.fates),
            }
        }
        self.carried(location.place, "route");
        let nothing = || Obstacle { place: location.place, why: "nobody answers for .php".to_owned() };
        Ok((target.ok_or_else(nothing)?, settings))
    }

    /// The files of a server without a location of its own for them.
    fn files_of_server(&mut self, locations: &[&Directive], server: &Server, is_main: bool) -> Result<(), Obstacle> {
        let try_files = locations.iter().find(|location| location.name == "try_files");
        if server.root.is_none() && server.php.is_none() {
            return Ok(());
        }
        // A root without anything that looks for files there is meant for its locations.
        let has_index = server.php.is_some() || try_files.is_some() || is_main;
        if !has_index {
            return Ok(());
        }
        let location = Directive {
            name: "location".to_owned(),
            args: vec!["/".to_owned()],
            text: "location /".to_owned(),
            place: Place { file: usize::MAX, line: 0, nth: 0, end: 0 },
            block: Some(try_files.map(|directive| (*directive).clone()).into_iter().collect()),
        };
        self.location(&location, server)
    }

    fn location(&mut self, location: &Directive, server: &Server) -> Result<(), Obstacle> {
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
        let mut route = Route::new(sign, path, server);
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
        } else if names.contains(&"internal") && only(&["internal", "root", "alias"]) {
            "errors are JSON, and HTML to browsers; `error_pages` are your own"
        } else if path.contains("50x.html") {
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
            _ => route.settings.take(inner, "route", self.fates),
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
    fn rate(&mut self, inner: &Directive, key: &str, settings: &mut Settings) -> Result<(), Obstacle> {
        let named = |key: &str| inner.args.iter().find_map(|arg| arg.strip_prefix(key));
        let Some(rate) = named("zone=").and_then(|zone| self.http.zones.get(zone)) else {
            return Err(Obstacle { place: inner.place, why: "its limit_req_zone is not in the project".to_owned() });
        };
        settings.rate = Some((rate.clone(), named("burst=").and_then(|burst| burst.parse().ok())));
        self.carried(inner.place, key);
        Ok(())
    }

    /// Who is behind an address.
    fn target(&mut self, inner: &Directive, address: &str, protocol: &str) -> Result<Target, Obstacle> {
        let bare = address.split_once("://").map_or(address, |(_, rest)| rest);
        let servers = self.http.upstreams.get(bare).cloned().unwrap_or_else(|| vec![bare.to_owned()]);
        if bare.contains('$') {
            return Err(Obstacle { place: inner.place, why: "who answers is known at each request alone".to_owned() });
        }
        let own: Vec<&String> = servers.iter().filter(|server| is_own(server)).collect();
        let first = own.first().map_or("", |server| server.as_str());
        let found = if own.is_empty() { None } else { self.behind(bare, first, protocol) };
        self.carried(inner.place, "services: where it listens");
        if let Some(index) = found {
            let service = &mut self.services[index];
            if let Some(socket) = socket(first) {
                service.set("socket", Yaml::text(socket));
            } else if let Some(port) = port(first) {
                let known = service.get("port").cloned();
                if known.is_some_and(|known| known != Yaml::plain(port)) {
                    return Err(Obstacle { place: inner.place, why: "a service is asked on two ports".to_owned() });
                }
                service.set("port", Yaml::plain(port));
            }
            if protocol != "http" {
                service.set("protocol", Yaml::text(protocol));
            }
            return Ok(Target::Service(index));
        }
        let is_plain = protocol == "http" && servers.len() == 1 && socket(&servers[0]).is_none();
        if is_plain {
            let scheme = if address.starts_with("https://") { "https" } else { "http" };
            return Ok(Target::Upstream(format!("{scheme}://{}", servers[0])));
        }
        Err(Obstacle { place: inner.place, why: "no program is known to listen there".to_owned() })
    }

    /// The service that listens at an address of this container.
    fn behind(&self, upstream: &str, address: &str, protocol: &str) -> Option<usize> {
        let text = |service: &Service| {
            let command = service.get("command").map(|command| format!("{command:?}")).unwrap_or_default();
            let environment = service.get("environment").map(|values| format!("{values:?}")).unwrap_or_default();
            format!("{command} {environment}")
        };
        let is_known = |service: &Service| match (socket(address), port(address)) {
            (Some(path), _) => service.get("socket") == Some(&Yaml::text(path)),
            (None, Some(port)) => service.get("port") == Some(&Yaml::plain(port)),
            _ => false,
        };
        let mentions = |service: &Service| match (socket(address), port(address)) {
            (Some(path), _) => text(service).contains(path),
            (None, Some(port)) => has_number(&text(service), port),
            _ => false,
        };
        let kind = |service: &Service| match protocol {
            "fastcgi" => text(service).contains("php-fpm") || text(service).contains("fcgi") || service.name.contains("php"),
            "uwsgi" => text(service).contains("uwsgi"),
            _ => false,
        };
        let named =
            |service: &Service| service.name == upstream || upstream.contains(&service.name) || service.name.contains(upstream);
        let find = |is: &dyn Fn(&Service) -> bool| self.services.iter().position(is);
        let alone = (self.services.len() == 1).then_some(0);
        find(&is_known).or_else(|| find(&mentions)).or_else(|| find(&kind)).or_else(|| find(&named)).or(alone)
    }

    fn carried(&mut self, place: Place, key: &str) {
        self.fates.push((place, Fate::Carried(key.to_owned())));
    }

    fn implied(&mut self, place: Place, why: &str) {
        self.fates.push((place, Fate::Implied(why.to_owned())));
    }

    fn left(&mut self, place: Place, why: &str) {
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
    fn new(sign: &str, path: &str, _server: &Server) -> Route {
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
fn pattern(location: &Directive) -> (&str, &str) {
    match location.arg(0) {
        sign @ ("=" | "~" | "~*" | "^~") => (sign, location.arg(1)),
        path => match path.strip_prefix('=') {
            Some(rest) if rest.starts_with('/') => ("=", rest),
            _ => ("", path),
        },
    }
}

fn is_php(path: &str) -> bool {
    path.contains("\\.php")
}

/// Whether a location is for names of files, to say how long they may be kept.
fn is_about_names(location: &Directive) -> bool {
    let allowed =
        ["expires", "access_log", "log_not_found", "add_header", "try_files", "root", "etag", "tcp_nodelay", "open_file_cache"];
    let (_, path) = pattern(location);
    path.contains("\\.")
        && !is_php(path)
        && !path.contains("/\\.")
        && location.inner().iter().all(|inner| allowed.contains(&inner.name.as_str()))
}

/// `http://app:8000/x`: the address, and the path behind it.
fn split_address(text: &str) -> (&str, Option<&str>) {
    if text.contains("unix:") {
        // `http://unix:/run/x.sock:/path`
        let start = text.find("unix:").unwrap_or(0);
        return match text[start + 5..].find(':') {
            Some(at) => (&text[..start + 5 + at], Some(&text[start + 6 + at..]).filter(|rest| !rest.is_empty())),
            None => (text, None),
        };
    }
    let start = text.find("://").map_or(0, |at| at + 3);
    match text[start..].find('/') {
        Some(at) => (&text[..start + at], Some(&text[start + at..])),
        None => (text, None),
    }
}

/// Whether an address is in this container.
fn is_own(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    address.starts_with("unix:") || matches!(host, "127.0.0.1" | "localhost" | "[::1]" | "0.0.0.0")
}

fn socket(address: &str) -> Option<&str> {
    address
        .strip_prefix("unix:")
        .map(|path| path.trim_start_matches("//").trim_end_matches(':'))
        .filter(|path| path.starts_with('/'))
}

fn port(address: &str) -> Option<u16> {
    address.rsplit_once(':')?.1.parse().ok()
}

/// Whether a text has this number as a number of its own.
fn has_number(text: &str, number: u16) -> bool {
    text.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.parse() == Ok(number))
}
