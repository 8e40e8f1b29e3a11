//! A log file that is rotated by size. Used by the writer thread alone: every call may block for as long as the disk
//! likes.
//!
//! A service may own the folder of its log file, and podinit may be root. So a symbolic link in the file's place is
//! followed only when root or podinit's own user made it; the folders above are trusted.

use crate::sys::Sys;
use crate::sys::files::{Kind, Link, Stat, Wanted, is_transient};
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// How long a FIFO may take no bytes before that is an error, in milliseconds: files of other services wait meanwhile.
const FIFO_PATIENCE_MS: u64 = 500;
/// How many links to links are followed.
const LINKS_MAX: usize = 8;

/// A file and its older ones: `path`, `path.1`, ...
#[derive(Debug)]
pub struct RotatedFile<S> {
    sys: S,
    path: PathBuf,
    max_size: u64,
    max_files: u32,
    open: Option<Open>,
    /// The last rotation failed: the file grows until it is opened anew.
    stuck: bool,
    /// The identity of a file whose last write ended within a line.
    torn: Option<(u64, u64)>,
}

#[derive(Debug)]
struct Open {
    fd: OwnedFd,
    stat: Stat,
}

/// Why bytes are not in the file.
#[derive(Debug)]
pub struct WriteError {
    /// How many of the bytes are in it all the same.
    pub written: usize,
    /// The kernel's reason.
    pub error: io::Error,
}

