//! `podctl podinit`: writes the podinit that podctl carries, or podinit-deliver, for images that podctl does not build.

use super::{Context, output};
use crate::image::programs::Program;
use anyhow::{Context as _, Result};
use podinit_plan::plan::PODINIT;
use std::fs::{self, File, Permissions};
use std::io::BufWriter;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tar::{Builder, EntryType, Header};

/// The names by which podinit takes the place of supervisord's programs, where Debian's package has them.
const NAMES: [&str; 2] = ["usr/bin/supervisord", "usr/bin/supervisorctl"];

/// What `podctl podinit` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The program's file; or, ending in .tar, an archive for a Dockerfile's `ADD podinit.tar /`, in which podinit is
    /// supervisord and supervisorctl, too
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Which program
    #[arg(long, value_name = "NAME", default_value = "podinit")]
    pub program: Program,
    /// For engines on this architecture; this machine's unless told
    #[arg(long, value_name = "NAME", default_value = std::env::consts::ARCH)]
    pub architecture: String,
}

/// Runs it; the path of the file is printed.
///
/// # Errors
/// podctl carries none for the architecture, or the file cannot be written.
pub fn run(_: &Context, args: &Args) -> Result<()> {
    let binary = args.program.binary(&args.architecture)?;
    let is_archive = args.output.extension().is_some_and(|extension| extension == "tar") && args.program == Program::Podinit;
    let written = if is_archive { archive(binary, &args.output) } else { program(binary, &args.output) };
    written.with_context(|| format!("cannot write {}", args.output.display()))?;
    output::print(args.output.display().to_string().as_bytes())
}

fn program(binary: &[u8], path: &Path) -> Result<()> {
    fs::write(path, binary)?;
    fs::set_permissions(path, Permissions::from_mode(0o755))?;
    Ok(())
}

/// The same bytes for the same podinit, so that a build which adds it stays cached.
fn archive(binary: &[u8], path: &Path) -> Result<()> {
    let mut archive = Builder::new(BufWriter::new(File::create(path)?));
    let mut header = Header::new_gnu();
    header.set_size(binary.len() as u64);
    header.set_mode(0o755);
    archive.append_data(&mut header, PODINIT.trim_start_matches('/'), binary)?;
    for name in NAMES {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Symlink);
        header.set_size(0);
        header.set_mode(0o777);
        archive.append_link(&mut header, name, PODINIT)?;
    }
    archive.into_inner()?.into_inner().map_err(|error| error.into_error())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn the_archive_has_podinit_under_all_its_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("podinit.tar");
        archive(b"program", &path).unwrap();
        let mut archive = tar::Archive::new(File::open(&path).unwrap());
        let entries: BTreeMap<String, Option<PathBuf>> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let link = entry.link_name().unwrap().map(|link| link.into_owned());
                (entry.path().unwrap().display().to_string(), link)
            })
            .collect();
        let link = Some(PathBuf::from("/usr/local/bin/podinit"));
        let want = [("usr/bin/supervisorctl", link.clone()), ("usr/bin/supervisord", link), ("usr/local/bin/podinit", None)];
        assert_eq!(entries, want.map(|(path, link)| (path.to_owned(), link)).into());
    }
}
