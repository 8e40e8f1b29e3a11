//! Servers: what their locations have in common.

use super::gateway::{Listen, Obstacle, listening};
use super::routes::{Routes, Target, is_about_names, is_php, pattern};
use super::settings::Settings;
use crate::import::account::Place;
use crate::import::readers::nginx::Directive;
use crate::import::yaml::Yaml;
use std::collections::BTreeMap;

/// A server's own.
pub(super) struct Server {
    pub(super) root: Option<String>,
    pub(super) settings: Settings,
    /// What every route of it says: `listen` and `host`, when it is not the main one.
    pub(super) keys: Vec<(String, Yaml)>,
    /// Locations by name: `@app`.
    pub(super) named: BTreeMap<String, Directive>,
    /// Files may be kept for so long: of a location for names of files.
    pub(super) expires: Option<String>,
    /// Who answers for .php, and the settings of that location.
    pub(super) php: Option<(Target, Settings, Place)>,
}

impl Routes<'_> {
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
                _ => server.settings.take(inner, "gateway", self.fates)?,
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
                        _ => settings.take(inner, "route", self.fates)?,
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
                _ => settings.take(inner, "route", self.fates)?,
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
}
