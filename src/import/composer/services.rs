//! Programs become services.

use super::logs;
use super::priorities::priorities;
use super::variables::Variables;
use crate::import::account::Account;
use crate::import::draft::Service;
use crate::import::readers::ini::Entry;
use crate::import::readers::supervisord::{Other, Program, Supervisord, escape, has_reference, place_of, template};
use crate::import::secrets;
use crate::import::yaml::Yaml;
use podinit_plan::supervisord::{AutoRestart, Process};
use podinit_plan::{signal, words};
use std::collections::BTreeSet;

/// What programs have of what is around them.
pub struct Surroundings<'a> {
    /// Who supervisord runs as.
    pub user: &'a str,
    /// The folder that it runs in; none when that is not known.
    pub working_dir: Option<&'a str>,
    /// A listener ends the container with its programs.
    pub is_essential: bool,
}

/// A process under supervisord, and what it is in the pod.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Renamed {
    /// `group:process`, or `process` where both are the same.
    pub was: String,
    /// The service, or its replica.
    pub is: String,
}

/// Makes services of programs.
pub fn services(
    source: &Supervisord,
    around: &Surroundings<'_>,
    variables: &mut Variables,
    account: &mut Account,
) -> (Vec<Service>, Vec<Renamed>) {
    let priorities = priorities(&source.programs);
    let mut made = Making { source, around, variables, account, services: Vec::new(), renamed: Vec::new() };
    for (program, priority) in source.programs.iter().zip(priorities) {
        made.program(program, priority);
    }
    logs::part(&mut made.services);
    (made.services, made.renamed)
}

/// Makes event listeners of those that are neither in `settled` nor services of another kind.
pub fn listeners(
    source: &Supervisord,
    settled: &dyn Fn(&Other) -> bool,
    around: &Surroundings<'_>,
    variables: &mut Variables,
    account: &mut Account,
) -> Vec<Service> {
    let mut made = Making { source, around, variables, account, services: Vec::new(), renamed: Vec::new() };
    for other in source.others.iter().filter(|other| !other.events.is_empty() && !settled(other)) {
        made.listener(other);
    }
    made.services
}

struct Making<'a> {
    source: &'a Supervisord,
    around: &'a Surroundings<'a>,
    variables: &'a mut Variables,
    account: &'a mut Account,
    services: Vec<Service>,
    renamed: Vec<Renamed>,
}

