//! What is sent where: routes and nginx.

use super::Service;
use indexmap::IndexMap;
use podinit_plan::units::Rate;

/// What the gateway speaks to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// HTTP, websockets included.
    #[default]
    Http,
    /// FastCGI: PHP-FPM and others.
    Fastcgi,
    /// uWSGI's own.
    Uwsgi,
    /// gRPC.
    Grpc,
    /// Nothing that a gateway could speak: only who connects to the port itself reaches it.
    Tcp,
}

/// What the gateway does with some requests.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// Which requests.
    pub path: RoutePath,
    /// Only those to these hosts; none is every host.
    pub hosts: Vec<String>,
    /// Only those that come on this port; none is the gateway's.
    pub listen: Option<u16>,
    /// Who answers.
    pub target: RouteTarget,
    /// Files that are looked for first: an absolute folder or file.
    pub files: Option<String>,
    /// Whether `files` is one file.
    pub is_file: bool,
    /// What answers when there is no such file.
    pub fallback: Fallback,
    /// How long files may be kept.
    pub expires: Option<Expires>,
    /// The service does not see the prefix.
    pub strip_prefix: bool,
    /// The most requests per client.
    pub rate: Option<Rate>,
    /// How many requests beyond the rate are let through at once.
    pub burst: u32,
    /// How long the service may take between two reads or writes.
    pub timeout_ms: u64,
    /// The largest request body; 0 is no limit.
    pub max_body_bytes: u64,
    /// Whether nginx buffers requests and answers.
    pub buffering: bool,
    /// Headers of answers; empty ones are taken away.
    pub headers: IndexMap<String, String>,
    /// Which pages of other origins may use it.
    pub cors: Option<Cors>,
    /// Only clients of these networks; none is everybody.
    pub allow: Vec<String>,
    /// Lines of nginx's.
    pub config: Option<String>,
}

/// Who answers the requests of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteTarget {
    /// The service that the route belongs to, or that it names.
    Service(String),
    /// `http://host:port` or `https://host:port`.
    Upstream(String),
    /// nginx itself.
    Return(Return),
    /// Nobody: files alone.
    Files,
}

/// An answer of nginx's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Return {
    /// The status.
    pub status: u16,
    /// The text, or where a redirection leads.
    pub text: Option<String>,
}

/// What answers when there is no file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Fallback {
    /// The route's service: PHP's /index.php, others answer themselves; without a service 404.
    #[default]
    Service,
    /// This file of the folder, `/index.html`.
    File(String),
    /// 404.
    None,
}

/// How long files may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expires {
    /// They may not without asking.
    Never,
    /// For so long.
    Seconds(u64),
}

/// Pages of which other origins may use a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cors {
    /// `https://example.org` each, or `*`.
    pub origins: Vec<String>,
    /// With cookies.
    pub credentials: bool,
}

/// Which requests a route takes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RoutePath {
    /// `/api`: /api and all below it, not /apix. Without a slash at the end, except for `/`.
    Prefix(String),
    /// `= /api`: this path alone.
    Exact(String),
    /// `~ ^/v[12]/`: what the expression matches.
    Regex(String),
}

/// nginx in front of the services.
#[derive(Debug, Clone, PartialEq)]
pub struct Gateway {
    /// How it runs. Its command is nginx unless pod.yaml says otherwise; its routes are those that no service has.
    pub service: Service,
    /// Where it listens.
    pub port: u16,
    /// HTTPS.
    pub tls: Option<Tls>,
    /// The path of the pod's readiness; none for `false`.
    pub health: Option<String>,
    /// The path of names and states; none unless asked for.
    pub status: Option<String>,
    /// Networks of proxies whose word on a client is taken.
    pub trusted_proxies: Vec<String>,
    /// Pages for errors of nginx's own, by status; absolute.
    pub error_pages: IndexMap<u16, String>,
    /// Headers of all answers; empty ones are taken away.
    pub headers: IndexMap<String, String>,
    /// Lines of nginx's for the whole server.
    pub config: Option<String>,
}

/// HTTPS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The certificate, with those between it and its root; absolute.
    pub certificate: String,
    /// Its key; absolute.
    pub key: String,
    /// Where it listens.
    pub port: u16,
    /// Requests without TLS are sent to it.
    pub redirect: bool,
    /// Without the files there is no TLS, rather than no gateway.
    pub optional: bool,
}
