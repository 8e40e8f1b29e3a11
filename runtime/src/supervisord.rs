//! `podinit -c`: the plan of a supervisord.conf.

use crate::boot::Failure;
use crate::sys::{glob, host};
use podinit_plan::plan::Plan;
use podinit_plan::supervisord::{
    Client, Config, Files, Flags, Ground, Mistake, PLACES, Reading, Surroundings, compile, read, read_client,
};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// A configuration that has been read.
#[derive(Debug)]
pub struct Loaded {
    /// Where it is.
    pub path: PathBuf,
    /// What it says.
    pub config: Config,
    /// What in it is not as it looks.
    pub warnings: Vec<Mistake>,
}

/// Why there is no configuration.
#[derive(Debug)]
pub struct Refused {
    /// Where it is, if it was found.
    pub path: Option<PathBuf>,
    /// Everything that is wrong.
    pub mistakes: Vec<Mistake>,
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Failure {
        Failure::wrong(refused.mistakes.iter().map(ToString::to_string).collect())
    }
}

/// Reads the configuration that the flags name, or the first that is at one of the usual places.
///
/// # Errors
/// There is none, or something is wrong with it.
pub fn load(flags: &Flags) -> Result<Loaded, Refused> {
    let unplaced = |path, text| Refused { path, mistakes: vec![Mistake { place: None, text }] };
    let found = flags.configuration.as_ref().map(PathBuf::from).or_else(usual_place);
    let path = found.ok_or_else(|| unplaced(None, format!("there is no configuration at {}", PLACES.join(", "))))?;
    let path = std::path::absolute(&path).map_err(|error| unplaced(None, format!("{}: {error}", path.display())))?;
    match read(&lossy(path.as_os_str()), &Disk, &surroundings()) {
        Ok(Reading { mut config, warnings }) => match flags.apply(&mut config) {
            Ok(()) => Ok(Loaded { path, config, warnings }),
            Err(text) => Err(unplaced(Some(path), text)),
        },
        Err(mistakes) => Err(Refused { path: Some(path), mistakes }),
    }
}

/// Reads what the configuration in a file tells supervisorctl.
///
/// # Errors
/// Everything that is wrong.
pub fn load_client(path: &Path) -> Result<Client, Vec<Mistake>> {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    read_client(&lossy(absolute.as_os_str()), &Disk, &surroundings())
}

fn surroundings() -> Surroundings {
    Surroundings {
        environment: std::env::vars_os().map(|(name, value)| (lossy(&name), lossy(&value))).collect(),
        host_name: host::host_name(),
    }
}

/// The plan of a configuration, and all that is to be warned of.
#[must_use]
pub fn plan(loaded: &Loaded) -> (Plan, Vec<String>) {
    let working_dir = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    let ground = Ground { working_dir: lossy(working_dir.as_os_str()), nofile: host::open_files(), nproc: host::processes() };
    let (plan, left_out) = compile(&loaded.config, &ground);
    (plan, loaded.warnings.iter().map(ToString::to_string).chain(left_out).collect())
}

/// What podinit makes of a configuration, as JSON; and whether it can be run.
#[must_use]
pub fn described(loaded: Result<&Loaded, &Refused>) -> String {
    #[derive(Serialize)]
    struct Description<'a> {
        ok: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        file: Option<&'a Path>,
        #[serde(flatten)]
        config: Option<&'a Config>,
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        errors: &'a [Mistake],
        warnings: Vec<Mistake>,
    }
    let description = match loaded {
        Ok(loaded) => {
            let left_out = plan(loaded).1.into_iter().skip(loaded.warnings.len()).map(|text| Mistake { place: None, text });
            Description {
                ok: true,
                file: Some(&loaded.path),
                config: Some(&loaded.config),
                errors: &[],
                warnings: loaded.warnings.iter().cloned().chain(left_out).collect(),
            }
        }
        Err(refused) => Description {
            ok: false,
            file: refused.path.as_deref(),
            config: None,
            errors: &refused.mistakes,
            warnings: Vec::new(),
        },
    };
    // Nothing in it has keys that are no texts.
    serde_json::to_string_pretty(&description).unwrap_or_default() + "\n"
}

/// The first of the usual places that has a configuration.
#[must_use]
pub fn usual_place() -> Option<PathBuf> {
    let own = std::env::current_exe().ok();
    let folder = own.as_deref().and_then(Path::parent).unwrap_or(Path::new("/"));
    let place = |place: &&str| if place.starts_with("..") { folder.join(place) } else { PathBuf::from(place) };
    PLACES.iter().map(place).find(|path| path.exists())
}

fn lossy(text: &std::ffi::OsStr) -> String {
    text.to_string_lossy().into_owned()
}

/// The files of this machine.
struct Disk;

impl Files for Disk {
    fn read(&self, path: &str) -> Result<String, String> {
        let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
        String::from_utf8(bytes).map_err(|error| format!("it is no UTF-8 text: {error}"))
    }

    fn matching(&self, pattern: &str) -> Vec<String> {
        glob::matching(pattern)
    }
}
