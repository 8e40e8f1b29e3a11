//! Import: from a supervisord.conf, or a whole project around one, to the pod.yaml that a person would have written.
//!
//! [`readers`] find what the sources say and enter every statement into the [`account`]; [`composer`] decides what becomes
//! of each and makes a [`draft`]; [`yaml`] writes it. Pure: texts come in as arguments, and nothing of a secret's value
//! goes out.

#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

pub mod account;
pub mod composer;
pub mod draft;
pub mod problem;
pub mod project;
pub mod readers;
pub mod secrets;
pub mod start;
pub mod yaml;

use account::Account;
use composer::services::Renamed;
use problem::Problem;
use project::Project;

/// What has been imported.
#[derive(Debug)]
pub struct Imported {
    /// pod.yaml.
    pub text: String,
    /// Every statement of the sources, and what became of it.
    pub account: Account,
    /// The processes under supervisord, and what they are called now.
    pub renamed: Vec<Renamed>,
    /// Variables that the container has to be given: secrets.
    pub asked: Vec<String>,
}

/// Imports a project.
///
/// # Errors
/// What is wrong with its sources, with places.
pub fn import(project: &Project) -> Result<Imported, Vec<Problem>> {
    let mut account = Account::default();
    let sources = project.read(&mut account)?;
    if let Some(supervisord) = sources.supervisord.as_ref().filter(|supervisord| supervisord.programs.is_empty()) {
        return Err(vec![nothing_to_run(supervisord, &account)]);
    }
    Ok(composer::compose(project, &sources, account))
}

/// A pod has a service at least.
fn nothing_to_run(supervisord: &readers::supervisord::Supervisord, account: &Account) -> Problem {
    let include = supervisord.entries.iter().find(|entry| entry.section == "include" && entry.option.as_deref() == Some("files"));
    let (place, text) = match include {
        Some(entry) => (
            Some(entry.place),
            "no program is in this file, and those that it includes are not here: import the folder that has them",
        ),
        None => (supervisord.entries.first().map(|entry| entry.place), "no program is in this file: there is nothing to run"),
    };
    let file = account.name(place.map_or(0, |place| place.file)).to_owned();
    Problem { file, line: place.map(|place| place.line), text: text.to_owned() }
}
