//! Keys that are pressed on the terminal, each as it is.

use rustix::process::getpgrp;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcgetwinsize, tcsetattr};
use std::io::{IsTerminal, Read};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// What is typed, unseen and without waiting for the end of a line. The terminal is as it was when this goes.
pub struct Keys {
    before: Termios,
    typed: UnboundedReceiver<u8>,
}

impl Keys {
    /// From now on; none where stdin is no terminal, or one whose keys are another's.
    #[must_use]
    pub fn read() -> Option<Keys> {
        let stdin = std::io::stdin();
        let before = tcgetattr(&stdin).ok().filter(|_| stdin.is_terminal() && is_ours())?;
        let mut single = before.clone();
        // Ctrl-C stays a signal.
        single.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
        tcsetattr(&stdin, OptionalActions::Now, &single).ok()?;
        let (send, typed) = unbounded_channel();
        // It waits for a key for ever; the end of the program is its own.
        std::thread::spawn(move || std::io::stdin().lock().bytes().map_while(Result::ok).try_for_each(|key| send.send(key)));
        Some(Keys { before, typed })
    }

    /// The next one; never when nobody types any more.
    pub async fn next(&mut self) -> u8 {
        match self.typed.recv().await {
            Some(key) => key,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if is_ours() {
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.before);
        }
    }
}

/// Whether this program is in the foreground. The kernel stops who reads or sets a terminal from the background.
fn is_ours() -> bool {
    tcgetpgrp(std::io::stdin()).is_ok_and(|group| group == getpgrp())
}

/// Columns and lines of the terminal that stdout is; none when it is none, or does not say.
#[must_use]
pub fn size() -> Option<(usize, usize)> {
    let size = tcgetwinsize(std::io::stdout()).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then(|| (size.ws_col.into(), size.ws_row.into()))
}
