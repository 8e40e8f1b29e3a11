//! Ctrl-C, read like input: it ends what follows a log or a process, and not supervisorctl.

use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

/// SIGINT is readable here for as long as this is there.
pub(super) struct Interrupt {
    source: SignalFd,
    before: SigSet,
}

impl Interrupt {
    pub fn catch() -> io::Result<Interrupt> {
        let interrupts: SigSet = std::iter::once(Signal::SIGINT).collect();
        let before = interrupts.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
        let source = SignalFd::with_flags(&interrupts, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        Ok(Interrupt { source, before })
    }
}

impl AsFd for Interrupt {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.source.as_fd()
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        // Whoever held the key down meant this, and not the shell.
        while matches!(self.source.read_signal(), Ok(Some(_))) {}
        let _ = self.before.thread_set_mask();
    }
}
