//! supervisord.conf: what a file says, and the plan that does the same.
//!
//! The meaning of each option is that of supervisord 4.3, its defaults and its order of lookups with it. [`read`] finds
//! every mistake of a file, where the original stops at the first; what it takes without a word and does nothing with, a
//! misspelt option above all, is a warning. [`compile`] makes the plan. No I/O: files come through [`Files`].

mod client;
mod compile;
mod config;
mod daemon;
mod expand;
mod flags;
mod groups;
mod include;
mod ini;
mod options;
mod process;
mod reader;
mod state;
mod values;
mod words;

#[cfg(test)]
mod tests;

pub use client::{Client, SERVER_URL, read_client};
pub use compile::{Ground, compile};
pub use config::{AutoRestart, Config, Daemon, Group, GroupKind, Listen, Log, LogTarget, Process, Server, Variables, full_name};
pub use flags::{Asked, Flags, PLACES, parse as parse_flags};
pub use groups::EVENTS;
pub use state::ProcessState;

use serde::{Serialize, Serializer};
use std::fmt;
use std::rc::Rc;

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The path.
    #[serde(serialize_with = "text")]
    pub file: Rc<str>,
    /// From 1.
    pub line: usize,
}

/// What is wrong, or not as it looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// Where; none when something is missing.
    #[serde(flatten)]
    pub place: Option<Place>,
    /// What.
    pub text: String,
}

impl Mistake {
    fn at(place: Place, text: String) -> Mistake {
        Mistake { place: Some(place), text }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "{}:{}: {}", place.file, place.line, self.text),
            None => f.write_str(&self.text),
        }
    }
}

fn text<S: Serializer>(text: &Rc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

/// The files that a configuration is made of.
pub trait Files {
    /// What is in the file.
    ///
    /// # Errors
    /// Why it cannot be read, in words.
    fn read(&self, path: &str) -> Result<String, String>;

    /// The files whose paths a pattern of `*`, `?` and `[...]` matches.
    fn matching(&self, pattern: &str) -> Vec<String>;
}

/// What values may refer to, besides what the file says itself.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The variables that the daemon has.
    pub environment: Variables,
    /// The name of the host.
    pub host_name: String,
}

/// What has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// What the file says.
    pub config: Config,
    /// What is not as it looks.
    pub warnings: Vec<Mistake>,
}

/// Reads a file and all that it includes.
///
/// # Errors
/// Everything that is wrong.
pub fn read(path: &str, files: &dyn Files, surroundings: &Surroundings) -> Result<Reading, Vec<Mistake>> {
    let mut warnings = Vec::new();
    let ini = include::gather(path, files, surroundings, &mut warnings)?;
    let Some(section) = ini.section("supervisord") else {
        return Err(vec![Mistake { place: None, text: format!("{path} has no [supervisord] section") }]);
    };
    let mut reader = reader::Reader::new(&ini);
    let supervisord = daemon::daemon(&mut reader, section, surroundings);
    let mut names = reader::names(surroundings);
    names.variables(&supervisord.environment);
    let groups = groups::groups(&mut reader, &names, &supervisord.environment, surroundings);
    let servers = daemon::servers(&mut reader, &names);
    reader.warn_of_unknown_options();
    warnings.append(&mut reader.warnings);
    if reader.mistakes.is_empty() {
        Ok(Reading { config: Config { supervisord, servers, groups }, warnings })
    } else {
        let place = |mistake: &Mistake| mistake.place.as_ref().map(|place| (Rc::clone(&place.file), place.line));
        reader.mistakes.sort_by_key(place);
        Err(reader.mistakes)
    }
}
