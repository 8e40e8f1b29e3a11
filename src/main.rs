//! Arguments in, one error printed, exit code out.

fn main() -> std::process::ExitCode {
    podctl::cli::run()
}
