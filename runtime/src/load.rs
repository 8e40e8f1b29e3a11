//! From the plan's file to a plan that podinit can run.

use crate::boot::Failure;
use crate::fill::{Problem, fill};
use crate::machine::Machine;
use crate::users::{Accounts, Identity};
use crate::{attributes, supervisord};
use podinit_plan::plan::{ALERTS_VARIABLE, Plan, Ready, Schedule, Stdin, Target, VERSION};
use podinit_plan::schedule::Cron;
use podinit_plan::supervisord::{Config, EVENTS, Flags};
use podinit_plan::{address, signal};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Where a plan comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file with a plan.
    Plan(PathBuf),
    /// A supervisord.conf.
    Supervisord(Flags),
}

/// A plan as it was written, its templates not filled in.
#[derive(Debug)]
pub struct Written {
    /// The plan.
    pub plan: Plan,
    /// The file that it is from.
    pub path: PathBuf,
    /// What in that file is not as it looks.
    pub warnings: Vec<String>,
    /// The supervisord.conf that it was made of.
    pub config: Option<Config>,
}

impl Source {
    /// Reads the plan.
    ///
    /// # Errors
    /// Why there is none.
    pub fn read(&self) -> Result<Written, Failure> {
        match self {
            Source::Plan(path) => {
                let plan = read(path).map_err(|error| Failure::wrong(vec![error]))?;
                Ok(Written { plan, path: path.clone(), warnings: Vec::new(), config: None })
            }
            Source::Supervisord(flags) => {
                let loaded = supervisord::load(flags)?;
                let (plan, warnings) = supervisord::plan(&loaded);
                Ok(Written { plan, path: loaded.path, warnings, config: Some(loaded.config) })
            }
        }
    }
}

/// Reads a plan; its templates are not filled in.
///
/// # Errors
/// Why there is none, in words.
fn read(path: &Path) -> Result<Plan, String> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    let place = path.display();
    let text =
        std::fs::read(path).map_err(|error| format!("cannot read the plan {place}: {error}; give another with --plan FILE"))?;
    let wrong = |error| format!("cannot read the plan {place}: {error}; render it anew with podctl");
    // The version first: a plan of another one may have fields that are unknown here.
    let version = serde_json::from_slice::<Versioned>(&text).map_err(wrong)?.version;
    if version != VERSION {
        return Err(format!("cannot run the plan {place}: it is of version {version}, this podinit runs {VERSION}; build anew"));
    }
    serde_json::from_slice(&text).map_err(wrong)
}

/// Fills the plan in and makes its machine; `seed` is for the machine.
///
/// # Errors
/// Everything that is wrong.
pub fn prepare(plan: Plan, seed: u64, lookup: &dyn Fn(&str) -> Option<String>) -> Result<(Plan, Machine), Vec<Problem>> {
    let plan = fill(plan, lookup)?;
    let wrong = |text| vec![Problem { text, missing: None }];
    let problems = problems(&plan, |_| true);
    if !problems.is_empty() {
        return Err(problems.into_iter().map(|text| Problem { text, missing: None }).collect());
    }
    let machine = Machine::new(&plan, seed).map_err(wrong)?;
    Ok((plan, machine))
}

/// Takes out the sinks of a plan, filled in, that are off: those whose address is empty, as one image may run where
/// somebody is told and where nobody is; and all but files where a variable says so. Gives what is to be said of it.
pub fn leave_out_sinks(plan: &mut Plan, lookup: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let mut said = Vec::new();
    let Some(alerts) = &mut plan.alerts else { return said };
    let are_off = lookup(ALERTS_VARIABLE).is_some_and(|value| value == "off");
    alerts.sinks.retain(|name, sink| {
        let why = match &sink.to {
            Target::File { .. } => return true,
            _ if are_off => "PODINIT_ALERTS is off",
            target if target.is_nobody() => "its address, or a key, is empty",
            _ => return true,
        };
        said.push(format!("alerts to {name} are off: {why}"));
        false
    });
    said
}

