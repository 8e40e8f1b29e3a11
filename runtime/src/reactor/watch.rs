//! What is watched besides the services' checks: has threads look and write, and tells of what they found.

use super::Reactor;
use super::window::window;
use crate::control::View;
use crate::errands::Errand;
use crate::machine::{Event, Millis};
use crate::sys::Sys;
use crate::sys::clock::rfc3339;
use crate::sys::files::Space;
use crate::watch::{Figures, Said, cpu_us};
use podinit_plan::protocol::Event as Record;
use podinit_plan::state::State;
use std::path::Path;

impl<S: Sys> Reactor<S> {
    /// Does what is due.
    pub(super) fn watch(&mut self, now: Millis) {
        let again = self.watch.flags.as_mut().map(|flags| flags.retry(now));
        for (path, content) in again.unwrap_or_default() {
            self.keep(&path, content);
        }
        self.look_at_disks(now);
        if self.watch.report.as_ref().is_some_and(|report| report.deadline() <= now) {
            self.write_report(now);
        }
    }

    fn look_at_disks(&mut self, now: Millis) {
        let paths = self.watch.disks.as_mut().map(|disks| disks.to_look_at(now));
        for path in paths.unwrap_or_default() {
            // Nobody waits for it.
            self.errands.run(0, Errand::Space(path));
        }
    }

    /// A thread has looked how full a disk is, or could not.
    pub(super) fn looked(&mut self, path: &Path, found: Result<Space, String>) {
        let said = self.watch.disks.as_mut().and_then(|disks| disks.looked(path, found));
        match said {
            Some(Said::Crossed(record)) => self.send(Event::Observed { record }),
            Some(Said::Failed(message)) => self.send(Event::Warning { message }),
            None => {}
        }
        let now = self.now();
        self.look_at_disks(now);
    }

    /// Writes the pod's health.
    fn write_report(&mut self, now: Millis) {
        let read = |path: &str| self.sys.kernel_text(path).ok();
        let figures = Figures { cpu_us: cpu_us(read), load: read("/proc/loadavg").unwrap_or_default() };
        let status = window!(self, now).status();
        let time = rfc3339(self.sys.date());
        let Some(report) = &mut self.watch.report else { return };
        let text = report.write(now, time, &status, self.watch.disks.as_ref(), &figures);
        let path = report.path().to_owned();
        self.keep(&path, crate::keeper::Content::Bytes(text));
    }

    /// A service has entered a state.
    pub(super) fn entered(&mut self, record: &Record, now: Millis) {
        let (Some(service), Some(state), Some(previous)) = (&record.service, record.state, record.previous) else { return };
        let is_ready = state == State::Ready;
        if let Some(flags) = &mut self.watch.flags {
            for (path, content) in flags.changed(service, is_ready) {
                self.keep(&path, content);
            }
        }
        if is_ready != (previous == State::Ready)
            && let Some(report) = &mut self.watch.report
        {
            report.changed(now);
        }
    }
}
