//! The build context: a tar whose bytes depend on nothing but what is in it.

use super::dockerignore::{DockerIgnore, Verdict};
use super::outgoing;
use crate::render::Files;
use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use futures_util::Stream;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Where the pod's folder is in the context.
const POD: &str = "pod";
/// The name of the certificates that a build behind a TLS proxy trusts.
pub const CA_BUNDLE: &str = "ca-bundle.crt";
const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// What is sent to the engine for a build.
#[derive(Debug, Clone)]
pub struct Context {
    /// In the order of the tar: a folder comes before what is in it.
    pub(super) entries: Vec<Entry>,
    /// Sockets, pipes and devices of the pod's folder; an image cannot get them from a context.
    pub skipped: Vec<PathBuf>,
}

/// One file, link or folder of the context.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// From the top of the context.
    pub path: PathBuf,
    pub content: Content,
}

#[derive(Debug, Clone)]
pub(super) enum Content {
    /// Made by podctl.
    Bytes {
        bytes: Bytes,
        mode: u32,
    },
    /// Read from the disk when it is needed.
    File {
        source: PathBuf,
        mode: u32,
        size: u64,
    },
    Link {
        target: PathBuf,
    },
    Folder {
        mode: u32,
    },
}

impl Context {
    /// Gathers the rendered files, podinit, and the pod's folder less what the rendered .dockerignore leaves out.
    ///
    /// `.env` and the file of certificates (`ca_bundle`) are left out in any case: no image gets them.
    ///
    /// # Errors
    /// The folder or .dockerignore cannot be read.
    pub fn collect(folder: &Path, files: &Files, podinit: &'static [u8], ca_bundle: Option<&Path>) -> Result<Context> {
        let mut context = Context { entries: Vec::new(), skipped: Vec::new() };
        for (name, text) in files.entries() {
            context.set(name, text.to_owned(), 0o644);
        }
        context.set("podinit", podinit, 0o755);
        let walk = Walk {
            ignore: DockerIgnore::parse(&files.dockerignore)?,
            ca_bundle: ca_bundle.and_then(|file| fs::canonicalize(file).ok()),
        };
        let metadata = fs::metadata(folder).with_context(|| format!("cannot read the pod's folder {}", folder.display()))?;
        let mode = permissions(&metadata);
        context.entries.push(Entry { path: POD.into(), content: Content::Folder { mode } });
        walk.folder(folder, Path::new(POD), &walk.ignore.judge(POD, &Verdict::default()), &mut context)?;
        Ok(context)
    }

    /// Gathers a folder with a Dockerfile of its own, less what its .dockerignore and the patterns of what is private leave
    /// out, and [`Self::collect`] would.
    ///
    /// # Errors
    /// The folder, the Dockerfile or .dockerignore cannot be read.
    pub fn of_folder(folder: &Path, dockerfile: &Path, private: &[String], ca_bundle: Option<&Path>) -> Result<Context> {
        let mut context = Context { entries: Vec::new(), skipped: Vec::new() };
        let mut ignore = match fs::read_to_string(folder.join(".dockerignore")) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error).with_context(|| format!("cannot read .dockerignore of {}", folder.display())),
        };
        for path in private {
            ignore.push_str(&format!("\n{path}"));
        }
        let walk =
            Walk { ignore: DockerIgnore::parse(&ignore)?, ca_bundle: ca_bundle.and_then(|file| fs::canonicalize(file).ok()) };
        walk.folder(folder, Path::new(""), &Verdict::default(), &mut context)?;
        // The builder gets it whatever is ignored.
        let path = folder.join(dockerfile);
        let text = fs::read(&path).with_context(|| format!("cannot read {}, the Dockerfile of the base", path.display()))?;
        context.set(&dockerfile.to_string_lossy(), text, 0o644);
        Ok(context)
    }

    /// Puts a file at the top of the context, or replaces it.
    pub fn set(&mut self, name: &str, content: impl Into<Bytes>, mode: u32) {
        let content = Content::Bytes { bytes: content.into(), mode };
        match self.entries.iter_mut().find(|entry| entry.path == Path::new(name)) {
            Some(entry) => entry.content = content,
            None => self.entries.push(Entry { path: name.into(), content }),
        }
    }

    /// The text of a file that podctl has made.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        let entry = self.entries.iter().find(|entry| entry.path == Path::new(name))?;
        match &entry.content {
            Content::Bytes { bytes, .. } => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// The tar, made while it is read. It ends early, and its maker with it, when the stream is dropped.
    pub fn into_stream(self) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        outgoing::written_by(move |writer| self.write(writer))
    }

    fn write(&self, writer: impl Write) -> io::Result<()> {
        let mut tar = tar::Builder::new(writer);
        for entry in &self.entries {
            append(&mut tar, entry).map_err(|error| {
                io::Error::new(error.kind(), format!("cannot send {} to the engine: {error}", entry.path.display()))
            })?;
        }
        tar.finish()
    }
}

