//! A pod, as pod.yaml says it: every default filled in, every build-time reference resolved, nothing left to look up.
//!
//! Texts marked *template* keep their `${VAR}`: podinit fills them in when the container starts.

mod alerts;
mod container;
mod gateway;
mod image;

pub use alerts::{AlertSink, AlertTarget, Alerts};
pub use container::{Backing, Container, Deploy, Device, EnvFile, PublishedPort, Secret, SecretSource, Volume, VolumeSource};
pub use gateway::{Cors, Expires, Fallback, Gateway, Protocol, Return, Route, RoutePath, RouteTarget, Tls};
pub use image::{Base, BaseBuild, File, FileSource, Stage, User};

use indexmap::IndexMap;
use podinit_plan::plan::{
    Attributes, Backoff, Format, Get, Kind, Listener, MemoryLimit, Monitor, OnFailure, Ready, RestartPolicy, Schedule, Value,
};
use std::collections::BTreeMap;
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
    /// Builds by name; those that a service names are in its `build`, too.
    pub stages: IndexMap<String, Stage>,
    /// Files and folders at fixed places, by their target.
    pub files: IndexMap<String, File>,
    /// A folder below the pod's with templates that take the place of podctl's own.
    pub templates: Option<String>,
    /// Users that the image gets; [`DEFAULT_USER`] is among them when it is used.
    pub users: IndexMap<String, User>,
    /// Variables of every service; texts and paths of files are templates, `None` passes the container's value through.
    pub environment: IndexMap<String, Option<Value>>,
    /// Files of variables on this side; the container is given them.
    pub env_files: Vec<EnvFile>,
    /// What appears as /run/secrets/NAME.
    pub secrets: IndexMap<String, Secret>,
    /// What is published.
    pub ports: Vec<PublishedPort>,
    /// What is mounted.
    pub volumes: Vec<Volume>,
    /// What the engine gives the container to stop.
    pub stop_grace_period_ms: u64,
    /// The services in the order of the file; the gateway is not among them.
    pub services: IndexMap<String, Service>,
    /// nginx, when a service has a route.
    pub gateway: Option<Gateway>,
    /// What the engine is asked for besides.
    pub container: Container,
    /// Where podinit can be talked to as supervisord can.
    pub control: Option<Control>,
    /// What is watched besides the services' own checks.
    pub monitor: Monitor,
    /// Containers beside the pod, by name.
    pub backing_services: IndexMap<String, Backing>,
    /// What `podctl test acceptance` holds the pod to.
    pub acceptance: Acceptance,
    /// Who is told when something is wrong.
    pub alerts: Option<Alerts>,
}

/// Where podinit can be talked to as supervisord can, and its page for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// A port of the container's.
    pub port: Option<u16>,
    /// A unix socket in the container; absolute.
    pub socket: Option<String>,
    /// Name and password, templates; without them nothing can be changed through the port.
    pub credentials: Option<(String, String)>,
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
    /// The unix socket on which it listens instead; absolute.
    pub socket: Option<String>,
    /// What the gateway speaks to it.
    pub protocol: Protocol,
    /// What it is told of, if it listens to events.
    pub listener: Option<Listener>,
    /// How it is asked whether it is well; filled in from its port when it has none of its own.
    pub healthcheck: Option<HealthCheck>,
    /// What the memory of its whole tree may be; with replicas, that of each.
    pub memory: Option<MemoryLimit>,
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

/// How a service is asked whether it is well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// What is done.
    pub probe: Probe,
    /// Between probes.
    pub interval_ms: u64,
    /// Between probes while it is starting.
    pub start_interval_ms: u64,
    /// As much as this is added to the interval at random.
    pub jitter_ms: u64,
    /// The longest a probe may take.
    pub timeout_ms: u64,
    /// Failures in a row until unready.
    pub retries: u32,
    /// Passes in a row until ready.
    pub success_threshold: u32,
    /// After the start, for this long, no failure counts.
    pub start_period_ms: u64,
    /// What follows, step by step.
    pub on_failure: Vec<OnFailure>,
}

/// What a check does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// A request to the service's first port, or its socket.
    Http(Get),
    /// A connection to the service's first port, or its socket.
    Tcp,
    /// A connection to this unix socket; absolute.
    Unix(String),
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
    /// Whether it can be connected to.
    #[must_use]
    pub fn listens(&self) -> bool {
        !self.ports.is_empty() || self.socket.is_some()
    }

    /// Whether PID 1 has to be root to give it what it is to have, whoever it runs as: groups, capabilities, a place before
    /// others.
    #[must_use]
    pub fn needs_root(&self) -> bool {
        let Attributes { nice, oom_score_adj, cap_add, .. } = &self.attributes;
        let is_before_others = [nice, oom_score_adj].into_iter().flatten().any(|number| *number < 0);
        !self.groups.is_empty() || !cap_add.is_empty() || is_before_others
    }
}
