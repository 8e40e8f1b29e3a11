//! A tree that is to be killed or counted, and how to kill one that grows. Pure.

use super::Start;
use crate::machine::Millis;
use crate::sys::procfs::Process;
use std::collections::BTreeSet;

pub(super) const SIGKILL: i32 = 9;
pub(super) const SIGSTOP: i32 = 19;

/// For how long it is doubted that nobody is left, when somebody is executing a program and may bear the mark in a moment,
/// or dies and hands its children over in a moment: on a busy machine a moment may be long.
const DOUBT: Millis = 5_000;

/// What is looked for in every census until it is known.
#[derive(Debug)]
pub(super) struct Job {
    pub start: Start,
    pub leader: i32,
    pub mark: Vec<u8>,
    /// Who was killed so far; none for a tree that is only counted.
    pub killed: Option<BTreeSet<i32>>,
    /// Who was there at the last census, and was sent a signal then.
    pub known: BTreeSet<i32>,
    /// It came after the current census began.
    pub late: bool,
    /// Since when nobody is found and somebody might be there.
    pub doubted_since: Option<Millis>,
}

impl Job {
    /// Nobody was found and somebody might be there; whether to look again.
    pub fn is_doubted(&mut self, now: Millis) -> bool {
        now < self.doubted_since.get_or_insert(now).saturating_add(DOUBT)
    }

    /// Which signal is to be sent to whom of those who live.
    pub fn aim<'p>(&mut self, alive: impl Iterator<Item = &'p Process>) -> (i32, Vec<&'p Process>) {
        let alive: Vec<&Process> = alive.collect();
        let known = std::mem::replace(&mut self.known, alive.iter().map(|process| process.pid).collect());
        if known.is_empty() || self.known.is_subset(&known) {
            return (SIGKILL, alive);
        }
        (SIGSTOP, alive.into_iter().filter(|process| !known.contains(&process.pid)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn processes(pids: &[i32]) -> Vec<Process> {
        pids.iter().map(|pid| Process { pid: *pid, parent: 1, group: *pid, session: *pid, zombie: false }).collect()
    }

    fn job() -> Job {
        let (mark, known) = (Vec::new(), BTreeSet::new());
        Job { start: (0, 1), leader: 10, mark, killed: None, known, late: false, doubted_since: None }
    }

    #[test]
    fn it_is_doubted_for_a_time_however_often_it_is_looked_at() {
        let mut job = job();
        assert!((500..500 + DOUBT).all(|now| job.is_doubted(now)));
        assert!(!job.is_doubted(500 + DOUBT));
    }

    #[test]
    fn a_tree_that_grows_is_stopped_before_it_is_killed() {
        let mut job = job();
        for (alive, want) in [
            (vec![10, 11], (SIGKILL, vec![10, 11])),
            // Those of before may take their time to die.
            (vec![11], (SIGKILL, vec![11])),
            (vec![11, 12, 13], (SIGSTOP, vec![12, 13])),
            (vec![12, 13, 14], (SIGSTOP, vec![14])),
            (vec![12, 13, 14], (SIGKILL, vec![12, 13, 14])),
            (vec![14], (SIGKILL, vec![14])),
            (vec![], (SIGKILL, vec![])),
        ] {
            let alive = processes(&alive);
            let (signal, targets) = job.aim(alive.iter());
            assert_eq!((signal, targets.iter().map(|process| process.pid).collect()), want);
        }
    }
}