impl Making<'_> {
    fn program(&mut self, program: &Program, priority: Option<i64>) {
        let Some(first) = program.processes.first() else { return };
        let counted = number(&self.source.entries, &program.section, "numprocs_start").unwrap_or(0);
        let same = |a: &Process, b: &Process| {
            Process { name: String::new(), ..without_logs(a) } == Process { name: String::new(), ..without_logs(b) }
        };
        let is_referred = program.references.contains_key("numprocs");
        let alike = program.numbered.first().is_some_and(|first| program.numbered.iter().all(|other| same(first, other)));
        if program.processes.len() == 1 && !is_referred {
            let name = self.name(&program.name);
            self.renamed.push(Renamed { was: full_name(program, first), is: name.clone() });
            let service = self.service(program, first, first, &name, priority);
            self.services.push(service);
        } else if counted == 0 && alike && (program.numbered.len() == program.processes.len()) {
            let name = self.name(&program.name);
            for (index, process) in program.processes.iter().enumerate() {
                let number = trailing_number(&process.name).unwrap_or(index);
                self.renamed.push(Renamed { was: full_name(program, process), is: format!("{name}-{number}") });
            }
            let mut service = self.service(program, &program.numbered[0], first, &name, priority);
            let count = program.references.get("numprocs");
            let count =
                count.map_or_else(|| Yaml::plain(program.processes.len()), |variable| Yaml::text(format!("${{{variable}:-1}}")));
            service.set("replicas", count);
            if first.stdout.logfile != program.processes[program.processes.len() - 1].stdout.logfile {
                logs::in_folder(&mut service);
            }
            self.services.push(service);
        } else {
            // Their numbers mean something that replicas, which are counted from 0, cannot be told.
            for process in &program.processes {
                let name = self.name(&process.name);
                self.renamed.push(Renamed { was: full_name(program, process), is: name.clone() });
                let service = self.service(program, process, process, &name, priority);
                self.services.push(service);
            }
            for option in ["numprocs", "numprocs_start", "process_name"] {
                self.implied(program, option, "each process is a service of its own, as its number means something");
            }
        }
        let key = format!("services.{}", self.services.last().map_or("", |service| service.name.as_str()));
        for option in ["numprocs", "process_name", "numprocs_start"] {
            match option {
                "numprocs" if program.processes.len() > 1 || is_referred => {
                    self.carried(program, option, &format!("{key}.replicas"))
                }
                _ => self.implied(program, option, "replicas are NAME-0, NAME-1, ...; a single service has its own name"),
            }
        }
        if let Some(place) = place_of(&self.source.entries, &program.section, "command") {
            self.account.carried(place, format!("{key}.command"));
        }
    }

    /// A listener: a service that says what it is told of. Its output is its protocol, and it is never waited for.
    fn listener(&mut self, other: &Other) {
        let Some(process) = other.program.processes.first() else { return };
        let name = self.name(&other.program.name);
        let mut service = self.service(&other.program, process, process, &name, None);
        for key in ["ready_after", "essential", "logging.file", "logging.max_size", "logging.max_file", "logging.stderr"] {
            service.remove(key);
        }
        for (key, usual) in [("stop_signal", "SIGTERM"), ("working_dir", "/app")] {
            if service.text(key) == Some(usual) {
                service.remove(key);
            }
        }
        service.set("events", Yaml::texts(other.events.clone()));
        if other.buffer_size != 10 {
            service.set("buffer_size", Yaml::plain(other.buffer_size));
        }
        if other.program.group.1 != -1 {
            service.set("priority", Yaml::plain(other.program.group.1));
        }
        let key = format!("event_listeners.{name}");
        for option in ["command", "events", "buffer_size", "priority"] {
            self.carried(&other.program, option, &format!("{key}.{option}"));
        }
        for option in ["startsecs", "process_name", "result_handler"] {
            self.implied(&other.program, option, "a listener is told of events, and answers, by itself");
        }
        if let Some(place) = place_of(&self.source.entries, &other.section, "numprocs") {
            self.account.left(place, "a listener is one process");
        }
        self.services.push(service);
    }

    /// The service of a process; its files are those of `logged`, in whose paths the number is filled in.
    fn service(&mut self, program: &Program, process: &Process, logged: &Process, name: &str, priority: Option<i64>) -> Service {
        let mut service = Service::new(name);
        let command = self.command(process, name);
        service.set("command", command);
        let user = process.user.as_deref().or(self.source.config.supervisord.user.as_deref()).unwrap_or(self.around.user);
        service.set("user", Yaml::text(template(user)));
        self.working_dir(program, process, &mut service);
        self.endings(program, process, &mut service);
        self.start(program, process, &mut service, priority);
        if let Some(umask) = process.umask {
            service.set("umask", Yaml::text(format!("{umask:04o}")));
        }
        self.environment(process, &mut service);
        logs::of_process(self.source, self.around.working_dir, program, logged, &mut service, self.account);
        for option in ["user", "umask", "environment"] {
            self.carried(program, option, &format!("services.{name}.{option}"));
        }
        self.implied(program, "serverurl", "programs find podinit's socket at its own place");
        service
    }

    fn command(&mut self, process: &Process, name: &str) -> Yaml {
        let Some(words) = &process.argv else { return Yaml::texts([template(&process.command)]) };
        if let [shell, flag, text] = words.as_slice()
            && matches!(shell.as_str(), "sh" | "/bin/sh")
            && flag == "-c"
            && !text.trim().is_empty()
            && !has_reference(text)
        {
            let (text, secrets) = secrets::without_values(text);
            // The shell finds them in its environment.
            secrets.iter().for_each(|secret| self.variables.require(secret));
            return Yaml::map([("shell", Yaml::text(text))]);
        }
        let line = process.command.split('\n').map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
        let signs = ["&&", "||", "|", ">", ">>", "<", ";", "&"];
        let is_quiet = !line.split_whitespace().any(|word| signs.contains(&word)) && !line.chars().any(char::is_control);
        let (line, hidden) = secrets::without_values(&template(&line));
        let is_line = words::split(&process.command.replace('\n', " ")).is_ok_and(|split| split == *words);
        if is_line && is_quiet && !line.is_empty() {
            hidden.iter().for_each(|secret| self.variables.hide(secret));
            return Yaml::Text(line);
        }
        let mut is_value = false;
        let mut list = Vec::new();
        for word in words {
            let text = template(word);
            let hidden = is_value && !word.starts_with('-') && !has_reference(word);
            let (text, names) = if hidden {
                let variable = format!("{}_SECRET", name.to_uppercase().replace(['-', '.'], "_"));
                (format!("${{{variable}:?}}"), vec![variable])
            } else {
                secrets::without_values(&text)
            };
            names.iter().for_each(|secret| self.variables.hide(secret));
            is_value = word.starts_with('-') && !word.contains(['=', ' ']) && secrets::is_secret(word);
            list.push(Yaml::Text(text));
        }
        Yaml::List(list)
    }

    fn working_dir(&mut self, program: &Program, process: &Process, service: &mut Service) {
        let around = self.around.working_dir;
        match &process.directory {
            Some(folder) if folder.starts_with('/') || has_reference(folder) => {
                let folder = template(folder);
                let folder = if folder.len() > 1 { folder.trim_end_matches('/').to_owned() } else { folder };
                service.set("working_dir", Yaml::Text(folder));
            }
            Some(folder) => {
                let folder = folder.trim_start_matches("./").trim_end_matches('/');
                let folder = if folder == "." { String::new() } else { format!("/{}", escape(folder)) };
                let joined = format!("{}{folder}", around.unwrap_or("/app").trim_end_matches('/'));
                service.set("working_dir", Yaml::text(if joined.is_empty() { "/".to_owned() } else { joined }));
            }
            None => service.set("working_dir", Yaml::text(around.unwrap_or("/app"))),
        }
        self.carried(program, "directory", &format!("services.{}.working_dir", service.name));
    }

    /// When it is started again, and how it is stopped.
    fn endings(&mut self, program: &Program, process: &Process, service: &mut Service) {
        let name = service.name.clone();
        service.set(
            "restart.policy",
            Yaml::text(match process.autorestart {
                AutoRestart::True => "always",
                AutoRestart::False => "no",
                AutoRestart::Unexpected => "on-failure",
            }),
        );
        service.set("restart.retries", Yaml::plain(process.startretries.min(1_000_000)));
        // What has been up for startsecs has no failures any more.
        service.set("restart.stable_after", Yaml::text("0s"));
        service.set("restart.exit_codes", Yaml::List(process.exitcodes.iter().map(Yaml::plain).collect()));
        service.set("essential", Yaml::plain(self.around.is_essential));
        service.set("stop_signal", Yaml::text(signal::name(process.stopsignal)));
        service.set("stop_grace_period", Yaml::text(seconds(process.stopwaitsecs)));
        if process.stopasgroup != service.is_shell() {
            service.set("stop_group", Yaml::plain(process.stopasgroup));
        }
        for (option, key) in [
            ("autorestart", "restart.policy"),
            ("startretries", "restart.retries"),
            ("exitcodes", "restart.exit_codes"),
            ("stopsignal", "stop_signal"),
            ("stopwaitsecs", "stop_grace_period"),
            ("stopasgroup", "stop_group"),
        ] {
            self.carried_unless_referred(program, option, &format!("services.{name}.{key}"));
        }
        self.implied(program, "killasgroup", "SIGKILL always goes to all that belongs to a service");
    }

    /// When it is started, and when it counts as up.
    fn start(&mut self, program: &Program, process: &Process, service: &mut Service, priority: Option<i64>) {
        let name = service.name.clone();
        if let Some(priority) = priority {
            service.set("priority", Yaml::plain(priority));
        }
        match program.references.get("autostart") {
            Some(variable) => service.set("autostart", Yaml::text(format!("${{{variable}}}"))),
            None if !process.autostart => service.set("autostart", Yaml::plain(false)),
            None => {}
        }
        service.set("ready_after", Yaml::text(seconds(process.startsecs)));
        self.carried_unless_referred(program, "startsecs", &format!("services.{name}.ready_after"));
        self.carried(program, "autostart", &format!("services.{name}.autostart"));
        if program.references.contains_key("priority") {
            self.carried_unless_referred(program, "priority", "");
        } else if priority.is_some() {
            self.carried(program, "priority", &format!("services.{name}.priority"));
        } else {
            self.implied(program, "priority", "the order is the same without it");
        }
    }

    fn environment(&mut self, process: &Process, service: &mut Service) {
        let of_all = &self.source.config.supervisord.environment;
        let own = process.environment.iter().filter(|(name, value)| of_all.get(*name) != Some(value));
        let own: Vec<(String, String)> = own.map(|(name, value)| (name.clone(), template(value))).collect();
        let values = own.into_iter().map(|(name, value)| {
            let value = self.variables.of_service(&service.name, &name, &value);
            (name, value)
        });
        let values: Vec<(String, Yaml)> = values.collect();
        if !values.is_empty() {
            service.set("environment", Yaml::Map(values));
        }
    }

    /// A name that is nobody's yet.
    fn name(&self, name: &str) -> String {
        let taken: BTreeSet<&str> = self.services.iter().map(|service| service.name.as_str()).collect();
        super::names::unique(&super::names::service(name), &|name| taken.contains(name))
    }

    fn carried(&mut self, program: &Program, option: &str, key: &str) {
        if let Some(place) = place_of(&self.source.entries, &program.section, option) {
            self.account.carried(place, key);
        }
    }

    fn implied(&mut self, program: &Program, option: &str, why: &str) {
        if let Some(place) = place_of(&self.source.entries, &program.section, option) {
            self.account.implied(place, why);
        }
    }

    /// Keys that shape the plan take no references.
    fn carried_unless_referred(&mut self, program: &Program, option: &str, key: &str) {
        match (program.references.get(option), place_of(&self.source.entries, &program.section, option)) {
            (Some(variable), Some(place)) => {
                let why = format!(
                    "what ${{{variable}}} holds is known at the start alone, and this key is part of the plan; supervisord's default is used"
                );
                self.account.left(place, why);
            }
            _ => self.carried(program, option, key),
        }
    }
}

