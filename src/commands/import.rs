//! `podctl import`: the pod.yaml of a project that runs under supervisord.

use super::{Context, Format, output};
use crate::failure::{ExitCode, Failure};
use crate::import::project::Project;
use crate::import::{Imported, import};
use crate::spec::source::Source;
use anyhow::{Context as _, Result, bail};
use serde_json::json;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// How deep a project's folders are looked into.
const MAX_DEPTH: usize = 8;
/// How many files a project may have; others are not looked at.
const MAX_FILES: usize = 20_000;
/// The largest file that may say something.
const MAX_BYTES: u64 = 1 << 20;
/// Folders with what others wrote.
const FOREIGN: [&str; 9] = [".git", "node_modules", "vendor", "target", ".venv", "venv", "__pycache__", "dist", ".svn"];

/// What `podctl import` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A supervisord.conf, or the folder of a project with its Dockerfile, nginx.conf, entrypoint and compose file
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// Where pod.yaml goes; without it, stdout
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write over a file that is there
    #[arg(long)]
    pub force: bool,
    /// How the account of the sources is shown: as text on stderr, or as JSON on stdout, pod.yaml in it unless it has a file
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Runs it.
///
/// # Errors
/// Sources that cannot be read or are broken ([`ExitCode::Invalid`], what is wrong is written before), a file that is in the
/// way.
pub fn run(_context: &Context, args: &Args) -> Result<()> {
    let mut project = project(&args.path)?;
    if let Some(output) = &args.output {
        place(&mut project, &args.path, output);
    }
    if let Some(path) = args.output.as_ref().filter(|path| path.symlink_metadata().is_ok() && !args.force) {
        bail!("cannot write {}: it is there already; choose another file with -o, or write over it with --force", path.display());
    }
    let imported = match import(&project) {
        Ok(imported) => imported,
        Err(problems) => {
            match args.format {
                Format::Text => problems.iter().for_each(|problem| drop(writeln!(anstream::stderr(), "{problem}"))),
                Format::Json => output::print(format!("{:#}", json!({ "problems": problems })).as_bytes())?,
            }
            let message = format!("cannot import {}: correct what is wrong above", args.path.display());
            return Err(Failure::new(ExitCode::Invalid, message).into());
        }
    };
    if let Some(path) = &args.output {
        fs::write(path, &imported.text)
            .with_context(|| format!("cannot write {}: choose another file with -o", path.display()))?;
    }
    match args.format {
        Format::Json => output::print(format!("{:#}", report(&imported, args.output.is_none())).as_bytes()),
        Format::Text => {
            if args.output.is_none() {
                output::print(imported.text.trim_end().as_bytes())?;
            }
            tell(&imported, args.output.as_deref());
            Ok(())
        }
    }
}

/// Says where the project is, seen from the folder that pod.yaml is written to.
fn place(project: &mut Project, path: &Path, output: &Path) {
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (Ok(folder), Ok(full)) = (fs::canonicalize(folder), fs::canonicalize(path)) else { return };
    let own = if full.is_file() { full.parent().unwrap_or(&full).to_owned() } else { full };
    if let Ok(below) = own.strip_prefix(&folder) {
        project.below = below.to_string_lossy().into_owned();
        project.name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    }
}

fn report(imported: &Imported, with_text: bool) -> serde_json::Value {
    let [carried, implied, left] = imported.account.counts();
    let mut report = json!({
        "lines": imported.account,
        "counts": { "carried": carried, "implied": implied, "left": left },
        "notes": imported.account.notes(),
        "processes": imported.renamed,
        "asked": imported.asked,
    });
    if with_text {
        report["pod_yaml"] = json!(imported.text);
    }
    report
}

fn tell(imported: &Imported, output: Option<&Path>) {
    let [carried, implied, left] = imported.account.counts();
    let mut stderr = anstream::stderr().lock();
    let mut say = |line: String| drop(writeln!(stderr, "{line}"));
    if let Some(path) = output {
        say(format!("wrote {}", path.display()));
    }
    say(format!(
        "{} statements: {carried} carried over, {implied} implied by defaults, {left} not carried over",
        carried + implied + left
    ));
    imported.account.left_over().into_iter().for_each(|line| say(format!("  {line}")));
    imported.account.notes().iter().for_each(|note| say(format!("note: {note}")));
    let moved = imported.renamed.iter().filter(|renamed| renamed.was != renamed.is);
    moved.for_each(|renamed| say(format!("{} is {} now", renamed.was, renamed.is)));
    if !imported.asked.is_empty() {
        say(format!("secrets were not copied; the container has to be given {}", imported.asked.join(", ")));
    }
}

/// Reads what may say something in a folder, or one file.
///
/// # Errors
/// It is not there or cannot be read.
pub fn project(path: &Path) -> Result<Project> {
    let metadata = fs::metadata(path).with_context(|| format!("cannot import {}", path.display()))?;
    let full = fs::canonicalize(path).with_context(|| format!("cannot import {}", path.display()))?;
    let name =
        |path: Option<&Path>| path.and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if metadata.is_file() {
        let folder = full.parent().unwrap_or(Path::new("/"));
        let own = name(Some(&full));
        let text = fs::read(&full).with_context(|| format!("cannot read {}", path.display()))?;
        let mut project = Project { name: name(Some(folder)), main: Some(own.clone()), ..Project::default() };
        // Those beside it may be included.
        let _ = walk(folder, "", MAX_DEPTH - 2, &mut project);
        project.texts.retain(|source| source.name != own);
        project.texts.push(Source { name: own, text: String::from_utf8_lossy(&text).into_owned() });
        return Ok(project);
    }
    let mut project = Project { name: name(Some(&full)), ..Project::default() };
    walk(&full, "", 0, &mut project).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(project)
}

fn walk(folder: &Path, prefix: &str, depth: usize, project: &mut Project) -> Result<()> {
    let mut entries: Vec<_> = fs::read_dir(folder)?.filter_map(Result::ok).collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        // What has no name in Unicode is nobody's configuration.
        let Ok(name) = entry.file_name().into_string() else { continue };
        let Ok(kind) = entry.file_type() else { continue };
        let path = format!("{prefix}{name}");
        if kind.is_dir() && depth < MAX_DEPTH && !FOREIGN.contains(&name.as_str()) {
            // A folder that may not be read says nothing.
            let _ = walk(&entry.path(), &format!("{path}/"), depth + 1, project);
        } else if kind.is_file() && project.files.len() < MAX_FILES {
            let is_small = entry.metadata().is_ok_and(|metadata| metadata.len() <= MAX_BYTES);
            if is_small
                && may_say_something(&name)
                && let Ok(text) = fs::read(entry.path())
            {
                project.texts.push(Source { name: path.clone(), text: String::from_utf8_lossy(&text).into_owned() });
            }
            project.files.push(path);
        }
    }
    Ok(())
}

/// Whether a file of this name may be read: what may hold secrets alone is not even opened.
fn may_say_something(name: &str) -> bool {
    const ENDINGS: [&str; 11] =
        [".conf", ".ini", ".sh", ".yml", ".yaml", ".py", ".template", ".pl", ".json", ".toml", "requirements.txt"];
    name.contains("Dockerfile")
        || name == "Containerfile"
        || name == "Procfile"
        || name.contains("nginx")
        || name.contains("entrypoint")
        || ENDINGS.iter().any(|ending| name.ends_with(ending))
        || name == "go.mod"
        || !name.contains('.')
}
