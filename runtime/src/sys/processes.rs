//! Processes: made, signalled, waited for.

use crate::sys::attributes::Attributes;
use crate::sys::child::Child;
use crate::sys::{Faulty, Linux};
use nix::errno::Errno;
use podinit_plan::protocol::Exit;
use std::ffi::{CStr, CString};
use std::io;
use std::mem::MaybeUninit;
use std::ops::Deref;
use std::os::fd::BorrowedFd;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;

/// Who a process is, as the kernel sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
}

/// A limit of the kernel's: soft and hard.
pub type Limit = (u64, u64);

/// Where a child stands among sessions and process groups. It leads a group in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// In a session of its own, without a terminal.
    Apart,
    /// In podinit's session, and in the foreground of the terminal at its stdin, if `terminal` says that it has one.
    Foreground {
        /// Whether there is a terminal to take.
        terminal: bool,
    },
}

/// Everything that is needed to execute a program.
#[derive(Debug, Clone, Copy)]
pub struct SpawnRequest<'a> {
    /// Where the program may be; the first that is there is executed.
    pub candidates: &'a [CString],
    /// The words of the command, the program's name first.
    pub arguments: &'a [CString],
    /// `NAME=VALUE` each.
    pub environment: &'a [&'a CStr],
    /// Its session and group.
    pub standing: Standing,
    /// Entered as the user of the service; without it the child stays in podinit's.
    pub working_dir: Option<&'a CStr>,
    /// Descriptor 0.
    pub stdin: BorrowedFd<'a>,
    /// Descriptor 1.
    pub stdout: BorrowedFd<'a>,
    /// Descriptor 2.
    pub stderr: BorrowedFd<'a>,
    /// One more descriptor, and its number.
    pub notify: Option<(BorrowedFd<'a>, i32)>,
    /// A file that is removed, if there is one, as the user of the service; the report then says [`super::child::CLEARED`].
    pub remove: Option<&'a CStr>,
    /// Whom to become; without it podinit's own user.
    pub credentials: Option<&'a Credentials>,
    /// What else the child sets of itself.
    pub attributes: &'a Attributes,
    /// Where the child says why it could not execute the program, see [`super::child::failure`].
    pub report: &'a AtomicU64,
}

/// A child that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dead {
    /// Its id, which is free now.
    pub pid: i32,
    /// How it ended.
    pub exit: Exit,
    /// The most memory that it, or one of those whom it has waited for, had present at a time, in bytes.
    pub peak_bytes: u64,
}

/// What there was to reap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaped {
    /// A child.
    Child(Dead),
    /// None of the children has ended.
    Nobody,
    /// There are no children.
    NoChildren,
}

/// Processes. Every error is the kernel's.
#[expect(clippy::missing_errors_doc, reason = "said once, above")]
pub trait Processes {
    /// Forks a child that executes the program, and does not wait for that: a stalled disk
    /// must not stall podinit. A child that cannot execute it says why in the request's report, and ends.
    fn spawn(&self, request: &SpawnRequest<'_>) -> io::Result<i32>;
    /// Reaps a child that has ended.
    fn reap(&self) -> io::Result<Reaped>;
    /// Sends a signal to a process.
    fn kill(&self, pid: i32, signal: i32) -> io::Result<()>;
    /// Sends a signal to a process group.
    fn kill_group(&self, leader: i32, signal: i32) -> io::Result<()>;
    /// Memory that forked children share with podinit, all zero.
    fn shared_words(&self, count: usize) -> io::Result<SharedWords>;
}

impl Processes for Linux {
    fn spawn(&self, request: &SpawnRequest<'_>) -> io::Result<i32> {
        let child = Child::new(request);
        // SAFETY: the child makes system calls only, without allocation or locks, and never returns.
        match Errno::result(unsafe { libc::fork() })? {
            0 => child.run(),
            pid => Ok(pid),
        }
    }

