//! The end of the logs: what waits is written, within bounds, and the rest is counted.

use crate::logs::writer::Writer;
use crate::logs::{Logs, sink};
use crate::sys::Sys;
use crate::sys::clock::rfc3339;
use crate::sys::files::{Wanted, is_transient};
use std::time::{Duration, Instant};

/// How long the container's output may take for what is said of log files at podinit's end.
const LAST_WORDS: Duration = Duration::from_millis(100);

impl<S: Sys> Logs<S> {
    /// Writes what waits, for `limit_ms` at most: for podinit's end, and the only call that waits. Gives up the rest, and
    /// returns how many lines of it the container's output did not take; for files it is said there.
    pub fn flush(&mut self, limit_ms: u64) -> u64 {
        for index in 0..self.pipes.len() {
            self.empty(index);
        }
        self.finish(Duration::from_millis(limit_ms), true);
        let notices = self.outlets.files.abandon();
        if !notices.is_empty() {
            notices.iter().for_each(|notice| self.outlets.container.say(notice, &rfc3339(self.sys.date())));
            // A disk that takes no lines says nothing of the container's output.
            self.finish(LAST_WORDS, false);
        }
        self.outlets.container.sinks.iter_mut().map(sink::Sink::abandon).sum()
    }

    /// Writes until nothing waits for the container's output, nor, `with_files`, for log files; for `limit` at most.
    fn finish(&mut self, limit: Duration, with_files: bool) {
        let end = Instant::now() + limit;
        loop {
            if let Some(writer) = self.outlets.files.writer() {
                writer.wake_at(0);
            }
            self.take_notices();
            self.pump();
            let files_done = !with_files || self.outlets.files.writer().is_none_or(Writer::is_idle);
            let left = end.saturating_duration_since(Instant::now());
            if (files_done && self.outlets.container.is_idle()) || left.is_zero() {
                return;
            }
            let left = u64::try_from(left.as_millis()).unwrap_or(0) + 1;
            let writer = self.outlets.files.writer().filter(|_| !files_done);
            let writer = writer.map(|writer| Wanted { fd: writer.event(), write: false });
            let busy = self.outlets.container.sinks.iter().filter(|sink| !sink.is_idle());
            let busy = busy.filter_map(|sink| sink.waits_for()).map(|(fd, write)| Wanted { fd, write });
            let wanted: Vec<Wanted<'_>> = writer.into_iter().chain(busy).collect();
            if self.sys.wait(&wanted, left).is_err_and(|error| !is_transient(&error)) {
                return;
            }
            for sink in &mut self.outlets.container.sinks {
                sink.writable();
                sink.writer_event();
            }
        }
    }
}
