//! Getting a suite's packages: signed lists first, then every package that a base needs, each checked by its hash.

use super::mirror::Mirror;
use super::packages::{Index, Package};
use super::release::{self, Release};
use super::suite::Suite;
use super::web::{Stop, Web};
use crate::image::inputs::{cache_folder, hex};
use crate::ui::{Task, Ui};
use anyhow::{Context, Result, bail};
use liblzma::read::XzDecoder;
use sha2::{Digest, Sha256};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// How many packages are downloaded at the same time.
const DOWNLOADS: usize = 6;

/// The packages of a base, on this host's disk.
pub(super) struct Fetched {
    /// Names and files, sorted by name.
    pub packages: Vec<(String, PathBuf)>,
    pub with_updates: bool,
    pub with_security: bool,
}

/// Gets what a base of a suite needs. It blocks; `stop` ends it.
pub(super) fn fetch(ui: &Ui, suite: &Suite, mirror: &Mirror, architecture: &str, stop: Stop) -> Result<Fetched> {
    release::can_verify()?;
    let web = Web::new(stop);
    let task = ui.task(format!("package lists of {}", suite.name));
    let mut index = Index::default();
    if !add(&web, &mut index, &mirror.archive, &suite.name, architecture)? {
        bail!("cannot find {} at {}; give another mirror (--mirror or PODCTL_DEBIAN_MIRROR)", suite.name, mirror.archive);
    }
    let mut optional = |archive: &str, kind: &str| {
        let name = format!("{}-{kind}", suite.name);
        suite.has_updates()
            && add(&web, &mut index, archive, &name, architecture).unwrap_or_else(|error| {
                ui.warn(format!("the base is made without {name}: {error:#}"));
                false
            })
    };
    let with_updates = optional(&mirror.archive, "updates");
    let with_security = optional(&mirror.security, "security");
    let base = index.base()?;
    task.done(&format!("{} packages to get", base.len()));

    let task = ui.task(format!("packages of {}", suite.name));
    task.set_total(base.iter().map(|package| package.size).sum());
    let folder = cache_folder().unwrap_or_else(|| std::env::temp_dir().join("podctl")).join("debs");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    download_all(&web, &base, &folder, &task)?;
    task.done(&format!("{} from {}", base.len(), mirror.archive));
    let packages = base.iter().map(|package| (package.name.clone(), file_of(&folder, package))).collect();
    Ok(Fetched { packages, with_updates, with_security })
}

/// Adds a suite's packages to an index; `false` when the mirror has no such suite.
fn add(web: &Web, index: &mut Index, archive: &str, suite: &str, architecture: &str) -> Result<bool> {
    let Some(release) = Release::get(web, archive, suite)? else { return Ok(false) };
    let (url, sha256) = release.index("main", architecture)?;
    let packed = web.get(&url, &|_| {})?.with_context(|| format!("cannot get {url}: the mirror has it not; try again later"))?;
    check(&packed, sha256, &url)?;
    let mut text = String::new();
    XzDecoder::new(&packed[..]).read_to_string(&mut text).with_context(|| format!("cannot unpack {url}"))?;
    index.add(&text, archive);
    Ok(true)
}

fn download_all(web: &Web, packages: &[&Package], folder: &Path, task: &Task) -> Result<()> {
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(package) = packages.get(next.fetch_add(1, Ordering::Relaxed)) {
            task.message(&package.name);
            download(web, package, &file_of(folder, package), task)?;
        }
        anyhow::Ok(())
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..DOWNLOADS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    })
}

fn download(web: &Web, package: &Package, file: &Path, task: &Task) -> Result<()> {
    if fs::read(file).is_ok_and(|bytes| check(&bytes, &package.sha256, &package.url).is_ok()) {
        task.advance(package.size);
        return Ok(());
    }
    let bytes = web
        .get(&package.url, &|bytes| task.move_by(bytes))?
        .with_context(|| format!("cannot get {}: the mirror has it not; use another one", package.url))?;
    check(&bytes, &package.sha256, &package.url)?;
    // Renamed into place, so that a later start never finds half a package.
    let draft = file.with_extension(std::process::id().to_string());
    fs::write(&draft, bytes).and_then(|()| fs::rename(&draft, file)).with_context(|| format!("cannot write {}", file.display()))
}

fn file_of(folder: &Path, package: &Package) -> PathBuf {
    folder.join(format!("{}.deb", package.sha256))
}

fn check(bytes: &[u8], sha256: &str, url: &str) -> Result<()> {
    let found = hex(Sha256::digest(bytes));
    if found != sha256 {
        bail!("cannot trust {url}: its SHA-256 is {found}, signed was {sha256}; try again, or use another mirror");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_what_was_signed_is_refused() {
        let sha256 = hex(Sha256::digest(b"deb"));
        assert!(check(b"deb", &sha256, "http://m/a.deb").is_ok());
        let error = check(b"bed", &sha256, "http://m/a.deb").unwrap_err().to_string();
        assert!(error.contains("cannot trust http://m/a.deb") && error.contains(&sha256), "{error}");
    }
}
