//! Which options a section can have. The original takes every other one without a word.

const DAEMON: &[&str] = &[
    "childlogdir",
    "directory",
    "environment",
    "identifier",
    "logfile",
    "logfile_backups",
    "logfile_maxbytes",
    "loglevel",
    "minfds",
    "minprocs",
    "nocleanup",
    "nodaemon",
    "pidfile",
    "profile_options",
    "silent",
    "strip_ansi",
    "umask",
    "user",
];

const PROCESS: &[&str] = &[
    "autorestart",
    "autostart",
    "command",
    "directory",
    "environment",
    "exitcodes",
    "killasgroup",
    "numprocs",
    "numprocs_start",
    "priority",
    "process_name",
    "redirect_stderr",
    "serverurl",
    "startretries",
    "startsecs",
    "stderr_capture_maxbytes",
    "stderr_events_enabled",
    "stderr_logfile",
    "stderr_logfile_backups",
    "stderr_logfile_maxbytes",
    "stderr_syslog",
    "stdout_capture_maxbytes",
    "stdout_events_enabled",
    "stdout_logfile",
    "stdout_logfile_backups",
    "stdout_logfile_maxbytes",
    "stdout_syslog",
    "stopasgroup",
    "stopsignal",
    "stopwaitsecs",
    "umask",
    "user",
];

const LISTENER: &[&str] = &["buffer_size", "events", "result_handler"];
const FCGI: &[&str] = &["socket", "socket_backlog", "socket_mode", "socket_owner"];
const GROUP: &[&str] = &["priority", "programs"];
const UNIX_SERVER: &[&str] = &["chmod", "chown", "file", "password", "username"];
const INET_SERVER: &[&str] = &["password", "port", "username"];
const CLIENT: &[&str] = &["history_file", "password", "prompt", "serverurl", "username"];
const INCLUDE: &[&str] = &["files"];

/// What a section can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// With these options.
    Options(&'static [&'static [&'static str]]),
    /// Its options are those of a module of its own.
    Open,
}

/// What a section of that name can have; `None` when there is none of that name.
pub(super) fn of(section: &str) -> Option<Known> {
    let (kind, named) = section.split_once(':').map_or((section, false), |(kind, _)| (kind, true));
    Some(match (kind, named) {
        ("supervisord", false) => Known::Options(&[DAEMON]),
        ("supervisorctl", false) => Known::Options(&[CLIENT]),
        ("include", false) => Known::Options(&[INCLUDE]),
        ("unix_http_server", _) => Known::Options(&[UNIX_SERVER]),
        ("inet_http_server", _) => Known::Options(&[INET_SERVER]),
        ("program", true) => Known::Options(&[PROCESS]),
        ("eventlistener", true) => Known::Options(&[PROCESS, LISTENER]),
        ("fcgi-program", true) => Known::Options(&[PROCESS, FCGI]),
        ("group", true) => Known::Options(&[GROUP]),
        ("rpcinterface" | "ctlplugin", true) => Known::Open,
        _ => return None,
    })
}

impl Known {
    pub fn has(self, option: &str) -> bool {
        match self {
            Known::Options(lists) => lists.iter().any(|list| list.contains(&option)),
            Known::Open => true,
        }
    }
}
