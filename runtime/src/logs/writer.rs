//! A thread that writes what may block: the log files, or an output of the container that cannot be opened anew. A
//! disk that does not answer stops this thread and nothing else.

use crate::logs::file::RotatedFile;
use crate::logs::senders::{Senders, Tally};
use crate::logs::thread::Thread;
use crate::machine::ServiceId;
use crate::sys::{Sys, files};
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// All lines of a thread that wait together, in bytes; then the oldest are dropped.
pub const QUEUE_MAX: usize = 4 * 1024 * 1024;
/// Lines of one file are written in batches of at most this, in bytes.
pub const BATCH: usize = 256 * 1024;
/// What a batch takes besides its lines, about, in bytes: many small ones must not take more than they are counted for.
const BATCH_OVERHEAD: usize = 128;
/// How far back a batch of the same file is looked for. Files are independent of each other, so lines may overtake.
const LOOK_BACK: usize = 32;

/// Where batches go.
#[derive(Debug)]
pub enum Destination<S: Sys> {
    /// To a log file.
    File(RotatedFile<S>),
    /// To a descriptor that may block.
    Descriptor(OwnedFd),
}

/// The loop's end of the thread.
#[derive(Debug)]
pub struct Writer<S: Sys> {
    shared: Arc<Shared<S>>,
}

/// What the loop and the thread have in common.
#[derive(Debug)]
pub struct Shared<S> {
    /// The kernel.
    pub sys: S,
    state: Mutex<State>,
    /// The state has changed.
    pub work: Condvar,
    /// Readable when there is news for the loop.
    pub event: OwnedFd,
}

/// What is to be done, and what was.
#[derive(Debug)]
pub struct State {
    /// Oldest first.
    pub jobs: VecDeque<Job>,
    /// Of all jobs.
    pub bytes: usize,
    /// Of an emptied batch, so that a steady flow allocates nothing; not of a large one, which only a burst needs.
    pub spare: Vec<u8>,
    /// How many lines there are of which destination in the batch that the thread has in its hands.
    pub writing: Option<(usize, u64)>,
    /// Lines that were dropped, by destination, and not yet said.
    pub dropped: Vec<u64>,
    /// The same by service, in all.
    pub lost: Tally,
    /// Lines that podinit is to say.
    pub notices: Vec<String>,
    /// The loop wants the event when no more bytes than this wait.
    pub wake_at: Option<usize>,
    /// The files are to be opened anew.
    pub reopen: bool,
    /// Files that are to be emptied.
    pub clear: Vec<usize>,
    /// Files that were emptied, or why not; nobody was told yet.
    pub cleared: Vec<(usize, Result<(), String>)>,
    /// Who wanted to know, and whether their lines were written; nobody was told yet.
    pub told: Vec<(usize, Result<(), String>)>,
    /// Files that came since the thread began.
    pub added: Vec<(PathBuf, u64, u32)>,
    /// Nothing will be added.
    pub closed: bool,
    /// The thread waits for work: to wake it is a system call, and it is awake most of the time when there is much.
    pub asleep: bool,
}

/// A batch of whole lines.
#[derive(Debug)]
pub struct Job {
    /// Where it goes: the number of the destination.
    pub to: usize,
    /// The lines.
    pub bytes: Vec<u8>,
    /// Whose they are.
    pub senders: Senders,
    /// Who is told whether they were written; they are not counted, then.
    pub tell: Option<usize>,
}

impl Job {
    /// What it counts for, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes.len() + self.senders.size() + BATCH_OVERHEAD
    }
}

