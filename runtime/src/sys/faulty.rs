//! A kernel that fails on demand, for tests of what cannot be had for real.

use crate::sys::errnos::CALLS;
use nix::errno::Errno;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A decorator: calls go to the kernel below, unless the plan of faults says that they fail.
#[derive(Debug, Clone, Default)]
pub struct Faulty<S> {
    inner: S,
    script: Arc<Mutex<Script>>,
    stalled: Arc<Stalled>,
}

/// What is to fail, and what came of it.
#[derive(Debug, Default)]
struct Script {
    faults: Vec<Fault>,
    calls: BTreeMap<&'static str, u32>,
    failed: u32,
}

/// The calls that do not return for now.
#[derive(Debug, Default)]
struct Stalled {
    calls: Mutex<Vec<&'static str>>,
    changed: Condvar,
}

/// As long as it lives, a call does not return: see [`Faulty::stall`].
#[derive(Debug)]
pub struct Stall {
    call: &'static str,
    stalled: Arc<Stalled>,
}

impl Drop for Stall {
    fn drop(&mut self) {
        self.stalled.calls.lock().unwrap_or_else(PoisonError::into_inner).retain(|call| *call != self.call);
        self.stalled.changed.notify_all();
    }
}

#[derive(Debug)]
struct Fault {
    call: &'static str,
    skip: u32,
    times: u32,
    errno: Errno,
}

impl<S> Faulty<S> {
    /// A kernel without faults so far.
    pub fn new(inner: S) -> Faulty<S> {
        Faulty { inner, script: Arc::default(), stalled: Arc::default() }
    }

    /// Lets the next `skip` calls of that name pass and the `times` after them fail. Names are those of the methods.
    pub fn fail(&self, call: &'static str, skip: u32, times: u32, errno: Errno) {
        self.script().faults.push(Fault { call, skip, times, errno });
    }

    /// How often each call was made so far, those that failed included.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<&'static str, u32> {
        self.script().calls.clone()
    }

    /// How many calls were made to fail so far.
    #[must_use]
    pub fn failed(&self) -> u32 {
        self.script().failed
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls of that name do not return, as those to a disk that does not answer.
    #[must_use]
    pub fn stall(&self, call: &'static str) -> Stall {
        self.stalled.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
        Stall { call, stalled: Arc::clone(&self.stalled) }
    }

    /// The kernel below, for calls that cannot fail.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// The kernel below, unless this call is to fail.
    ///
    /// # Errors
    /// The one that was planned.
    pub fn call(&self, call: &'static str) -> io::Result<&S> {
        debug_assert!(CALLS.iter().any(|(name, _)| *name == call), "{call} is not in sys::errnos");
        let mut stalled = self.stalled.calls.lock().unwrap_or_else(PoisonError::into_inner);
        while stalled.contains(&call) {
            stalled = self.stalled.changed.wait(stalled).unwrap_or_else(PoisonError::into_inner);
        }
        drop(stalled);
        let mut script = self.script();
        *script.calls.entry(call).or_default() += 1;
        let planned = script.faults.iter_mut().filter(|fault| fault.call == call).find_map(Fault::due);
        let Some(errno) = planned else { return Ok(&self.inner) };
        script.failed += 1;
        Err(errno.into())
    }
}

impl Fault {
    /// A call was made: the error, when its turn has come.
    fn due(&mut self) -> Option<Errno> {
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        self.times = self.times.checked_sub(1)?;
        Some(self.errno)
    }
}
