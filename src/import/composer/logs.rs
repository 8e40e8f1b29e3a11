//! Where output goes: the container's is pod.yaml's default; a file elsewhere is `logging.file`.

use crate::import::account::Account;
use crate::import::draft::Service;
use crate::import::readers::supervisord::{Program, Supervisord, has_reference, place_of};
use crate::import::yaml::Yaml;
use podinit_plan::supervisord::{Log, LogTarget, Process};
use podinit_plan::units::format_size;
use std::collections::BTreeMap;

const ON_OUTPUT: &str = "output is in the container's log by itself";

/// Where an output goes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    /// Nobody said.
    Unsaid,
    /// Nowhere.
    Nowhere,
    /// The container's output.
    Container,
    /// A file.
    File(String),
    /// A file whose path is known at the start alone.
    Unknown,
}

/// `logging` of a process.
pub fn of_process(
    source: &Supervisord,
    working_dir: Option<&str>,
    program: &Program,
    process: &Process,
    service: &mut Service,
    account: &mut Account,
) {
    let [stdout, stderr] = [&process.stdout, &process.stderr].map(|log| target(log, working_dir));
    let place = |option: &str| place_of(&source.entries, &program.section, option);
    let mut said = |option: &str, fate: Result<&str, &str>| {
        if let Some(place) = place(option) {
            match fate {
                Ok(why) if why.starts_with("services.") => account.carried(place, why),
                Ok(why) => account.implied(place, why),
                Err(why) => account.left(place, why),
            }
        }
    };
    let key = |of: &str| format!("services.{}.logging.{of}", service.name);
    let (file, size, number, separate) = (key("file"), key("max_size"), key("max_file"), key("stderr"));
    match &stdout {
        Target::File(_) => said("stdout_logfile", Ok(&file)),
        Target::Nowhere => said("stdout_logfile", Err("output cannot be dropped; it is in the container's log")),
        Target::Unknown => {
            said("stdout_logfile", Err("a file whose path is known at the start alone; output is in the container's log"))
        }
        Target::Unsaid | Target::Container => said("stdout_logfile", Ok(ON_OUTPUT)),
    }
    let is_apart = matches!((&stdout, &stderr), (Target::File(out), Target::File(err)) if out != err) && !process.redirect_stderr;
    match &stderr {
        _ if process.redirect_stderr => said("stderr_logfile", Ok("with redirect_stderr it had no effect")),
        Target::File(_) if is_apart => said("stderr_logfile", Ok(&separate)),
        Target::File(_) if matches!(stdout, Target::File(_)) => {
            said("stderr_logfile", Ok("both streams go to one file by themselves"))
        }
        Target::File(_) => said("stderr_logfile", Err("a file for stderr alone; it is in the container's log")),
        Target::Nowhere => said("stderr_logfile", Err("output cannot be dropped; it is in the container's log")),
        Target::Unknown => {
            said("stderr_logfile", Err("a file whose path is known at the start alone; it is in the container's log"))
        }
        Target::Unsaid | Target::Container => said("stderr_logfile", Ok(ON_OUTPUT)),
    }
    said("redirect_stderr", Ok("both streams are kept together unless they are asked to be apart"));
    for stream in ["stdout", "stderr"] {
        for option in ["capture_maxbytes", "events_enabled"] {
            said(&format!("{stream}_{option}"), Ok("without event listeners it has no effect"));
        }
        said(&format!("{stream}_syslog"), Err("there is no syslog in a container"));
    }
    let Target::File(path) = stdout else {
        for option in ["stdout_logfile_maxbytes", "stdout_logfile_backups", "stderr_logfile_maxbytes", "stderr_logfile_backups"] {
            said(option, Ok("the engine rotates the container's log"));
        }
        return;
    };
    let log = &process.stdout;
    if place("stdout_logfile_maxbytes").is_none() {
    } else if log.logfile_maxbytes == 0 {
        said("stdout_logfile_maxbytes", Err("a log file is always rotated, at 50MB unless told"));
    } else {
        service.set("logging.max_size", Yaml::text(format_size(log.logfile_maxbytes)));
        said("stdout_logfile_maxbytes", Ok(&size));
    }
    if place("stdout_logfile_backups").is_some() {
        service.set("logging.max_file", Yaml::plain(log.logfile_backups.saturating_add(1).min(1_000)));
        said("stdout_logfile_backups", Ok(&number));
    }
    for option in ["stderr_logfile_maxbytes", "stderr_logfile_backups"] {
        said(option, Ok("both files are rotated alike"));
    }
    if is_apart {
        service.set("logging.stderr", Yaml::text("separate"));
    }
    service.set("logging.file", Yaml::Text(path));
}

fn target(log: &Log, working_dir: Option<&str>) -> Target {
    match &log.logfile {
        LogTarget::None => Target::Nowhere,
        LogTarget::Auto => Target::Unsaid,
        LogTarget::Path(path) => match path.as_str() {
            "/dev/null" | "" => Target::Nowhere,
            "/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1" | "/proc/1/fd/1" => Target::Container,
            "/dev/stderr" | "/dev/fd/2" | "/proc/self/fd/2" | "/proc/1/fd/2" => Target::Container,
            path if path.starts_with("/dev/") => Target::Container,
            path if has_reference(path) || path.contains("${") => Target::Unknown,
            path if path.starts_with('/') => Target::File(path.to_owned()),
            path => {
                Target::File(format!("{}/{}", working_dir.unwrap_or("/app").trim_end_matches('/'), path.trim_start_matches("./")))
            }
        },
    }
}

/// Each replica has a file of its own.
pub fn in_folder(service: &mut Service) {
    if let Some(folder) =
        service.text("logging.file").and_then(|file| file.rsplit_once('/')).map(|(folder, _)| format!("{folder}/"))
    {
        service.set("logging.file", Yaml::Text(folder));
    }
}

/// Gives every service a file of its own, and those with the usual name the folder alone, which they may share.
pub fn part(services: &mut [Service]) {
    let mut writers: BTreeMap<String, usize> = BTreeMap::new();
    for file in services.iter().filter_map(|service| service.text("logging.file")) {
        *writers.entry(file.to_owned()).or_default() += 1;
    }
    for service in services {
        let Some(file) = service.text("logging.file").map(str::to_owned) else { continue };
        let name = file.rsplit('/').next().unwrap_or_default();
        let is_apart = service.text("logging.stderr") == Some("separate");
        // podctl calls the other one NAME.err.log.
        let endings = [".log", ".out.log", "_out.log", "-out.log", ".stdout.log", "_stdout.log", "-stdout.log"];
        let ending = name.strip_prefix(service.name.as_str()).and_then(|rest| endings.iter().position(|ending| *ending == rest));
        let is_usual = ending.is_some_and(|ending| ending == 0 || is_apart);
        if is_usual || writers.get(&file).is_some_and(|writers| *writers > 1) || service.get("replicas").is_some() {
            in_folder(service);
        }
    }
}
