//! What podinit is, and what it does to itself when it starts.

use crate::sys::processes::Limit;
use crate::sys::{Faulty, Linux, capabilities};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::io;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// What podinit is, and what it does to itself. Every error is the kernel's.
#[expect(clippy::missing_errors_doc, reason = "said once, above")]
pub trait Setup {
    /// Its process id.
    fn own_pid(&self) -> i32;
    /// Its effective user and group.
    fn own_ids(&self) -> (u32, u32);
    /// The capabilities that it may use, a bit each; see [`super::capabilities`].
    fn capabilities(&self) -> u64;
    /// Makes orphans among its descendants its children, as they are PID 1's.
    fn adopt_orphans(&self) -> io::Result<()>;
    /// Raises its limit of open files as far as it may; returns what it was.
    fn raise_open_files(&self) -> io::Result<Limit>;
    /// Makes room for so many descriptors. The kernel makes the table of a process grow by doubling it, and waits, once
    /// there are threads, until nobody can be in the old one any more: 10 ms and more, each time, in the middle of a
    /// start.
    fn reserve_descriptors(&self, count: usize) -> io::Result<()>;
    /// Marks what it inherited beyond stderr so that no service inherits it.
    fn close_inherited_on_exec(&self) -> io::Result<()>;
    /// Gives memory that was needed for a while only, as for reading the plan, back to the kernel: what was allocated,
    /// and the pages of the program, of which half are for the beginning.
    fn release_memory(&self);
    /// Becomes podinit anew, with the same arguments and the limit of open files that it once had; comes back only when
    /// that fails.
    fn begin_anew(&self, open_files: Option<Limit>) -> io::Error;
    /// Gives a file or folder to a user.
    fn chown(&self, path: &Path, uid: u32, gid: u32) -> io::Result<()>;
}

impl Setup for Linux {
    fn own_pid(&self) -> i32 {
        nix::unistd::getpid().as_raw()
    }

    fn own_ids(&self) -> (u32, u32) {
        (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw())
    }

    fn capabilities(&self) -> u64 {
        capabilities::effective()
    }

    fn adopt_orphans(&self) -> io::Result<()> {
        // SAFETY: touches no memory.
        Errno::result(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) })?;
        Ok(())
    }

    fn raise_open_files(&self) -> io::Result<Limit> {
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
        if soft < hard {
            setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
        }
        Ok((soft, hard))
    }

    fn reserve_descriptors(&self, count: usize) -> io::Result<()> {
        let last = i32::try_from(count.saturating_sub(1)).map_err(|_| Errno::EINVAL)?;
        let number = fcntl(io::stdin(), FcntlArg::F_DUPFD_CLOEXEC(last))?;
        // SAFETY: it was made just now, and is nobody else's.
        drop(unsafe { OwnedFd::from_raw_fd(number) });
        Ok(())
    }

    fn close_inherited_on_exec(&self) -> io::Result<()> {
        // By name, as close_range is unknown to older kernels and to the seccomp filters of older engines.
        for entry in std::fs::read_dir("/proc/self/fd")? {
            let number: Option<i32> = entry?.file_name().to_str().and_then(|name| name.parse().ok());
            let Some(number) = number.filter(|number| *number > 2) else { continue };
            // SAFETY: the descriptor is open for the length of the call, or, if it was the listing's own, the call fails.
            let fd = unsafe { BorrowedFd::borrow_raw(number) };
            let _ = fcntl(fd, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC));
        }
        Ok(())
    }

    fn release_memory(&self) {
        // Other C libraries do it by themselves, or not at all.
        #[cfg(target_env = "gnu")]
        // SAFETY: the allocator gives back only what is not in use.
        unsafe {
            libc::malloc_trim(0);
        }
        forget_program();
    }

    fn begin_anew(&self, open_files: Option<Limit>) -> io::Error {
        if let Some((soft, hard)) = open_files {
            // Fails only where it could not be raised either.
            let _ = setrlimit(Resource::RLIMIT_NOFILE, soft, hard);
        }
        let mut arguments = std::env::args_os();
        let mut command = Command::new("/proc/self/exe");
        if let Some(name) = arguments.next() {
            command.arg0(name);
        }
        // Signals are let through again until the new one reads them; the kernel keeps those that would end PID 1 away.
        command.args(arguments).exec()
    }

    fn chown(&self, path: &Path, uid: u32, gid: u32) -> io::Result<()> {
        std::os::unix::fs::chown(path, Some(uid), Some(gid))
    }
}

impl<S: Setup> Setup for Faulty<S> {
    fn own_pid(&self) -> i32 {
        self.inner().own_pid()
    }
    fn own_ids(&self) -> (u32, u32) {
        self.inner().own_ids()
    }
    fn capabilities(&self) -> u64 {
        self.inner().capabilities()
    }
    fn adopt_orphans(&self) -> io::Result<()> {
        self.call("adopt_orphans")?.adopt_orphans()
    }
    fn raise_open_files(&self) -> io::Result<Limit> {
        self.call("raise_open_files")?.raise_open_files()
    }
    fn reserve_descriptors(&self, count: usize) -> io::Result<()> {
        self.call("reserve_descriptors")?.reserve_descriptors(count)
    }
    fn close_inherited_on_exec(&self) -> io::Result<()> {
        self.call("close_inherited_on_exec")?.close_inherited_on_exec()
    }
    fn release_memory(&self) {
        self.inner().release_memory();
    }
    fn begin_anew(&self, open_files: Option<Limit>) -> io::Error {
        self.inner().begin_anew(open_files)
    }
    fn chown(&self, path: &Path, uid: u32, gid: u32) -> io::Result<()> {
        self.call("chown")?.chown(path, uid, gid)
    }
}

/// Unmaps the program's code and constants. What is needed on is mapped again as it is touched, by the kernel and without
/// a look at the disk while it is in the page cache.
fn forget_program() {
    unsafe extern "C" {
        /// Where the program's image begins: the linker says so.
        static __executable_start: u8;
        /// Where its code ends.
        static etext: u8;
    }
    let (start, end) = ((&raw const __executable_start).addr(), (&raw const etext).addr());
    // SAFETY: asks for the size of a page.
    let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096);
    // Whole pages only: the last one may hold data as well.
    let length = (end - start) / page * page;
    // SAFETY: the linker puts only what is read and executed between the two, nothing that is ever written, so that the
    // file has all that the pages have; the address is a page's, as an image begins with one.
    unsafe { libc::madvise((&raw const __executable_start).cast_mut().cast(), length, libc::MADV_DONTNEED) };
}
