//! Exit codes, and errors that carry one.

use std::fmt;

/// What podctl's exit code says. 0 is success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// An operation failed; also every error that carries no other code.
    Failed = 1,
    /// Wrong usage.
    Usage = 2,
    /// pod.yaml is invalid.
    Invalid = 3,
    /// No engine answers.
    EngineUnreachable = 4,
    /// The image could not be built.
    BuildFailed = 5,
    /// A pod was not ready in time.
    NotReady = 6,
    /// A criterion of the acceptance test failed.
    AcceptanceFailed = 7,
    /// Interrupted by the user.
    Interrupted = 130,
}

/// An error with an exit code of its own. Its text is what the user reads; put it anywhere in an anyhow chain.
#[derive(Debug)]
pub struct Failure {
    /// The code that podctl ends with.
    pub code: ExitCode,
    message: String,
}

impl Failure {
    /// Makes an error: what could not be done to what, why, what to do next.
    pub fn new(code: ExitCode, message: impl Into<String>) -> Failure {
        Failure { code, message: message.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// The exit code of an error: that of the first [`Failure`] in its chain, else [`ExitCode::Failed`].
#[must_use]
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    error.chain().find_map(|cause| cause.downcast_ref::<Failure>()).map_or(ExitCode::Failed, |failure| failure.code)
}
