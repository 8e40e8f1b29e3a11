//! Pipes, files and folders.

use crate::sys::{Faulty, Linux};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::{Gid, Uid};
use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// What a descriptor or a path stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file on a disk; the only kind that is rotated, and one that no poll can guard.
    Regular,
    /// A pipe or FIFO.
    Pipe,
    /// A socket.
    Socket,
    /// A terminal or another character device.
    Device,
    /// Anything else.
    Other,
}

/// What is known of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Device and inode: the file's identity.
    pub id: (u64, u64),
    /// Bytes.
    pub size: u64,
    /// What it is.
    pub kind: Kind,
    /// Somebody may execute it.
    pub may_execute: bool,
}

/// What is known of a symbolic link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What is in it.
    pub target: PathBuf,
    /// Who made it.
    pub uid: u32,
}

/// A descriptor that is waited for, see [`Files::wait`].
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'fd> {
    /// Which.
    pub fd: BorrowedFd<'fd>,
    /// For room to write; else for something to read.
    pub write: bool,
}

/// Which part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// From a place on, so many bytes at most.
    From(u64, u64),
    /// So many of the last.
    Last(u64),
}

/// What was read of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PartRead {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Where they begin.
    pub at: u64,
    /// The size of the whole file.
    pub size: u64,
    /// Its device and inode.
    pub id: (u64, u64),
}

/// What there is of a file system, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// All of it.
    pub total: u64,
    /// What is in use.
    pub used: u64,
    /// What is left for those who are not root.
    pub free: u64,
}

impl Space {
    /// How full it is for those who are not root, in percent, rounded up, as df shows it.
    #[must_use]
    pub fn percent(&self) -> u64 {
        let all = u128::from(self.used) + u128::from(self.free);
        if all == 0 { 0 } else { (u128::from(self.used) * 100).div_ceil(all) as u64 }
    }
}

