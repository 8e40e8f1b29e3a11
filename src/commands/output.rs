//! Results, on stdout.

use anyhow::{Context, Result};
use std::fmt;
use std::io::{ErrorKind, Write};

/// Nobody reads stdout any more: a reason to end, and none to complain.
#[derive(Debug)]
pub struct ReaderGone;

impl fmt::Display for ReaderGone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nobody reads stdout any more")
    }
}

impl std::error::Error for ReaderGone {}

/// Writes bytes and the end of a line to stdout; colours are taken out where they are not wanted.
///
/// # Errors
/// [`ReaderGone`], or stdout cannot be written to.
pub fn print(line: &[u8]) -> Result<()> {
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(line).and_then(|()| stdout.write_all(b"\n")).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(ReaderGone.into()),
        written => written.context("cannot write to stdout"),
    }
}

/// Writes what moves a terminal's cursor, which is there whether colours are wanted or not.
///
/// # Errors
/// As [`print`].
pub fn control(sequence: &str) -> Result<()> {
    match std::io::stdout().lock().write_all(sequence.as_bytes()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(ReaderGone.into()),
        written => written.context("cannot write to stdout"),
    }
}