impl<S: Sys> Writer<S> {
    /// Starts the thread for these destinations, which are known by their numbers from now on. Signals of the process must
    /// be blocked already or go to podinit's own descriptor; the thread takes none.
    ///
    /// # Errors
    /// No eventfd or no thread could be had.
    pub fn start(sys: S, destinations: Vec<Destination<S>>) -> io::Result<Writer<S>> {
        let state = State {
            jobs: VecDeque::new(),
            bytes: 0,
            spare: Vec::new(),
            writing: None,
            dropped: vec![0; destinations.len()],
            lost: Tally::default(),
            notices: Vec::new(),
            wake_at: None,
            reopen: false,
            clear: Vec::new(),
            cleared: Vec::new(),
            told: Vec::new(),
            added: Vec::new(),
            closed: false,
            asleep: false,
        };
        let event = sys.event_fd()?;
        let shared = Arc::new(Shared { sys, state: Mutex::new(state), work: Condvar::new(), event });
        let mut thread = Thread::new(Arc::clone(&shared), destinations);
        let builder = std::thread::Builder::new().name("log-writer".into()).stack_size(128 * 1024);
        // The thread is not joined: it may never come back from a disk that does not answer.
        builder.spawn(move || thread.run())?;
        Ok(Writer { shared })
    }

    /// Readable when there is news: notices, or room that was asked for.
    #[must_use]
    pub fn event(&self) -> BorrowedFd<'_> {
        self.shared.event.as_fd()
    }

    /// Adds the concatenation of `parts`, `lines` lines of a service. Returns how many bytes wait now.
    pub fn push(&self, to: usize, service: ServiceId, parts: &[&[u8]], lines: u64) -> usize {
        let mut state = self.shared.lock();
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let newest = state.jobs.iter().rev().take(LOOK_BACK).position(|job| job.to == to && job.tell.is_none());
        let newest = newest.map(|back| state.jobs.len() - 1 - back);
        let index = newest.filter(|&index| state.jobs[index].bytes.len() + length <= BATCH).unwrap_or(state.jobs.len());
        if index == state.jobs.len() {
            let bytes = std::mem::take(&mut state.spare);
            state.add(Job { to, bytes, senders: Senders::default(), tell: None });
        }
        let job = &mut state.jobs[index];
        let before = job.size();
        for part in parts {
            job.bytes.extend_from_slice(part);
        }
        job.senders.add(Some(service), lines);
        let added = job.size() - before;
        state.bytes += added;
        state.drop_oldest();
        let bytes = state.bytes;
        self.shared.wake(state);
        bytes
    }

    /// Adds a whole batch.
    pub fn hand(&self, to: usize, bytes: Vec<u8>, senders: Senders) {
        let mut state = self.shared.lock();
        state.add(Job { to, bytes, senders, tell: None });
        self.shared.wake(state);
    }

    /// Adds lines that `tell` is to know the fate of, by [`Writer::take_told`].
    pub fn tell(&self, to: usize, bytes: Vec<u8>, tell: usize) {
        let mut state = self.shared.lock();
        state.add(Job { to, bytes, senders: Senders::default(), tell: Some(tell) });
        self.shared.wake(state);
    }

    /// Whose lines were written since the last call, or why they were not.
    #[must_use]
    pub fn take_told(&self) -> Vec<(usize, Result<(), String>)> {
        std::mem::take(&mut self.shared.lock().told)
    }

    /// How many bytes wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.lock().bytes
    }

    /// Asks for the event when no more than `bytes` wait.
    pub fn wake_at(&self, bytes: usize) {
        let mut state = self.shared.lock();
        state.wake_at = Some(bytes);
        self.shared.wake(state);
    }

    /// Takes the news away: lines that podinit is to say.
    #[must_use]
    pub fn take_notices(&self) -> Vec<String> {
        files::clear(&self.shared.sys, &self.shared.event);
        std::mem::take(&mut self.shared.lock().notices)
    }

    /// Whether everything is written.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let state = self.shared.lock();
        state.jobs.is_empty() && state.writing.is_none()
    }

    /// How many lines of a service were dropped.
    #[must_use]
    pub fn lost(&self, service: ServiceId) -> u64 {
        self.shared.lock().lost.of(service)
    }

    /// Gives up what was not written. Returns how many lines of each destination were dropped and nobody was told of,
    /// those that the thread has in its hands among them: it may be stuck with them.
    #[must_use]
    pub fn abandon(&self) -> Vec<u64> {
        let mut state = self.shared.lock();
        while let Some(job) = state.jobs.pop_front() {
            state.bytes -= job.size();
            state.lose(&job, 0);
        }
        let mut dropped: Vec<u64> = state.dropped.iter_mut().map(std::mem::take).collect();
        if let Some((to, lines)) = state.writing {
            dropped[to] += lines;
        }
        dropped
    }

    /// Takes one more log file in: the next number is its own.
    pub fn add_file(&self, path: PathBuf, max_size: u64, max_files: u32) {
        let mut state = self.shared.lock();
        state.dropped.push(0);
        state.added.push((path, max_size, max_files));
        self.shared.wake(state);
    }

    /// Empties a log file, and forgets what waits for it; [`Writer::take_cleared`] tells when that is done.
    pub fn clear(&self, to: usize) {
        let mut state = self.shared.lock();
        let (gone, kept): (VecDeque<Job>, VecDeque<Job>) =
            std::mem::take(&mut state.jobs).into_iter().partition(|job| job.to == to && job.tell.is_none());
        state.jobs = kept;
        state.bytes -= gone.iter().map(Job::size).sum::<usize>();
        state.clear.push(to);
        self.shared.wake(state);
    }

    /// Files that were emptied since the last call, or why they were not.
    #[must_use]
    pub fn take_cleared(&self) -> Vec<(usize, Result<(), String>)> {
        std::mem::take(&mut self.shared.lock().cleared)
    }

    /// Has the files opened anew, by their paths.
    pub fn reopen(&self) {
        let mut state = self.shared.lock();
        state.reopen = true;
        self.shared.wake(state);
    }
}