fn append(tar: &mut tar::Builder<impl Write>, entry: &Entry) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    match &entry.content {
        Content::Bytes { bytes, mode } => {
            header.set_mode(*mode);
            header.set_size(bytes.len() as u64);
            tar.append_data(&mut header, &entry.path, &bytes[..])
        }
        Content::File { source, mode, size } => {
            header.set_mode(*mode);
            header.set_size(*size);
            let mut file = File::open(source)?;
            let mut limited = (&mut file).take(*size);
            tar.append_data(&mut header, &entry.path, &mut limited)?;
            // The header has promised a size; a tar with another one would be read as garbage.
            if limited.limit() > 0 || file.read(&mut [0])? > 0 {
                return Err(io::Error::other("its size changed while it was read; build again when it is at rest"));
            }
            Ok(())
        }
        Content::Link { target } => {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_mode(0o777);
            tar.append_link(&mut header, &entry.path, target)
        }
        Content::Folder { mode } => {
            header.set_entry_type(tar::EntryType::Directory);
            header.set_mode(*mode);
            tar.append_data(&mut header, &entry.path, io::empty())
        }
    }
}

/// A walk through the pod's folder.
struct Walk {
    ignore: DockerIgnore,
    ca_bundle: Option<PathBuf>,
}

impl Walk {
    fn folder(&self, source: &Path, path: &Path, verdict: &Verdict, context: &mut Context) -> Result<()> {
        let reading = || format!("cannot read {}", source.display());
        let mut names = fs::read_dir(source)
            .with_context(reading)?
            .map(|entry| Ok(entry?.file_name()))
            .collect::<io::Result<Vec<_>>>()
            .with_context(reading)?;
        names.sort();
        for name in names {
            self.entry(&source.join(&name), path.join(&name), verdict, context)?;
        }
        Ok(())
    }

    fn entry(&self, source: &Path, path: PathBuf, folder: &Verdict, context: &mut Context) -> Result<()> {
        let verdict = self.ignore.judge(&path.to_string_lossy(), folder);
        if self.is_secret(source) {
            return Ok(());
        }
        let metadata = fs::symlink_metadata(source).with_context(|| format!("cannot read {}", source.display()))?;
        let mode = permissions(&metadata);
        if metadata.is_dir() {
            if verdict.ignored && self.ignore.is_final() {
                return Ok(());
            }
            let at = context.entries.len();
            self.folder(source, &path, &verdict, context)?;
            // A folder that is left out is there all the same when something in it is not.
            if !verdict.ignored || context.entries.len() > at {
                context.entries.insert(at, Entry { path, content: Content::Folder { mode } });
            }
            return Ok(());
        }
        if verdict.ignored {
            return Ok(());
        }
        let content = if metadata.is_file() {
            Content::File { source: source.to_owned(), mode, size: metadata.len() }
        } else if metadata.is_symlink() {
            let target = fs::read_link(source).with_context(|| format!("cannot read the link {}", source.display()))?;
            Content::Link { target }
        } else {
            context.skipped.push(source.to_owned());
            return Ok(());
        };
        context.entries.push(Entry { path, content });
        Ok(())
    }

    fn is_secret(&self, source: &Path) -> bool {
        let is_bundle = || self.ca_bundle.is_some() && fs::canonicalize(source).ok() == self.ca_bundle;
        source.file_name().is_some_and(|name| name == ".env") || is_bundle()
    }
}

fn permissions(metadata: &Metadata) -> u32 {
    metadata.permissions().mode() & 0o7777
}

/// Reads the file of certificates that a build behind a TLS proxy trusts.
///
/// # Errors
/// It cannot be read, or holds no certificate.
pub fn read_ca_bundle(file: &Path) -> Result<Bytes> {
    let bytes = fs::read(file).with_context(|| {
        format!("cannot read the CA bundle {}; give --ca-bundle or PODCTL_CA_BUNDLE a file of PEM certificates", file.display())
    })?;
    if !bytes.windows(CERTIFICATE.len()).any(|window| window == CERTIFICATE) {
        bail!("cannot use the CA bundle {}: it holds no PEM certificate; give --ca-bundle another file", file.display());
    }
    Ok(bytes.into())
}

#[cfg(test)]
mod tests;
