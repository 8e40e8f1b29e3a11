//! What a forked child does until it executes its program: system calls only. podinit has another thread, which may
//! have held any lock at the moment of the fork; so nothing here allocates, locks, unwinds or returns.

use crate::sys::capabilities;
use crate::sys::processes::{Credentials, SpawnRequest, Standing};
use libc::{c_char, c_int, c_long};
use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;
use std::sync::atomic::Ordering;

/// What a child was about when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// To begin a session or a group.
    Session,
    /// To take its descriptors 0 to 2.
    Descriptors,
    /// To set the limit at this place in its attributes.
    Limit(u16),
    /// To set its niceness.
    Nice,
    /// To say whom the kernel is to kill first.
    OomScore,
    /// To take capabilities away for good.
    Bounding,
    /// To become its user.
    User,
    /// To keep the capabilities that it is to have.
    Capabilities,
    /// To do without rights that programs would give it.
    NoNewPrivileges,
    /// To enter its working directory.
    WorkingDir,
    /// To take the descriptor that it is to say it is ready with.
    Notify,
    /// To remove the file that an earlier start made to say that it was ready.
    ReadyFile,
    /// To execute the program.
    Execute,
}

/// A child's report, until it fails, that the file of its request is gone.
pub const CLEARED: u64 = 1;

impl Step {
    /// As a number other than 0, with another number for those that have one.
    fn to_numbers(self) -> (u16, u16) {
        match self {
            Step::Session => (1, 0),
            Step::Descriptors => (2, 0),
            Step::Limit(index) => (3, index),
            Step::Nice => (4, 0),
            Step::OomScore => (5, 0),
            Step::Bounding => (6, 0),
            Step::User => (7, 0),
            Step::Capabilities => (8, 0),
            Step::NoNewPrivileges => (9, 0),
            Step::WorkingDir => (10, 0),
            Step::Notify => (11, 0),
            Step::ReadyFile => (12, 0),
            Step::Execute => (13, 0),
        }
    }

    fn from_numbers(step: u16, detail: u16) -> Option<Step> {
        Some(match step {
            1 => Step::Session,
            2 => Step::Descriptors,
            3 => Step::Limit(detail),
            4 => Step::Nice,
            5 => Step::OomScore,
            6 => Step::Bounding,
            7 => Step::User,
            8 => Step::Capabilities,
            9 => Step::NoNewPrivileges,
            10 => Step::WorkingDir,
            11 => Step::Notify,
            12 => Step::ReadyFile,
            13 => Step::Execute,
            _ => return None,
        })
    }
}

/// A report: step, detail, and error number in 16, 16 and 32 bits.
fn report(Failed(step, errno): Failed) -> u64 {
    let (step, detail) = step.to_numbers();
    u64::from(step) << 48 | u64::from(detail) << 32 | u64::from(errno.unsigned_abs())
}

/// Reads a child's report: what it was about, and the kernel's error number. None when it executed its program.
#[must_use]
pub fn failure(report: u64) -> Option<(Step, i32)> {
    let step = Step::from_numbers((report >> 48) as u16, (report >> 32) as u16)?;
    Some((step, (report & 0xffff_ffff) as i32))
}

/// The exit code that stands for a failure: 127 not found, 126 found but not executable, 111 anything else.
#[must_use]
pub fn exit_code(step: Step, errno: i32) -> i32 {
    match (step, errno) {
        (Step::Execute, libc::ENOENT | libc::ENOTDIR) => 127,
        (Step::Execute, _) => 126,
        _ => 111,
    }
}

/// A step that failed, with its error number.
pub(super) struct Failed(pub Step, pub c_int);

/// A child before its birth: all it needs is at hand.
pub(super) struct Child<'a> {
    request: &'a SpawnRequest<'a>,
    arguments: Vec<*const c_char>,
    environment: Vec<*const c_char>,
}

impl<'a> Child<'a> {
    pub(super) fn new(request: &'a SpawnRequest<'a>) -> Child<'a> {
        let null = std::iter::once(ptr::null());
        let arguments = request.arguments.iter().map(|word| word.as_ptr()).chain(null.clone()).collect();
        let environment = request.environment.iter().map(|variable| variable.as_ptr()).chain(null).collect();
        request.report.store(0, Ordering::Relaxed);
        Child { request, arguments, environment }
    }

    /// Runs in the child.
    pub(super) fn run(&self) -> ! {
        let failed = self.prepare().map_or_else(|failed| failed, |()| self.execute());
        let Failed(step, errno) = failed;
        self.request.report.store(report(failed), Ordering::Release);
        // SAFETY: ends the process without running anything else of it.
        unsafe { libc::_exit(exit_code(step, errno)) }
    }

    fn prepare(&self) -> Result<(), Failed> {
        let request = self.request;
        default_dispositions();
        stand(request.standing)?;
        for (fd, number) in [(request.stdin, 0), (request.stdout, 1), (request.stderr, 2)] {
            place(Step::Descriptors, fd, number)?;
        }
        request.attributes.set_before_user()?;
        if let Some(credentials) = request.credentials {
            if request.attributes.keeps_capabilities() {
                capabilities::keep_over_change();
            }
            become_user(credentials)?;
        }
        request.attributes.set_after_user(request.credentials)?;
        if let Some(path) = request.working_dir {
            // SAFETY: the path ends in NUL and outlives the call.
            check(Step::WorkingDir, unsafe { libc::chdir(path.as_ptr()) }.into())?;
        }
        if let Some((fd, number)) = request.notify {
            // The last of its descriptors: those of the others may be of that number in podinit.
            place(Step::Notify, fd, number)?;
        }
        if let Some(path) = request.remove {
            remove(path)?;
            request.report.store(CLEARED, Ordering::Release);
        }
        unblock_signals();
        Ok(())
    }

    /// Executes the first candidate that is there; returns only when none could be.
    fn execute(&self) -> Failed {
        let mut failed = Failed(Step::Execute, libc::ENOENT);
        for candidate in self.request.candidates {
            // SAFETY: all strings end in NUL, both lists in a null pointer, and `self` outlives the call.
            unsafe { libc::execve(candidate.as_ptr(), self.arguments.as_ptr(), self.environment.as_ptr()) };
            match errno() {
                libc::ENOENT | libc::ENOTDIR => {}
                // As a shell does: one that may not be executed does not hide another further on.
                libc::EACCES => failed.1 = libc::EACCES,
                other => return Failed(Step::Execute, other),
            }
        }
        failed
    }
}

