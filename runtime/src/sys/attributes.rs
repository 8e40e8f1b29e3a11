//! What a child sets of itself before it executes its program: system calls only, as everything in a child.

use crate::sys::capabilities;
use crate::sys::child::{Failed, Step, check, place_text};
use crate::sys::processes::{Credentials, Limit};
use libc::c_int;

/// What a child sets of itself; names are resolved, and what podinit has no right to is left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attributes {
    /// The bits that new files lack.
    pub umask: Option<u32>,
    /// -20 to 19.
    pub nice: Option<i32>,
    /// As it is written to `/proc/self/oom_score_adj`.
    pub oom_score_adj: Option<String>,
    /// Limits by the kernel's number.
    pub limits: Vec<(u32, Limit)>,
    /// Nothing that it executes gives it rights.
    pub no_new_privileges: bool,
    /// Capabilities that it can never have.
    pub dropped: u64,
    /// Capabilities that it keeps whatever its user, and that its program inherits.
    pub ambient: u64,
}

impl Attributes {
    /// What takes rights that the child may lack once it is its user.
    pub(super) fn set_before_user(&self) -> Result<(), Failed> {
        for (index, (resource, (soft, hard))) in self.limits.iter().enumerate() {
            let limit = libc::rlimit { rlim_cur: *soft, rlim_max: *hard };
            // SAFETY: setrlimit reads the struct, which outlives the call.
            let result = unsafe { libc::setrlimit(*resource, &raw const limit) };
            check(Step::Limit(index as u16), result.into())?;
        }
        if let Some(nice) = self.nice {
            // SAFETY: touches no memory.
            check(Step::Nice, unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, nice) }.into())?;
        }
        if let Some(text) = &self.oom_score_adj {
            place_text(Step::OomScore, c"/proc/self/oom_score_adj", text.as_bytes())?;
        }
        if let Some(umask) = self.umask {
            // SAFETY: touches no memory, and cannot fail.
            unsafe { libc::umask(umask) };
        }
        capabilities::bound(self.dropped)
    }

    /// Whether capabilities have to live through a change of user.
    pub(super) fn keeps_capabilities(&self) -> bool {
        self.ambient != 0
    }

    /// What is left to do as the user.
    pub(super) fn set_after_user(&self, user: Option<&Credentials>) -> Result<(), Failed> {
        if self.ambient != 0 || self.dropped != 0 {
            // SAFETY: touches no memory, and cannot fail.
            let uid = user.map_or_else(|| unsafe { libc::geteuid() }, |user| user.uid);
            capabilities::confine(uid == 0, self.dropped, self.ambient)?;
        }
        if self.no_new_privileges {
            let (yes, none): (c_int, c_int) = (1, 0);
            // SAFETY: touches no memory.
            check(Step::NoNewPrivileges, unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, yes, none, none, none) }.into())?;
        }
        Ok(())
    }
}
