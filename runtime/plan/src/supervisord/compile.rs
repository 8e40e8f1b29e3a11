//! The plan that does what a configuration says.

use super::config::{AutoRestart, Config, Daemon, Group, GroupKind, Listen, Log, LogTarget, Process, Server, full_name};
use super::reader::join;
use crate::plan::{
    self, Attributes, Backoff, Command, Container, Credentials, Format, Growth, Listener, LogFile, Logging, Output, Plan, Ready,
    Restart, RestartPolicy, Service, Socket, Stdin, Stop, Stream, TcpPort, Ulimit, UnixSocket, VERSION, Value,
};
use crate::signal;
use crate::template::escape;
use std::collections::BTreeMap;

/// From one start of a program to the next it takes this long at least. The original starts what ends at once again in
/// the next turn of its loop, about four times a second.
const MIN_INTERVAL_MS: u64 = 250;

/// The mode of a socket that a fcgi-program says none of.
const SOCKET_MODE: u32 = 0o700;

/// What the plan stands on.
#[derive(Debug, Clone, Default)]
pub struct Ground {
    /// podinit's own working directory, absolute.
    pub working_dir: String,
    /// RLIMIT_NOFILE, soft and hard; none is no limit.
    pub nofile: Option<Ulimit>,
    /// RLIMIT_NPROC, the same.
    pub nproc: Option<Ulimit>,
}

/// Makes the plan; says what of the configuration podinit does not do.
#[must_use]
pub fn compile(config: &Config, ground: &Ground) -> (Plan, Vec<String>) {
    let mut left_out = Vec::new();
    let mut services = BTreeMap::new();
    let is_unix = |server: &&Server| matches!(server.listen, Listen::Unix { .. });
    let first = config.servers.iter().find(is_unix).or(config.servers.first());
    let ulimits = ulimits(&config.supervisord, ground, &mut left_out);
    let daemon = DaemonOf { daemon: &config.supervisord, url: first.map(url), ulimits, ground };
    for (rank, group) in (0i64..).zip(&config.groups) {
        for process in &group.processes {
            let name = full_name(group, process);
            // Groups and programs start in this order, and are signalled in it.
            let place = i64::try_from(services.len()).unwrap_or(i64::MAX);
            if services.contains_key(&name) {
                left_out.push(format!("there are two processes called {name}; only the first is run"));
                continue;
            }
            services.insert(name, daemon.service(group, process, place, rank));
        }
    }
    let plan = Plan {
        version: VERSION,
        name: config.supervisord.identifier.clone(),
        stop_grace_period_ms: 0,
        exit_when_done: false,
        environment: BTreeMap::new(),
        directories: Vec::new(),
        files: Vec::new(),
        public_socket: None,
        monitor: crate::plan::Monitor::default(),
        alerts: None,
        servers: config.servers.iter().map(|known| server(known, ground, &mut left_out)).collect(),
        services,
    };
    (plan, left_out)
}

/// Where a server is, as SUPERVISOR_SERVER_URL says it.
fn url(server: &Server) -> String {
    match &server.listen {
        Listen::Unix { file, .. } => format!("unix://{file}"),
        Listen::Inet { host, port } => format!("http://{}:{port}", host.as_deref().unwrap_or("localhost")),
    }
}

/// The server of a plan that listens where the configuration has it.
fn server(server: &Server, ground: &Ground, left_out: &mut Vec<String>) -> plan::Server {
    let credentials = server
        .username
        .as_ref()
        .zip(server.password.as_ref())
        .map(|(username, password)| Credentials { username: escape(username), password: escape(password) });
    let listen = match &server.listen {
        Listen::Unix { file, chmod, chown } => {
            plan::Listen::Unix(UnixSocket { path: join(&ground.working_dir, file), mode: *chmod, owner: chown.clone() })
        }
        Listen::Inet { host, port } => {
            if credentials.is_none() {
                left_out.push(format!(
                    "whoever reaches port {port} can start, stop and change everything: [inet_http_server] has no username and password"
                ));
            }
            plan::Listen::Tcp(TcpPort { host: host.clone(), port: *port })
        }
    };
    plan::Server { listen, credentials, read_only: false }
}

