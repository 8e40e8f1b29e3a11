//! What rendering has to know of the pod's folder, read from the disk.

use super::dockerignore::DockerIgnore;
use crate::render::Facts;
use crate::spec::model::{FileSource, Pod};
use anyhow::{Context, Result, anyhow, bail};
use podinit_plan::template::Template;
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
    let of_services = pod.services.iter().filter_map(|(name, service)| Some((name, service.build.as_ref()?)));
    for (name, stage) in of_services.chain(&pod.stages).filter(|(_, stage)| !stage.only_copies) {
        if !top_files.contains_key(&stage.context) {
            let files = files_of(&pod.folder, &stage.context, &ignore).map_err(|error| {
                let folder = pod.folder.join(&stage.context).display().to_string();
                anyhow!("cannot read the build context of {name}, {folder}: {error:#}; make the folder or correct build.context")
            })?;
            top_files.insert(stage.context.clone(), files);
        }
    }
    let base_dockerfile = match &pod.base.build {
        Some(build) => read(pod, &Path::new(&build.context).join(&build.dockerfile), "base.build")?,
        None => String::new(),
    };
    Ok(Facts { dockerignore, top_files, texts: texts(pod)?, base_dockerfile, templates: templates(pod)? })
}

/// The texts that are filled in at start; whether the other files are there is looked at, too.
fn texts(pod: &Pod) -> Result<BTreeMap<String, String>> {
    let mut texts = BTreeMap::new();
    for (target, file) in &pod.files {
        let FileSource::Path(path) = &file.source else { continue };
        let what = format!("files: {target}");
        if file.template {
            let text = read(pod, Path::new(path), &what)?;
            if let Err(error) = Template::parse(&text) {
                let line = text[..error.offset.min(text.len())].matches('\n').count() + 1;
                bail!("cannot fill in {path} for {what}: line {line}: {}; correct that line", error.message);
            }
            texts.insert(path.clone(), text);
        } else if !pod.folder.join(path).exists() {
            bail!("cannot find {}, the source of {what}; make it or correct its source", pod.folder.join(path).display());
        }
    }
    Ok(texts)
}

/// The user's templates that take the place of podctl's own.
fn templates(pod: &Pod) -> Result<BTreeMap<String, String>> {
    let mut templates = BTreeMap::new();
    let Some(folder) = &pod.templates else { return Ok(templates) };
    for name in ["Dockerfile", "nginx.conf"] {
        let path = Path::new(folder).join(name);
        if pod.folder.join(&path).exists() {
            templates.insert(name.to_owned(), read(pod, &path, "templates")?);
        }
    }
    if templates.is_empty() {
        bail!(
            "cannot find a template in {}: there is neither nginx.conf nor Dockerfile; add one, or remove `templates`",
            pod.folder.join(folder).display()
        );
    }
    Ok(templates)
}

/// A text of the pod's folder.
fn read(pod: &Pod, path: &Path, what: &str) -> Result<String> {
    let path = pod.folder.join(path);
    fs::read_to_string(&path)
        .map_err(|error| anyhow!("cannot read {} for {what}: {error}; make it a readable file of UTF-8 text", path.display()))
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
