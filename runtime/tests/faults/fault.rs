//! Which faults there are.

use nix::errno::Errno;
use podinit::sys::errnos::{CALLS, is_passing};
use std::collections::BTreeMap;
use std::fmt;

/// Calls that the pod never makes: PID 1 has its orphans anyway, and nobody but a client connects to podinit.
pub const NEVER_MADE: [&str; 2] = ["connect_unix", "adopt_orphans"];
/// Points in the life of a pod at which a call fails, with each error: so many, evenly spread.
const POINTS: u32 = 10;

/// A call that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    pub call: &'static str,
    pub errno: Errno,
    /// How many calls pass before.
    pub skip: u32,
    /// It fails from then on; else once.
    pub lasts: bool,
}

impl Fault {
    /// Nothing fails.
    pub const NONE: Fault = Fault { call: "none", errno: Errno::UnknownErrno, skip: 0, lasts: false };

    /// As it is displayed.
    pub fn parse(text: &str) -> Option<Fault> {
        let mut words = text.split(':');
        let call = words.next()?;
        let call = calls().chain([Fault::NONE.call]).find(|known| *known == call)?;
        let errno = Errno::from_raw(words.next()?.parse().ok()?);
        Some(Fault { call, errno, skip: words.next()?.parse().ok()?, lasts: words.next()?.starts_with("ever") })
    }

    /// The container's stdout is a file, which podinit has a thread for: every other time for what the thread does.
    pub fn has_file(self) -> bool {
        self.skip % 2 == 1 && matches!(self.call, "write" | "wait" | "event_fd" | "block_signals" | "stat_fd")
    }

    /// podinit cannot know that it is to stop.
    pub fn is_deafening(self) -> bool {
        self.lasts && self.call == "next_signal"
    }

    /// How often it fails.
    pub fn times(self) -> u32 {
        if self.lasts { u32::MAX } else { u32::from(self != Fault::NONE) }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let manner = if self.lasts { "ever" } else { "once" };
        write!(f, "{}:{}:{}:{manner} ({:?})", self.call, self.errno as i32, self.skip, self.errno)
    }
}

/// The names of all calls.
pub fn calls() -> impl Iterator<Item = &'static str> {
    CALLS.iter().map(|(call, _)| *call)
}

/// Every error of every call, once and for ever, at every point where a pod makes the call; at the first and at some of
/// the others, where there are many.
pub fn all(made: &BTreeMap<String, u32>) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (call, errnos) in CALLS {
        let count = made.get(call).copied().unwrap_or(0);
        for errno in errnos {
            for skip in points(count) {
                for lasts in [false, true] {
                    if !(lasts && is_passing(*errno)) {
                        faults.push(Fault { call, errno: *errno, skip, lasts });
                    }
                }
            }
        }
    }
    faults
}

fn points(count: u32) -> impl Iterator<Item = u32> {
    let points = count.min(POINTS);
    (0..points).map(move |point| point * count / points)
}

/// Faults that podinit did not get along with once; they are in every sample.
pub const FOUND: [&str; 8] = [
    // A rotation began anew for ever.
    "rename:2:9:ever",
    // An output of the container stayed watched, and woke the loop all the time.
    "epoll_remove:2:0:ever",
    "epoll_remove:12:17:ever",
    // The loop asked for signals, and for the dead, all the time.
    "next_signal:5:5:ever",
    "reap:22:5:ever",
    // The lines that waited for the container's output were dropped, and nobody was told.
    "write:5:15:once",
    // The container's output was taken for closed, for good.
    "stat_fd:24:0:once",
    // The socket was closed by which a service was to say that it is ready.
    "next_datagram:12:0:once",
];

/// Some of the faults, always the same, and those of [`FOUND`].
pub fn sample(mut faults: Vec<Fault>, count: usize) -> Vec<Fault> {
    let found: Vec<Fault> = FOUND.iter().filter_map(|fault| Fault::parse(fault)).collect();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for index in 0..faults.len().min(count) {
        // xorshift
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let other = index + random as usize % (faults.len() - index);
        faults.swap(index, other);
    }
    faults.truncate(count);
    faults.extend(found);
    faults
}
