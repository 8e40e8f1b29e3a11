//! The image's own health check: the service behind the address that it asks gets it.

use super::Pod;
use crate::import::account::{Account, Fate};
use crate::import::draft::Service;
use crate::import::project::Sources;
use crate::import::yaml::Yaml;

/// Gives the check of a HEALTHCHECK to the service that answers it.
pub fn carry(sources: &Sources, pod: &mut Pod, account: &mut Account) {
    let Some(check) = sources.dockerfile.as_ref().and_then(|dockerfile| dockerfile.find("HEALTHCHECK")) else { return };
    let Some((port, path)) = address(&check.text) else { return };
    let gateway = pod.gateway.as_ref().and_then(|gateway| gateway.text("port")).and_then(|port| port.parse::<u16>().ok());
    let is_http = |service: &&mut Service| service.get("protocol").is_none() && service.get("port").is_some();
    let found = if Some(port) == gateway {
        let routed = |service: &Service| longest_route(service.get("route"), &path);
        pod.services
            .iter_mut()
            .filter(is_http)
            .filter_map(|service| Some((routed(service)?, service)))
            .max_by_key(|(length, _)| *length)
    } else {
        let asked = |service: &&mut Service| service.text("port").is_some_and(|own| own == port.to_string());
        pod.services.iter_mut().filter(is_http).find(asked).map(|service| (0, service))
    };
    let Some((_, service)) = found else { return };
    let mut keys = vec![("http".to_owned(), Yaml::text(path))];
    for (flag, key, default) in [
        ("interval", "interval", "10s"),
        ("timeout", "timeout", "5s"),
        ("start-period", "start_period", "0s"),
        ("retries", "retries", "3"),
    ] {
        if let Some(value) = check.flag(flag).filter(|value| *value != default) {
            keys.push((key.to_owned(), if key == "retries" { Yaml::plain(value) } else { Yaml::text(value) }));
        }
    }
    let value = match keys.as_slice() {
        [(_, path)] => path.clone(),
        _ => Yaml::Map(keys),
    };
    service.set("healthcheck", value);
    account.instead(check.place, Fate::Carried(format!("services.{}.healthcheck", service.name)));
}

/// The port and the path of what a check asks.
fn address(text: &str) -> Option<(u16, String)> {
    let (_, rest) = text.split_once("http://")?;
    let rest: String =
        rest.chars().take_while(|c| !c.is_whitespace() && !matches!(c, '"' | '\'' | '|' | ';' | ')' | ',' | ']')).collect();
    let (authority, path) = rest.split_once('/').unwrap_or((&rest, ""));
    let (host, port) = authority.split_once(':').unwrap_or((authority, "80"));
    let path = path.split('?').next().unwrap_or_default();
    let is_plain = path.chars().all(|c| c.is_ascii_alphanumeric() || "/_.-".contains(c));
    (is_plain && matches!(host, "localhost" | "127.0.0.1" | "0.0.0.0")).then_some(())?;
    Some((port.parse().ok()?, format!("/{path}")))
}

/// How much of a path the longest of the routes is for.
fn longest_route(route: Option<&Yaml>, path: &str) -> Option<usize> {
    let prefix = |text: &str| {
        let text = text.trim_end_matches('/');
        (text.is_empty() || path == text || path.starts_with(&format!("{text}/"))).then_some(text.len())
    };
    match route? {
        Yaml::Text(text) => prefix(text),
        Yaml::Map(entries) => entries.iter().find(|(key, _)| key == "path").and_then(|(_, path)| match path {
            Yaml::Text(text) => prefix(text),
            _ => None,
        }),
        Yaml::List(routes) => routes.iter().filter_map(|route| longest_route(Some(route), path)).max(),
        _ => None,
    }
}
