//! Which request asks for what.

use super::door::Door;
use super::http::{Request, Response};
use crate::machine::Verb;
use podinit_plan::plan::Stream;

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Route {
    /// Everything about the pod.
    Status,
    /// The same, with what services use from now on.
    FreshStatus,
    /// Whether the pod is well.
    Health,
    /// Whether podinit itself is.
    Live,
    /// The same as [`Route::Health`], with names and states.
    Detail,
    /// Names and states.
    PublicStatus,
    /// The pod in figures.
    Metrics,
    /// The last lines of a service.
    Logs {
        /// Its name.
        service: String,
        /// How many.
        lines: usize,
    },
    /// An output of a service, as it grows.
    Follow {
        /// Its name: supervisord's `group:name` for [`Route::LogTail`]'s, the plan's otherwise.
        service: String,
        /// Which of its outputs.
        stream: Stream,
        /// The name is supervisord's.
        is_tail: bool,
    },
    /// What podinit itself says, as it says it.
    FollowOwn,
    /// A call of XML-RPC, which is in the request's body.
    Call,
    /// The page for people.
    Page,
    /// Its logs are to be emptied.
    Clear {
        /// Of which service.
        service: String,
    },
    /// What happens, from this sequence number on.
    Events {
        /// Events with greater numbers are wanted.
        since: u64,
        /// And those that are still to come.
        follow: bool,
        /// They are sent on when the client has closed its side: it may have nothing more to say. podctl's has gone then.
        lingers: bool,
    },
    /// The sinks of alerts are to be tried.
    TestAlerts {
        /// Which; all without a name.
        sink: Option<String>,
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

/// Finds the route of a request that was let in by `door`.
///
/// # Errors
/// The answer to a request that has none.
pub fn route(request: &Request, door: &Door) -> Result<Route, Response> {
    let reads = matches!(request.method.as_str(), "GET" | "HEAD");
    let segments: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
    let found = match segments.as_slice() {
        ["livez"] => Some(Route::Live),
        ["readyz"] if *door == Door::Own && request.query.iter().any(|(name, _)| name == "verbose") => Some(Route::Detail),
        ["health" | "readyz"] => Some(Route::Health),
        ["metrics"] if *door != Door::Public => Some(Route::Metrics),
        _ if matches!(door, Door::Metrics { .. }) => None,
        ["status"] => Some(Route::PublicStatus),
        _ if *door == Door::Public => None,
        ["" | "index.html"] => Some(Route::Page),
        ["logtail", service] => Some(tail(service, Stream::Stdout)),
        ["logtail", service, "stdout"] => Some(tail(service, Stream::Stdout)),
        ["logtail", service, "stderr"] => Some(tail(service, Stream::Stderr)),
        ["mainlogtail"] => Some(Route::FollowOwn),
        [first, ..] if first.starts_with("RPC2") => {
            // As the original answers what is no call.
            if request.method != "POST" {
                return Err(Response::problem(400, "this takes a POST"));
            }
            return Ok(Route::Call);
        }
        ["v1", "services", service, "clear"] => Some(Route::Clear { service: (*service).to_owned() }),
        ["v1", "logs"] if value(request, "follow") == Some("1") => Some(Route::Follow {
            service: value(request, "service").unwrap_or_default().to_owned(),
            stream: if value(request, "stream") == Some("stderr") { Stream::Stderr } else { Stream::Stdout },
            is_tail: false,
        }),
        ["v1", "status"] if value(request, "fresh") == Some("1") => Some(Route::FreshStatus),
        ["v1", "status"] => Some(Route::Status),
        ["v1", "logs"] => Some(Route::Logs {
            service: value(request, "service").unwrap_or_default().to_owned(),
            lines: number(request, "lines")?.unwrap_or(DEFAULT_LINES),
        }),
        ["v1", "alerts", "test"] => Some(Route::TestAlerts { sink: value(request, "sink").map(str::to_owned) }),
        ["v1", "events"] => Some(Route::Events {
            since: number(request, "since")?.unwrap_or(0),
            follow: value(request, "follow") != Some("0"),
            lingers: value(request, "linger") != Some("0"),
        }),
        ["v1", "services", service, verb] => verb_named(verb).map(|verb| Route::Do { service: (*service).to_owned(), verb }),
        _ => None,
    };
    match found {
        None => Err(Response::problem(404, format!("there is nothing at {}", request.path))),
        Some(Route::Do { .. } | Route::Clear { .. } | Route::TestAlerts { .. }) if request.method != "POST" => {
            Err(Response::problem(405, "this takes a POST"))
        }
        Some(Route::Do { .. } | Route::Clear { .. } | Route::TestAlerts { .. }) if door.is_read_only() => {
            Err(Response::problem(403, "this server is read-only: it has no password"))
        }
        Some(route @ (Route::Do { .. } | Route::Clear { .. } | Route::TestAlerts { .. })) => Ok(route),
        Some(_) if !reads => Err(Response::problem(405, "this takes a GET")),
        Some(route) => Ok(route),
    }
}

fn tail(service: &str, stream: Stream) -> Route {
    Route::Follow { service: service.to_owned(), stream, is_tail: true }
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
            Parsed::Whole(request, _) => route(&request, if public { &Door::Public } else { &Door::Own }),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_route_is_found() {
        assert_eq!(ask("GET /v1/status", false), Ok(Route::Status));
        assert_eq!(ask("GET /v1/status?fresh=1", false), Ok(Route::FreshStatus));
        assert_eq!(ask("GET /health", true), Ok(Route::Health));
        assert_eq!(ask("GET /livez", true), Ok(Route::Live));
        assert_eq!(ask("GET /readyz", true), Ok(Route::Health));
        assert_eq!(ask("GET /readyz?verbose", true), Ok(Route::Health), "names are not for everybody");
        assert_eq!(ask("GET /readyz?verbose", false), Ok(Route::Detail));
        assert_eq!(ask("GET /status", true), Ok(Route::PublicStatus));
        assert_eq!(ask("GET /metrics", false), Ok(Route::Metrics));
        assert_eq!(ask("GET /v1/events?since=7", false), Ok(Route::Events { since: 7, follow: true, lingers: true }));
        let past = Route::Events { since: 0, follow: false, lingers: false };
        assert_eq!(ask("GET /v1/events?follow=0&linger=0", false), Ok(past));
        assert_eq!(ask("GET /v1/logs?service=web", false), Ok(Route::Logs { service: "web".to_owned(), lines: 100 }));
        let restart = Route::Do { service: "a b".to_owned(), verb: Verb::Restart };
        assert_eq!(ask("POST /v1/services/a%20b/restart", false), Ok(restart));
    }

    #[test]
    fn the_rest_is_refused() {
        for line in [
            "GET /v1/services/a/restart",
            "POST /v1/status",
            "GET /v1/services/a/explode",
            "GET /v1/logs?lines=x",
            "GET /nothing",
        ] {
            assert!(ask(line, false).is_err(), "{line}");
        }
        let own = ["GET /v1/status", "GET /v1/logs?service=a", "GET /v1/events", "POST /v1/services/a/stop", "GET /metrics"];
        for line in own {
            assert!(ask(line, true).is_err(), "{line} on the public socket");
        }
    }
}