    fn reap(&self) -> io::Result<Reaped> {
        let (mut status, mut usage) = (0, MaybeUninit::<libc::rusage>::zeroed());
        // SAFETY: wait4 writes one int and one rusage to the addresses it is given, and both outlive the call.
        let pid =
            match Errno::result(unsafe { libc::wait4(-1, &raw mut status, libc::WNOHANG | libc::__WALL, usage.as_mut_ptr()) }) {
                Err(Errno::ECHILD) => return Ok(Reaped::NoChildren),
                Err(errno) => return Err(errno.into()),
                Ok(0) => return Ok(Reaped::Nobody),
                Ok(pid) => pid,
            };
        // SAFETY: it is made of numbers, for which zero is a value.
        let usage = unsafe { usage.assume_init() };
        let exit =
            if libc::WIFSIGNALED(status) { Exit::Signal(libc::WTERMSIG(status)) } else { Exit::Code(libc::WEXITSTATUS(status)) };
        // The kernel counts it in KB.
        let peak_bytes = u64::try_from(usage.ru_maxrss).unwrap_or(0).saturating_mul(1024);
        Ok(Reaped::Child(Dead { pid, exit, peak_bytes }))
    }

    fn kill(&self, pid: i32, signal: i32) -> io::Result<()> {
        debug_assert!(pid > 0, "0 and below mean groups");
        // SAFETY: kill touches no memory of ours.
        Errno::result(unsafe { libc::kill(pid, signal) })?;
        Ok(())
    }

    fn kill_group(&self, leader: i32, signal: i32) -> io::Result<()> {
        debug_assert!(leader > 1, "group 1 is podinit's, and -1 means everybody");
        // SAFETY: kill touches no memory of ours.
        Errno::result(unsafe { libc::kill(-leader, signal) })?;
        Ok(())
    }

    fn shared_words(&self, count: usize) -> io::Result<SharedWords> {
        SharedWords::new(count.max(1))
    }
}

impl<S: Processes> Processes for Faulty<S> {
    fn spawn(&self, request: &SpawnRequest<'_>) -> io::Result<i32> {
        self.call("spawn")?.spawn(request)
    }
    fn reap(&self) -> io::Result<Reaped> {
        self.call("reap")?.reap()
    }
    fn kill(&self, pid: i32, signal: i32) -> io::Result<()> {
        self.call("kill")?.kill(pid, signal)
    }
    fn kill_group(&self, leader: i32, signal: i32) -> io::Result<()> {
        self.call("kill_group")?.kill_group(leader, signal)
    }
    fn shared_words(&self, count: usize) -> io::Result<SharedWords> {
        self.call("shared_words")?.shared_words(count)
    }
}

/// Sends a signal to the process group of a child that was not reaped yet. One that was forked a moment ago may not
/// lead its group by now, and is signalled alone.
///
/// # Errors
/// The kernel's.
pub fn signal_group_of<S: Processes>(sys: &S, leader: i32, signal: i32) -> io::Result<()> {
    sys.kill_group(leader, signal).or_else(|_| sys.kill(leader, signal))
}

/// Words of memory that children share with podinit until they execute a program.
#[derive(Debug)]
pub struct SharedWords {
    start: NonNull<AtomicU64>,
    count: usize,
}

impl SharedWords {
    fn new(count: usize) -> io::Result<SharedWords> {
        let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping at a place of the kernel's choice overlaps nothing of ours.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), count * size_of::<AtomicU64>(), protection, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(SharedWords { start, count })
    }
}

impl Deref for SharedWords {
    type Target = [AtomicU64];

    fn deref(&self) -> &[AtomicU64] {
        // SAFETY: the mapping holds `count` zeroed words for as long as `self` lives, and atomics may be written by others.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.count) }
    }
}

impl Drop for SharedWords {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours alone, and nothing can refer to it any more.
        let _ = unsafe { libc::munmap(self.start.as_ptr().cast(), self.count * size_of::<AtomicU64>()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

    #[test]
    fn a_child_that_does_not_lead_its_group_yet_gets_the_signal_all_the_same() {
        // As between fork and setsid: a child in its parent's group.
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        let leader = i32::try_from(child.id()).unwrap();
        signal_group_of(&Linux, leader, libc::SIGKILL).unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
    }
}
