//! A pod, as pod.yaml says it: every default filled in, every build-time reference resolved, nothing left to look up.
//!
//! Texts marked *template* keep their `${VAR}`: podinit fills them in when the container starts.

use indexmap::IndexMap;
use podinit_plan::plan::{Attributes, Backoff, Format, Kind, OnFailure, Ready, RestartPolicy, Schedule, Ulimit, Value};
use podinit_plan::units::Rate;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

/// The user that services have unless they say otherwise.
pub const DEFAULT_USER: &str = "app";
/// That user's uid and gid.
pub const DEFAULT_UID: u32 = 10001;
/// The name under which nginx runs in a pod.
pub const GATEWAY: &str = "gateway";

/// A pod.
#[derive(Debug, Clone, PartialEq)]
pub struct Pod {
    /// Its name, the container's and, without `image`, the image's.
    pub name: String,
    /// The folder that relative paths start from: that of the first pod.yaml.
    pub folder: PathBuf,
    /// The tag of the image that is built.
    pub image: String,
    /// Labels beside the OCI ones.
    pub labels: IndexMap<String, String>,
    /// What the image starts from.
    pub base: Base,
    /// Users that the image gets; [`DEFAULT_USER`] is among them when it is used.
    pub users: IndexMap<String, User>,
    /// Variables of every service; texts and paths of files are templates, `None` passes the container's value through.
    pub environment: IndexMap<String, Option<Value>>,
    /// What is published.
    pub ports: Vec<PublishedPort>,
    /// What the engine gives the container to stop.
    pub stop_grace_period_ms: u64,
    /// The services in the order of the file; the gateway is not among them.
    pub services: IndexMap<String, Service>,
    /// nginx, when a service has a route.
    pub gateway: Option<Gateway>,
    /// What the engine is asked for besides.
    pub container: Container,
    /// What `podctl test acceptance` holds the pod to.
    pub acceptance: Acceptance,
}

/// What the image starts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// An image reference.
    pub image: String,
    /// Packages of its distribution; nginx is added when there is a gateway.
    pub packages: Vec<String>,
    /// Shell lines, as root, after the packages.
    pub run: Vec<String>,
}

/// What the engine is asked to give the container, and what not to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Container {
    /// Capabilities beside the engine's default ones, or `ALL`.
    pub cap_add: Vec<String>,
    /// Capabilities that it lacks, or `ALL`.
    pub cap_drop: Vec<String>,
    /// Limits by name.
    pub ulimits: BTreeMap<String, Ulimit>,
    /// Nothing of the image can be written; /run and /tmp are in memory.
    pub read_only: bool,
    /// `no-new-privileges:true`, `seccomp=...`, as the engine takes them.
    pub security_opt: Vec<String>,
}

/// A user that the image gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// uid.
    pub uid: u32,
    /// gid of its own group, which has its name.
    pub gid: u32,
}

/// A published port, in one of compose's forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedPort {
    /// The address on the host; none is every address.
    pub address: Option<IpAddr>,
    /// The port on the host; none is a free one.
    pub host: Option<u16>,
    /// The port in the container.
    pub container: u16,
    /// `tcp` or `udp`.
    pub protocol: &'static str,
}

/// A service.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// What is executed.
    pub command: Command,
    /// Run to completion before each start of the command.
    pub pre_start: Option<Command>,
    /// Run after each end of the command.
    pub post_stop: Option<Command>,
    /// Absolute; a template.
    pub working_dir: String,
    /// `user`, `uid`, `uid:gid` or `user:group`; a template.
    pub user: String,
    /// Groups besides those of the user; templates.
    pub groups: Vec<String>,
    /// How its files come into the image; `None` for `build: false`.
    pub build: Option<Stage>,
    /// How many of it run; none is one that has the service's own name. See [`super::instances`].
    pub replicas: Option<u16>,
    /// Where it listens; with replicas, where the first of them does.
    pub ports: Vec<u16>,
    /// How it is asked whether it is well; filled in from its port when it has none of its own.
    pub healthcheck: Option<HealthCheck>,
    /// When it counts as up, if it says so.
    pub ready: Option<Ready>,
    /// Without that and without a check: alive for this long is ready.
    pub ready_after_ms: u64,
    /// The longest a start may take.
    pub start_timeout_ms: u64,
    /// Service or oneshot.
    pub kind: Kind,
    /// The clock starts it, and nothing else.
    pub schedule: Option<Schedule>,
    /// Lower starts first, stops last.
    pub priority: i64,
    /// Services that must be ready first.
    pub depends_on: Vec<String>,
    /// `HOST:PORT` each, templates: what must accept a connection first.
    pub depends_on_addresses: Vec<String>,
    /// What happens after an end.
    pub restart: Restart,
    /// The pod ends with it.
    pub essential: bool,
    /// A template of `true` or `false`.
    pub autostart: String,
    /// By name, `SIGTERM`.
    pub stop_signal: String,
    /// From the signal to SIGKILL.
    pub stop_grace_period_ms: u64,
    /// The stop signal goes to the whole group.
    pub stop_group: bool,
    /// The container's signals that it gets, by name, and which signal it gets for each.
    pub signals: BTreeMap<String, String>,
    /// Limits, rights and the like.
    pub attributes: Attributes,
    /// Where its output goes.
    pub logging: Logging,
    /// Its own variables; as [`Pod::environment`].
    pub environment: IndexMap<String, Option<Value>>,
    /// Files of variables in the container, read at each start; absolute, templates.
    pub env_files: Vec<String>,
    /// What the gateway sends to it.
    pub routes: Vec<Route>,
}

