//! One tar of a base's packages, laid out with a merged /usr, in which dpkg can then install them properly.

use super::deb;
use super::mirror::Mirror;
use super::suite::Suite;
use anyhow::{Context, Result};
use std::collections::HashSet;
use std::io::{Read, Write, empty};
use std::path::{Path, PathBuf};
use tar::{Builder, EntryType, Header};

/// Folders of the top that are links to those of the same name in /usr.
const MERGED: [&str; 4] = ["bin", "sbin", "lib", "lib64"];
/// Where the packages lie for dpkg.
pub(super) const PACKAGES: &str = "var/cache/apt/archives";
/// What a slim image is without; licences stay.
const SLIM: &str = "path-exclude=/usr/share/doc/*\npath-include=/usr/share/doc/*/copyright\npath-exclude=/usr/share/man/*\n\
                    path-exclude=/usr/share/info/*\npath-exclude=/usr/share/locale/*\npath-exclude=/usr/share/lintian/*\n\
                    path-exclude=/usr/share/linda/*\npath-exclude=/usr/share/groff/*\n";

/// What a base is made of, beside its packages.
pub(super) struct Settings<'a> {
    pub suite: &'a Suite,
    pub mirror: &'a Mirror,
    /// The suites with updates and fixes that the mirror has.
    pub with_updates: bool,
    pub with_security: bool,
    /// In Debian's words, `amd64`.
    pub architecture: &'a str,
}

/// Writes the tar. `packages` are names and the paths of the downloaded files.
pub(super) fn write(writer: impl Write, packages: &[(String, PathBuf)], settings: &Settings) -> Result<()> {
    let mut tar = Builder::new(writer);
    let mut folders = HashSet::new();
    let merged = MERGED.iter().filter(|name| **name != "lib64" || settings.architecture == "amd64");
    for name in merged {
        let folder = PathBuf::from("usr").join(name);
        add(&mut tar, &folder, EntryType::Directory, 0o755, b"")?;
        let mut link = header(EntryType::Symlink, 0o777, 0);
        tar.append_link(&mut link, name, &folder)?;
        folders.insert(folder);
    }
    for (name, file) in packages {
        let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        unpack(&mut tar, &bytes, &mut folders, settings.suite.slim)
            .with_context(|| format!("cannot unpack the package {name}"))?;
        add(&mut tar, &Path::new(PACKAGES).join(format!("{name}.deb")), EntryType::Regular, 0o644, &bytes)?;
    }
    for (path, mode, content) in configuration(settings) {
        add(&mut tar, Path::new(path), EntryType::Regular, mode, content.as_bytes())?;
    }
    tar.into_inner()?.flush()?;
    Ok(())
}

fn unpack(tar: &mut Builder<impl Write>, package: &[u8], folders: &mut HashSet<PathBuf>, slim: bool) -> Result<()> {
    let mut archive = tar::Archive::new(deb::data(package)?);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = merge(&entry.path()?);
        let kind = entry.header().entry_type();
        let is_known = kind.is_dir() && !folders.insert(path.clone());
        if path.as_os_str().is_empty() || is_known || (slim && !kind.is_dir() && is_left_out(&path)) {
            continue;
        }
        let mut header = entry.header().clone();
        if kind.is_hard_link() || kind.is_symlink() {
            let target = entry.link_name()?.context("it has a link to nothing")?.into_owned();
            // A hard link names a path of the tar, a symbolic one whatever it likes.
            let target = if kind.is_hard_link() { merge(&target) } else { target };
            tar.append_link(&mut header, &path, target)?;
        } else {
            tar.append_data(&mut header, &path, entry.by_ref())?;
        }
    }
    Ok(())
}

/// `./bin/sh` is `usr/bin/sh` where /bin is a link.
fn merge(path: &Path) -> PathBuf {
    let path: PathBuf = path.components().filter(|part| matches!(part, std::path::Component::Normal(_))).collect();
    if MERGED.iter().any(|name| path.starts_with(name)) { Path::new("usr").join(path) } else { path }
}

fn is_left_out(path: &Path) -> bool {
    let is_in = |folder: &str| path.starts_with(Path::new("usr/share").join(folder));
    let is_licence = path.file_name().is_some_and(|name| name == "copyright");
    ["man", "info", "locale", "lintian"].into_iter().any(is_in) || (is_in("doc") && !is_licence)
}

