//! `[supervisord]`, and where it can be talked to.

use super::config::{Daemon, Listen, Server, Variables};
use super::expand::Names;
use super::ini::Section;
use super::reader::{self, Reader};
use super::values::{boolean, count, integer, log_level, octal, size};
use super::{Surroundings, words};

/// When a log is rotated unless told.
pub(super) const MAX_BYTES: u64 = 50 << 20;
/// How many logs are kept besides the current one unless told.
pub(super) const BACKUPS: u64 = 10;

/// Reads `[supervisord]`.
pub(super) fn daemon<'i>(reader: &mut Reader<'i>, section: &'i Section, surroundings: &Surroundings) -> Daemon {
    let names = &reader::names(surroundings);
    let mut with_host = Names::within(names);
    with_host.text("host_node_name", &surroundings.host_name);
    let environment = environment(reader, section, &with_host);
    let mut text = |option: &str| reader.text(section, option, names);
    let (logfile, pidfile, identifier) = (text("logfile"), text("pidfile"), text("identifier"));
    let (user, directory, childlogdir) = (text("user"), text("directory"), text("childlogdir"));
    Daemon {
        nodaemon: reader.value_or(section, "nodaemon", names, boolean, false),
        silent: reader.value_or(section, "silent", names, boolean, false),
        logfile: logfile.unwrap_or_else(|| "supervisord.log".to_owned()),
        logfile_maxbytes: reader.value_or(section, "logfile_maxbytes", names, size, MAX_BYTES),
        logfile_backups: reader.value_or(section, "logfile_backups", names, count, BACKUPS),
        loglevel: reader.value_or(section, "loglevel", names, log_level, "info".to_owned()),
        pidfile: pidfile.unwrap_or_else(|| "supervisord.pid".to_owned()),
        identifier: identifier.unwrap_or_else(|| "supervisor".to_owned()),
        user,
        umask: reader.value_or(section, "umask", names, octal, 0o022),
        directory,
        childlogdir: childlogdir.unwrap_or_else(|| temporary(surroundings)),
        minfds: reader.value_or(section, "minfds", names, count, 1024),
        minprocs: reader.value_or(section, "minprocs", names, count, 200),
        nocleanup: reader.value_or(section, "nocleanup", names, boolean, false),
        strip_ansi: reader.value_or(section, "strip_ansi", names, boolean, false),
        environment,
    }
}

fn temporary(surroundings: &Surroundings) -> String {
    surroundings.environment.get("TMPDIR").cloned().unwrap_or_else(|| "/tmp".to_owned())
}

/// Reads `environment` of a section.
pub(super) fn environment<'i>(reader: &mut Reader<'i>, section: &'i Section, names: &Names) -> Variables {
    let Some(text) = reader.text(section, "environment", names) else { return Variables::new() };
    match words::pairs(&text) {
        Ok(pairs) => pairs.into_iter().collect(),
        // Values may be secrets: the text itself is not shown.
        Err(error) => {
            reader.mistake(section, "environment", &error);
            Variables::new()
        }
    }
}

/// The rights of a server's socket unless told.
const CHMOD: u32 = 0o700;

/// Reads `[unix_http_server]` and `[inet_http_server]`; those on ports come first, as the original opens them.
pub(super) fn servers(reader: &mut Reader, names: &Names) -> Vec<Server> {
    let ini = reader.ini;
    let mut servers = Vec::new();
    let of_kind = |kind: &'static str| ini.sections.iter().filter(move |section| section.name.starts_with(kind));
    for section in of_kind("inet_http_server") {
        let (username, password) = credentials(reader, section, names);
        match reader.value(section, "port", names, address) {
            Some((host, port)) => servers.push(Server { listen: Listen::Inet { host, port }, username, password }),
            None if reader.raw(section, "port").is_none() => reader.lacks(section, "has no port"),
            None => {}
        }
    }
    for section in of_kind("unix_http_server") {
        let (username, password) = credentials(reader, section, names);
        let chmod = reader.value_or(section, "chmod", names, octal, CHMOD);
        let chown = reader.text(section, "chown", names).filter(|owner| !owner.is_empty());
        match reader.text(section, "file", names) {
            Some(file) => {
                let listen = Listen::Unix { file: file.trim().to_owned(), chmod, chown };
                servers.push(Server { listen, username, password });
            }
            None if reader.raw(section, "file").is_none() => reader.lacks(section, "has no file"),
            None => {}
        }
    }
    servers
}

fn credentials<'i>(reader: &mut Reader<'i>, section: &'i Section, names: &Names) -> (Option<String>, Option<String>) {
    let [username, password] = ["username", "password"].map(|option| reader.text(section, option, names));
    let [has_username, has_password] = ["username", "password"].map(|option| reader.raw(section, option).is_some());
    if has_username != has_password {
        reader.lacks(section, "has a username without a password, or the reverse");
    }
    (username, password)
}

/// `HOST:PORT`, `*:PORT` or `PORT`.
fn address(text: &str) -> Result<(Option<String>, u16), String> {
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    let port = integer(port).ok().and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
    let host = (!host.is_empty() && host != "*").then(|| host.to_lowercase());
    port.map(|port| (host, port)).ok_or_else(|| "expected HOST:PORT or PORT".to_owned())
}
