//! The plan: everything podinit needs to know, in plain numbers.
//!
//! It is JSON, `{"version": 1, ...}`. Durations are integers in milliseconds (`_ms`), sizes integers in bytes
//! (`_bytes`), keys are sorted, and unknown fields are refused. Neither pod.yaml nor supervisord.conf is known to
//! podinit's machine: both compile to this. Texts marked *template* may hold `${VAR}` ([`crate::template`]); podinit
//! fills them in from the container's environment when it starts.

mod alerts;
mod attributes;
mod ending;
mod files;
mod health;
mod listener;
mod logging;
mod monitor;
mod server;
mod stdin;

pub use alerts::{Alerts, HttpTarget, Sink, SmtpTarget, Target};
pub use attributes::{Attributes, Ulimit};
pub use ending::{Backoff, Growth, Restart, RestartPolicy, Stop};
pub use files::{Content, File};
pub use health::{Get, HealthCheck, OnFailure, Probe, Ready};
pub use listener::Listener;
pub use logging::{Container, Format, LogFile, Logging, Output, Stream};
pub use monitor::{DiskMonitor, MemoryLimit, MemoryMonitor, Monitor, NginxStatus, OnExceed, StatusFile, UnreadyFlags};
pub use server::{Credentials, Listen, Server, TcpPort, UnixSocket};
pub use stdin::{Socket, Stdin};

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the plan that this podinit runs and this podctl writes.
pub const VERSION: u32 = 1;
/// Where an image keeps its plan.
pub const PATH: &str = "/etc/podinit/plan.json";
/// Where an image keeps podinit.
pub const PODINIT: &str = "/usr/local/bin/podinit";
/// Where an image keeps what delivers alerts over networks; podinit looks for it beside itself.
pub const PODINIT_DELIVER: &str = "/usr/local/bin/podinit-deliver";
/// The variable by which podinit is told of another one.
pub const DELIVER_VARIABLE: &str = "PODINIT_DELIVER";
/// The variable that has podinit tell nobody but files, where it is `off`: in tests of a pod, say.
pub const ALERTS_VARIABLE: &str = "PODINIT_ALERTS";
/// The folder for podinit's sockets, when it can be written.
pub const RUN_DIR: &str = "/run/podinit";
/// The variable by which podinit knows an adopted process as a service's: `name:incarnation`.
pub const SERVICE_VARIABLE: &str = "PODINIT_SERVICE";

/// What one container runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// [`VERSION`].
    pub version: u32,
    /// The pod's name.
    pub name: String,
    /// What the engine gives the container to stop before it kills it; podinit uses one second less. 0: the services have
    /// their own graces, however long that takes.
    pub stop_grace_period_ms: u64,
    /// The pod ends, with code 0, when every service is done.
    pub exit_when_done: bool,
    /// Variables of every service, over those of the container. `None` passes the container's value through, which
    /// makes the name known to podctl. Values are templates.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, Option<Value>>,
    /// Folders that are made at start when they are missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub directories: Vec<Directory>,
    /// Files and folders that are made at start, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<File>,
    /// A unix socket that everybody in the container may read the pod's health and status from (`/health`,
    /// `/status`); the gateway forwards to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_socket: Option<String>,
    /// Where podinit can be talked to besides its own socket, as supervisord can.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<Server>,
    /// What is watched besides the services' own checks.
    #[serde(default, skip_serializing_if = "is_default")]
    pub monitor: Monitor,
    /// Who is told when something is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alerts: Option<Alerts>,
    /// The services by name.
    pub services: BTreeMap<String, Service>,
}

/// A folder that services write to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Directory {
    /// Absolute.
    pub path: String,
    /// `user`, `user:group`, or numbers; the owner. Without it the owner is podinit's own user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

/// The value of a variable.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// This text; a template.
    Text(String),
    /// What is in a file, without the newline at its end.
    File(FromFile),
}

