//! The program; see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    podinit::cli::run(std::env::args_os().collect())
}