/// The files that no package brings: what dpkg and apt need to work, and to work well in an image.
fn configuration(settings: &Settings) -> Vec<(&'static str, u32, String)> {
    let suite = &settings.suite.name;
    let updates = if settings.with_updates { format!(" {suite}-updates") } else { String::new() };
    let stanza = |address: &str, suites: &str| {
        let keys = "/usr/share/keyrings/debian-archive-keyring.gpg";
        format!("Types: deb\nURIs: {address}\nSuites: {suites}\nComponents: main\nSigned-By: {keys}\n")
    };
    let mut sources = stanza(&settings.mirror.archive, &format!("{suite}{updates}"));
    if settings.with_security {
        sources += &format!("\n{}", stanza(&settings.mirror.security, &format!("{suite}-security")));
    }
    let mut files = vec![
        ("var/lib/dpkg/status", 0o644, String::new()),
        ("var/lib/dpkg/available", 0o644, String::new()),
        ("etc/apt/sources.list.d/debian.sources", 0o644, sources),
        // Packages start no services while an image is built.
        ("usr/sbin/policy-rc.d", 0o755, "#!/bin/sh\nexit 101\n".to_owned()),
        // An image that is half written is thrown away: nothing has to reach the disk at once.
        ("etc/dpkg/dpkg.cfg.d/image", 0o644, "force-unsafe-io\n".to_owned()),
        (
            "etc/apt/apt.conf.d/docker-clean",
            0o644,
            "APT::Update::Post-Invoke { \"rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true\"; };\n\
             DPkg::Post-Invoke { \"rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true\"; };\n\
             Dir::Cache::pkgcache \"\";\nDir::Cache::srcpkgcache \"\";\n"
                .to_owned(),
        ),
        ("etc/apt/apt.conf.d/image", 0o644, "Acquire::Languages \"none\";\nAcquire::GzipIndexes \"true\";\n".to_owned()),
    ];
    if settings.suite.slim {
        files.push(("etc/dpkg/dpkg.cfg.d/slim", 0o644, SLIM.to_owned()));
    }
    files
}

fn add(tar: &mut Builder<impl Write>, path: &Path, kind: EntryType, mode: u32, content: &[u8]) -> Result<()> {
    let mut header = header(kind, mode, content.len() as u64);
    match kind {
        EntryType::Regular => tar.append_data(&mut header, path, content)?,
        _ => tar.append_data(&mut header, path, empty())?,
    }
    Ok(())
}

fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_merged_into_usr() {
        for (path, merged) in [
            ("./bin/sh", "usr/bin/sh"),
            ("./lib64/ld-linux-x86-64.so.2", "usr/lib64/ld-linux-x86-64.so.2"),
            ("./usr/bin/env", "usr/bin/env"),
            ("./library/x", "library/x"),
            ("./", ""),
        ] {
            assert_eq!(merge(Path::new(path)), Path::new(merged), "{path}");
        }
    }

    #[test]
    fn a_slim_base_keeps_licences() {
        assert!(is_left_out(Path::new("usr/share/doc/apt/changelog.gz")));
        assert!(!is_left_out(Path::new("usr/share/doc/apt/copyright")));
        assert!(is_left_out(Path::new("usr/share/man/man1/ls.1.gz")));
        assert!(!is_left_out(Path::new("usr/share/perl5/x.pm")));
    }

    #[test]
    fn the_sources_name_the_suites_that_there_are() {
        let suite = Suite { name: "bookworm".into(), slim: true };
        let mirror = Mirror { archive: "http://m/debian".into(), security: "http://m/debian-security".into() };
        let sources = |with_updates, with_security| {
            let settings = Settings { suite: &suite, mirror: &mirror, with_updates, with_security, architecture: "amd64" };
            let files = configuration(&settings);
            files.into_iter().find(|(path, ..)| path.ends_with("debian.sources")).unwrap().2
        };
        let all = sources(true, true);
        assert!(all.contains("Suites: bookworm bookworm-updates\n") && all.contains("Suites: bookworm-security\n"), "{all}");
        let alone = sources(false, false);
        assert!(alone.contains("Suites: bookworm\n") && !alone.contains("security"), "{alone}");
    }
}