/// A value that is read from a file at each start of a service, as the service's user.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FromFile {
    /// Absolute; a template.
    pub file: String,
}

/// One service.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// What is executed.
    pub command: Command,
    /// Run to completion before the command, at each start, as the command is; a start whose one fails has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pre_start: Option<Command>,
    /// Run after each end of the command, when nothing of it is left, for as long as a stop may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_stop: Option<Command>,
    /// Absolute; a template.
    pub working_dir: String,
    /// `user`, `uid`, `uid:gid` or `user:group`, resolved at boot; a template. Without it: podinit's own user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Groups, by name or number, besides those that /etc/group gives the user.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// HOME, USER and LOGNAME are those of the user; `false` leaves the container's.
    pub login_variables: bool,
    /// Variables over those of the plan; as [`Plan::environment`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, Option<Value>>,
    /// Files of variables, absolute, templates; read at each start as the service's user. What `environment` says goes
    /// before them, later files before earlier ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env_files: Vec<String>,
    /// Limits, rights and the like.
    #[serde(default, skip_serializing_if = "is_default")]
    pub attributes: Attributes,
    /// Where it listens. A port below 1024 lets it keep CAP_NET_BIND_SERVICE where podinit has it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<u16>,
    /// Runs for good, or to completion.
    pub kind: Kind,
    /// Started by the clock, and by nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// The group that it is addressed with, when that is not its own name. What such a service is called within its group
    /// is its name without `GROUP:`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Whether it is wanted from the start; a template of `true` or `false`.
    pub autostart: String,
    /// Lower starts first and stops last; equal ones together.
    pub priority: i64,
    /// Services that must be ready before this one starts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
    /// `HOST:PORT` each, templates: what must accept a connection before this one starts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on_addresses: Vec<String>,
    /// Whether its start waits for dependencies and lower priorities at all; supervisord's programs do not.
    pub waits: bool,
    /// When it counts as up.
    pub ready: Ready,
    /// How it is asked whether it is well, for as long as it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<HealthCheck>,
    /// What the memory of its whole tree may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryLimit>,
    /// The longest a start may take until ready; then it has failed. 0: no limit.
    pub start_timeout_ms: u64,
    /// What happens after an end that nobody asked for.
    pub restart: Restart,
    /// When it is down for good, the pod stops with its exit code.
    pub essential: bool,
    /// How it is stopped.
    pub stop: Stop,
    /// Signals by name that are passed on when podinit gets them: podinit's, and what the leader gets for it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub signals: BTreeMap<String, String>,
    /// What its stdin is.
    #[serde(default, skip_serializing_if = "is_default")]
    pub stdin: Stdin,
    /// Where its output goes.
    #[serde(default, skip_serializing_if = "is_default")]
    pub logging: Logging,
    /// It is told of events on its stdin, a pipe then, and answers on its stdout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listener: Option<Listener>,
}

/// When a service is started by the clock; one that still runs is not started again.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// At the minutes of a cron line of five fields, in UTC.
    Cron(String),
    /// This long after its last start; the first time after this long, too.
    EveryMs(u64),
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What is executed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Command {
    /// The words of the command, each a template; the usual case.
    Words(Vec<String>),
    /// A line that refers to variables: filled in first, then split as a shell splits it ([`crate::words`]), so that
    /// `${OPTIONS}` may stand for several words.
    Line(String),
}

/// Runs for good, or to completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Should run as long as the pod does.
    Service,
    /// Runs to completion; ready is done with an expected code.
    Oneshot,
}