fn errno() -> c_int {
    // SAFETY: the C library's error number of this thread is always there.
    unsafe { *libc::__errno_location() }
}

pub(super) fn check(step: Step, result: c_long) -> Result<(), Failed> {
    if result < 0 { Err(Failed(step, errno())) } else { Ok(()) }
}

/// A program starts with the signals as a shell would give them: what podinit, or whoever started it, ignores would
/// else be ignored by the service too. The C library's call would leave out the signals that it keeps for itself.
fn default_dispositions() {
    // The kernel's struct sigaction, all zero: the default, no flags, no restorer, an empty mask of 8 bytes.
    let default = [0u64; 4];
    for signal in 1..=64 {
        // SAFETY: `default` is as large as the kernel's struct and outlives the call. Fails for KILL and STOP.
        unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), ptr::null_mut::<u64>(), 8) };
    }
}

fn stand(standing: Standing) -> Result<(), Failed> {
    match standing {
        // SAFETY: touches no memory.
        Standing::Apart => check(Step::Session, unsafe { libc::setsid() }.into()),
        Standing::Foreground { terminal } => {
            // SAFETY: touches no memory.
            check(Step::Session, unsafe { libc::setpgid(0, 0) }.into())?;
            if terminal {
                // Every signal is still blocked, SIGTTOU among them. A terminal that hung up is for the program to see.
                // SAFETY: both touch no memory.
                unsafe { libc::tcsetpgrp(0, libc::getpid()) };
            }
            Ok(())
        }
    }
}

fn unblock_signals() {
    // SAFETY: an all-zero set is an empty one on Linux, and it outlives the call.
    unsafe {
        let none: libc::sigset_t = std::mem::zeroed();
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
    }
}

fn place(step: Step, fd: BorrowedFd<'_>, number: c_int) -> Result<(), Failed> {
    let fd = fd.as_raw_fd();
    // SAFETY: both calls touch no memory. dup2 to the same number would leave close-on-exec set.
    let result = unsafe { if fd == number { libc::fcntl(fd, libc::F_SETFD, 0) } else { libc::dup2(fd, number) } };
    check(step, result.into())
}

fn remove(path: &CStr) -> Result<(), Failed> {
    // SAFETY: the path ends in NUL and outlives the call.
    match check(Step::ReadyFile, unsafe { libc::unlink(path.as_ptr()) }.into()) {
        Err(Failed(_, libc::ENOENT | libc::ENOTDIR)) => Ok(()),
        other => other,
    }
}

/// Writes a text to a file of the kernel's, all at once.
pub(super) fn place_text(step: Step, path: &CStr, text: &[u8]) -> Result<(), Failed> {
    // SAFETY: the path ends in NUL and outlives the call.
    let fd = unsafe { libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC) };
    check(step, fd.into())?;
    // SAFETY: write reads no more than the text, which outlives the call. The descriptor closes with the execution.
    check(step, unsafe { libc::write(fd, text.as_ptr().cast(), text.len()) } as c_long)
}

/// The C library's versions would have other threads change too; there are none here, so the system calls it is.
fn become_user(credentials: &Credentials) -> Result<(), Failed> {
    let Credentials { uid, gid, groups } = credentials;
    // SAFETY: the list of groups outlives the call; the others touch no memory.
    unsafe {
        check(Step::User, libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()))?;
        check(Step::User, libc::syscall(libc::SYS_setresgid, *gid, *gid, *gid))?;
        check(Step::User, libc::syscall(libc::SYS_setresuid, *uid, *uid, *uid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_come_back_as_they_were_made() {
        let steps = (1..=u16::MAX).map_while(|number| Step::from_numbers(number, 7));
        let all: Vec<Step> = steps.collect();
        assert!(all.contains(&Step::Execute) && all.contains(&Step::Limit(7)));
        for step in all {
            assert_eq!(failure(report(Failed(step, libc::EPERM))), Some((step, libc::EPERM)));
        }
        assert_eq!(failure(0), None);
        assert_eq!(failure(CLEARED), None);
    }
}
