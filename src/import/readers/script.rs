//! The entrypoint: what it does before supervisord, line by line.

use crate::import::account::{Account, Place};
use crate::spec::source::Source;

/// What an entrypoint says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    /// Its path below the project's folder.
    pub name: String,
    /// The program of its first line, or a shell.
    pub interpreter: String,
    /// Its lines that say something, with their places.
    pub lines: Vec<(Place, String)>,
}

/// Reads an entrypoint.
pub fn read(source: &Source, account: &mut Account) -> Script {
    let file = account.file(&source.name);
    let first = source.text.lines().next().and_then(|line| line.strip_prefix("#!")).map(|line| line.trim().to_owned());
    let mut script =
        Script { name: source.name.clone(), interpreter: first.unwrap_or_else(|| "/bin/sh".to_owned()), lines: Vec::new() };
    for (index, line) in source.text.lines().enumerate() {
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let what: String = line.trim().split(['=', ' ']).next().unwrap_or_default().chars().take(30).collect();
        let place = account.enter(Place::line(file, index + 1), what);
        script.lines.push((place, line.to_owned()));
    }
    script
}