/// What is executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A list: every word a template.
    Words(Vec<String>),
    /// A line: a template that is filled in, then split into words.
    Line(String),
    /// `{shell: text}`: run by /bin/sh, never interpolated.
    Shell(String),
}

/// A build of a service's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// A folder below the pod's, relative to it: `.` or `services/auth`.
    pub context: String,
    /// The image it is built in; none is the pod's base.
    pub image: Option<String>,
    /// Packages in the stage only.
    pub packages: Vec<String>,
    /// Shell lines run with the manifest files alone; none is what the lock file asks for.
    pub install: Option<Vec<String>>,
    /// Shell lines run with the sources.
    pub run: Vec<String>,
    /// What is kept, from and to, relative to working_dir on both sides; none is everything.
    pub copy: Option<Vec<(String, String)>>,
}

/// How a service is asked whether it is well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// What is done.
    pub probe: Probe,
    /// Between probes.
    pub interval_ms: u64,
    /// Between probes while it is starting.
    pub start_interval_ms: u64,
    /// The longest a probe may take.
    pub timeout_ms: u64,
    /// Failures in a row until unready.
    pub retries: u32,
    /// After the start, for this long, no failure counts.
    pub start_period_ms: u64,
    /// What follows.
    pub on_failure: OnFailure,
}

/// What a check does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// GET of a path (a template) on the service's first port.
    Http(String),
    /// A connection to the service's first port.
    Tcp,
    /// A command ends with 0.
    Exec(Command),
}

/// What happens after an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restart {
    /// Which ends.
    pub policy: RestartPolicy,
    /// Fatal after more failures than this in a row.
    pub retries: u32,
    /// Ready for this long is stable.
    pub stable_after_ms: u64,
    /// Codes that are no failure.
    pub exit_codes: Vec<i32>,
    /// The delays.
    pub backoff: Backoff,
}

/// Where a service's output goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logging {
    /// Absolute path of its log file, or with `/` at its end of the folder of log files; none is none.
    pub file: Option<String>,
    /// Rotated at this size.
    pub max_size_bytes: u64,
    /// How many files, the current one included.
    pub max_files: u32,
    /// stderr has a file of its own, and goes to the container's stderr.
    pub separate_stderr: bool,
    /// How a line looks in the container's output.
    pub format: Format,
}

impl Default for Logging {
    fn default() -> Self {
        Logging { file: None, max_size_bytes: 50 << 20, max_files: 6, separate_stderr: false, format: Format::Prefix }
    }
}

/// What the gateway sends to a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Which requests.
    pub path: RoutePath,
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
    /// How it runs. Its command is nginx unless pod.yaml says otherwise.
    pub service: Service,
    /// Where it listens.
    pub port: u16,
    /// The path of the pod's readiness; none for `false`.
    pub health: Option<String>,
    /// The path of names and states; none unless asked for.
    pub status: Option<String>,
}

/// What `podctl test acceptance` holds the pod to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Acceptance {
    /// The largest image.
    pub image_size_bytes: Option<u64>,
    /// From the container's start to healthy.
    pub health_within_ms: Option<u64>,
}

impl Pod {
    /// Every service by name, the gateway among them as [`GATEWAY`].
    pub fn all_services(&self) -> impl Iterator<Item = (&str, &Service)> {
        let gateway = self.gateway.iter().map(|gateway| (GATEWAY, &gateway.service));
        self.services.iter().map(|(name, service)| (name.as_str(), service)).chain(gateway)
    }
}

impl Service {
    /// Whether PID 1 has to be root to give it what it is to have, whoever it runs as: groups, capabilities, a place before
    /// others.
    #[must_use]
    pub fn needs_root(&self) -> bool {
        let Attributes { nice, oom_score_adj, cap_add, .. } = &self.attributes;
        let is_before_others = [nice, oom_score_adj].into_iter().flatten().any(|number| *number < 0);
        !self.groups.is_empty() || !cap_add.is_empty() || is_before_others
    }
}
