//! `podctl render`: writes the files that an image is built from, or says how those that were written differ.

use super::{Context, output};
use crate::project::pods;
use crate::render::Files;
use anyhow::{Result, anyhow, bail};
use podinit_plan::plan::Plan;
use similar::TextDiff;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What rendered files begin with, but for plan.json, which can have no comment.
const HEADER: &[u8] = b"# Rendered by podctl";

/// What `podctl render` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The pod
    pub pod: Option<String>,
    /// Where the files go; made when it is missing
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// Write nothing: fail when the files that are there differ from what would be written, and say in which lines
    #[arg(long)]
    pub check: bool,
}

/// Runs it; the paths of the files are printed, or the lines that differ.
///
/// # Errors
/// pod.yaml is invalid, a file of the user's would be overwritten, or one cannot be written; files differ.
pub fn run(context: &Context, args: &Args) -> Result<()> {
    let target = pods::load_one(&context.files, args.pod.as_deref())?;
    if args.check {
        return check(&target.files, &args.output);
    }
    refuse_to_destroy(&target.pod.folder, &args.output, &target.files)?;
    for path in write(&target.files, &args.output)? {
        output::print(path.display().to_string().as_bytes())?;
    }
    Ok(())
}

/// Refuses to write over files that somebody else wrote, and into the pod's own folder: a build takes the .dockerignore
/// there for the user's.
fn refuse_to_destroy(pod: &Path, folder: &Path, files: &Files) -> Result<()> {
    let shown = folder.display();
    if fs::canonicalize(folder).is_ok_and(|folder| fs::canonicalize(pod).is_ok_and(|pod| pod == folder)) {
        bail!(
            "cannot render into {shown}: it is the pod's own folder; choose another one with -o, {} for instance",
            folder.join("rendered").display()
        );
    }
    for (name, _) in files.entries() {
        let path = folder.join(name);
        // What cannot be read or is not there is the writer's matter.
        let Ok(there) = fs::read(&path) else { continue };
        // A text of pod.yaml's can have no mark of its own; it is beside a Dockerfile that has.
        let beside = || fs::read(folder.join("Dockerfile")).is_ok_and(|text| text.starts_with(HEADER));
        let is_rendered = match files.contents.contains_key(name) {
            true => beside(),
            false => there.starts_with(HEADER) || serde_json::from_slice::<Plan>(&there).is_ok(),
        };
        if !is_rendered {
            bail!(
                "cannot write {}: podctl did not render the file that is there; remove it, or choose another folder with -o",
                path.display()
            );
        }
    }
    Ok(())
}

fn write(files: &Files, folder: &Path) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(folder)
        .map_err(|error| anyhow!("cannot make the folder {}: {error}; choose another one with -o", folder.display()))?;
    let mut written = Vec::new();
    for (name, text) in files.entries() {
        let path = folder.join(name);
        if let Some(parent) = path.parent().filter(|parent| *parent != folder) {
            fs::create_dir_all(parent)
                .map_err(|error| anyhow!("cannot make the folder {}: {error}; choose another one with -o", parent.display()))?;
        }
        fs::write(&path, text)
            .map_err(|error| anyhow!("cannot write {}: {error}; choose another folder with -o", path.display()))?;
        written.push(path);
    }
    Ok(written)
}

/// Prints the lines in which the files on disk differ from those that would be written.
fn check(files: &Files, folder: &Path) -> Result<()> {
    let mut different = Vec::new();
    for (name, text) in files.entries() {
        let path = folder.join(name);
        let there = match fs::read(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => bail!("cannot read {}: {error}; choose another folder with -o", path.display()),
        };
        if there != text {
            let shown = path.display().to_string();
            let diff = TextDiff::from_lines(there.as_str(), text);
            let lines = diff.unified_diff().header(&shown, &format!("{shown} (rendered anew)")).to_string();
            output::print(lines.trim_end().as_bytes())?;
            different.push(shown);
        }
    }
    match different.len() {
        0 => Ok(()),
        1 => bail!(
            "{} differs from what pod.yaml says; `podctl render -o {}` writes it anew",
            different.join(", "),
            folder.display()
        ),
        _ => bail!(
            "{} differ from what pod.yaml says; `podctl render -o {}` writes them anew",
            different.join(", "),
            folder.display()
        ),
    }
}
