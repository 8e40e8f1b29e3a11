//! Arguments in, exit code out.

use crate::boot::{self, Failure};
use crate::load::Source;
use crate::sys::Linux;
use crate::{check, client, foreground, launch, reach, supervisorctl, supervisord};
use podinit_plan::plan;
use podinit_plan::supervisord::{Asked, Flags, parse_flags};
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const HELP: &str = "\
podinit runs the services of a pod as its PID 1.

Usage:
  podinit [--plan FILE]    run the plan; FILE is /etc/podinit/plan.json unless told
  podinit -c FILE          run a supervisord.conf; also as `supervisord`, with its arguments
  podinit COMMAND [ARG...] run the command instead, without a plan: reap orphans, hand on signals, end as it ends;
                           `podinit -- COMMAND` for one that is called like one of these
  podinit --check [FILE]   say everything that is wrong with the plan in this image, and start nothing
  podinit --check -c FILE  the same of a supervisord.conf; with --format json what podinit makes of it
  podinit healthcheck      print how the pod in this container is; 0 when it is ready, 1 otherwise
  podinit ctl [ARG...]     supervisorctl, for this podinit and for supervisord; also as `supervisorctl`; ctl -h says more
  podinit dial             join stdin and stdout to the control socket of the pod in this container
  podinit reach HOST:PORT  try to connect; 0 when every address accepts, 1 and the reason otherwise
  podinit --version
  podinit --help

Exit codes of a pod: 0 asked to stop, or all services are done; N or 128+S as the essential service that is down for
good; 113 it exited 0; 127 not found; 126 not executable; 112 its start took too long or its check failed; 100 the
plan or the usage is wrong; 111 a system call failed at boot, or podinit may not become the users of its services;
110 it may not signal them.
Of a command: its own, or 128+S; 127 not found; 126 not executable; 111 a system call failed.
";

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Command {
    Run(Source),
    Check(Source),
    /// What podinit makes of a supervisord.conf, as JSON.
    Describe(Flags),
    Healthcheck,
    Dial,
    Reach(Vec<String>),
    /// What supervisorctl is asked for.
    Ctl(Vec<String>),
    Launch(Vec<OsString>),
    Foreground(Vec<OsString>),
    Version,
    Help,
}

/// supervisord's exit code of a configuration, or a usage, that is wrong.
const SUPERVISORD_WRONG: u8 = 2;

/// Does what the arguments ask for, the first of which is what the program is called by.
#[must_use]
pub fn run(arguments: Vec<OsString>) -> ExitCode {
    let mut arguments = arguments.into_iter();
    let called = arguments.next().unwrap_or_default();
    if Path::new(&called).file_name() == Some(OsStr::new("supervisorctl")) {
        return ExitCode::from(supervisorctl::run(&called.to_string_lossy(), &texts(arguments)));
    }
    let is_supervisord = Path::new(&called).file_name() == Some(OsStr::new("supervisord"));
    let command = if is_supervisord { parse_as_supervisord(arguments.collect()) } else { parse(arguments.collect()) };
    let command = match command {
        Ok(command) => command,
        Err(error) => {
            say_error(&format!("{error}; podinit --help says more"));
            return ExitCode::from(if is_supervisord { SUPERVISORD_WRONG } else { boot::WRONG as u8 });
        }
    };
    match command {
        Command::Run(source) => match boot::run(Linux, &source) {
            Err(failure) if is_supervisord && failure.code == boot::WRONG => {
                fail(&failure);
                ExitCode::from(SUPERVISORD_WRONG)
            }
            ended => exit_code(ended.unwrap_or_else(|failure| fail(&failure))),
        },
        Command::Describe(flags) => {
            let loaded = supervisord::load(&flags);
            let printed = print(&supervisord::described(loaded.as_ref()));
            if loaded.is_ok() { printed } else { ExitCode::from(boot::WRONG as u8) }
        }
        Command::Check(plan) => match check::run(&plan) {
            Ok(summary) => print(&summary),
            Err(failure) => exit_code(fail(&failure)),
        },
        Command::Healthcheck => {
            let (line, is_well) = client::healthcheck(&Linux);
            print(&format!("{line}\n"));
            if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Command::Dial => match client::dial(&Linux) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                say_error(&error);
                ExitCode::FAILURE
            }
        },
        Command::Launch(arguments) => {
            let failure = launch::run(arguments.into_iter());
            say_error(&failure.message);
            ExitCode::from(failure.code)
        }
        Command::Foreground(command) => exit_code(foreground::run(&Linux, &command).unwrap_or_else(|failure| fail(&failure))),
        Command::Reach(addresses) => match reach::run(&addresses) {
            Ok(()) => ExitCode::SUCCESS,
            Err(reason) => {
                // podinit reads it as the reason; as with a check, its name would only be in the way.
                let _ = writeln!(std::io::stderr(), "{reason}");
                ExitCode::FAILURE
            }
        },
        Command::Ctl(arguments) => ExitCode::from(supervisorctl::run("podinit ctl", &arguments)),
        Command::Version => print(&format!("podinit {}\n", env!("CARGO_PKG_VERSION"))),
        Command::Help => print(HELP),
    }
}

