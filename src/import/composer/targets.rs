//! Who is behind an address of nginx's: a service of this pod, or somebody elsewhere.

use super::gateway::Obstacle;
use super::routes::{Routes, Target};
use crate::import::draft::Service;
use crate::import::readers::nginx::Directive;
use crate::import::yaml::Yaml;

impl Routes<'_> {
    /// Who is behind an address.
    pub(super) fn target(&mut self, inner: &Directive, address: &str, protocol: &str) -> Result<Target, Obstacle> {
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
}

/// `http://app:8000/x`: the address, and the path behind it.
pub(super) fn split_address(text: &str) -> (&str, Option<&str>) {
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
pub(super) fn has_number(text: &str, number: u16) -> bool {
    text.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.parse() == Ok(number))
}
