//! The log files of all services, one writer for each path.

use crate::logs::file::RotatedFile;
use crate::logs::pressure::{self, Pressure};
use crate::logs::writer::{self, Destination, Writer};
use crate::machine::{Millis, ServiceId};
use crate::sys::{Interest, Poller, Sys, Token};
use podinit_plan::plan::LogFile;
use std::io;

/// The log files, and the thread that writes them.
#[derive(Debug)]
pub struct LogFiles<S: Sys> {
    sys: S,
    poller: Poller<S>,
    paths: Vec<String>,
    /// None without a file.
    writer: Option<Writer<S>>,
    /// Whether services are to wait for it.
    pressure: Pressure,
}

impl<S: Sys> LogFiles<S> {
    /// The files that were planned; one that is named again is the same, with the size and number said first. Starts the
    /// thread when there is one; the signals that the loop handles must be blocked before.
    ///
    /// # Errors
    /// The thread cannot be had.
    pub fn new<'a>(sys: &S, poller: &Poller<S>, planned: impl Iterator<Item = &'a LogFile>) -> io::Result<LogFiles<S>> {
        let mut paths: Vec<String> = Vec::new();
        let mut files = Vec::new();
        for file in planned {
            if !paths.contains(&file.path) {
                paths.push(file.path.clone());
                let rotated = RotatedFile::new(sys.clone(), (&file.path).into(), file.max_size_bytes, file.max_files);
                files.push(Destination::File(rotated));
            }
        }
        let mut writer = None;
        if !files.is_empty() {
            let started = Writer::start(sys.clone(), files)?;
            poller.add(started.event(), Interest::Read, Token::LogWriter)?;
            writer = Some(started);
        }
        Ok(LogFiles { sys: sys.clone(), poller: poller.clone(), paths, writer, pressure: Pressure::Flowing })
    }

    /// Takes in files of a service that came later, as [`LogFiles::new`] does.
    ///
    /// # Errors
    /// The thread cannot be had; such a file is not written.
    pub fn add<'a>(&mut self, planned: impl Iterator<Item = &'a LogFile>) -> io::Result<()> {
        for file in planned {
            if self.paths.contains(&file.path) {
                continue;
            }
            if let Some(writer) = &self.writer {
                writer.add_file((&file.path).into(), file.max_size_bytes, file.max_files);
            } else {
                let rotated = RotatedFile::new(self.sys.clone(), (&file.path).into(), file.max_size_bytes, file.max_files);
                let started = Writer::start(self.sys.clone(), vec![Destination::File(rotated)])?;
                self.poller.add(started.event(), Interest::Read, Token::LogWriter)?;
                self.writer = Some(started);
            }
            self.paths.push(file.path.clone());
        }
        Ok(())
    }

    /// Adds a line to a file, of which [`Writer::take_told`] tells whether it was written; false without a thread.
    pub fn tell(&mut self, file: usize, line: &str, tell: usize) -> bool {
        let Some(writer) = self.writer.as_ref().filter(|_| file < self.paths.len()) else { return false };
        writer.tell(file, format!("{line}\n").into_bytes(), tell);
        true
    }

    /// The path of a file.
    #[must_use]
    pub fn path(&self, file: usize) -> &str {
        &self.paths[file]
    }

    /// The number of a file.
    #[must_use]
    pub fn index_of(&self, path: &str) -> Option<usize> {
        self.paths.iter().position(|known| known == path)
    }

    /// Adds `lines` lines of a service, the concatenation of `parts`, to a file.
    pub fn push(&mut self, file: usize, service: ServiceId, parts: &[&[u8]], lines: u64, now: Millis) {
        if let Some(writer) = &self.writer {
            let waiting = writer.push(file, service, parts, lines);
            self.relieve(waiting, now);
        }
    }

    /// Time has passed, or something was written.
    pub fn pump(&mut self, now: Millis) {
        if let (Some(writer), true) = (&self.writer, self.pressure != Pressure::Flowing) {
            let waiting = writer.waiting();
            self.relieve(waiting, now);
        }
    }

    fn relieve(&mut self, waiting: usize, now: Millis) {
        let next = self.pressure.next(waiting, writer::QUEUE_MAX, now);
        if let (Some(writer), true) = (&self.writer, next != self.pressure && next.holds_until().is_some()) {
            writer.wake_at(pressure::resume_at(writer::QUEUE_MAX));
        }
        self.pressure = next;
    }

    /// Until when services with a file are to wait, if they are to.
    #[must_use]
    pub fn holds_until(&self) -> Option<Millis> {
        self.pressure.holds_until()
    }

    /// The thread, where there is one.
    #[must_use]
    pub fn writer(&self) -> Option<&Writer<S>> {
        self.writer.as_ref()
    }

    /// Lines that podinit is to say.
    #[must_use]
    pub fn take_notices(&self) -> Vec<String> {
        self.writer.as_ref().map(Writer::take_notices).unwrap_or_default()
    }

    /// For podinit's end: gives up what was not written, and says what was lost.
    #[must_use]
    pub fn abandon(&self) -> Vec<String> {
        let lost = self.writer.as_ref().map(Writer::abandon).unwrap_or_default();
        let lost = self.paths.iter().zip(lost).filter(|(_, lines)| *lines > 0);
        lost.map(|(path, lines)| format!("{lines} lines were dropped from {path}")).collect()
    }

    /// How many lines of a service were dropped.
    #[must_use]
    pub fn dropped(&self, service: ServiceId) -> u64 {
        self.writer.as_ref().map_or(0, |writer| writer.lost(service))
    }
}
