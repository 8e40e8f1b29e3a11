//! The command line: arguments in, a command run, one error printed, an exit code out.

use crate::commands::output::ReaderGone;
use crate::commands::{self, Context};
use crate::failure::{self, ExitCode};
use crate::ui::{Progress, Ui};
use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// One pod.yaml in; one container image out, in which nginx and several services live under one small, correct PID 1.
///
/// POD is a pod's name (pods/NAME/pod.yaml), its folder or its file; without it, the pod.yaml of this folder or the
/// nearest one above it, or the pods below pods/.
#[derive(Debug, Parser)]
#[command(name = "podctl", version, max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// A pod.yaml to use; a second one lies over the first. Comes before the command, after which -f may mean --follow
    #[arg(short, long = "file", value_name = "FILE", help_heading = "Global options")]
    pub files: Vec<PathBuf>,
    /// How progress is shown
    #[arg(long, global = true, value_enum, default_value_t, env = "PODCTL_PROGRESS", help_heading = "Global options")]
    pub progress: Progress,
    /// No colours; as with NO_COLOR
    #[arg(long, global = true, help_heading = "Global options")]
    pub no_color: bool,
}

/// What podctl can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show every mistake of a pod.yaml at once
    Check(commands::check::Args),
    /// Start a pod.yaml from what the folder shows
    Init(commands::init::Args),
    /// Write the pod.yaml of a project that runs under supervisord
    Import(commands::import::Args),
    /// Write the files that an image is built from
    Render(commands::render::Args),
    /// Write podinit itself, for images that podctl does not build
    Podinit(commands::podinit::Args),
    /// Build a pod's image
    Build(commands::build::Args),
    /// Build what changed, run it, and wait until it is ready
    Up(commands::up::Args),
    /// Show the pods of this engine and their services
    Ps(commands::ps::Args),
    /// Show what services use, live
    Top(commands::top::Args),
    /// Show what happened in a pod
    Events(commands::events::Args),
    /// Show what a pod or one of its services wrote
    Logs(commands::logs::Args),
    /// Restart a pod or one of its services
    Restart(commands::restart::Args),
    /// Stop pods and remove their containers and networks
    Down(commands::down::Args),
    /// Prove a pod
    Test(commands::test::Args),
}

/// Runs podctl with the arguments of this process.
#[must_use]
pub fn run() -> std::process::ExitCode {
    // clap prints its own errors, and ends with ExitCode::Usage.
    let cli = Cli::parse();
    if cli.no_color {
        anstream::ColorChoice::Never.write_global();
    }
    match execute(cli) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        // Whoever read the output has seen enough, as in `podctl logs | head`.
        Err(error) if error.is::<ReaderGone>() => std::process::ExitCode::SUCCESS,
        Err(error) => {
            let code = failure::exit_code(&error);
            let style = anstyle::AnsiColor::Red.on_default().bold();
            if code != ExitCode::Interrupted {
                anstream::eprintln!("{style}error{style:#}: {error:#}");
            }
            std::process::ExitCode::from(code as u8)
        }
    }
}

fn execute(cli: Cli) -> Result<()> {
    let context = Context { files: cli.files, ui: Ui::new(cli.progress) };
    // What needs no engine needs no runtime either.
    match cli.command {
        Command::Check(args) => return commands::check::run(&context, &args),
        Command::Init(args) => return commands::init::run(&context, &args),
        Command::Import(args) => return commands::import::run(&context, &args),
        Command::Render(args) => return commands::render::run(&context, &args),
        Command::Podinit(args) => return commands::podinit::run(&context, &args),
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start the async runtime")?;
    let result = runtime.block_on(async {
        use commands::interrupt::or_interrupted;
        match cli.command {
            Command::Check(_) | Command::Init(_) | Command::Import(_) | Command::Render(_) | Command::Podinit(_) => Ok(()),
            Command::Build(args) => or_interrupted(commands::build::run(&context, &args)).await,
            Command::Ps(args) => or_interrupted(commands::ps::run(&context, &args)).await,
            Command::Events(args) => or_interrupted(commands::events::run(&context, &args)).await,
            Command::Logs(args) => or_interrupted(commands::logs::run(&context, &args)).await,
            Command::Restart(args) => or_interrupted(commands::restart::run(&context, &args)).await,
            Command::Down(args) => or_interrupted(commands::down::run(&context, &args)).await,
            Command::Test(args) => or_interrupted(commands::test::run(&context, &args)).await,
            // To interrupt it is how it ends.
            Command::Top(args) => commands::top::run(&context, &args).await,
            // It stops what it has started.
            Command::Up(args) => commands::up::run(&context, &args).await,
        }
    });
    // Work that was given up must not keep the user waiting.
    runtime.shutdown_background();
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    fn refused(line: &str) -> clap::Error {
        Cli::try_parse_from(line.split_whitespace()).expect_err(line)
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_the_readme_shows_is_understood() {
        for line in [
            "podctl check",
            "podctl check core-pod --format json",
            "podctl render core-pod -o out",
            "podctl podinit -o podinit.tar --architecture arm64",
            "podctl init",
            "podctl import supervisord.conf",
            "podctl import . -o pod.yaml --force --format json",
            "podctl build core-pod --no-cache --pull --ca-bundle ca.pem --mirror http://mirror.example/debian",
            "podctl up -d core-pod",
            "podctl -f a.yaml -f b.yaml up --no-build --wait-timeout 1m30s",
            "podctl ps --format table",
            "podctl top",
            "podctl top core-pod other --interval 5s --sort memory --once --format json",
            "podctl events -f core-pod --since 5m",
            "podctl events core-pod --since 17 --format json",
            "podctl logs -f -n 10 core-pod/auth-service",
            "podctl restart core-pod/auth-service",
            "podctl down core-pod -t 5s --progress plain",
            "podctl test acceptance core-pod --image core-pod:1 --report json=out.json --only routes,no-zombies",
        ] {
            assert!(Cli::try_parse_from(line.split_whitespace()).is_ok(), "{line}");
        }
    }

    #[test]
    fn mistakes_are_usage_errors_that_say_what_to_write() {
        let bare = refused("podctl down core-pod -t 5");
        assert_eq!(bare.exit_code(), ExitCode::Usage as i32);
        assert!(bare.to_string().contains("10s"), "{bare}");
        assert!(refused("podctl top --interval 2").to_string().contains("10s"));
        assert!(refused("podctl top --sort pid").to_string().contains("memory"));
        assert!(refused("podctl events --since yesterday").to_string().contains("10s"));
        assert!(refused("podctl test acceptance --report out.json").to_string().contains("json=FILE"));
        assert_eq!(refused("podctl restart").kind(), ErrorKind::MissingRequiredArgument);
        assert_eq!(refused("podctl render").kind(), ErrorKind::MissingRequiredArgument);
    }
}