fn without_logs(process: &Process) -> Process {
    let mut process = process.clone();
    for log in [&mut process.stdout, &mut process.stderr] {
        log.logfile = podinit_plan::supervisord::LogTarget::None;
    }
    process
}

fn full_name(program: &Program, process: &Process) -> String {
    if program.group.0 == process.name { process.name.clone() } else { format!("{}:{}", program.group.0, process.name) }
}

fn number(entries: &[Entry], section: &str, option: &str) -> Option<i64> {
    let entry = entries.iter().rev().find(|entry| entry.section == section && entry.option.as_deref() == Some(option))?;
    entry.value.trim().parse().ok()
}

/// The number at the end of a process' name.
fn trailing_number(name: &str) -> Option<usize> {
    let digits = name.trim_end_matches(|c: char| !c.is_ascii_digit());
    let start = digits.rfind(|c: char| !c.is_ascii_digit()).map_or(0, |at| at + 1);
    digits[start..].parse().ok()
}

/// A duration as people write it.
pub fn seconds(seconds: u64) -> String {
    match seconds {
        // What is beyond all limits is as good as for ever.
        seconds if seconds > 365 * 86_400 => "8760h".to_owned(),
        seconds if seconds >= 120 && seconds % 3_600 == 0 => format!("{}h", seconds / 3_600),
        seconds if seconds >= 120 && seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds if seconds < 120 => format!("{seconds}s"),
        seconds => podinit_plan::units::format_duration_ms(seconds * 1_000),
    }
}
