//! Lines: one from the command line, or one after the other from the shell.

use super::commands::{COMMANDS, Command};
use super::help;
use super::input::{Input, Line};
use super::server::{Server, Trouble};
use crate::xmlrpc::Value;
use std::io::{self, Write};

/// Something went wrong that has no words of supervisorctl's own.
pub(super) const GENERIC: u8 = 1;
/// There is no server.
const NO_SERVER: u8 = 7;
/// Nobody listens.
const REFUSED: u8 = 4;
/// The server does not know what it is asked.
const UNKNOWN_METHOD: i32 = 1;
/// What the server says its interface is.
const API_VERSION: &str = "3.0";

/// A server, and what has become of the commands so far.
pub(super) struct Session {
    pub server: Server,
    pub input: Input,
    /// Somebody is there to be asked.
    pub is_interactive: bool,
    /// The exit code of a single command.
    pub exit: u8,
}

/// A command has no answer. All but those that it says itself are said for it.
pub(super) type Outcome = Result<(), Trouble>;

impl Session {
    pub fn new(server: Server, is_interactive: bool) -> Session {
        Session { server, input: Input::default(), is_interactive, exit: 0 }
    }

    /// Runs lines from stdin until they end or say so.
    pub fn shell(&mut self, prompt: &str) {
        self.line("status");
        loop {
            match self.input.ask(&format!("{prompt}> ")) {
                Line::Text(line) if self.line(&line) => {}
                Line::Text(_) => return,
                Line::End | Line::Interrupted => return self.say(""),
            }
        }
    }

    /// Runs a line. False when it was the last.
    pub fn line(&mut self, line: &str) -> bool {
        let line = line.trim();
        let line = line.strip_prefix('?').map_or_else(|| line.to_owned(), |topic| format!("help {topic}"));
        if line.is_empty() {
            return true;
        }
        let end = line.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(line.len());
        let (word, argument) = (&line[..end], line[end..].trim());
        match word {
            "quit" | "exit" | "EOF" => {
                self.say("");
                return false;
            }
            "help" => self.say(&help::about(argument)),
            _ => match COMMANDS.iter().find(|(name, _)| *name == word) {
                Some((_, command)) => self.carry_out(*command, argument),
                None => {
                    self.say(&format!("*** Unknown syntax: {line}"));
                    self.exit = GENERIC;
                }
            },
        }
        true
    }

    fn carry_out(&mut self, command: Command, argument: &str) {
        while let Err(trouble) = command(self, argument) {
            let words = self.server.words(&trouble);
            let is_who = matches!(trouble, Trouble::Unauthorized);
            self.say(&if is_who { words } else { format!("error: {words}") });
            self.exit = GENERIC;
            if !(is_who && self.is_interactive && self.ask_who()) {
                return;
            }
        }
    }

    /// Asks who asks. False when nobody says.
    fn ask_who(&mut self) -> bool {
        let Line::Text(username) = self.input.ask("Username:") else { return false };
        let Line::Text(password) = self.input.ask_secret("Password:") else { return false };
        self.say("\n");
        self.server.username = Some(username);
        self.server.password = Some(password);
        true
    }

    /// Prints a line.
    pub fn say(&self, text: &str) {
        // Who does not read it may still want the command.
        let _ = writeln!(io::stdout(), "{text}");
    }

    /// Prints what is wrong.
    pub fn complain(&mut self, text: &str) -> Outcome {
        self.say(text);
        self.exit = GENERIC;
        Ok(())
    }

    /// Prints what is wrong with a command, and what it is for.
    pub fn refuse(&mut self, text: &str, command: &str, exit: u8) -> Outcome {
        self.say(text);
        self.exit = exit;
        self.say(&help::about(command));
        Ok(())
    }

    /// Calls the server.
    pub fn call<const N: usize>(&self, method: &str, params: [&str; N]) -> Result<Value, Trouble> {
        self.server.call(method, params.into_iter().map(Value::from).collect())
    }

    /// Whether a server is there that can be talked to; what is wrong has been said otherwise.
    pub fn is_up(&mut self) -> Result<bool, Trouble> {
        let trouble = match self.call("getVersion", []) {
            Ok(version) if version.as_str() == Some(API_VERSION) => return Ok(true),
            Ok(version) => {
                let version = version.as_str().unwrap_or("unknown");
                self.say(&format!(
                    "Sorry, this version of supervisorctl expects to talk to a server with API version {API_VERSION}, but the \
                     remote version is {version}."
                ));
                self.exit = 5;
                return Ok(false);
            }
            Err(trouble) => trouble,
        };
        self.exit = match &trouble {
            Trouble::Refused => REFUSED,
            Trouble::Missing => NO_SERVER,
            Trouble::Fault(fault) if fault.code == UNKNOWN_METHOD => {
                self.say(
                    "Sorry, supervisord responded but did not recognize the supervisor namespace commands that supervisorctl \
                     uses to control it.  Please check that the [rpcinterface:supervisor] section is enabled in the \
                     configuration file (see sample.conf).",
                );
                self.exit = 3;
                return Ok(false);
            }
            _ => return Err(trouble),
        };
        self.say(&self.server.words(&trouble));
        Ok(false)
    }
}
