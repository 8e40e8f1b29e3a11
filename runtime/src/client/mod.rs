//! podinit as a client of the podinit that runs: `podinit healthcheck` and `podinit dial`.

mod dial;
mod healthcheck;
mod summary;

pub use dial::dial;
pub use healthcheck::healthcheck;

use crate::sys::UnixSockets;
use crate::sys::unix_sockets::control_addresses;
use std::io;
use std::os::unix::net::UnixStream;

/// Connects to the podinit of this container.
///
/// # Errors
/// In words, when there is none that answers or it may not be talked to.
pub fn connect(sys: &impl UnixSockets) -> Result<UnixStream, String> {
    let namespace = sys.pid_namespace().map_err(|error| format!("cannot read /proc/self/ns/pid: {error}"))?;
    let mut worst: Option<io::Error> = None;
    for address in control_addresses(namespace) {
        match sys.connect_unix(&address) {
            Ok(connection) => return Ok(UnixStream::from(connection)),
            // That a socket is not where it might have been says less than that one may not be used.
            Err(error) if worst.is_none() || error.kind() == io::ErrorKind::PermissionDenied => worst = Some(error),
            Err(_) => {}
        }
    }
    match worst {
        Some(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err("podinit's socket is for root and podinit's own user only: use the image's user, or root".to_owned())
        }
        Some(error) => Err(format!("podinit does not run here, or its socket cannot be reached: {error}")),
        None => Err("podinit does not run here".to_owned()),
    }
}