impl<S: Sys> Drop for Writer<S> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.closed = true;
        self.shared.wake(state);
    }
}

impl<S> Shared<S> {
    /// The state, as long as it is kept.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock leaves the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the thread that the state has changed.
    fn wake(&self, mut state: MutexGuard<'_, State>) {
        let asleep = std::mem::take(&mut state.asleep);
        drop(state);
        if asleep {
            self.work.notify_one();
        }
    }
}

impl State {
    fn add(&mut self, job: Job) {
        self.bytes += job.size();
        self.jobs.push_back(job);
    }

    fn drop_oldest(&mut self) {
        while self.bytes > QUEUE_MAX && self.jobs.len() > 1 {
            // Somebody waits to know what became of the others, and those are few.
            let Some(oldest) = self.jobs.iter().position(|job| job.tell.is_none()) else { return };
            let Some(job) = self.jobs.remove(oldest) else { return };
            self.bytes -= job.size();
            self.lose(&job, 0);
        }
    }

    /// All lines of a batch but the first `written` were dropped.
    pub fn lose(&mut self, job: &Job, written: u64) {
        self.dropped[job.to] += job.senders.lines().saturating_sub(written);
        self.lost.add(&job.senders, written);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::{Faulty, Linux};

    #[test]
    fn small_lines_of_many_files_stay_within_the_bounds() {
        let folder = tempfile::tempdir().unwrap();
        let sys = Faulty::new(Linux);
        let _stalled = sys.stall("append_to");
        let file = |number: usize| Destination::File(RotatedFile::new(sys.clone(), folder.path().join(number.to_string()), 0, 1));
        let writer = Writer::start(sys.clone(), (0..100).map(file).collect()).unwrap();
        for round in 0..1000 {
            for file in 0..100 {
                let waiting = writer.push(file, file % 7, &[b"a line\n"], 1);
                assert!(waiting <= QUEUE_MAX, "in round {round}");
            }
        }
        let state = writer.shared.lock();
        assert!(state.jobs.len() <= QUEUE_MAX / BATCH_OVERHEAD);
        let kept: u64 = state.jobs.iter().map(|job| job.senders.lines()).sum();
        let lost: u64 = (0..7).map(|service| state.lost.of(service)).sum();
        assert!(kept < 100_000 && kept + lost == 100_000 && state.dropped.iter().sum::<u64>() == lost);
    }
}
