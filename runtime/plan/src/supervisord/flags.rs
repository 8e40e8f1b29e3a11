//! supervisord's command line: where its configuration is, and what is said over it.

use super::config::Config;
use super::values::{count, integer};

/// What supervisord is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// To run a configuration.
    Run(Flags),
    /// Which version it is.
    Version,
    /// How it is used.
    Help,
}

/// Where the configuration is, and what is said over it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Flags {
    /// Where the configuration is; none: at the first of [`PLACES`].
    pub configuration: Option<String>,
    said: Vec<(&'static str, String)>,
}

/// Where a configuration is looked for, the first two seen from the folder of the program itself.
pub const PLACES: [&str; 6] = [
    "../etc/supervisord.conf",
    "../supervisord.conf",
    "supervisord.conf",
    "etc/supervisord.conf",
    "/etc/supervisord.conf",
    "/etc/supervisor/supervisord.conf",
];

/// Flags by letter and by name, and whether they have a value.
const FLAGS: [(Option<char>, &str, bool); 20] = [
    (Some('c'), "configuration", true),
    (Some('n'), "nodaemon", false),
    (Some('s'), "silent", false),
    (Some('h'), "help", false),
    (Some('v'), "version", false),
    (Some('u'), "user", true),
    (Some('m'), "umask", true),
    (Some('d'), "directory", true),
    (Some('l'), "logfile", true),
    (Some('y'), "logfile_maxbytes", true),
    (Some('z'), "logfile_backups", true),
    (Some('e'), "loglevel", true),
    (Some('j'), "pidfile", true),
    (Some('i'), "identifier", true),
    (Some('q'), "childlogdir", true),
    (Some('k'), "nocleanup", false),
    (Some('a'), "minfds", true),
    (Some('t'), "strip_ansi", false),
    (None, "minprocs", true),
    (None, "profile_options", true),
];

/// Reads the arguments, without the program's name.
///
/// # Errors
/// What is not understood, in words.
pub fn parse(arguments: &[String]) -> Result<Asked, String> {
    let mut flags = Flags::default();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut next = |flag: &str| arguments.next().cloned().ok_or_else(|| format!("{flag} needs a value"));
        if let Some(long) = argument.strip_prefix("--") {
            let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value.to_owned())));
            let known = FLAGS.iter().find(|(_, known, _)| *known == name);
            let (_, name, has_value) = known.ok_or_else(|| format!("unknown argument {argument}"))?;
            let value = match (has_value, value) {
                (true, Some(value)) => value,
                (true, None) => next(argument)?,
                (false, None) => String::new(),
                (false, Some(_)) => return Err(format!("--{name} has no value")),
            };
            if let Some(asked) = flags.take(name, value) {
                return Ok(asked);
            }
        } else if let Some(letters) = argument.strip_prefix('-').filter(|letters| !letters.is_empty()) {
            let mut letters = letters.chars();
            while let Some(letter) = letters.next() {
                let known = FLAGS.iter().find(|(known, _, _)| *known == Some(letter));
                let (_, name, has_value) = known.ok_or_else(|| format!("unknown argument -{letter}"))?;
                let rest =
                    if *has_value { std::mem::replace(&mut letters, "".chars()).as_str().to_owned() } else { String::new() };
                let value = if *has_value && rest.is_empty() { next(&format!("-{letter}"))? } else { rest };
                if let Some(asked) = flags.take(name, value) {
                    return Ok(asked);
                }
            }
        } else {
            return Err(format!("unexpected argument {argument}"));
        }
    }
    Ok(Asked::Run(flags))
}

impl Flags {
    /// A configuration, and nothing said over it.
    #[must_use]
    pub fn of(configuration: &str) -> Flags {
        Flags { configuration: Some(configuration.to_owned()), said: Vec::new() }
    }

    fn take(&mut self, name: &'static str, value: String) -> Option<Asked> {
        match name {
            "help" => return Some(Asked::Help),
            "version" => return Some(Asked::Version),
            "configuration" => self.configuration = Some(value),
            _ => self.said.push((name, value)),
        }
        None
    }

    /// Says over a configuration what the flags say; only what has a meaning for podinit.
    ///
    /// # Errors
    /// A value that is none, in words.
    pub fn apply(&self, config: &mut Config) -> Result<(), String> {
        let daemon = &mut config.supervisord;
        for (name, value) in &self.said {
            let wrong = |error: String| format!("--{name} `{value}`: {error}");
            match *name {
                "nodaemon" => daemon.nodaemon = true,
                "silent" => daemon.silent = true,
                "nocleanup" => daemon.nocleanup = true,
                "strip_ansi" => daemon.strip_ansi = true,
                "user" => daemon.user = Some(value.clone()),
                "identifier" => daemon.identifier.clone_from(value),
                "childlogdir" => daemon.childlogdir.clone_from(value),
                "directory" => daemon.directory = Some(value.clone()),
                "logfile" => daemon.logfile.clone_from(value),
                "pidfile" => daemon.pidfile.clone_from(value),
                "minfds" => daemon.minfds = count(value).map_err(wrong)?,
                "minprocs" => daemon.minprocs = count(value).map_err(wrong)?,
                "logfile_backups" => daemon.logfile_backups = u64::try_from(integer(value).map_err(wrong)?).unwrap_or(0),
                "logfile_maxbytes" => daemon.logfile_maxbytes = super::values::size(value).map_err(wrong)?,
                "loglevel" => daemon.loglevel = super::values::log_level(value).map_err(wrong)?,
                "umask" => daemon.umask = super::values::octal(value).map_err(wrong)?,
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Asked, String> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn flags_are_written_as_the_original_has_them() {
        let run = |line: &str| match parsed(line) {
            Ok(Asked::Run(flags)) => (flags.configuration.unwrap_or_default(), flags.said),
            other => panic!("{line}: {other:?}"),
        };
        for line in ["-nc /x", "-n -c/x", "--nodaemon --configuration=/x", "--configuration /x -n"] {
            assert_eq!(run(line), ("/x".to_owned(), vec![("nodaemon", String::new())]), "{line}");
        }
        assert_eq!(run("-u app --minfds=9").1, [("user", "app".to_owned()), ("minfds", "9".to_owned())]);
        assert_eq!((parsed("-v"), parsed("-n --help")), (Ok(Asked::Version), Ok(Asked::Help)));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (line, named) in [("-x", "-x"), ("--foo", "--foo"), ("-c", "-c"), ("--silent=1", "--silent"), ("x", "x")] {
            assert!(parsed(line).unwrap_err().contains(named), "{line}");
        }
    }
}
