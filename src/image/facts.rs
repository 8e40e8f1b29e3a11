//! What rendering has to know of the pod's folder, read from the disk.

use super::dockerignore::DockerIgnore;
use crate::render::Facts;
use crate::spec::model::Pod;
use anyhow::{Context, Result, anyhow};
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// Reads the pod's .dockerignore and the names in the top folder of each stage's context.
///
/// # Errors
/// A context is missing or cannot be read.
pub fn gather(pod: &Pod) -> Result<Facts> {
    let file = pod.folder.join(".dockerignore");
    let dockerignore = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
    };
    let ignore = DockerIgnore::parse(&dockerignore)?;
    let mut top_files = BTreeMap::new();
    for (name, service) in pod.all_services() {
        let Some(stage) = &service.build else { continue };
        if !top_files.contains_key(&stage.context) {
            let files = files_of(&pod.folder, &stage.context, &ignore).map_err(|error| {
                let folder = pod.folder.join(&stage.context).display().to_string();
                anyhow!("cannot read the build context of {name}, {folder}: {error:#}; make the folder or correct build.context")
            })?;
            top_files.insert(stage.context.clone(), files);
        }
    }
    Ok(Facts { dockerignore, top_files })
}

fn files_of(pod: &Path, context: &str, ignore: &DockerIgnore) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(pod.join(context))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if context == "." { name.clone() } else { format!("{context}/{name}") };
        // Links are followed: a lock file may be one.
        if entry.path().is_file() && !ignore.ignores(&path) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}
