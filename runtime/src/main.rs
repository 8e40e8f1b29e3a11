//! The program; see the library.

#[cfg(all(target_env = "gnu", target_feature = "crt-static"))]
mod lean;

use std::process::ExitCode;

fn main() -> ExitCode {
    podinit::cli::run(std::env::args_os().collect())
}
