//! `podinit healthcheck`: what the image's HEALTHCHECK runs. The engine keeps what it prints, and podctl reads it there.

use super::summary::summary;
use crate::sys::UnixSockets;
use podinit_plan::protocol::Status;
use std::io::{Read, Write};
use std::time::Duration;

/// Less than the five seconds that the image gives its HEALTHCHECK.
const PATIENCE: Duration = Duration::from_secs(4);

/// Asks how the pod is. Gives the line to be printed, and whether the pod is well.
pub fn healthcheck(sys: &impl UnixSockets) -> (String, bool) {
    match ask(sys) {
        Ok(status) => (summary(&status), status.ready),
        Err(problem) => (problem, false),
    }
}

fn ask(sys: &impl UnixSockets) -> Result<Status, String> {
    let mut connection = super::connect(sys)?;
    let mut talk = || -> std::io::Result<Vec<u8>> {
        connection.set_read_timeout(Some(PATIENCE))?;
        connection.set_write_timeout(Some(PATIENCE))?;
        connection.write_all(b"GET /v1/status HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer)?;
        Ok(answer)
    };
    let answer = talk().map_err(|error| format!("podinit does not answer: {error}"))?;
    let body = answer.windows(4).position(|four| four == b"\r\n\r\n").map_or(&[][..], |at| &answer[at + 4..]);
    serde_json::from_slice(body).map_err(|error| format!("podinit's answer is not its status: {error}"))
}