impl Service {
    /// A service with the settings that pod.yaml gives one of which nothing but the command is said; its user, working
    /// directory and output are podinit's own.
    #[must_use]
    pub fn new(command: Command) -> Service {
        Service {
            command,
            pre_start: None,
            post_stop: None,
            working_dir: "/".to_owned(),
            user: None,
            groups: Vec::new(),
            login_variables: true,
            environment: BTreeMap::new(),
            env_files: Vec::new(),
            attributes: Attributes::default(),
            ports: Vec::new(),
            kind: Kind::Service,
            schedule: None,
            group: None,
            autostart: "true".to_owned(),
            priority: 100,
            depends_on: Vec::new(),
            depends_on_addresses: Vec::new(),
            waits: true,
            ready: Ready::AliveMs(1_000),
            healthcheck: None,
            memory: None,
            start_timeout_ms: 60_000,
            restart: Restart::default(),
            essential: true,
            stop: Stop::default(),
            signals: BTreeMap::new(),
            stdin: Stdin::default(),
            logging: Logging::default(),
            listener: None,
        }
    }

    /// All texts that may hold `${VAR}`.
    fn templates(&self) -> impl Iterator<Item = &str> {
        let checked = match self.healthcheck.as_ref().map(|check| &check.probe) {
            Some(Probe::Http { get, .. }) => get.templates().collect(),
            Some(Probe::Unix { get, .. }) => get.iter().flat_map(Get::templates).collect(),
            Some(Probe::Exec { command }) => command.texts().collect(),
            Some(Probe::Tcp { .. }) | None => Vec::new(),
        };
        let awaited = match &self.ready {
            Ready::Log(text) | Ready::File(text) => Some(text),
            Ready::Check | Ready::AliveMs(_) | Ready::NotifyFd(_) | Ready::NotifySocket { .. } => None,
        };
        let commands = [Some(&self.command), self.pre_start.as_ref(), self.post_stop.as_ref()];
        let texts = [&self.working_dir, &self.autostart].into_iter().chain(&self.user).chain(awaited);
        let texts = texts.chain(&self.groups).chain(&self.env_files).chain(&self.depends_on_addresses);
        let values = self.environment.values().flatten().map(Value::text);
        values.chain(commands.into_iter().flatten().flat_map(Command::texts)).chain(texts.map(String::as_str)).chain(checked)
    }
}

impl Plan {
    /// The names of all variables that the plan takes from the container's environment: those in templates and those
    /// passed through. `podctl up` hands over exactly these.
    ///
    /// Texts that are no template name nothing; podinit refuses them at boot.
    #[must_use]
    pub fn variables(&self) -> std::collections::BTreeSet<String> {
        let environments = std::iter::once(&self.environment).chain(self.services.values().map(|service| &service.environment));
        let passed = environments.flatten().filter(|(_, value)| value.is_none()).map(|(name, _)| name.clone());
        let parsed = self.templates().into_iter().filter_map(|text| crate::template::Template::parse(text).ok());
        parsed.flat_map(|template| template.names()).chain(passed).collect()
    }

    /// All texts of the plan that may hold `${VAR}`.
    #[must_use]
    pub fn templates(&self) -> Vec<&str> {
        let values = self.environment.values().flatten().map(Value::text);
        let credentials = self.servers.iter().filter_map(|server| server.credentials.as_ref());
        let credentials = credentials.flat_map(|credentials| [credentials.username.as_str(), credentials.password.as_str()]);
        let texts = self.files.iter().filter_map(|file| match &file.content {
            Content::Text(text) => Some(text.as_str()),
            Content::CopyOf(_) | Content::Folder => None,
        });
        let alerts = self.alerts.iter().flat_map(Alerts::templates);
        values.chain(credentials).chain(texts).chain(alerts).chain(self.services.values().flat_map(Service::templates)).collect()
    }
}

impl Value {
    /// Its template: of the text, or of the file's path.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Value::Text(text) => text,
            Value::File(FromFile { file }) => file,
        }
    }

    /// The text, unless it is in a file.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            Value::File(_) => None,
        }
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text)
    }
}

impl Command {
    /// The texts of the command, each a template.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        match self {
            Command::Words(words) => words.as_slice(),
            Command::Line(line) => std::slice::from_ref(line),
        }
        .iter()
        .map(String::as_str)
    }
}