/// The limits that `minfds` and `minprocs` raise: a soft one that is lower, as far as the hard one allows.
fn ulimits(daemon: &Daemon, ground: &Ground, left_out: &mut Vec<String>) -> BTreeMap<String, Ulimit> {
    let limits = [("minfds", "nofile", daemon.minfds, ground.nofile), ("minprocs", "nproc", daemon.minprocs, ground.nproc)];
    let mut raised = BTreeMap::new();
    for (option, name, least, now) in limits {
        let Some(Ulimit { soft: Some(soft), hard }) = now.filter(|now| now.soft.is_some_and(|soft| soft < least)) else {
            continue;
        };
        let most = hard.unwrap_or(least).min(least);
        if most < least {
            left_out
                .push(format!("{option} is {least}, and the container allows {most}; give it more with --ulimit {name}={least}"));
        }
        if soft < most {
            raised.insert(name.to_owned(), Ulimit { soft: Some(most), hard });
        }
    }
    raised
}

/// What the processes of one daemon have in common.
struct DaemonOf<'a> {
    daemon: &'a Daemon,
    url: Option<String>,
    ulimits: BTreeMap<String, Ulimit>,
    ground: &'a Ground,
}

impl DaemonOf<'_> {
    fn service(&self, group: &Group, process: &Process, place: i64, rank: i64) -> Service {
        // What cannot be split cannot be started: it fails as a program does that is not there.
        let argv = process.argv.clone().filter(|words| words.first().is_some_and(|program| !program.is_empty()));
        let words = argv.unwrap_or_else(|| vec![format!("({})", process.command)]);
        let directory = process.directory.as_deref().unwrap_or(&self.ground.working_dir);
        let user = process.user.as_ref().or(self.daemon.user.as_ref());
        Service {
            working_dir: escape(&join(&self.ground.working_dir, directory)),
            user: user.map(|user| escape(user)),
            login_variables: false,
            environment: self.environment(group, process),
            attributes: Attributes { umask: process.umask, ulimits: self.ulimits.clone(), ..Attributes::default() },
            group: (group.name != process.name).then(|| group.name.clone()),
            autostart: process.autostart.to_string(),
            priority: place,
            waits: false,
            ready: Ready::AliveMs(milliseconds(process.startsecs)),
            start_timeout_ms: 0,
            restart: restart(process),
            essential: false,
            stop: Stop {
                signal: signal::name(process.stopsignal),
                grace_period_ms: milliseconds(process.stopwaitsecs),
                group: process.stopasgroup,
                kill_leftovers: false,
                kill_group: process.killasgroup,
                order: Some(rank),
            },
            stdin: stdin(group),
            logging: self.logging(group, process),
            listener: listener(group),
            ..Service::new(Command::Words(words.iter().map(|word| escape(word)).collect()))
        }
    }

    fn environment(&self, group: &Group, process: &Process) -> BTreeMap<String, Option<Value>> {
        let url = process.serverurl.as_ref().or(self.url.as_ref());
        let own = [
            ("SUPERVISOR_ENABLED", Some("1")),
            ("SUPERVISOR_PROCESS_NAME", Some(process.name.as_str())),
            ("SUPERVISOR_GROUP_NAME", Some(group.name.as_str())),
            ("SUPERVISOR_SERVER_URL", url.map(String::as_str)),
        ];
        let own = own.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
        let said = process.environment.iter().map(|(name, value)| (name.clone(), value.clone()));
        own.chain(said).map(|(name, value)| (name, Some(Value::Text(escape(&value))))).collect()
    }

    fn logging(&self, group: &Group, process: &Process) -> Logging {
        let output = |log: &Log, stream: &str| Output {
            events: log.events_enabled,
            capture_bytes: log.capture_maxbytes,
            ..self.output(process, log, stream)
        };
        let stdout = output(&process.stdout, "stdout");
        Logging {
            // What a listener says there is not for other listeners.
            stdout: match group.kind {
                GroupKind::EventListener { .. } => Output { events: false, capture_bytes: 0, ..stdout },
                GroupKind::Programs | GroupKind::Fcgi { .. } => stdout,
            },
            stderr: (!process.redirect_stderr).then(|| output(&process.stderr, "stderr")),
        }
    }

    fn output(&self, process: &Process, log: &Log, stream: &str) -> Output {
        let path = match &log.logfile {
            LogTarget::None => return Output::default(),
            LogTarget::Auto => {
                let folder = join(&self.ground.working_dir, &self.daemon.childlogdir);
                format!("{}/{}-{stream}---{}.log", folder.trim_end_matches('/'), process.name, self.daemon.identifier)
            }
            LogTarget::Path(path) => path.clone(),
        };
        let container = match path.as_str() {
            "/dev/null" => return Output::default(),
            "/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1" | "/proc/1/fd/1" => Some(Stream::Stdout),
            "/dev/stderr" | "/dev/fd/2" | "/proc/self/fd/2" | "/proc/1/fd/2" => Some(Stream::Stderr),
            _ => None,
        };
        if let Some(stream) = container {
            return Output { container: Some(Container { stream, format: Format::Raw }), ..Output::default() };
        }
        let file = LogFile {
            path: join(&self.ground.working_dir, &path),
            max_size_bytes: log.logfile_maxbytes,
            max_files: u32::try_from(log.logfile_backups).unwrap_or(u32::MAX).saturating_add(1),
            strip_ansi: self.daemon.strip_ansi,
        };
        Output { file: Some(file), ..Output::default() }
    }
}

