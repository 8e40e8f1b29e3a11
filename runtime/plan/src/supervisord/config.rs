//! What a file says, every default filled in. As JSON it is what `podinit --check -c FILE --format json` prints: of
//! variables only the names, of servers no passwords.

use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// Variables by name.
pub type Variables = BTreeMap<String, String>;

/// What a file says.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Config {
    /// `[supervisord]`.
    pub supervisord: Daemon,
    /// `[unix_http_server]` and `[inet_http_server]`.
    pub servers: Vec<Server>,
    /// By priority, then by name.
    pub groups: Vec<Group>,
}

/// `[supervisord]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "as many as the section has")]
pub struct Daemon {
    /// It stays in the foreground.
    pub nodaemon: bool,
    /// Its log is not on stdout, too.
    pub silent: bool,
    /// A path, or `syslog`.
    pub logfile: String,
    /// 0: never rotated.
    pub logfile_maxbytes: u64,
    /// Besides the current one.
    pub logfile_backups: u64,
    /// `critical` to `blather`.
    pub loglevel: String,
    /// A path.
    pub pidfile: String,
    /// How it calls itself.
    pub identifier: String,
    /// Who it runs as.
    pub user: Option<String>,
    /// Of itself, when it is a daemon.
    pub umask: u32,
    /// Where it goes, when it is a daemon.
    pub directory: Option<String>,
    /// Where log files go that have no path.
    pub childlogdir: String,
    /// Open files that it must be able to have.
    pub minfds: u64,
    /// Processes that it must be able to have.
    pub minprocs: u64,
    /// Log files without a path are not removed at start.
    pub nocleanup: bool,
    /// Escape sequences are left out of log files.
    pub strip_ansi: bool,
    /// Of every program.
    #[serde(serialize_with = "names")]
    pub environment: Variables,
}

/// Where it can be talked to: `[unix_http_server]` or `[inet_http_server]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Server {
    /// Where.
    #[serde(flatten)]
    pub listen: Listen,
    /// Who may; its password is nobody's business.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// As it is written: plain, or `{SHA}` and the hash of it.
    #[serde(skip)]
    pub password: Option<String>,
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Listen {
    /// `[unix_http_server]`.
    Unix {
        /// The path.
        file: String,
        /// The rights of the file.
        chmod: u32,
        /// `user` or `user:group`.
        #[serde(skip_serializing_if = "Option::is_none")]
        chown: Option<String>,
    },
    /// `[inet_http_server]`.
    Inet {
        /// None for all addresses.
        host: Option<String>,
        /// Its number.
        port: u16,
    },
}

/// Processes that are addressed, started and stopped together.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Lower starts first and stops last.
    pub priority: i64,
    /// What its processes are.
    pub kind: GroupKind,
    /// In the order in which they are started with everything else.
    pub processes: Vec<Process>,
}

/// What the processes of a group are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GroupKind {
    /// Programs.
    Programs,
    /// They are told of events.
    EventListener {
        /// Which, in upper case.
        events: Vec<String>,
        /// How many wait for a listener that is busy.
        buffer_size: u64,
    },
    /// They share a socket that is opened for them.
    Fcgi {
        /// `unix:///path` or `tcp://host:port`.
        socket: String,
        /// Connections that wait to be accepted; the kernel's most without it.
        socket_backlog: Option<u64>,
        /// `user` or `user:group`; without it the socket is its programs'.
        socket_owner: Option<String>,
        /// The mode of a unix socket.
        socket_mode: Option<u32>,
    },
}

/// When a process that had been up is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AutoRestart {
    /// Always.
    True,
    /// Never.
    False,
    /// When its exit code is none of `exitcodes`.
    Unexpected,
}

/// Where an output goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogTarget {
    /// Nowhere.
    None,
    /// A file in `childlogdir`.
    Auto,
    /// This file.
    Path(String),
}

/// One of a process' outputs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Log {
    /// Where it goes.
    pub logfile: LogTarget,
    /// 0: never rotated.
    pub logfile_maxbytes: u64,
    /// Besides the current one.
    pub logfile_backups: u64,
    /// What is kept of a process' own events.
    pub capture_maxbytes: u64,
    /// Lines become events.
    pub events_enabled: bool,
    /// To syslog, too.
    pub syslog: bool,
}

/// A process.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "as many as the section has")]
pub struct Process {
    /// Its name within the group.
    pub name: String,
    /// As it is written, filled in.
    pub command: String,
    /// The words of the command; none when they cannot be told.
    pub argv: Option<Vec<String>>,
    /// Where it runs.
    pub directory: Option<String>,
    /// The bits that new files lack.
    pub umask: Option<u32>,
    /// Lower starts first.
    pub priority: i64,
    /// It starts with everything else.
    pub autostart: bool,
    /// When it is started again.
    pub autorestart: AutoRestart,
    /// Alive for this many seconds is up.
    pub startsecs: u64,
    /// Attempts after the first one, until it is given up.
    pub startretries: u64,
    /// Who it runs as.
    pub user: Option<String>,
    /// Its stdout.
    pub stdout: Log,
    /// Its stderr; nowhere when it is redirected.
    pub stderr: Log,
    /// stderr is stdout.
    pub redirect_stderr: bool,
    /// The signal's number.
    pub stopsignal: i32,
    /// Seconds from the signal to SIGKILL.
    pub stopwaitsecs: u64,
    /// The signal goes to its process group.
    pub stopasgroup: bool,
    /// SIGKILL goes to its process group.
    pub killasgroup: bool,
    /// Codes of a good end.
    pub exitcodes: Vec<i32>,
    /// Its own, over the daemon's.
    #[serde(serialize_with = "names")]
    pub environment: Variables,
    /// What SUPERVISOR_SERVER_URL says; none is the first server there is.
    pub serverurl: Option<String>,
}

fn names<S: Serializer>(variables: &Variables, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(variables.keys())
}

/// How commands and people call a process: its name, after that of its group where it is another.
#[must_use]
pub fn full_name(group: &Group, process: &Process) -> String {
    if group.name == process.name { process.name.clone() } else { format!("{}:{}", group.name, process.name) }
}
