//! What may have to wait for a disk is done by threads: parts of logs are read, and configurations. The loop goes on, and
//! is told when they are back. A disk that never answers costs a few threads, and nothing else.

use crate::keeper::Content;
use crate::load::Source;
use crate::reload::{self, Loaded};
use crate::rpc::{Refusal, Ticket};
use crate::sys::files::{Part, PartRead, Space};
use crate::sys::{Interest, Poller, Sys, Token, files};
use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// How many threads there are at a time.
const MAX_RUNNING: usize = 4;
/// How many errands wait for a thread; those beyond are refused.
const MAX_WAITING: usize = 256;

/// Something to be done.
#[derive(Debug)]
pub enum Errand {
    /// Read a part of a file.
    Read(PathBuf, Part),
    /// Read the plan's source again.
    Load(Source),
    /// Have a file be so.
    Keep(PathBuf, Content),
    /// Look how full the disk of a path is.
    Space(PathBuf),
}

/// What became of it.
#[derive(Debug)]
pub enum Done {
    /// Of [`Errand::Read`].
    Read(Result<PartRead, Refusal>),
    /// Of [`Errand::Load`]; or what is wrong, in words.
    Loaded(Box<Result<Loaded, String>>),
    /// Of [`Errand::Keep`]; or what is wrong, in words.
    Kept(PathBuf, Result<(), String>),
    /// Of [`Errand::Space`]; or what is wrong, in words.
    Space(PathBuf, Result<Space, String>),
}

/// What is done by threads.
#[derive(Debug)]
pub struct Errands<S: Sys> {
    sys: S,
    shared: Arc<Shared>,
    waiting: VecDeque<(Ticket, Errand)>,
    running: usize,
    /// Results that needed no thread.
    refused: Vec<(Ticket, Done)>,
}

#[derive(Debug)]
struct Shared {
    done: Mutex<Vec<(Ticket, Done)>>,
    /// Readable when something is done.
    event: OwnedFd,
}

impl<S: Sys> Errands<S> {
    /// Nothing runs yet.
    ///
    /// # Errors
    /// No eventfd could be had.
    pub fn new(sys: S, poller: &Poller<S>) -> io::Result<Errands<S>> {
        let shared = Arc::new(Shared { done: Mutex::new(Vec::new()), event: sys.event_fd()? });
        // Each result is news, also where the event could not be cleared of the last one.
        poller.add(&shared.event, Interest::News, Token::Errands)?;
        Ok(Errands { sys, shared, waiting: VecDeque::new(), running: 0, refused: Vec::new() })
    }

    /// Has something done; [`Errands::take`] tells what became of it.
    pub fn run(&mut self, ticket: Ticket, errand: Errand) {
        if self.waiting.len() >= MAX_WAITING {
            self.refused.push((ticket, refused(&errand, "too much waits for the disk already")));
            return;
        }
        self.waiting.push_back((ticket, errand));
        self.start();
    }

    /// Something is to be taken that [`Token::Errands`] does not tell of.
    #[must_use]
    pub fn has_refused(&self) -> bool {
        !self.refused.is_empty()
    }

    /// What is done, in the order in which it was.
    pub fn take(&mut self) -> Vec<(Ticket, Done)> {
        files::clear(&self.sys, &self.shared.event);
        let done = std::mem::take(&mut *self.shared.done.lock().unwrap_or_else(PoisonError::into_inner));
        self.running -= done.len();
        self.start();
        let mut all = std::mem::take(&mut self.refused);
        all.extend(done);
        all
    }

    fn start(&mut self) {
        while self.running < MAX_RUNNING {
            let Some((ticket, errand)) = self.waiting.pop_front() else { return };
            let (sys, shared) = (self.sys.clone(), Arc::clone(&self.shared));
            let fallback = refused(&errand, "no thread could be had");
            let run = move || {
                // A signal that it takes would be one that podinit misses; without the mask the loop's own still holds.
                let _ = sys.block_signals();
                let done = perform(&sys, errand);
                shared.done.lock().unwrap_or_else(PoisonError::into_inner).push((ticket, done));
                files::signal(&sys, &shared.event);
            };
            // The thread is not joined: it may never come back from a disk that does not answer.
            match std::thread::Builder::new().name("errand".into()).stack_size(512 * 1024).spawn(run) {
                Ok(_) => self.running += 1,
                Err(_) => self.refused.push((ticket, fallback)),
            }
        }
    }
}

fn refused(errand: &Errand, reason: &str) -> Done {
    match errand {
        Errand::Read(..) => Done::Read(Err(Refusal::Failed(reason.to_owned()))),
        Errand::Load(_) => Done::Loaded(Box::new(Err(reason.to_owned()))),
        Errand::Keep(path, _) => Done::Kept(path.clone(), Err(reason.to_owned())),
        Errand::Space(path) => Done::Space(path.clone(), Err(reason.to_owned())),
    }
}

fn perform<S: Sys>(sys: &S, errand: Errand) -> Done {
    match errand {
        Errand::Read(path, part) => Done::Read(sys.read_part(&path, part).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Refusal::Missing,
            _ => Refusal::Failed(error.to_string()),
        })),
        Errand::Load(source) => Done::Loaded(Box::new(reload::load(sys, &source))),
        Errand::Space(path) => {
            let found = sys.disk_space(&path).map_err(|error| error.to_string());
            Done::Space(path, found)
        }
        Errand::Keep(path, content) => {
            let done = match content {
                Content::Bytes(bytes) => sys.replace(&path, &bytes),
                Content::Nothing => match sys.remove(&path) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                    done => done,
                },
            };
            Done::Kept(path, done.map_err(|error| error.to_string()))
        }
    }
}
