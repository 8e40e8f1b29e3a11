//! The one way to a running pod: a connection to its podinit, through the engine's exec.
//!
//! It works wherever the engine is, and needs neither a published port nor a shared folder.

use super::Engine;
use super::podinit::Podinit;
use anyhow::{Context, Result, anyhow};
use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecResults};
use futures_util::StreamExt;
use hyper_util::rt::TokioIo;
use podinit_plan::plan::PODINIT;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncWriteExt, DuplexStream};

/// How much waits between the engine and the client in each direction.
const BUFFER_BYTES: usize = 64 * 1024;

impl Engine {
    /// Connects to the podinit of a running container. Costs a process in the container, about 50 ms of CPU.
    ///
    /// # Errors
    /// The container does not run, or has no podinit that answers.
    pub async fn dial(&self, container: &str) -> Result<Podinit> {
        let context = || format!("cannot talk to podinit in the container {container}");
        let options = CreateExecOptions {
            cmd: Some(vec![PODINIT, "dial"]),
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..CreateExecOptions::default()
        };
        let id = self.docker.create_exec(container, options).await.with_context(context)?.id;
        let attached = self.docker.start_exec(&id, None).await.with_context(context)?;
        let complaints = Arc::new(Mutex::new(String::new()));
        let stream = join(attached, Arc::clone(&complaints)).with_context(context)?;
        let (requests, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.with_context(context)?;
        // Whoever waits for an answer learns of a broken connection from its own request.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Podinit::new(requests, complaints))
    }
}

/// Makes one stream of an exec's stdin and stdout; what it writes to stderr is kept as its complaints.
fn join(attached: StartExecResults, complaints: Arc<Mutex<String>>) -> Result<DuplexStream> {
    let StartExecResults::Attached { mut output, mut input } = attached else {
        return Err(anyhow!("the engine did not attach to it"));
    };
    let (ours, theirs) = tokio::io::duplex(BUFFER_BYTES);
    let (mut requests, mut answers) = tokio::io::split(theirs);
    tokio::spawn(async move {
        // An end or a failure of either side closes the other one.
        drop(tokio::io::copy(&mut requests, &mut input).await);
        drop(input.shutdown().await);
    });
    tokio::spawn(async move {
        while let Some(Ok(chunk)) = output.next().await {
            match chunk {
                LogOutput::StdErr { message } => {
                    if let Ok(mut complaints) = complaints.lock() {
                        complaints.push_str(&String::from_utf8_lossy(&message));
                    }
                }
                other => {
                    if answers.write_all(&other.into_bytes()).await.is_err() {
                        break;
                    }
                }
            }
        }
        drop(answers.shutdown().await);
    });
    Ok(ours)
}
