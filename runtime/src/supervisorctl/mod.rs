//! supervisorctl: podinit called by that name, or as `podinit ctl`. The commands, what they print and how they exit are
//! those of supervisord 4.3's own, and it talks to that as well as to podinit.
//!
//! [`options`] reads the command line, [`place`] finds the server, [`server`] calls it, [`session`] runs lines, and every
//! family of commands has a file in `commands/`.

mod commands;
mod help;
mod http;
mod input;
mod interrupt;
mod options;
mod place;
mod server;
mod session;
mod stream;

use options::Asked;
use session::Session;
use std::io::Write;

/// The exit code of a command line, or a configuration, that is wrong.
const USAGE: u8 = 2;

/// Does what the arguments ask for. `called` is what the program is called by.
#[must_use]
pub fn run(called: &str, arguments: &[String]) -> u8 {
    let wrong = |error: String| {
        // There is nobody left to tell when this fails.
        let _ = writeln!(std::io::stderr(), "Error: {error}\nFor help, use {called} -h");
        USAGE
    };
    let given = match options::parse(arguments) {
        Ok(Asked::Run(given)) => given,
        Ok(Asked::Help) => {
            let _ = writeln!(std::io::stdout(), "{}", help::USAGE.replace("%s", called));
            return 0;
        }
        Err(error) => return wrong(error),
    };
    let (server, prompt) = match place::find(&given) {
        Ok(found) => found,
        Err(error) => return wrong(error),
    };
    let words = given.words.join(" ");
    let mut session = Session::new(server, given.interactive || given.words.is_empty());
    if given.words.is_empty() {
        session.shell(&prompt);
        return 0;
    }
    session.line(&words);
    session.exit
}
