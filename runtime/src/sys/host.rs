//! What podinit finds where it is started.

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use podinit_plan::plan::Ulimit;

/// The name of the host, or of the container.
#[must_use]
pub fn host_name() -> String {
    nix::unistd::gethostname().map_or_else(|_| "localhost".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// How many files a process may have open.
#[must_use]
pub fn open_files() -> Option<Ulimit> {
    limit(Resource::RLIMIT_NOFILE)
}

/// How many processes a user may have.
#[must_use]
pub fn processes() -> Option<Ulimit> {
    limit(Resource::RLIMIT_NPROC)
}

fn limit(of: Resource) -> Option<Ulimit> {
    let (soft, hard) = getrlimit(of).ok()?;
    let finite = |value| (value != RLIM_INFINITY).then_some(value);
    Some(Ulimit { soft: finite(soft), hard: finite(hard) })
}
