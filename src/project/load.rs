//! From files to pods, with what is wrong with them shown to the user.

use super::locate::{self, Location};
use super::variables::Variables;
use crate::failure::{ExitCode, Failure};
use crate::spec::diagnostics::Diagnostics;
use crate::spec::load::{Inputs, Loaded, load};
use crate::spec::model::Pod;
use anyhow::{Context as _, Result};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Where pods are: each that is named; without a name, that of `files`, or those of the project.
///
/// # Errors
/// As [`locate::locate`].
pub fn locate_each(files: &[PathBuf], pods: &[String]) -> Result<Vec<Location>> {
    let from = current_folder()?;
    if pods.is_empty() {
        return locate::locate(None, files, &from);
    }
    let mut locations = Vec::new();
    for pod in pods {
        locations.extend(locate::locate(Some(pod), files, &from)?);
    }
    Ok(locations)
}

/// The folder the user is in.
///
/// # Errors
/// It was removed.
pub fn current_folder() -> Result<PathBuf> {
    std::env::current_dir().context("cannot tell the current folder: go to one that exists")
}

/// Loads a pod for a command that goes on with it. Warnings and mistakes are written to stderr.
///
/// # Errors
/// A file that cannot be read; mistakes ([`ExitCode::Invalid`]).
pub fn pod(location: &Location) -> Result<(Pod, Variables)> {
    let from = current_folder()?;
    let (variables, loaded) = read(location, &from)?;
    match loaded {
        Ok(loaded) => {
            print(&loaded.warnings);
            Ok((loaded.pod, variables))
        }
        Err(diagnostics) => {
            print(&diagnostics);
            Err(refused(&shown(location, &from)))
        }
    }
}

/// Reads and loads a pod; its files are named as they are seen from `from`.
///
/// # Errors
/// A file that cannot be read. Mistakes in it are the inner result.
pub fn read(location: &Location, from: &Path) -> Result<(Variables, Result<Loaded, Diagnostics>)> {
    let variables = Variables::of(location)?;
    let lookup = |name: &str| variables.get(name).map(str::to_owned);
    let loaded = load(Inputs { sources: location.sources(from)?, folder: location.folder.clone(), variables: &lookup });
    Ok((variables, loaded))
}

/// A pod's files as the user would name them.
#[must_use]
pub fn shown(location: &Location, from: &Path) -> String {
    let names = location.files.iter().map(|file| file.strip_prefix(from).unwrap_or(file).display().to_string());
    names.collect::<Vec<_>>().join(" with ")
}

/// The error after mistakes were shown.
#[must_use]
pub fn refused(names: &str) -> anyhow::Error {
    Failure::new(ExitCode::Invalid, format!("cannot use {names}: it has the mistakes above; correct them and try again")).into()
}

/// Writes what is wrong to stderr.
pub fn print(diagnostics: &Diagnostics) {
    if !diagnostics.list().is_empty() {
        // Colour is taken out again where stderr is no terminal or does not want it.
        let _ = writeln!(anstream::stderr(), "{}\n", diagnostics.render(true));
    }
}
