//! Files that podinit keeps as they should be: flags, figures, what waits to be delivered. Threads write them, for a disk
//! may be slow; of a file that changes faster than it is written only the last content counts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a file should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// There, readable by everybody, with these bytes.
    Bytes(Vec<u8>),
    /// Not there.
    Nothing,
}

/// The files.
#[derive(Debug, Default)]
pub struct Keeper {
    files: BTreeMap<PathBuf, Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// A thread is at it.
    is_written: bool,
    /// What is to be done next.
    wanted: Option<Content>,
    /// The last attempt failed, and that was said.
    is_known_to_fail: bool,
}

impl Keeper {
    /// Wants a file to be so. Gives what a thread is to do; none while one is at it.
    #[must_use]
    pub fn put(&mut self, path: &Path, content: Content) -> Option<(PathBuf, Content)> {
        let kept = self.files.entry(path.to_owned()).or_default();
        if std::mem::replace(&mut kept.is_written, true) {
            kept.wanted = Some(content);
            return None;
        }
        Some((path.to_owned(), content))
    }

    /// No thread is at any file.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        !self.files.values().any(|kept| kept.is_written)
    }

    /// A thread has done it, or could not. Gives what one is to do next, and what is to be said: the first of several
    /// failures in a row.
    #[must_use]
    pub fn done(&mut self, path: &Path, result: Result<(), String>) -> (Option<(PathBuf, Content)>, Option<String>) {
        let Some(kept) = self.files.get_mut(path) else { return (None, None) };
        let failed = result.is_err();
        let said = std::mem::replace(&mut kept.is_known_to_fail, failed);
        let message = result.err().filter(|_| !said).map(|error| format!("cannot write {}: {error}", path.display()));
        let next = kept.wanted.take().map(|content| (path.to_owned(), content));
        kept.is_written = next.is_some();
        (next, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Content {
        Content::Bytes(text.into())
    }

    #[test]
    fn one_thread_at_a_time_and_the_last_content_counts() {
        let (mut keeper, path) = (Keeper::default(), Path::new("/run/x"));
        assert_eq!(keeper.put(path, bytes("1")), Some((path.to_owned(), bytes("1"))));
        assert_eq!(keeper.put(path, bytes("2")), None);
        assert_eq!(keeper.put(path, Content::Nothing), None);
        assert!(keeper.put(Path::new("/run/y"), bytes("1")).is_some(), "another file does not wait");
        assert_eq!(keeper.done(path, Ok(())), (Some((path.to_owned(), Content::Nothing)), None));
        assert_eq!(keeper.done(path, Ok(())), (None, None));
        assert!(keeper.put(path, bytes("3")).is_some());
    }

    #[test]
    fn a_disk_that_fails_is_said_once() {
        let (mut keeper, path) = (Keeper::default(), Path::new("/run/x"));
        let mut attempt = |result: Result<(), &str>| {
            assert!(keeper.put(path, bytes("1")).is_some());
            keeper.done(path, result.map_err(str::to_owned)).1
        };
        assert_eq!(attempt(Err("full")).as_deref(), Some("cannot write /run/x: full"));
        assert_eq!(attempt(Err("full")), None);
        assert_eq!(attempt(Ok(())), None);
        assert!(attempt(Err("full")).is_some());
    }
}