/// Pipes, files and folders. Every error is the kernel's.
#[expect(clippy::missing_errors_doc, reason = "said once, above")]
pub trait Files {
    /// A pipe, read end first: both closed on exec, the read end non-blocking, both owned by `owner` when given, so
    /// that a service which opens /dev/stdout anew may do so; where podinit may not do that, everybody may open it.
    fn pipe(&self, owner: Option<(u32, u32)>) -> io::Result<(OwnedFd, OwnedFd)>;
    /// A pipe for the stdin of a service, read end first: both closed on exec, the write end non-blocking; `owner` as in
    /// [`Files::pipe`].
    fn input_pipe(&self, owner: Option<(u32, u32)>) -> io::Result<(OwnedFd, OwnedFd)>;
    /// Reads once; 0 is the end.
    fn read(&self, fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize>;
    /// Writes once.
    fn write(&self, fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize>;
    /// How many bytes a pipe holds.
    fn pending(&self, fd: BorrowedFd<'_>) -> io::Result<usize>;
    /// Opens for appending; makes the file with mode 0644 when it is missing. A symbolic link there is not followed: ELOOP;
    /// but for the kernel's own in /proc. A FIFO that nobody reads: ENXIO; one that takes nothing more does not block.
    fn append_to(&self, path: &Path) -> io::Result<OwnedFd>;
    /// What is in a symbolic link, and whose it is.
    fn read_link(&self, path: &Path) -> io::Result<Link>;
    /// Opens what `fd` stands for once more, for non-blocking writes, by /proc/self/fd; `fd` stays as it is.
    fn open_again(&self, fd: BorrowedFd<'_>) -> io::Result<OwnedFd>;
    /// A copy of the descriptor, closed on exec, that shares its state.
    fn duplicate(&self, fd: BorrowedFd<'_>) -> io::Result<OwnedFd>;
    /// What the descriptor stands for.
    fn stat_fd(&self, fd: BorrowedFd<'_>) -> io::Result<Stat>;
    /// What the path stands for, links followed.
    fn stat(&self, path: &Path) -> io::Result<Stat>;
    /// Whether there is something of that name, links followed, as far as a user may see. Looks as that user: without
    /// CAP_DAC_READ_SEARCH, as in a container that gave it up, even root sees only what it may enter.
    fn is_there(&self, path: &Path, user: Option<(u32, u32)>) -> bool;
    /// A part of a regular file, of which a link is followed only when root or podinit's own user made it. May wait for
    /// the disk.
    fn read_part(&self, path: &Path, part: Part) -> io::Result<PartRead>;
    /// Has a file consist of these bytes, readable by everybody, as of one moment to the next. What is at the path is
    /// replaced, also a link, which is not followed; the folder must be there. May wait for the disk.
    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Gives a file another name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Empties a file.
    fn truncate(&self, fd: BorrowedFd<'_>) -> io::Result<()>;
    /// Makes a folder of mode 0755 and those above it.
    fn make_folder(&self, path: &Path) -> io::Result<()>;
    /// What there is of the file system that a path is on. May wait for the disk.
    fn disk_space(&self, path: &Path) -> io::Result<Space>;
    /// A file without a name that holds these bytes, to be read from its begin; closed on exec.
    fn memory_file(&self, bytes: &[u8]) -> io::Result<OwnedFd>;
    /// An eventfd: non-blocking, closed on exec.
    fn event_fd(&self) -> io::Result<OwnedFd>;
    /// Waits until one of the descriptors is ready or `timeout_ms` is over; returns how many are ready.
    fn wait(&self, wanted: &[Wanted<'_>], timeout_ms: u64) -> io::Result<usize>;
    /// Keeps every signal away from the calling thread.
    fn block_signals(&self) -> io::Result<()>;
}

impl Files for Linux {
    fn pipe(&self, owner: Option<(u32, u32)>) -> io::Result<(OwnedFd, OwnedFd)> {
        let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
        fcntl(&read, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        hand_over(&write, owner, 0o622)?;
        Ok((read, write))
    }

    fn input_pipe(&self, owner: Option<(u32, u32)>) -> io::Result<(OwnedFd, OwnedFd)> {
        let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
        fcntl(&write, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        hand_over(&read, owner, 0o644)?;
        Ok((read, write))
    }

    fn read(&self, fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(nix::unistd::read(fd, buffer)?)
    }

    fn write(&self, fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
        Ok(nix::unistd::write(fd, bytes)?)
    }

    fn pending(&self, fd: BorrowedFd<'_>) -> io::Result<usize> {
        let mut count: libc::c_int = 0;
        // SAFETY: FIONREAD writes one int to the address it is given, and `count` outlives the call.
        let result = unsafe { libc::ioctl(fd.as_raw_fd(), libc::FIONREAD, &raw mut count) };
        Errno::result(result)?;
        Ok(usize::try_from(count).unwrap_or(0))
    }

    fn append_to(&self, path: &Path) -> io::Result<OwnedFd> {
        let no_follow = if path.starts_with("/proc") { 0 } else { libc::O_NOFOLLOW };
        let flags = libc::O_NOCTTY | libc::O_NONBLOCK | no_follow;
        Ok(OpenOptions::new().append(true).create(true).mode(0o644).custom_flags(flags).open(path)?.into())
    }

    fn read_link(&self, path: &Path) -> io::Result<Link> {
        // One descriptor for both, so that the link cannot be exchanged in between.
        let link = OpenOptions::new().read(true).custom_flags(libc::O_PATH | libc::O_NOFOLLOW).open(path)?;
        let target = nix::fcntl::readlinkat(&link, "")?;
        Ok(Link { target: target.into(), uid: link.metadata()?.uid() })
    }

    fn open_again(&self, fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
        let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
        let file = OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)?;
        Ok(file.into())
    }

    fn duplicate(&self, fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
        fd.try_clone_to_owned()
    }

    fn stat_fd(&self, fd: BorrowedFd<'_>) -> io::Result<Stat> {
        // A File is the safe way to fstat; the copy of the descriptor is closed again.
        Ok(stat_of(&File::from(fd.try_clone_to_owned()?).metadata()?))
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        Ok(stat_of(&std::fs::metadata(path)?))
    }

    fn is_there(&self, path: &Path, user: Option<(u32, u32)>) -> bool {
        as_user(user, || std::fs::metadata(path).is_ok())
    }

    fn read_part(&self, path: &Path, part: Part) -> io::Result<PartRead> {
        let open = |flags| OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY | flags).open(path);
        let file = match open(libc::O_NOFOLLOW) {
            Err(error) if error.raw_os_error() == Some(libc::ELOOP) => {
                let uid = std::fs::symlink_metadata(path)?.uid();
                if uid != 0 && uid != nix::unistd::geteuid().as_raw() {
                    return Err(error);
                }
                open(0)?
            }
            other => other?,
        };
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("it is no regular file"));
        }
        let size = metadata.len();
        let (at, length) = match part {
            Part::From(at, length) => (at.min(size), length.min(size.saturating_sub(at))),
            Part::Last(length) => (size.saturating_sub(length), length.min(size)),
        };
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        let mut filled = 0;
        // It may shrink meanwhile.
        while filled < bytes.len() {
            match file.read_at(&mut bytes[filled..], at + filled as u64)? {
                0 => break,
                count => filled += count,
            }
        }
        bytes.truncate(filled);
        Ok(PartRead { bytes, at, size, id: (metadata.dev(), metadata.ino()) })
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
        name.push(".podinit-new");
        let new = path.with_file_name(name);
        let make = || OpenOptions::new().write(true).create_new(true).mode(0o644).open(&new);
        let file = match make() {
            // Left by a podinit that was killed meanwhile.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => std::fs::remove_file(&new).and_then(|()| make()),
            file => file,
        };
        let done = file.and_then(|mut file| file.write_all(bytes)).and_then(|()| std::fs::rename(&new, path));
        done.inspect_err(|_| drop(std::fs::remove_file(&new)))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn truncate(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        Ok(nix::unistd::ftruncate(fd, 0)?)
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o755).create(path)
    }

    fn disk_space(&self, path: &Path) -> io::Result<Space> {
        let found = nix::sys::statvfs::statvfs(path)?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.fragment_size());
        let used = found.blocks().saturating_sub(found.blocks_free());
        Ok(Space { total: bytes(found.blocks()), used: bytes(used), free: bytes(found.blocks_available()) })
    }

    fn memory_file(&self, bytes: &[u8]) -> io::Result<OwnedFd> {
        // SAFETY: the name is a text that ends in NUL, and lives for ever.
        let fd = Errno::result(unsafe { libc::memfd_create(c"alert".as_ptr(), libc::MFD_CLOEXEC) })?;
        // SAFETY: the descriptor is new, and nobody else's.
        let mut file = File::from(unsafe { OwnedFd::from_raw_fd(fd) });
        file.write_all(bytes)?;
        file.rewind()?;
        Ok(file.into())
    }

    fn event_fd(&self) -> io::Result<OwnedFd> {
        Ok(EventFd::from_value_and_flags(0, EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?.into())
    }

    fn wait(&self, wanted: &[Wanted<'_>], timeout_ms: u64) -> io::Result<usize> {
        let events = |write| if write { PollFlags::POLLOUT } else { PollFlags::POLLIN };
        let mut fds: Vec<PollFd<'_>> = wanted.iter().map(|one| PollFd::new(one.fd, events(one.write))).collect();
        let timeout = PollTimeout::try_from(timeout_ms).unwrap_or(PollTimeout::MAX);
        Ok(usize::try_from(nix::poll::poll(&mut fds, timeout)?).unwrap_or(0))
    }

    fn block_signals(&self) -> io::Result<()> {
        Ok(nix::sys::signal::SigSet::all().thread_block()?)
    }
}

/// Gives a pipe to its owner, or where podinit may not do that, opens it to everybody.
fn hand_over(pipe: &OwnedFd, owner: Option<(u32, u32)>, to_all: u32) -> io::Result<()> {
    let Some((uid, gid)) = owner else { return Ok(()) };
    match nix::unistd::fchown(pipe, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid))) {
        // Without CAP_CHOWN. Nobody but who has the descriptor in its /proc/self can find the pipe.
        Err(Errno::EPERM) => Ok(fchmod(pipe, Mode::from_bits_truncate(to_all))?),
        other => Ok(other?),
    }
}

/// Does something with the ids of a user, uid and gid, where it comes to access to files.
pub(super) fn as_user<T>(user: Option<(u32, u32)>, work: impl FnOnce() -> T) -> T {
    let Some((uid, gid)) = user else { return work() };
    // SAFETY: both touch no memory and cannot fail; where podinit may not change its ids they do nothing.
    let (own_gid, own_uid) = unsafe { (libc::setfsgid(gid), libc::setfsuid(uid)) };
    let result = work();
    // SAFETY: as above. The user first: only root may change the group back.
    unsafe {
        libc::setfsuid(own_uid as u32);
        libc::setfsgid(own_gid as u32);
    }
    result
}

fn stat_of(metadata: &Metadata) -> Stat {
    let kind = match metadata.file_type() {
        kind if kind.is_file() => Kind::Regular,
        kind if kind.is_fifo() => Kind::Pipe,
        kind if kind.is_socket() => Kind::Socket,
        kind if kind.is_char_device() => Kind::Device,
        _ => Kind::Other,
    };
    let may_execute = metadata.mode() & 0o111 != 0;
    Stat { id: (metadata.dev(), metadata.ino()), size: metadata.len(), kind, may_execute }
}

impl<S: Files> Files for Faulty<S> {
    fn pipe(&self, owner: Option<(u32, u32)>) -> io::Result<(OwnedFd, OwnedFd)> {
        self.call("pipe")?.pipe(owner)
    }
    fn input_pipe(&self, owner: Option<(u32, u32)>) -> io::Result<(OwnedFd, OwnedFd)> {
        self.call("input_pipe")?.input_pipe(owner)
    }
    fn read(&self, fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
        self.call("read")?.read(fd, buffer)
    }
    fn write(&self, fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
        self.call("write")?.write(fd, bytes)
    }
    fn pending(&self, fd: BorrowedFd<'_>) -> io::Result<usize> {
        self.call("pending")?.pending(fd)
    }
    fn append_to(&self, path: &Path) -> io::Result<OwnedFd> {
        self.call("append_to")?.append_to(path)
    }
    fn read_link(&self, path: &Path) -> io::Result<Link> {
        self.call("read_link")?.read_link(path)
    }
    fn open_again(&self, fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
        self.call("open_again")?.open_again(fd)
    }
    fn duplicate(&self, fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
        self.call("duplicate")?.duplicate(fd)
    }
    fn stat_fd(&self, fd: BorrowedFd<'_>) -> io::Result<Stat> {
        self.call("stat_fd")?.stat_fd(fd)
    }
    fn stat(&self, path: &Path) -> io::Result<Stat> {
        self.call("stat")?.stat(path)
    }
    fn is_there(&self, path: &Path, user: Option<(u32, u32)>) -> bool {
        self.call("is_there").is_ok_and(|sys| sys.is_there(path, user))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call("rename")?.rename(from, to)
    }
    fn read_part(&self, path: &Path, part: Part) -> io::Result<PartRead> {
        self.call("read_part")?.read_part(path, part)
    }
    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.call("replace")?.replace(path, bytes)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.call("remove")?.remove(path)
    }
    fn truncate(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.call("truncate")?.truncate(fd)
    }
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        self.call("make_folder")?.make_folder(path)
    }
    fn disk_space(&self, path: &Path) -> io::Result<Space> {
        self.call("disk_space")?.disk_space(path)
    }

    fn memory_file(&self, bytes: &[u8]) -> io::Result<OwnedFd> {
        self.call("memory_file")?.memory_file(bytes)
    }
    fn event_fd(&self) -> io::Result<OwnedFd> {
        self.call("event_fd")?.event_fd()
    }
    fn wait(&self, wanted: &[Wanted<'_>], timeout_ms: u64) -> io::Result<usize> {
        self.call("wait")?.wait(wanted, timeout_ms)
    }
    fn block_signals(&self) -> io::Result<()> {
        self.call("block_signals")?.block_signals()
    }
}

/// Whether the call may be made again at another time: it would have blocked, or a signal came.
#[must_use]
pub fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// Makes an eventfd readable.
pub fn signal<S: Files>(sys: &S, event: &OwnedFd) {
    // Fails only when the counter is full, and then it is readable already.
    let _ = sys.write(event.as_fd(), &1u64.to_ne_bytes());
}

/// Makes an eventfd unreadable again.
pub fn clear<S: Files>(sys: &S, event: &OwnedFd) {
    // Fails only when it was not readable.
    let _ = sys.read(event.as_fd(), &mut [0; 8]);
}
