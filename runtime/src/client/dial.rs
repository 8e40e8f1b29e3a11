//! `podinit dial`: stdin and stdout, joined to podinit's socket. podctl talks to every pod this way, through the
//! engine's exec, wherever the engine is.

use crate::sys::UnixSockets;
use std::io::{self, Read, Write};
use std::net::Shutdown;

/// Joins until podinit closes the connection.
///
/// # Errors
/// In words.
pub fn dial(sys: &impl UnixSockets) -> Result<(), String> {
    let connection = super::connect(sys)?;
    let mut input = connection.try_clone().map_err(|error| format!("cannot copy the connection: {error}"))?;
    // The end of stdin is the end of requests, not of answers; the thread ends with the process.
    std::thread::spawn(move || {
        let _ = copy(&mut io::stdin().lock(), &mut input);
        let _ = input.shutdown(Shutdown::Write);
    });
    let mut output = connection;
    copy(&mut output, &mut io::stdout().lock()).map_err(|error| format!("the connection broke: {error}"))
}

/// Copies what comes as it comes; every piece is flushed, because somebody waits for it.
fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut buffer = [0; 16 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => {
                to.write_all(&buffer[..count])?;
                to.flush()?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
