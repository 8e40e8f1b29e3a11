//! Signals to podinit, read from a descriptor instead of being handled in the middle of something.

use crate::sys::{Faulty, Linux};
use nix::errno::Errno;
use nix::sys::signal::{SigHandler, SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

/// What a signal means to podinit itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// A child ended.
    Child,
    /// The pod is to stop.
    Stop,
    /// Log files are to be opened anew.
    Reopen,
    /// The plan was to be read again.
    Reload,
}

const SIGNALS: [(Signal, Meaning); 7] = [
    (Signal::SIGCHLD, Meaning::Child),
    (Signal::SIGTERM, Meaning::Stop),
    (Signal::SIGINT, Meaning::Stop),
    (Signal::SIGQUIT, Meaning::Stop),
    // nginx's and supervisord's way to say that log files were moved.
    (Signal::SIGUSR1, Meaning::Reopen),
    (Signal::SIGUSR2, Meaning::Reopen),
    (Signal::SIGHUP, Meaning::Reload),
];

/// What the signal of that number means to podinit; none when it is for services only.
#[must_use]
pub fn meaning(signal: i32) -> Option<Meaning> {
    SIGNALS.iter().find(|(known, _)| *known as i32 == signal).map(|(_, meaning)| *meaning)
}

/// The descriptor that signals come from.
#[derive(Debug)]
pub struct SignalSource(SignalFd);

impl AsFd for SignalSource {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Signals to podinit. Every error is the kernel's.
#[expect(clippy::missing_errors_doc, reason = "said once, above")]
pub trait Signals {
    /// Blocks all signals but those that tell of a fault of podinit's own, and opens the source of those it reads.
    fn open_signals(&self) -> io::Result<SignalSource>;
    /// Blocks all signals and opens the source of all that can be read, faults among them: one of podinit's own ends it
    /// blocked or not.
    fn open_every_signal(&self) -> io::Result<SignalSource>;
    /// Reads signals of these numbers, too, from now on and from before.
    fn read_also(&self, source: &mut SignalSource, signals: &[i32]) -> io::Result<()>;
    /// The number of the next signal; none when all were read.
    fn next_signal(&self, source: &SignalSource) -> io::Result<Option<i32>>;
}

impl Signals for Linux {
    fn open_signals(&self) -> io::Result<SignalSource> {
        let mut blocked = SigSet::all();
        for fault in [Signal::SIGSEGV, Signal::SIGBUS, Signal::SIGFPE, Signal::SIGILL, Signal::SIGTRAP, Signal::SIGABRT] {
            blocked.remove(fault);
        }
        take(&blocked)?;
        source_of(&own_signals())
    }

    fn open_every_signal(&self) -> io::Result<SignalSource> {
        take(&SigSet::all())?;
        source_of(&SigSet::all())
    }

    fn read_also(&self, source: &mut SignalSource, signals: &[i32]) -> io::Result<()> {
        let mut set = *own_signals().as_ref();
        for signal in signals {
            // SAFETY: the set is one that was made by the C library, and outlives the call.
            Errno::result(unsafe { libc::sigaddset(&raw mut set, *signal) })?;
        }
        // SAFETY: as above. Real-time signals, which have no names, may be in it: numbers are all that is read.
        Ok(source.0.set_mask(&unsafe { SigSet::from_sigset_t_unchecked(set) })?)
    }

    fn next_signal(&self, source: &SignalSource) -> io::Result<Option<i32>> {
        Ok(source.0.read_signal()?.and_then(|info| i32::try_from(info.ssi_signo).ok()))
    }
}

/// Blocks signals, so that they can be read.
fn take(signals: &SigSet) -> io::Result<()> {
    signals.thread_set_mask()?;
    // A blocked signal can be read even where whoever started podinit ignores it. But who ignores SIGCHLD has no children
    // to reap: the kernel does that, and says nothing.
    // SAFETY: no handler runs.
    unsafe { nix::sys::signal::signal(Signal::SIGCHLD, SigHandler::SigDfl)? };
    Ok(())
}

fn source_of(signals: &SigSet) -> io::Result<SignalSource> {
    Ok(SignalSource(SignalFd::with_flags(signals, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?))
}

fn own_signals() -> SigSet {
    SIGNALS.iter().map(|(signal, _)| *signal).collect()
}

impl<S: Signals> Signals for Faulty<S> {
    fn open_signals(&self) -> io::Result<SignalSource> {
        self.call("open_signals")?.open_signals()
    }
    fn open_every_signal(&self) -> io::Result<SignalSource> {
        self.call("open_every_signal")?.open_every_signal()
    }
    fn read_also(&self, source: &mut SignalSource, signals: &[i32]) -> io::Result<()> {
        self.call("read_also")?.read_also(source, signals)
    }
    fn next_signal(&self, source: &SignalSource) -> io::Result<Option<i32>> {
        self.call("next_signal")?.next_signal(source)
    }
}
