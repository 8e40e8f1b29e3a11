//! Headers of answers. nginx takes those of the innermost block that has any, so that each block that has one has all.

use super::always_quoted;
use crate::spec::model::{self, Gateway, Route};
use indexmap::IndexMap;
use serde::Serialize;

/// A header of an answer.
#[derive(Debug, Clone, Serialize)]
pub struct Header {
    name: String,
    /// As nginx is to read it.
    value: String,
}

/// What every answer has, unless the service or pod.yaml says something else.
const OWN: [(&str, &str); 4] = [
    ("X-Request-Id", "$podctl_request_id"),
    ("X-Content-Type-Options", "$podctl_content_type_options"),
    ("X-Frame-Options", "$podctl_frame_options"),
    ("Referrer-Policy", "$podctl_referrer_policy"),
];
/// What no service says to clients.
const HIDDEN: [&str; 2] = ["X-Powered-By", "X-Request-Id"];

/// The headers of answers that no route says more of.
pub fn of_gateway(gateway: &Gateway) -> Vec<Header> {
    with(&[&gateway.headers])
}

/// The headers of services that no client sees.
pub fn hidden(gateway: &Gateway) -> Vec<String> {
    hidden_by(&[&gateway.headers], false)
}

/// The headers of a route's answers; none when it has those of the gateway.
pub fn of_route(gateway: &Gateway, route: &Route, cors: Option<&Cors>) -> Vec<Header> {
    if route.headers.is_empty() && cors.is_none() {
        return Vec::new();
    }
    let mut headers = with(&[&gateway.headers, &route.headers]);
    headers.extend(cors.into_iter().flat_map(Cors::headers));
    headers
}

/// The headers of services that no client of a route sees.
pub fn hidden_of_route(gateway: &Gateway, route: &Route) -> Vec<String> {
    hidden_by(&[&gateway.headers, &route.headers], route.cors.is_some())
}

fn with(said: &[&IndexMap<String, String>]) -> Vec<Header> {
    let mut headers: Vec<Header> =
        OWN.iter().map(|(name, value)| Header { name: (*name).to_owned(), value: (*value).to_owned() }).collect();
    for (name, value) in said.iter().copied().flatten() {
        headers.retain(|header| !header.name.eq_ignore_ascii_case(name));
        if !value.is_empty() {
            headers.push(Header { name: name.clone(), value: always_quoted(value) });
        }
    }
    headers
}

fn hidden_by(said: &[&IndexMap<String, String>], with_cors: bool) -> Vec<String> {
    let mut names: Vec<String> = HIDDEN.map(str::to_owned).to_vec();
    names.extend(said.iter().copied().flatten().map(|(name, _)| name.clone()));
    if with_cors {
        let cors = ["Origin", "Credentials", "Methods", "Headers", "Max-Age"];
        names.extend(cors.map(|name| format!("Access-Control-Allow-{name}").replace("Allow-Max", "Max")));
    }
    names
}

/// The origins that may use a route, as maps of nginx's.
#[derive(Debug, Clone, Serialize)]
pub struct Cors {
    number: usize,
    origins: Vec<String>,
    everybody: bool,
    credentials: bool,
}

impl Cors {
    pub fn new(number: usize, cors: &model::Cors) -> Cors {
        let pattern = |origin: &String| match origin.contains('*') {
            false => always_quoted(origin),
            // `https://*.example.org`: whatever is below it. Without backslashes, which linters read in their own way.
            true => {
                format!("\"~^{}$\"", origin.replace('.', "[.]").replace("*[.]", "([a-z0-9-]+[.])+").replace('*', "[a-z0-9-]+"))
            }
        };
        Cors {
            number,
            everybody: cors.origins.iter().any(|origin| origin == "*"),
            origins: cors.origins.iter().map(pattern).collect(),
            credentials: cors.credentials,
        }
    }

    /// The variable that is 1 for a preflight.
    pub fn preflight(&self) -> String {
        format!("$podctl_preflight_{}", self.number)
    }

    fn headers(&self) -> Vec<Header> {
        let header = |name: &str, value: String| Header { name: name.to_owned(), value };
        let number = self.number;
        let mut headers = vec![header("Access-Control-Allow-Origin", format!("$podctl_cors_{number}"))];
        if !self.everybody {
            headers.push(header("Vary", "Origin".to_owned()));
        }
        if self.credentials {
            headers.push(header("Access-Control-Allow-Credentials", format!("$podctl_cors_credentials_{number}")));
        }
        for (name, variable) in [("Allow-Methods", "methods"), ("Allow-Headers", "headers"), ("Max-Age", "max_age")] {
            headers.push(header(&format!("Access-Control-{name}"), format!("$podctl_cors_{variable}_{number}")));
        }
        headers
    }
}
