//! `podinit --check`: everything that is wrong with a plan in this image, before it is run. The last step of a build
//! runs it in the image: programs, users and folders are those that the pod will have.

use crate::alerts::desk::couriers_of;
use crate::boot::Failure;
use crate::fill::{self, Problem};
use crate::load::{self, Source, Written};
use crate::machine::Machine;
use crate::spawn::{candidates, own_variables};
use crate::users::{Accounts, Identity};
use podinit_plan::plan::{Command, Plan, Probe, Service};
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Stands for the value of a variable that only the container will have; what contains it cannot be checked.
const UNKNOWN: &str = "\u{1a}";

/// Checks a plan; gives a line that says what was checked, after all warnings.
///
/// # Errors
/// All that is wrong.
pub fn run(source: &Source) -> Result<String, Failure> {
    let Written { plan, path, warnings, .. } = source.read()?;
    let mut problems = Vec::new();
    match fill_in(plan, &|name| std::env::var(name).ok()) {
        Ok(plan) => {
            problems.extend(load::problems(&plan, |text| !text.contains(UNKNOWN)));
            problems.extend(Machine::new(&plan, 0).err());
            match Accounts::read(Path::new("/")) {
                Ok(accounts) => {
                    look(&plan, &accounts, &mut problems);
                    let couriers = plan.alerts.as_ref().map(|alerts| couriers_of(&plan, alerts));
                    couriers.iter().for_each(|couriers| look(couriers, &accounts, &mut problems));
                }
                Err(error) => problems.push(format!("cannot read users and groups: {error}")),
            }
            if problems.is_empty() {
                let count = plan.services.len();
                let services = if count == 1 { "service" } else { "services" };
                let warnings: String = warnings.iter().map(|warning| format!("warning: {warning}\n")).collect();
                return Ok(format!("{warnings}{}: {count} {services}, nothing wrong\n", path.display()));
            }
        }
        Err(texts) => problems = texts,
    }
    Err(Failure::wrong(problems))
}

/// Fills the plan in; variables that only the container will have are no mistake.
fn fill_in(plan: Plan, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Plan, Vec<String>> {
    let mut unknown: BTreeSet<String> = BTreeSet::new();
    loop {
        let known = |name: &str| lookup(name).or_else(|| unknown.contains(name).then(|| UNKNOWN.to_owned()));
        let problems = match fill::fill(plan.clone(), &known) {
            Ok(mut plan) => {
                for service in plan.services.values_mut().filter(|service| service.autostart.contains(UNKNOWN)) {
                    "true".clone_into(&mut service.autostart);
                }
                return Ok(plan);
            }
            Err(problems) => problems,
        };
        let missing: BTreeSet<String> = problems.iter().filter_map(|problem| problem.missing.clone()).collect();
        if missing.is_subset(&unknown) {
            return Err(problems.into_iter().map(|Problem { text, .. }| text).collect());
        }
        unknown.extend(missing);
    }
}

fn look(plan: &Plan, accounts: &Accounts, problems: &mut Vec<String>) {
    for directory in &plan.directories {
        if let Some(Err(error)) = directory.user.as_deref().map(|user| accounts.find(user)) {
            problems.push(format!("the folder {}: {error}", directory.path));
        }
    }
    for (name, service) in &plan.services {
        let mut problem = |text: String| problems.push(format!("{name}: {text}"));
        let groups: Vec<String> = service.groups.iter().filter(|group| !group.contains(UNKNOWN)).cloned().collect();
        let find = |user: &str| accounts.find(user).and_then(|account| accounts.add_groups(account, &groups));
        let identity = match service.user.as_deref().filter(|user| !user.contains(UNKNOWN)).map(find) {
            Some(Err(error)) => {
                problem(error);
                None
            }
            Some(Ok(account)) => Some(Identity { account, change: true }),
            None => None,
        };
        let folder = &service.working_dir;
        if folder.starts_with('/')
            && !folder.contains(UNKNOWN)
            && !Path::new(folder).is_dir()
            && !will_be_made(plan, Path::new(folder))
        {
            problem(format!("its working_dir {folder} is not there; make it, or correct working_dir"));
        }
        let path = own_variables(plan, service, identity.as_ref()).remove("PATH").or_else(|| std::env::var("PATH").ok());
        let mut commands = vec![&service.command];
        commands.extend(service.pre_start.iter().chain(&service.post_stop));
        if let Some(check) = &service.healthcheck
            && let Probe::Exec { command } = &check.probe
        {
            commands.push(command);
        }
        for command in commands {
            if let Err(text) = find_program(command, service, path.as_deref().unwrap_or(crate::spawn::DEFAULT_PATH)) {
                problem(text);
            }
        }
    }
}

fn will_be_made(plan: &Plan, folder: &Path) -> bool {
    plan.directories.iter().any(|directory| Path::new(&directory.path).starts_with(folder))
}

fn find_program(command: &Command, service: &Service, path: &str) -> Result<(), String> {
    let Some(name) = fill::words(command).first().filter(|name| !name.contains(UNKNOWN)) else { return Ok(()) };
    if path.contains(UNKNOWN) || (service.working_dir.contains(UNKNOWN) && !name.starts_with('/')) {
        return Ok(());
    }
    let places: Vec<PathBuf> =
        candidates(name, path).iter().map(|candidate| Path::new(&service.working_dir).join(candidate)).collect();
    let is_executable =
        |place: &PathBuf| place.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0);
    if places.iter().any(is_executable) {
        return Ok(());
    }
    Err(match places.iter().find(|place| place.is_file()) {
        Some(place) => format!("{} is not executable; chmod +x it", place.display()),
        None if name.contains('/') => format!("there is no {name}; install it, or correct the command"),
        None => format!("there is no {name} in PATH ({path}); install it, or give its path"),
    })
}