impl<S: Sys> RotatedFile<S> {
    /// A file that is not open yet. `max_size` in bytes; 0 never rotates. `max_files` counts the current one.
    pub fn new(sys: S, path: PathBuf, max_size: u64, max_files: u32) -> RotatedFile<S> {
        RotatedFile { sys, path, max_size, max_files, open: None, stuck: false, torn: None }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Closes it; the next write opens what then is at its path.
    pub fn close(&mut self) {
        self.open = None;
        self.stuck = false;
    }

    /// Opens it unless it is open, and still what its path stands for: it may have been moved or removed.
    ///
    /// # Errors
    /// The kernel's.
    pub fn open(&mut self) -> io::Result<()> {
        if let Some(open) = &mut self.open {
            match self.sys.stat(&self.path) {
                Ok(stat) if stat.id == open.stat.id => {
                    open.stat = stat;
                    return Ok(());
                }
                _ => self.close(),
            }
        }
        let fd = match self.append_to_path() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.sys.make_folder(self.path.parent().unwrap_or(Path::new("/")))?;
                self.append_to_path()?
            }
            other => other?,
        };
        let stat = self.sys.stat_fd(fd.as_fd())?;
        self.open = Some(Open { fd, stat });
        Ok(())
    }

    /// Empties it, where it is a regular file; older ones stay.
    ///
    /// # Errors
    /// The kernel's.
    pub fn clear(&mut self) -> io::Result<()> {
        self.open()?;
        match &mut self.open {
            Some(open) if open.stat.kind == Kind::Regular => {
                self.sys.truncate(open.fd.as_fd())?;
                open.stat.size = 0;
                self.torn = None;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Opens what the path, or the link there, stands for.
    fn append_to_path(&self) -> io::Result<OwnedFd> {
        let mut path = self.path.clone();
        for _ in 0..LINKS_MAX {
            let link = match self.sys.append_to(&path) {
                Err(error) if error.raw_os_error() == Some(libc::ELOOP) => self.sys.read_link(&path)?,
                other => return other,
            };
            let Link { target, uid } = link;
            if uid != 0 && uid != self.sys.own_uid() {
                let text = format!("{} is a symbolic link of uid {uid}, which podinit does not follow", path.display());
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
            }
            path = path.parent().unwrap_or(Path::new("/")).join(target);
        }
        Err(io::Error::from_raw_os_error(libc::ELOOP))
    }

    /// Appends whole lines, and rotates before the file would grow beyond its size. A rotation that fails is told to
    /// `say`, and the file grows: a full disk is the smaller evil than lost lines.
    ///
    /// # Errors
    /// The kernel's, and how much was written before.
    pub fn write(&mut self, bytes: &[u8], say: impl FnOnce(String)) -> Result<(), WriteError> {
        let mut written = 0;
        let result = self.open().and_then(|()| self.write_open(bytes, &mut written, say));
        result.map_err(|error| WriteError { written, error })
    }

    fn write_open(&mut self, bytes: &[u8], written: &mut usize, say: impl FnOnce(String)) -> io::Result<()> {
        let mut say = Some(say);
        while *written < bytes.len() {
            let Some(open) = &mut self.open else { return Err(io::ErrorKind::NotFound.into()) };
            if self.torn == Some(open.stat.id) {
                write_all(&self.sys, &open.fd, b"\n", &mut 0, Some(FIFO_PATIENCE_MS))?;
                open.stat.size += 1;
            }
            self.torn = None;
            let rest = &bytes[*written..];
            let rotates = self.max_size > 0 && open.stat.kind == Kind::Regular && !self.stuck;
            let part = if rotates { fitting(rest, open.stat.size, self.max_size) } else { rest.len() };
            if part == 0 {
                if let Err(error) = self.rotate() {
                    if self.open.is_none() {
                        return Err(error);
                    }
                    self.stuck = true;
                    if let Some(say) = say.take() {
                        say(format!("cannot rotate {}: {error}; it grows until it is opened anew", self.path.display()));
                    }
                }
                continue;
            }
            let mut done = 0;
            let result = write_all(&self.sys, &open.fd, &rest[..part], &mut done, Some(FIFO_PATIENCE_MS));
            *written += done;
            open.stat.size += done as u64;
            if result.is_err() && done > 0 && rest[done - 1] != b'\n' {
                self.torn = Some(open.stat.id);
            }
            result?;
        }
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        let Some(open) = &mut self.open else { return Ok(()) };
        if self.max_files <= 1 {
            self.sys.truncate(open.fd.as_fd())?;
            open.stat.size = 0;
            return Ok(());
        }
        let full = open.stat.id;
        for number in (0..self.max_files - 1).rev() {
            match self.sys.rename(&self.numbered(number), &self.numbered(number + 1)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                other => other?,
            }
        }
        self.close();
        self.open()?;
        match &self.open {
            // Without this, the next write would find it full again, and so on for ever.
            Some(open) if open.stat.id == full => Err(io::Error::other("it is still in its place")),
            _ => Ok(()),
        }
    }

    /// `path` for 0, then `path.1`, ...
    fn numbered(&self, number: u32) -> PathBuf {
        if number == 0 {
            return self.path.clone();
        }
        let mut name = OsString::from(&self.path);
        name.push(format!(".{number}"));
        name.into()
    }
}

/// How many of `bytes` may be appended to a file of `size` that is to have `max` at most: whole lines; 0 means that
/// it is to be rotated first. A line that is longer than a whole file is cut.
fn fitting(bytes: &[u8], size: u64, max: u64) -> usize {
    let room = usize::try_from(max.saturating_sub(size)).unwrap_or(usize::MAX);
    if bytes.len() <= room {
        return bytes.len();
    }
    match memchr::memrchr(b'\n', &bytes[..room]) {
        Some(at) => at + 1,
        None if size == 0 => room,
        None => 0,
    }
}

/// Writes all, waiting where the descriptor does not take more for now: for ever, or for `patience_ms` in one go.
/// `written` counts also when it fails.
///
/// # Errors
/// The kernel's; `TimedOut`.
pub fn write_all<S: Sys>(sys: &S, fd: &OwnedFd, bytes: &[u8], written: &mut usize, patience_ms: Option<u64>) -> io::Result<()> {
    while *written < bytes.len() {
        match sys.write(fd.as_fd(), &bytes[*written..]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => *written += count,
            Err(error) if is_transient(&error) => {
                let wanted = [Wanted { fd: fd.as_fd(), write: true }];
                match sys.wait(&wanted, patience_ms.unwrap_or(1000)) {
                    Ok(0) if patience_ms.is_some() => return Err(io::ErrorKind::TimedOut.into()),
                    Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                    _ => {}
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::{Faulty, Linux};
    use nix::errno::Errno;
    use std::fs;

    fn silent(notice: String) {
        panic!("unexpected: {notice}");
    }

    fn file(path: &Path, max_size: u64, max_files: u32) -> RotatedFile<Faulty<Linux>> {
        RotatedFile::new(Faulty::new(Linux), path.to_path_buf(), max_size, max_files)
    }

    #[test]
    fn it_is_rotated_before_it_would_grow_beyond_its_size() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/deep/log");
        let mut log = file(&path, 10, 3);
        log.write(b"1234\n6789\n", silent).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"1234\n6789\n", "exactly full is not beyond");
        assert!(!log.numbered(1).exists());
        log.write(b"a\nb\nlong one\nlonger than ten\n", silent).unwrap();
        // Whole lines go together; a line that fits no file is cut at the size of a file.
        assert_eq!(fs::read(&path).unwrap(), b"n ten\n");
        assert_eq!(fs::read(log.numbered(1)).unwrap(), b"longer tha");
        assert_eq!(fs::read(log.numbered(2)).unwrap(), b"long one\n");
        assert!(!log.numbered(3).exists(), "three files, the current one included");
    }

    #[test]
    fn one_file_alone_starts_over_and_no_size_never_rotates() {
        let folder = tempfile::tempdir().unwrap();
        let mut one = file(&folder.path().join("one"), 4, 1);
        one.write(b"aa\nbb\n", silent).unwrap();
        assert_eq!(fs::read(one.path()).unwrap(), b"bb\n");
        let mut endless = file(&folder.path().join("endless"), 0, 3);
        endless.write(&b"x\n".repeat(10_000), silent).unwrap();
        assert_eq!(fs::metadata(endless.path()).unwrap().len(), 20_000);
    }

    #[test]
    fn what_others_do_to_the_file_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/log");
        let mut log = file(&path, 100, 2);
        log.write(b"one\n", silent).unwrap();
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
        log.write(b"two\n", silent).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two\n", "a folder that vanished is made again");
        fs::rename(&path, folder.path().join("moved")).unwrap();
        log.write(b"three\n", silent).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"three\n", "a file that was moved is left to who moved it");
        fs::write(&path, "").unwrap();
        log.write(&[b'y'; 100], silent).unwrap();
        assert!(!log.numbered(1).exists(), "a file that was emptied counts as empty");
    }

    #[test]
    fn a_rotation_that_fails_loses_nothing_and_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = file(&folder.path().join("log"), 4, 2);
        log.sys.fail("rename", 0, 1, Errno::EACCES);
        let mut said = Vec::new();
        log.write(b"aaa\nbbb\nccc\n", |notice| said.push(notice)).unwrap();
        assert_eq!(fs::read(log.path()).unwrap(), b"aaa\nbbb\nccc\n");
        assert!(said[0].starts_with("cannot rotate ") && said[0].contains("Permission denied"), "{said:?}");
        log.close();
        log.write(b"ddd\n", silent).unwrap();
        assert_eq!(fs::read(log.path()).unwrap(), b"ddd\n");
    }

    #[test]
    fn a_file_that_stays_in_its_place_is_not_rotated_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = file(&folder.path().join("log"), 4, 2);
        log.sys.fail("rename", 0, u32::MAX, Errno::ENOENT);
        let mut said = Vec::new();
        log.write(b"aaa\nbbb\nccc\n", |notice| said.push(notice)).unwrap();
        assert_eq!(fs::read(log.path()).unwrap(), b"aaa\nbbb\nccc\n");
        assert!(said[0].starts_with("cannot rotate "), "{said:?}");
    }

    #[test]
    fn every_call_may_fail_once_and_what_was_written_is_known() {
        for call in ["stat", "append_to", "stat_fd", "write"] {
            let folder = tempfile::tempdir().unwrap();
            let mut log = file(&folder.path().join("log"), 1000, 2);
            log.sys.fail(call, 0, 1, Errno::EIO);
            let mut lines = 0;
            for _ in 0..3 {
                match log.write(b"line\n", silent) {
                    Ok(()) => lines += 1,
                    Err(WriteError { written, error }) => {
                        assert_eq!((written, error.raw_os_error()), (0, Some(libc::EIO)), "{call}");
                        log.close();
                    }
                }
            }
            assert!(lines >= 2, "{call}");
            assert_eq!(fs::read(log.path()).unwrap(), b"line\n".repeat(lines), "{call}");
        }
    }

    #[test]
    fn a_link_is_followed_only_when_a_service_cannot_have_made_it() {
        use std::os::unix::fs::{lchown, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (target, link, again) = (folder.path().join("target"), folder.path().join("link"), folder.path().join("again"));
        symlink("target", &link).unwrap();
        symlink(&link, &again).unwrap();
        file(&again, 0, 2).write(b"own\n", silent).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"own\n");
        symlink("loop", folder.path().join("loop")).unwrap();
        let error = file(&folder.path().join("loop"), 0, 2).write(b"x\n", silent).unwrap_err().error;
        assert_eq!(error.raw_os_error(), Some(libc::ELOOP));
        if !nix::unistd::geteuid().is_root() {
            eprintln!("not root: links of other users cannot be had");
            return;
        }
        lchown(&link, Some(1234), Some(1234)).unwrap();
        for path in [&link, &again] {
            let error = file(path, 0, 2).write(b"planted\n", silent).unwrap_err().error.to_string();
            assert_eq!(error, format!("{} is a symbolic link of uid 1234, which podinit does not follow", link.display()));
        }
        assert_eq!(fs::read(&target).unwrap(), b"own\n");
    }

    #[test]
    fn a_fifo_that_nobody_reads_is_an_error_and_not_a_wait() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fifo");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let mut fifo = file(&path, 10, 2);
        assert_eq!(fifo.write(b"x\n", silent).unwrap_err().error.raw_os_error(), Some(libc::ENXIO));
        let _slow = fs::File::options().read(true).write(true).open(&path).unwrap();
        let error = fifo.write(&[b'x'; 100_000], silent).unwrap_err();
        assert_eq!((error.written, error.error.kind()), (65_536, io::ErrorKind::TimedOut));
    }

    #[test]
    fn a_full_disk_is_an_error_and_devices_are_not_rotated() {
        let mut full = file(Path::new("/dev/full"), 10, 2);
        assert_eq!(full.write(b"line\n", silent).unwrap_err().error.raw_os_error(), Some(libc::ENOSPC));
        let mut null = file(Path::new("/dev/null"), 10, 2);
        null.write(&[b'x'; 1000], silent).unwrap();
        assert!(Path::new("/dev/null").exists() && !Path::new("/dev/null.1").exists());
    }
}
