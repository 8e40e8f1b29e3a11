//! The pipe that one output of an incarnation comes through.

use crate::logs::ansi::Stripper;
use crate::logs::tap::Tap;
use crate::logs::watch::Search;
use crate::machine::{Incarnation, ServiceId};
use podinit_plan::plan::Stream;
use std::os::fd::OwnedFd;

/// The most that is read from one descriptor in one turn, in bytes.
pub const TURN: usize = 64 * 1024;

/// The read end of a pipe, and how far its output has come.
#[derive(Debug)]
pub struct Pipe {
    /// Non-blocking.
    pub fd: OwnedFd,
    /// Whose output it is.
    pub service: ServiceId,
    /// Of which start.
    pub incarnation: Incarnation,
    /// Which of its outputs; stdout also where both come together.
    pub stream: Stream,
    /// A line that has not ended yet, at most [`super::lines::LINE_MAX`] bytes.
    pub partial: Vec<u8>,
    /// Where the file's text is: within a sequence of the terminal, or not.
    pub stripper: Stripper,
    /// It is not watched for now.
    pub held: bool,
    /// What its service is watched for was not found yet.
    pub search: Option<Search>,
    /// The most that is read in one turn, in bytes.
    pub turn: usize,
    /// What of it is not only for logs.
    pub tap: Option<Box<Tap>>,
}

impl Pipe {
    /// A pipe that nothing came through yet.
    #[must_use]
    pub fn new(
        fd: OwnedFd,
        service: ServiceId,
        incarnation: Incarnation,
        stream: Stream,
        watched: bool,
        tap: Option<Tap>,
    ) -> Pipe {
        let search = watched.then(Search::default);
        let (partial, stripper) = (Vec::new(), Stripper::default());
        Pipe { fd, service, incarnation, stream, partial, stripper, held: false, search, turn: TURN, tap: tap.map(Box::new) }
    }
}
