//! Ctrl-C and SIGTERM.

use crate::failure::{ExitCode, Failure};
use anyhow::{Context, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The interrupts of this process, from the moment on at which this was made.
pub struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    /// From now on Ctrl-C and SIGTERM end nothing by themselves.
    ///
    /// # Errors
    /// The system does not let signals be caught.
    pub fn catch() -> Result<Interrupts> {
        let catch = |kind| signal(kind).context("cannot catch signals");
        Ok(Interrupts { interrupt: catch(SignalKind::interrupt())?, terminate: catch(SignalKind::terminate())? })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// What podctl ends with after an interrupt.
#[must_use]
pub fn interrupted() -> anyhow::Error {
    Failure::new(ExitCode::Interrupted, "interrupted").into()
}

/// Does some work until it is done or the user interrupts it; work that is given up is dropped where it stands.
///
/// # Errors
/// Those of the work; [`interrupted`].
pub async fn or_interrupted<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let mut interrupts = Interrupts::catch()?;
    tokio::select! {
        result = work => result,
        () = interrupts.next() => Err(interrupted()),
    }
}