/// What is wrong with a plan that was filled in, for the parts beside the machine; texts that are not known yet cannot
/// be wrong.
#[must_use]
pub fn problems(plan: &Plan, is_known: impl Fn(&str) -> bool) -> Vec<String> {
    let mut problems = Vec::new();
    for name in plan.alerts.iter().flat_map(|alerts| alerts.sinks.keys()) {
        // It is the name of a file, too.
        let is_name = |char: char| char.is_ascii_alphanumeric() || "-_.".contains(char);
        if name.is_empty() || name.starts_with('.') || !name.chars().all(is_name) {
            problems.push(format!("alerts cannot go to `{name}`: it must be made of letters, digits, `-` and `_`"));
        }
    }
    for (name, service) in &plan.services {
        let mut problem = |text: String| problems.push(format!("{name}: {text}"));
        if let Some(Schedule::Cron(line)) = &service.schedule
            && let Err(error) = Cron::parse(line)
        {
            problem(format!("its schedule `{line}`: {error}"));
        }
        if let Some(Schedule::EveryMs(0)) = service.schedule {
            problem("its schedule has no time between two starts".to_owned());
        }
        let folder = &service.working_dir;
        if !folder.starts_with('/') && is_known(folder) {
            problem(format!("working_dir is `{folder}`; it must begin with /"));
        }
        match &service.ready {
            Ready::File(path) if !path.starts_with('/') && is_known(path) => {
                problem(format!("the file that says it is ready is `{path}`; it must begin with /"));
            }
            Ready::NotifyFd(number @ ..3) => {
                problem(format!("it cannot say that it is ready on descriptor {number}; use 3 or more"))
            }
            Ready::Log(text) if text.is_empty() || text.contains('\n') => {
                problem("the text in its log that says it is ready must be a part of a line".to_owned());
            }
            _ => {}
        }
        for text in service.depends_on_addresses.iter().filter(|text| is_known(text)) {
            if let Err(error) = address::parse(text) {
                problem(format!("it waits for `{text}`: {error}"));
            }
        }
        if let Some(listener) = &service.listener {
            if service.stdin != Stdin::Pipe {
                problem("it is an event listener, and needs a pipe as its stdin".to_owned());
            }
            for event in listener.events.iter().filter(|event| !EVENTS.contains(&event.as_str())) {
                problem(format!("there is no event {event} for it to be told of"));
            }
        }
        attributes::problems(service).into_iter().for_each(&mut problem);
        for signal in service.signals.keys() {
            if let Err(error) = signal::passable(signal) {
                problem(format!("{signal} cannot be passed on: {error}"));
            }
        }
    }
    problems
}

/// Who each service runs as; one warning when that is not as the plan says.
///
/// # Errors
/// Users that do not exist, in words.
pub fn identities(
    plan: &Plan,
    accounts: &Accounts,
    own_uid: u32,
    warnings: &mut Vec<String>,
) -> Result<Vec<Option<Identity>>, Vec<String>> {
    let mut identities = Vec::new();
    let mut problems = Vec::new();
    let mut others: Vec<&str> = Vec::new();
    for (name, service) in &plan.services {
        let own = own_uid.to_string();
        let user = match &service.user {
            Some(user) => user,
            None if service.groups.is_empty() => {
                identities.push(None);
                continue;
            }
            None => &own,
        };
        match accounts.find(user).and_then(|account| accounts.add_groups(account, &service.groups)) {
            Ok(account) if own_uid == 0 => {
                // To become root again takes capabilities that root may lack in a container.
                let change = (account.credentials.uid, account.credentials.gid) != (0, 0) || !service.groups.is_empty();
                identities.push(Some(Identity { account, change }));
            }
            Ok(account) if account.credentials.uid == own_uid => {
                identities.push(Some(Identity { account, change: false }));
            }
            Ok(_) => {
                others.push(name);
                let own = accounts.find(&own_uid.to_string()).ok();
                identities.push(own.map(|account| Identity { account, change: false }));
            }
            Err(error) => problems.push(format!("{name}: {error}")),
        }
    }
    if !others.is_empty() {
        let (names, verb) = (others.join(", "), if others.len() == 1 { "runs" } else { "run" });
        warnings.push(format!("podinit is not root: {names} {verb} as uid {own_uid}, not as the plan says"));
    }
    if problems.is_empty() { Ok(identities) } else { Err(problems) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use podinit_plan::plan::{Command, Listener, Service};
    use std::collections::BTreeMap;

    #[test]
    fn everything_that_is_wrong_is_said() {
        let service = Service {
            schedule: Some(Schedule::Cron("* * * * 8".to_owned())),
            ready: Ready::NotifyFd(2),
            depends_on_addresses: vec!["db:5432".to_owned(), "db".to_owned()],
            signals: BTreeMap::from([("SIGTERM", "HUP"), ("SIGHUP", "HUP")].map(|(a, b)| (a.to_owned(), b.to_owned()))),
            ..Service::new(Command::Line(String::new()))
        };
        let relative = Service {
            ready: Ready::File("ready".to_owned()),
            working_dir: "app".to_owned(),
            listener: Some(Listener { pool: "p".to_owned(), events: vec!["TICK_7".to_owned()], buffer_size: 10 }),
            ..Service::new(Command::Line(String::new()))
        };
        let plan = Plan {
            version: VERSION,
            name: "pod".to_owned(),
            stop_grace_period_ms: 0,
            exit_when_done: true,
            environment: BTreeMap::new(),
            directories: Vec::new(),
            files: Vec::new(),
            public_socket: None,
            servers: Vec::new(),
            monitor: Default::default(),
            alerts: None,
            services: BTreeMap::from([("job".to_owned(), service), ("web".to_owned(), relative)]),
        };
        let problems = problems(&plan, |_| true);
        let begins = [
            "job: its schedule `* * * * 8`: day of week",
            "job: it cannot say that it is ready on descriptor 2",
            "job: it waits for `db`: a port is missing",
            "job: SIGTERM cannot be passed on: it stops the pod",
            "web: working_dir is `app`; it must begin with /",
            "web: the file that says it is ready is `ready`",
            "web: it is an event listener, and needs a pipe as its stdin",
            "web: there is no event TICK_7",
        ];
        assert_eq!(problems.len(), begins.len(), "{problems:#?}");
        for (problem, begin) in problems.iter().zip(begins) {
            assert!(problem.starts_with(begin), "{problem}");
        }
    }
}
