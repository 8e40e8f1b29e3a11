//! `podctl init`: a first pod.yaml, from what the folder shows.

use super::{Context, import, output};
use crate::import::start::{Start, start};
use anyhow::{Result, bail};
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

/// What `podctl init` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder
    #[arg(default_value = ".")]
    pub path: PathBuf,
}

/// Runs it; what was written is printed.
///
/// # Errors
/// A pod.yaml is there already, the folder runs under supervisord, or the file cannot be written.
pub fn run(_context: &Context, args: &Args) -> Result<()> {
    let target = args.path.join("pod.yaml");
    let is_there =
        || anyhow::anyhow!("cannot write {}: it is there already, and `podctl init` never writes over one", target.display());
    if target.symlink_metadata().is_ok() {
        return Err(is_there());
    }
    if !args.path.is_dir() {
        bail!("cannot start a pod in {}: it is no folder", args.path.display());
    }
    let (text, from) = match start(&import::project(&args.path)?) {
        Start::Pod { text, from } => (text, from),
        Start::Import(file) => {
            let path = args.path.display();
            bail!(
                "nothing was written: {file} runs this under supervisord; bring it over with `podctl import {path} -o {}`",
                target.display()
            );
        }
    };
    let mut file = OpenOptions::new().write(true).create_new(true).open(&target).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => is_there(),
        _ => anyhow::anyhow!("cannot write {}: {error}", target.display()),
    })?;
    file.write_all(text.as_bytes()).map_err(|error| anyhow::anyhow!("cannot write {}: {error}", target.display()))?;
    output::print(text.trim_end().as_bytes())?;
    let next = match from {
        Some(_) => "look at it, then `podctl check` and `podctl up`",
        None => "write what runs into it, then `podctl check` and `podctl up`",
    };
    let _ = writeln!(anstream::stderr(), "wrote {}; {next}", target.display());
    Ok(())
}
