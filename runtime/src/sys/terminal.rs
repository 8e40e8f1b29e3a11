//! The terminal at stdin: which process group of its session may read from it and gets its Ctrl-C.

use crate::sys::{Faulty, Linux};
use nix::errno::Errno;
use std::io;

/// The terminal at stdin. Every error is the kernel's.
#[expect(clippy::missing_errors_doc, reason = "said once, above")]
pub trait Terminal {
    /// Whether stdin is the terminal of podinit's session, and podinit's group the one in its foreground.
    fn is_in_foreground(&self) -> bool;
    /// Makes a group the one in the foreground; podinit's own for none. Signals have to be blocked: who does that from
    /// the background is stopped by SIGTTOU otherwise.
    fn set_foreground(&self, group: Option<i32>) -> io::Result<()>;
}

impl Terminal for Linux {
    fn is_in_foreground(&self) -> bool {
        // SAFETY: both touch no memory.
        unsafe { libc::tcgetpgrp(0) == libc::getpgrp() }
    }

    fn set_foreground(&self, group: Option<i32>) -> io::Result<()> {
        // SAFETY: both touch no memory.
        Errno::result(unsafe { libc::tcsetpgrp(0, group.unwrap_or_else(|| libc::getpgrp())) })?;
        Ok(())
    }
}

impl<S: Terminal> Terminal for Faulty<S> {
    fn is_in_foreground(&self) -> bool {
        self.inner().is_in_foreground()
    }
    fn set_foreground(&self, group: Option<i32>) -> io::Result<()> {
        self.call("set_foreground")?.set_foreground(group)
    }
}
