//! Which request asks for what.

use super::http::{Request, Response};
use crate::machine::Verb;

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Route {
    /// Everything about the pod.
    Status,
    /// Whether the pod is well.
    Health,
    /// Names and states.
    PublicStatus,
    /// The last lines of a service.
    Logs {
        /// Its name.
        service: String,
        /// How many.
        lines: usize,
    },
    /// What happens, from this sequence number on.
    Events {
        /// Events with greater numbers are wanted.
        since: u64,
    },
    /// Something is to be done to a service.
    Do {
        /// Its name.
        service: String,
        /// What.
        verb: Verb,
    },
}

const DEFAULT_LINES: usize = 100;

/// Finds the route of a request. `public` is whether it came by the socket that everybody may use.
///
/// # Errors
/// The answer to a request that has none.
pub fn route(request: &Request, public: bool) -> Result<Route, Response> {
    let reads = matches!(request.method.as_str(), "GET" | "HEAD");
    let segments: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
    let found = match segments.as_slice() {
        ["health"] => Some(Route::Health),
        ["status"] => Some(Route::PublicStatus),
        _ if public => None,
        ["v1", "status"] => Some(Route::Status),
        ["v1", "logs"] => Some(Route::Logs {
            service: value(request, "service").unwrap_or_default().to_owned(),
            lines: number(request, "lines")?.unwrap_or(DEFAULT_LINES),
        }),
        ["v1", "events"] => Some(Route::Events { since: number(request, "since")?.unwrap_or(0) }),
        ["v1", "services", service, verb] => verb_named(verb).map(|verb| Route::Do { service: (*service).to_owned(), verb }),
        _ => None,
    };
    match found {
        None => Err(Response::problem(404, format!("there is nothing at {}", request.path))),
        Some(Route::Do { .. }) if request.method != "POST" => Err(Response::problem(405, "this takes a POST")),
        // No page in a browser has any business here.
        Some(Route::Do { .. }) if request.has_origin => Err(Response::problem(403, "requests of web pages are refused")),
        Some(route @ Route::Do { .. }) => Ok(route),
        Some(_) if !reads => Err(Response::problem(405, "this takes a GET")),
        Some(route) => Ok(route),
    }
}

fn verb_named(name: &str) -> Option<Verb> {
    match name {
        "start" => Some(Verb::Start),
        "stop" => Some(Verb::Stop),
        "restart" => Some(Verb::Restart),
        _ => None,
    }
}

fn value<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    request.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

fn number<N: std::str::FromStr>(request: &Request, name: &str) -> Result<Option<N>, Response> {
    let wrong = |_| Response::problem(400, format!("{name} must be a number"));
    value(request, name).map(|text| text.parse().map_err(wrong)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::http::{Parsed, parse};

    fn ask(line: &str, public: bool) -> Result<Route, Response> {
        match parse(format!("{line} HTTP/1.1\r\n\r\n").as_bytes()) {
            Parsed::Whole(request, _) => route(&request, public),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_route_is_found() {
        assert_eq!(ask("GET /v1/status", false), Ok(Route::Status));
        assert_eq!(ask("GET /health", true), Ok(Route::Health));
        assert_eq!(ask("GET /status", true), Ok(Route::PublicStatus));
        assert_eq!(ask("GET /v1/events?since=7", false), Ok(Route::Events { since: 7 }));
        assert_eq!(ask("GET /v1/logs?service=web", false), Ok(Route::Logs { service: "web".to_owned(), lines: 100 }));
        let restart = Route::Do { service: "a b".to_owned(), verb: Verb::Restart };
        assert_eq!(ask("POST /v1/services/a%20b/restart", false), Ok(restart));
    }

    #[test]
    fn the_rest_is_refused() {
        for line in
            ["GET /v1/services/a/restart", "POST /v1/status", "GET /v1/services/a/explode", "GET /v1/logs?lines=x", "GET /"]
        {
            assert!(ask(line, false).is_err(), "{line}");
        }
        for line in ["GET /v1/status", "GET /v1/logs?service=a", "GET /v1/events", "POST /v1/services/a/stop"] {
            assert!(ask(line, true).is_err(), "{line} on the public socket");
        }
    }
}
