//! Shell scripts in a container.

use crate::engine::Engine;
use anyhow::{Result, bail};

/// Root in the container, for what needs no look into other users' processes.
pub const ROOT: &str = "0:0";

/// Runs a script to its end, as `uid:gid` or the container's own user; its stdout. `arguments` are `$1` and on.
///
/// # Errors
/// The container does not run, has no `/bin/sh`, or the script fails.
pub async fn run(engine: &Engine, container: &str, user: Option<&str>, script: &str, arguments: &[&str]) -> Result<Vec<u8>> {
    let mut command = vec!["/bin/sh", "-c", script, "witness"];
    command.extend(arguments);
    let output = engine.exec(container, &command, user).await?;
    match output.exit_code {
        0 => Ok(output.stdout),
        126 | 127 => bail!(
            "cannot look into the container {container}: /bin/sh cannot be executed there; give the image one for the test: {}",
            String::from_utf8_lossy(&output.stdout).trim()
        ),
        code => bail!(
            "cannot look into the container {container}: a script ended with {code}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        ),
    }
}
