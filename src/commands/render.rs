//! `podctl render`: writes the files that an image is built from.

use super::{Context, output};
use crate::project::pods;
use crate::render::Files;
use anyhow::{Result, anyhow, bail};
use podinit_plan::plan::Plan;
use std::fs;
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
}

/// Runs it; the paths of the files are printed.
///
/// # Errors
/// pod.yaml is invalid, a file of the user's would be overwritten, or one cannot be written.
pub fn run(context: &Context, args: &Args) -> Result<()> {
    let target = pods::load_one(&context.files, args.pod.as_deref())?;
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
        let is_rendered = there.starts_with(HEADER) || serde_json::from_slice::<Plan>(&there).is_ok();
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
        fs::write(&path, text)
            .map_err(|error| anyhow!("cannot write {}: {error}; choose another folder with -o", path.display()))?;
        written.push(path);
    }
    Ok(written)
}
