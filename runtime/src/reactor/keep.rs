//! Files that are kept up to date by threads.

use super::Reactor;
use crate::errands::Errand;
use crate::keeper::Content;
use crate::machine::Event;
use crate::sys::Sys;
use std::path::Path;

impl<S: Sys> Reactor<S> {
    /// Wants a file to be so, soon.
    pub(super) fn keep(&mut self, path: &Path, content: Content) {
        if let Some((path, content)) = self.keeper.put(path, content) {
            // Nobody waits for it.
            self.errands.run(0, Errand::Keep(path, content));
        }
    }

    /// A thread has written a file, or could not.
    pub(super) fn kept(&mut self, path: &Path, result: Result<(), String>) {
        let is_done = result.is_ok();
        let (next, message) = self.keeper.done(path, result);
        if next.is_none() {
            let now = self.now();
            if let Some(flags) = &mut self.watch.flags {
                flags.done(path, is_done, now);
            }
        }
        if let Some((path, content)) = next {
            self.errands.run(0, Errand::Keep(path, content));
        }
        if let Some(message) = message {
            self.send(Event::Warning { message });
        }
    }
}
