//! What a thread that writes does.

use crate::logs::file::{RotatedFile, WriteError, write_all};
use crate::logs::writer::{BATCH, Destination, Job, Shared, State};
use crate::sys::{Sys, files};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// The delays between attempts at a file that cannot be written.
const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_LAST: Duration = Duration::from_secs(10);

/// What the thread owns.
pub struct Thread<S: Sys> {
    shared: Arc<Shared<S>>,
    targets: Vec<Target<S>>,
}

/// A destination, by its number.
enum Target<S: Sys> {
    File(RotatedFile<S>, Option<Failed>),
    Descriptor(OwnedFd),
}

/// A file that cannot be written at present.
struct Failed {
    retry_at: Instant,
    delay: Duration,
}

impl<S: Sys> Thread<S> {
    /// With what it needs, before it runs.
    pub fn new(shared: Arc<Shared<S>>, destinations: Vec<Destination<S>>) -> Thread<S> {
        let target = |destination| match destination {
            Destination::File(file) => Target::File(file, None),
            Destination::Descriptor(fd) => Target::Descriptor(fd),
        };
        Thread { shared, targets: destinations.into_iter().map(target).collect() }
    }

    /// Writes until there is nothing left and nobody who could bring more.
    pub fn run(&mut self) {
        // A signal that it takes would be one that podinit misses; without the mask the loop's own still holds.
        let _ = self.shared.sys.block_signals();
        for target in &mut self.targets {
            if let Target::File(file, failed) = target
                && let Err(error) = file.open()
            {
                fail(&self.shared, file, failed, &error);
            }
        }
        while let Some(job) = self.next() {
            self.write(&job);
            self.finish(job);
        }
    }

    /// Waits for work; None when there will be none.
    fn next(&mut self) -> Option<Job> {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        loop {
            for (path, max_size, max_files) in std::mem::take(&mut state.added) {
                let file = RotatedFile::new(shared.sys.clone(), path, max_size, max_files);
                self.targets.push(Target::File(file, None));
            }
            if std::mem::take(&mut state.reopen) {
                self.reopen();
            }
            if let Some(to) = state.clear.pop() {
                drop(state);
                let cleared = self.clear(to);
                state = shared.lock();
                state.cleared.push((to, cleared));
                files::signal(&shared.sys, &shared.event);
                continue;
            }
            if let Some(job) = state.jobs.pop_front() {
                state.bytes -= job.size();
                state.writing = Some((job.to, job.senders.lines()));
                return Some(job);
            }
            if state.closed {
                return None;
            }
            self.caught_up(&mut state);
            state.asleep = true;
            state = shared.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn reopen(&mut self) {
        for target in &mut self.targets {
            if let Target::File(file, failed) = target {
                file.close();
                *failed = failed.take().map(|failed| Failed { retry_at: Instant::now(), ..failed });
            }
        }
    }

    fn clear(&mut self, to: usize) -> Result<(), String> {
        match &mut self.targets[to] {
            Target::File(file, _) => file.clear().map_err(|error| error.to_string()),
            Target::Descriptor(_) => Ok(()),
        }
    }

    /// Says what was dropped from files that are written again, now that nothing waits.
    fn caught_up(&self, state: &mut State) {
        let wake = state.wake_at.take().is_some();
        let before = state.notices.len();
        for (index, target) in self.targets.iter().enumerate() {
            let Target::File(file, None) = target else { continue };
            let lines = std::mem::take(&mut state.dropped[index]);
            if lines > 0 {
                let path = file.path().display();
                state.notices.push(format!("{lines} lines dropped from {path}: the disk was not fast enough"));
            }
        }
        if wake || state.notices.len() > before {
            files::signal(&self.shared.sys, &self.shared.event);
        }
    }

    fn finish(&mut self, mut job: Job) {
        job.bytes.clear();
        let mut state = self.shared.lock();
        if job.bytes.capacity() <= BATCH / 2 {
            state.spare = job.bytes;
        }
        state.writing = None;
        if state.wake_at.is_some_and(|wake_at| state.bytes <= wake_at) {
            state.wake_at = None;
            files::signal(&self.shared.sys, &self.shared.event);
        }
    }

    fn write(&mut self, job: &Job) {
        let shared = &self.shared;
        let (file, failed) = match &mut self.targets[job.to] {
            Target::File(file, _) if job.tell.is_some() => {
                // Whoever is told tries again, and says what is to be said.
                let written = file.write(&job.bytes, |notice| say(shared, notice)).map_err(|failed| failed.error.to_string());
                if written.is_err() {
                    file.close();
                }
                shared.lock().told.extend(job.tell.map(|tell| (tell, written)));
                files::signal(&shared.sys, &shared.event);
                return;
            }
            Target::File(file, failed) => (file, failed),
            Target::Descriptor(fd) => {
                let mut written = 0;
                if write_all(&shared.sys, fd, &job.bytes, &mut written, None).is_err() {
                    // Nobody reads it any more: there is nobody to tell.
                    shared.lock().lose(job, lines_in(&job.bytes[..written]));
                }
                return;
            }
        };
        if failed.as_ref().is_some_and(|failed| Instant::now() < failed.retry_at) {
            shared.lock().lose(job, 0);
            return;
        }
        match file.write(&job.bytes, |notice| say(shared, notice)) {
            Ok(()) if failed.take().is_some() => {
                let lines = std::mem::take(&mut shared.lock().dropped[job.to]);
                let path = file.path().display();
                say(shared, format!("{path} is written again; {lines} lines were dropped meanwhile"));
            }
            Ok(()) => {}
            Err(WriteError { written, error }) => {
                shared.lock().lose(job, lines_in(&job.bytes[..written]));
                fail(shared, file, failed, &error);
            }
        }
    }
}

fn fail<S: Sys>(shared: &Shared<S>, file: &mut RotatedFile<S>, failed: &mut Option<Failed>, error: &io::Error) {
    file.close();
    let delay = failed.as_ref().map_or(RETRY_FIRST, |failed| (failed.delay * 2).min(RETRY_LAST));
    if failed.is_none() {
        let path = file.path().display();
        say(shared, format!("cannot write {path}: {error}; its lines are dropped until it can be written"));
    }
    *failed = Some(Failed { retry_at: Instant::now() + delay, delay });
}

fn lines_in(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

fn say<S: Sys>(shared: &Shared<S>, notice: String) {
    shared.lock().notices.push(notice);
    files::signal(&shared.sys, &shared.event);
}
