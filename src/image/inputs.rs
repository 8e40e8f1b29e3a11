//! What an image was made from, so that a build with nothing to do does nothing and another one says why it builds.
//!
//! The digest of the inputs is a label of the image. The inputs behind it are kept in the user's cache folder, only to
//! name what has changed since; without them a build says that something has.

use super::context::{Content, Context};
use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The label that holds the digest.
pub const LABEL: &str = "io.podctl.inputs";
/// A change of how the digest is made must change it.
const VERSION: u32 = 1;
/// Bytes of a file that are read at once.
const HASHED_AT_ONCE: usize = 128 * 1024;

/// Everything an image is made from, by name: a path in the context, `base image NAME`, `labels`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs {
    version: u32,
    by_name: BTreeMap<String, Input>,
}

/// One input. Times, owners and names of users are none: they differ from clone to clone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Input {
    File { sha256: String, mode: u32 },
    Link { target: String },
    Folder { mode: u32 },
    Value(String),
}

impl Inputs {
    /// Hashes the files of a context.
    ///
    /// # Errors
    /// One of them cannot be read.
    pub fn of(context: &Context) -> Result<Inputs> {
        let mut by_name = BTreeMap::new();
        for entry in &context.entries {
            let input = match &entry.content {
                Content::Bytes { bytes, mode } => Input::File { sha256: hex(Sha256::digest(bytes)), mode: *mode },
                Content::File { source, mode, .. } => {
                    let sha256 = hash(source).with_context(|| format!("cannot read {}", source.display()))?;
                    Input::File { sha256, mode: *mode }
                }
                Content::Link { target } => Input::Link { target: target.to_string_lossy().into_owned() },
                Content::Folder { mode } => Input::Folder { mode: *mode },
            };
            by_name.insert(entry.path.to_string_lossy().into_owned(), input);
        }
        Ok(Inputs { version: VERSION, by_name })
    }

    /// Adds an input that is no file.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.by_name.insert(name.into(), Input::Value(value.into()));
    }

    /// The digest: `sha256:` and 64 digits.
    ///
    /// # Errors
    /// None that is known; whatever the JSON writer may refuse.
    pub fn digest(&self) -> Result<String> {
        Ok(format!("sha256:{}", hex(Sha256::digest(serde_json::to_vec(self)?))))
    }

    /// What is different from `before`, in words: `pod/server.js changed`, `the mode of pod/run.sh changed`.
    #[must_use]
    pub fn changes_since(&self, before: &Inputs) -> Vec<String> {
        let mut changes = Vec::new();
        for (name, input) in &self.by_name {
            match before.by_name.get(name) {
                None => changes.push(format!("{name} is new")),
                Some(old) if old == input => {}
                Some(old) => changes.push(match (old, input) {
                    (Input::File { sha256: old, .. }, Input::File { sha256: new, .. }) if old == new => {
                        format!("the mode of {name} changed")
                    }
                    (Input::Folder { .. }, Input::Folder { .. }) => format!("the mode of {name} changed"),
                    (Input::Link { .. }, Input::Link { .. }) => format!("the target of {name} changed"),
                    _ => format!("{name} changed"),
                }),
            }
        }
        let gone = before.by_name.keys().filter(|name| !self.by_name.contains_key(*name));
        changes.extend(gone.map(|name| format!("{name} is gone")));
        changes
    }

    /// Keeps the inputs of the image with this reference.
    ///
    /// # Errors
    /// The cache folder cannot be written to.
    pub fn remember(&self, reference: &str) -> Result<()> {
        let file = file_of(reference).context("no HOME")?;
        let folder = file.parent().context("no folder")?;
        fs::create_dir_all(folder)?;
        // Renamed into place, so that nobody reads half of it.
        let draft = folder.join(format!(".{}.{}", hex(Sha256::digest(reference)), std::process::id()));
        fs::write(&draft, serde_json::to_vec(self)?)?;
        Ok(fs::rename(draft, file)?)
    }

    /// The inputs that an image with this reference and digest was made from, if they were kept.
    #[must_use]
    pub fn recall(reference: &str, digest: &str) -> Option<Inputs> {
        let text = fs::read(file_of(reference)?).ok()?;
        let inputs: Inputs = serde_json::from_slice(&text).ok()?;
        (inputs.digest().ok()? == digest).then_some(inputs)
    }
}

/// podctl's folder for what can be had again: `$XDG_CACHE_HOME/podctl`, else `~/.cache/podctl`.
#[must_use]
pub fn cache_folder() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = variable("XDG_CACHE_HOME").filter(|folder| folder.is_absolute());
    cache.or_else(|| Some(variable("HOME")?.join(".cache"))).map(|folder| folder.join("podctl"))
}

fn file_of(reference: &str) -> Option<PathBuf> {
    Some(cache_folder()?.join("inputs").join(format!("{}.json", hex(Sha256::digest(reference)))))
}

fn hash(file: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut file = File::open(file)?;
    let mut chunk = vec![0; HASHED_AT_ONCE];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(hex(hasher.finalize())),
            length => hasher.update(&chunk[..length]),
        }
    }
}

/// Bytes as lower-case digits.
pub(super) fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::Files;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn inputs(folder: &Path) -> Inputs {
        let files = Files { dockerfile: "FROM a".into(), plan: "{}".into(), ..Files::default() };
        let mut inputs = Inputs::of(&Context::collect(folder, &files, b"podinit", None).unwrap()).unwrap();
        inputs.set("base image a", "sha256:1");
        inputs
    }

    fn set_mode(file: &Path, mode: u32) {
        fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// The changes that `change` makes to the inputs of a small pod.
    fn changes(change: impl FnOnce(&Path)) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("server.js"), "1").unwrap();
        fs::write(folder.path().join("run.sh"), "2").unwrap();
        symlink("run.sh", folder.path().join("link")).unwrap();
        set_mode(&folder.path().join("run.sh"), 0o644);
        let before = inputs(folder.path());
        change(folder.path());
        let after = inputs(folder.path());
        let changes = after.changes_since(&before);
        assert_eq!(changes.is_empty(), before.digest().unwrap() == after.digest().unwrap());
        changes
    }

    #[test]
    fn every_change_of_content_mode_and_link_is_named() {
        assert_eq!(changes(|pod| fs::write(pod.join("server.js"), "2").unwrap()), ["pod/server.js changed"]);
        assert_eq!(changes(|pod| set_mode(&pod.join("run.sh"), 0o755)), ["the mode of pod/run.sh changed"]);
        let relink = |pod: &Path| {
            fs::remove_file(pod.join("link")).unwrap();
            symlink("server.js", pod.join("link")).unwrap();
        };
        assert_eq!(changes(relink), ["the target of pod/link changed"]);
        let exchange = |pod: &Path| fs::rename(pod.join("run.sh"), pod.join("stop.sh")).unwrap();
        assert_eq!(changes(exchange), ["pod/stop.sh is new", "pod/run.sh is gone"]);
    }

    #[test]
    fn times_and_secrets_are_no_inputs() {
        let touch = |pod: &Path| {
            File::open(pod.join("server.js")).unwrap().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
            fs::write(pod.join(".env"), "SECRET=1").unwrap();
        };
        assert_eq!(changes(touch), Vec::<String>::new());
    }

    #[test]
    fn a_base_image_is_an_input() {
        let folder = tempfile::tempdir().unwrap();
        let (before, mut after) = (inputs(folder.path()), inputs(folder.path()));
        after.set("base image a", "sha256:2");
        assert_eq!(after.changes_since(&before), ["base image a changed"]);
    }
}
