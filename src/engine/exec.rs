//! Commands in a running container.

use super::Engine;
use anyhow::{Context, Result, anyhow};
use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecResults};
use futures_util::StreamExt;

/// What a command wrote, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// All of its stdout.
    pub stdout: Vec<u8>,
    /// All of its stderr.
    pub stderr: Vec<u8>,
    /// Its exit code; 126 and 127 also when the engine could not execute it.
    pub exit_code: i64,
}

impl Engine {
    /// Runs a command in a running container to its end, as `user` (`name`, `uid`, `uid:gid`) or the container's own.
    ///
    /// # Errors
    /// The container does not run, or the engine went away.
    pub async fn exec(&self, container: &str, command: &[&str], user: Option<&str>) -> Result<Output> {
        let context = || format!("cannot run {} in the container {container}", command.first().unwrap_or(&"a command"));
        let options = CreateExecOptions {
            cmd: Some(command.to_vec()),
            user,
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..CreateExecOptions::default()
        };
        let id = self.docker.create_exec(container, options).await.with_context(context)?.id;
        let StartExecResults::Attached { mut output, .. } = self.docker.start_exec(&id, None).await.with_context(context)? else {
            return Err(anyhow!("the engine did not attach to it")).with_context(context);
        };
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        while let Some(chunk) = output.next().await {
            match chunk.with_context(context)? {
                LogOutput::StdErr { message } => stderr.extend_from_slice(&message),
                other => stdout.extend_from_slice(&other.into_bytes()),
            }
        }
        let ended = self.docker.inspect_exec(&id).await.with_context(context)?;
        Ok(Output { stdout, stderr, exit_code: ended.exit_code.unwrap_or(-1) })
    }
}
