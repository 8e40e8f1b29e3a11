//! The server itself: open, reload, shutdown.

use super::super::input::Line;
use super::super::server::Trouble;
use super::super::session::{GENERIC, Outcome, Session};
use super::fault;
use super::info::status;

pub(super) fn open(session: &mut Session, argument: &str) -> Outcome {
    if !["http:", "unix:"].iter().any(|scheme| argument.to_lowercase().starts_with(scheme)) {
        session.say("ERROR: url must be http:// or unix://");
        session.exit = GENERIC;
        return Ok(());
    }
    argument.clone_into(&mut session.server.url);
    let before = session.exit;
    status(session, "")?;
    session.exit = before;
    Ok(())
}

pub(super) fn reload(session: &mut Session, argument: &str) -> Outcome {
    if !argument.is_empty() {
        return session.refuse("Error: reload accepts no arguments", "reload", GENERIC);
    }
    if !is_meant(session, "Really restart the remote supervisord process y/N? ")? {
        return Ok(());
    }
    match session.call("restart", []) {
        Ok(_) => session.say("Restarted supervisord"),
        Err(Trouble::Fault(fault)) if fault.code == fault::SHUTDOWN_STATE => {
            session.say("ERROR: already shutting down");
            session.exit = GENERIC;
        }
        Err(trouble) => return Err(trouble),
    }
    Ok(())
}

pub(super) fn shutdown(session: &mut Session, argument: &str) -> Outcome {
    if !argument.is_empty() {
        return session.refuse("Error: shutdown accepts no arguments", "shutdown", GENERIC);
    }
    if !is_meant(session, "Really shut the remote supervisord process down y/N? ")? {
        return Ok(());
    }
    match session.call("shutdown", []) {
        Ok(_) => session.say("Shut down"),
        Err(Trouble::Fault(fault)) if fault.code == fault::SHUTDOWN_STATE => session.say("ERROR: already shutting down"),
        Err(trouble @ (Trouble::Missing | Trouble::Refused)) => {
            session.say(&format!("ERROR: {} (already shut down?)", session.server.words(&trouble)));
            session.exit = GENERIC;
        }
        Err(trouble) => return Err(trouble),
    }
    Ok(())
}

/// Asks whoever is there whether that is meant; from the command line it is.
fn is_meant(session: &mut Session, question: &str) -> Result<bool, Trouble> {
    if !session.is_interactive {
        return Ok(true);
    }
    match session.input.ask(question) {
        Line::Text(answer) => Ok(answer.starts_with(['y', 'Y'])),
        Line::End | Line::Interrupted => Err(Trouble::Other("there was no answer".to_owned())),
    }
}
