//! `podctl check`: every mistake of a pod.yaml, at once.

use super::{Context, Format, output};
use crate::project::load;
use anyhow::Result;

/// What `podctl check` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The pods; without one, all of the project
    #[arg(value_name = "POD")]
    pub pods: Vec<String>,
    /// How mistakes are shown: as text on stderr, or as one JSON list on stdout
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Runs it.
///
/// # Errors
/// A pod that cannot be found or read; mistakes that were found ([`crate::failure::ExitCode::Invalid`]), which are
/// written before.
pub fn run(context: &Context, args: &Args) -> Result<()> {
    let from = load::current_folder()?;
    let mut invalid = Vec::new();
    let mut records = Vec::new();
    for location in load::locate_each(&context.files, &args.pods)? {
        let (diagnostics, valid) = match load::read(&location, &from)?.1 {
            Ok(loaded) => (loaded.warnings, true),
            Err(diagnostics) => (diagnostics, false),
        };
        let name = load::shown(&location, &from);
        match args.format {
            Format::Text => {
                load::print(&diagnostics);
                if valid {
                    output::print(format!("{name} is valid").as_bytes())?;
                }
            }
            Format::Json => {
                records.extend(diagnostics.records().iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>()?);
            }
        }
        if !valid {
            invalid.push(name);
        }
    }
    if args.format == Format::Json {
        output::print(format!("{:#}", serde_json::Value::Array(records)).as_bytes())?;
    }
    if invalid.is_empty() { Ok(()) } else { Err(load::refused(&invalid.join(", "))) }
}