fn parse(arguments: Vec<OsString>) -> Result<Command, String> {
    let mut arguments = arguments.into_iter();
    let Some(first) = arguments.next() else { return Ok(Command::Run(plan_at(None))) };
    let command = match first.to_str() {
        Some("--plan") => Command::Run(plan_at(Some(arguments.next().ok_or("--plan needs a file")?))),
        Some("--check") => return parse_check(arguments.collect()),
        Some("-c" | "--configuration") => return parse_as_supervisord(std::iter::once(first).chain(arguments).collect()),
        Some("healthcheck") => Command::Healthcheck,
        Some("dial") => Command::Dial,
        Some("reach") => Command::Reach(texts(arguments.by_ref())),
        Some("ctl") => return Ok(Command::Ctl(texts(arguments))),
        Some("launch") => return Ok(Command::Launch(arguments.collect())),
        Some("--version" | "-V") => Command::Version,
        Some("--help" | "-h") => Command::Help,
        Some("--") => match arguments.next() {
            Some(command) => return Ok(Command::Foreground(std::iter::once(command).chain(arguments).collect())),
            None => return Err("a command is missing after --".to_owned()),
        },
        Some(option) if option.starts_with('-') => return Err(format!("there is no option {option}")),
        _ => return Ok(Command::Foreground(std::iter::once(first).chain(arguments).collect())),
    };
    match arguments.next() {
        None => Ok(command),
        Some(extra) => Err(format!("unexpected argument {}", extra.display())),
    }
}

/// The plan in a file, the usual one unless told.
fn plan_at(file: Option<OsString>) -> Source {
    Source::Plan(file.map_or_else(|| PathBuf::from(plan::PATH), PathBuf::from))
}

/// What follows `--check`: nothing, a plan, or `-c FILE [--format json]`.
fn parse_check(arguments: Vec<OsString>) -> Result<Command, String> {
    let words: Vec<&str> = arguments.iter().filter_map(|argument| argument.to_str()).collect();
    match words[..] {
        ["-c", file] => Ok(Command::Check(Source::Supervisord(Flags::of(file)))),
        ["-c", file, "--format", "json"] | ["--format", "json", "-c", file] => Ok(Command::Describe(Flags::of(file))),
        ["-c", ..] => Err("--check -c needs a file, and may have --format json".to_owned()),
        _ if arguments.len() > 1 => Err(format!("unexpected argument {}", arguments[1].display())),
        _ => Ok(Command::Check(plan_at(arguments.into_iter().next()))),
    }
}

/// The arguments of supervisord, without its name.
fn parse_as_supervisord(arguments: Vec<OsString>) -> Result<Command, String> {
    Ok(match parse_flags(&texts(arguments))? {
        Asked::Run(flags) => Command::Run(Source::Supervisord(flags)),
        Asked::Version => Command::Version,
        Asked::Help => Command::Help,
    })
}

fn texts(arguments: impl IntoIterator<Item = OsString>) -> Vec<String> {
    arguments.into_iter().map(|argument| argument.to_string_lossy().into_owned()).collect()
}

fn fail(failure: &Failure) -> i32 {
    failure.messages.iter().for_each(|message| say_error(message));
    failure.code
}

fn exit_code(code: i32) -> ExitCode {
    // Exit codes are one byte; the plan's are of that size too.
    ExitCode::from((code & 0xff) as u8)
}

/// Prints to stdout, whose reader may be gone.
fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn say_error(message: &str) {
    // There is nobody left to tell when this fails.
    let _ = writeln!(std::io::stderr(), "podinit: {message}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(OsString::from).collect())
    }

    #[test]
    fn the_plan_has_a_place_of_its_own() {
        assert_eq!(parsed(""), Ok(Command::Run(Source::Plan(plan::PATH.into()))));
        assert_eq!(parsed("--plan x.json"), Ok(Command::Run(Source::Plan("x.json".into()))));
        assert_eq!(parsed("--check"), Ok(Command::Check(Source::Plan(plan::PATH.into()))));
        assert_eq!(parsed("--check x.json"), Ok(Command::Check(Source::Plan("x.json".into()))));
    }

    #[test]
    fn a_configuration_is_run_checked_or_described() {
        let flags = Flags::of("x.conf");
        assert_eq!(parsed("-c x.conf"), Ok(Command::Run(Source::Supervisord(flags.clone()))));
        assert_eq!(parsed("--check -c x.conf"), Ok(Command::Check(Source::Supervisord(flags.clone()))));
        assert_eq!(parsed("--check -c x.conf --format json"), Ok(Command::Describe(flags)));
        assert!(parsed("--check -c").is_err() && parsed("-c").is_err());
    }

    #[test]
    fn what_is_none_of_podinit_s_own_begins_a_command() {
        for (line, command) in [
            ("ls", "ls"),
            ("sh -c x --version", "sh -c x --version"),
            ("./dial healthcheck", "./dial healthcheck"),
            ("-- healthcheck", "healthcheck"),
            ("-- -- x", "-- x"),
            ("-- --version", "--version"),
        ] {
            let command = command.split(' ').map(OsString::from).collect();
            assert_eq!(parsed(line), Ok(Command::Foreground(command)), "{line}");
        }
        assert_eq!(parsed("healthcheck"), Ok(Command::Healthcheck));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (line, named) in
            [("--x", "--x"), ("-x ls", "-x"), ("--", "after --"), ("--plan", "--plan"), ("dial now", "now"), ("--check a b", "b")]
        {
            assert!(parsed(line).unwrap_err().contains(named), "{line}");
        }
    }
}
