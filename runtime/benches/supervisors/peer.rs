//! How each supervisor is told what to run.

use nix::sys::signal::Signal;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// A service: its name and its command line.
pub type Service = (String, String);

pub struct Peer {
    pub name: &'static str,
    /// The program, to be found in PATH; podinit is found otherwise.
    pub program: &'static str,
    /// Writes the configuration to the folder, with log files when asked, and returns the arguments.
    pub configure: fn(&Path, &[Service], bool) -> Vec<String>,
    /// What asks it to stop.
    pub stop: Signal,
}

pub const PEERS: [Peer; 4] = [
    Peer { name: "podinit", program: "podinit", configure: supervisord, stop: Signal::SIGTERM },
    Peer { name: "supervisord", program: "supervisord", configure: supervisord, stop: Signal::SIGTERM },
    Peer { name: "s6", program: "s6-svscan", configure: s6, stop: Signal::SIGTERM },
    Peer { name: "runit", program: "runsvdir", configure: runit, stop: Signal::SIGHUP },
];

fn supervisord(folder: &Path, services: &[Service], logs: bool) -> Vec<String> {
    let at = folder.display();
    let mut text =
        format!("[supervisord]\nnodaemon=true\nsilent=true\nlogfile={at}/log\npidfile={at}/pid\nloglevel=warn\nminfds=8192\n");
    for (name, command) in services {
        let log = if logs { format!("{at}/{name}.log\nstdout_logfile_backups=5") } else { "NONE".to_owned() };
        text += &format!(
            "[program:{name}]\ncommand={command}\nstartsecs=0\nautorestart=true\nredirect_stderr=true\nstdout_logfile={log}\n"
        );
    }
    let file = folder.join("conf");
    fs::write(&file, text).unwrap();
    vec!["-c".to_owned(), file.to_str().unwrap().to_owned()]
}

fn s6(folder: &Path, services: &[Service], logs: bool) -> Vec<String> {
    let scan = scan_folder(folder, services, logs, |log| format!("s6-log n5 s50000000 {log}"));
    // Room for every service and its logger.
    vec!["-c".to_owned(), "4000".to_owned(), scan]
}

fn runit(folder: &Path, services: &[Service], logs: bool) -> Vec<String> {
    let scan = scan_folder(folder, services, logs, |log| format!("svlogd {log}"));
    vec!["-P".to_owned(), scan]
}

/// A folder for each service with a script that becomes it, and one for its logger.
fn scan_folder(folder: &Path, services: &[Service], logs: bool, logger: fn(&str) -> String) -> String {
    let scan = folder.join("scan");
    for (name, command) in services {
        script(&scan.join(name), command);
        if logs {
            let log = folder.join(format!("{name}.logs"));
            fs::create_dir(&log).unwrap();
            fs::write(log.join("config"), "s50000000\nn5\n").unwrap();
            script(&scan.join(name).join("log"), &logger(log.to_str().unwrap()));
        }
    }
    scan.to_str().unwrap().to_owned()
}

fn script(folder: &Path, command: &str) {
    fs::create_dir_all(folder).unwrap();
    let run = folder.join("run");
    fs::write(&run, format!("#!/bin/sh\nexec {command}\n")).unwrap();
    fs::set_permissions(run, fs::Permissions::from_mode(0o755)).unwrap();
}
