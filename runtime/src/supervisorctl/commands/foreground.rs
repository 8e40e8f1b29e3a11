//! fg: what a process writes is printed, and what is typed is its input.

use super::super::input::{Line, wait};
use super::super::interrupt::Interrupt;
use super::super::server::{Trouble, number};
use super::super::session::{GENERIC, Outcome, Session};
use super::super::stream::Stream;
use super::fault;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

const RUNNING: i64 = 20;

pub(super) fn fg(session: &mut Session, argument: &str) -> Outcome {
    if !session.is_up()? {
        return Ok(());
    }
    let name = match argument.split_whitespace().collect::<Vec<_>>()[..] {
        [name] => name,
        [] => {
            return session.refuse("ERROR: no process name supplied", "fg", GENERIC);
        }
        _ => return session.complain("ERROR: too many process names supplied"),
    };
    match session.call("getProcessInfo", [name]) {
        Ok(info) if number(&info, "state")? == RUNNING => {}
        Ok(_) => return session.complain("ERROR: process not running"),
        Err(Trouble::Fault(fault)) if fault.code == fault::BAD_NAME => {
            return session.complain("ERROR: bad process name supplied");
        }
        Err(Trouble::Fault(fault)) => {
            session.say(&format!("ERROR: {fault}"));
            return Ok(());
        }
        Err(trouble) => return Err(trouble),
    }
    let interrupt = Interrupt::catch().map_err(|error| Trouble::Other(error.to_string()))?;
    session.say("==> Press Ctrl-C to exit <==");
    let mut streams = ["stdout", "stderr"].map(|channel| Stream::open(&session.server, &format!("/logtail/{name}/{channel}")));
    loop {
        match session.input.ready() {
            Some(Line::Text(line)) if is_handed_over(session, name, &line)? => continue,
            None => {}
            Some(_) => break,
        }
        let stdin = io::stdin();
        // In the place of a stream that has ended there is Ctrl-C once more.
        let of = |stream| fd(stream, interrupt.as_fd());
        let [interrupted, typed, out, err] = wait([interrupt.as_fd(), stdin.as_fd(), of(&streams[0]), of(&streams[1])]);
        if interrupted {
            break;
        }
        for (stream, readable) in streams.iter_mut().zip([out, err]) {
            if readable && stream.as_mut().is_some_and(|stream| !stream.print()) {
                *stream = None;
            }
        }
        if typed {
            session.input.fill();
        }
    }
    session.say("Exiting foreground");
    Ok(())
}

fn fd<'f>(stream: &'f Option<Stream>, otherwise: BorrowedFd<'f>) -> BorrowedFd<'f> {
    stream.as_ref().map_or(otherwise, |stream| stream.connection.as_fd())
}

/// Hands a line to the process. False, and it has been said, when it is gone.
fn is_handed_over(session: &Session, name: &str, line: &str) -> Result<bool, Trouble> {
    match session.call("sendProcessStdin", [name, &format!("{line}\n")]) {
        Ok(_) => {}
        Err(Trouble::Fault(fault)) if fault.code == fault::NOT_RUNNING => {
            session.say("Process got killed");
            return Ok(false);
        }
        Err(Trouble::Fault(fault)) => {
            session.say(&format!("ERROR: {fault}"));
            return Ok(false);
        }
        Err(trouble) => return Err(trouble),
    }
    let is_running = number(&session.call("getProcessInfo", [name])?, "state")? == RUNNING;
    if !is_running {
        session.say("Process got killed");
    }
    Ok(is_running)
}