/// Programs that read their stdin do not see an end of it, as nobody writes to it.
fn stdin(group: &Group) -> Stdin {
    match &group.kind {
        GroupKind::Programs | GroupKind::EventListener { .. } => Stdin::Pipe,
        GroupKind::Fcgi { socket, socket_backlog, socket_owner, socket_mode } => Stdin::Socket(Socket {
            address: socket.clone(),
            backlog: socket_backlog.and_then(|backlog| i32::try_from(backlog).ok()),
            owner: socket_owner.clone(),
            mode: socket_mode.or(socket.starts_with("unix:").then_some(SOCKET_MODE)),
        }),
    }
}

fn listener(group: &Group) -> Option<Listener> {
    match &group.kind {
        GroupKind::EventListener { events, buffer_size } => {
            Some(Listener { pool: group.name.clone(), events: events.clone(), buffer_size: *buffer_size })
        }
        GroupKind::Programs | GroupKind::Fcgi { .. } => None,
    }
}

/// Counts as up when alive for `startsecs`; one that dies before is tried `startretries` times again, after 1, 2, 3 s;
/// one that had been up is started again at once, or not at all.
fn restart(process: &Process) -> Restart {
    Restart {
        policy: match process.autorestart {
            AutoRestart::True => RestartPolicy::Always,
            AutoRestart::False => RestartPolicy::Never,
            AutoRestart::Unexpected => RestartPolicy::OnFailure,
        },
        exit_codes: process.exitcodes.clone(),
        expected_before_ready: false,
        retries: u32::try_from(process.startretries).unwrap_or(u32::MAX),
        stable_after_ms: 0,
        backoff: Backoff {
            first_ms: 1_000,
            max_ms: u64::MAX,
            growth: Growth::Linear,
            jitter_percent: 0,
            immediate_after_ready: true,
            min_interval_ms: MIN_INTERVAL_MS,
        },
    }
}

fn milliseconds(seconds: u64) -> u64 {
    seconds.saturating_mul(1_000)
}
