//! Whose the processes of a pass are: their nearest ancestor that leads a service tells it; of those that podinit has
//! adopted their session, their group, or the mark in their environment. Pure.

use crate::machine::{Incarnation, ServiceId};
use crate::sys::procfs::{Figures, Process};
use std::collections::BTreeMap;

/// A service's start.
pub type Start = (ServiceId, Incarnation);

/// A process, as it was seen in a pass.
#[derive(Debug)]
pub struct Found {
    /// What it uses.
    pub figures: Figures,
    /// Whose it is, as far as that is known.
    pub owner: Owner,
}

/// Whose a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Its ancestors were not looked at yet.
    Unknown,
    /// Nobody's that podinit knows.
    Nobody,
    /// A service's.
    Service(Start),
}

impl From<Option<Start>> for Owner {
    fn from(start: Option<Start>) -> Owner {
        start.map_or(Owner::Nobody, Owner::Service)
    }
}

/// What a process itself says of whose it is, among the leaders that run: it leads, or is of a leader's session or group.
#[must_use]
pub fn by_ids(process: &Process, running: &BTreeMap<i32, Start>) -> Option<Start> {
    [process.pid, process.session, process.group].iter().find_map(|id| running.get(id)).copied()
}

/// Finds out whose the process at this place is, and its ancestors with it. They are sorted by id, and those that podinit
/// is the parent of are known.
pub fn resolve(found: &mut [Found], at: usize, running: &BTreeMap<i32, Start>) -> Owner {
    let mut place = at;
    let mut steps = 0;
    let owner = loop {
        let one = &found[place];
        if one.owner != Owner::Unknown {
            break one.owner;
        }
        let process = one.figures.process;
        let parent = found.binary_search_by_key(&process.parent, |other| other.figures.process.pid);
        match parent {
            // The kernel knows no circles; but what was read at different times might have one.
            Ok(parent) if steps < found.len() => place = parent,
            // It has ended meanwhile, or is outside of the container.
            _ => break by_ids(&process, running).into(),
        }
        steps += 1;
    };
    let mut place = at;
    for _ in 0..=steps {
        found[place].owner = owner;
        let parent = found[place].figures.process.parent;
        match found.binary_search_by_key(&parent, |other| other.figures.process.pid) {
            Ok(parent) => place = parent,
            Err(_) => break,
        }
    }
    owner
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pid: i32, parent: i32, group: i32, owner: Owner) -> Found {
        let process = Process { pid, parent, group, session: group, zombie: false };
        let figures = Figures { process, started: 0, cpu_ms: 0, threads: 1, private_bytes: 0, shared_bytes: 0 };
        Found { figures, owner }
    }

    fn owners(mut all: Vec<Found>, running: &[(i32, Start)]) -> Vec<Owner> {
        let running = running.iter().copied().collect();
        let owners: Vec<Owner> = (0..all.len()).map(|at| resolve(&mut all, at, &running)).collect();
        assert!(all.iter().zip(&owners).all(|(one, owner)| one.owner == *owner), "each is asked for once");
        owners
    }

    #[test]
    fn a_process_is_its_nearest_leading_ancestor_s() {
        let (one, two) = (Owner::Service((0, 3)), Owner::Service((1, 1)));
        let all = vec![
            found(1, 0, 1, Owner::Nobody),
            found(10, 1, 10, one),
            // Ids are given anew: a child may have a lower one than its parent.
            found(11, 40, 40, Owner::Unknown),
            found(20, 1, 20, two),
            // It left group and session.
            found(40, 10, 40, Owner::Unknown),
            found(41, 20, 20, Owner::Unknown),
            // Somebody executed it in the container, and this is its child.
            found(50, 0, 50, Owner::Unknown),
            found(51, 50, 50, Owner::Unknown),
        ];
        let nobody = Owner::Nobody;
        assert_eq!(owners(all, &[(10, (0, 3)), (20, (1, 1))]), [nobody, one, one, two, one, two, nobody, nobody]);
    }

    #[test]
    fn whose_parent_is_gone_is_known_by_its_session() {
        let all = vec![found(1, 0, 1, Owner::Nobody), found(12, 11, 10, Owner::Unknown), found(13, 11, 13, Owner::Unknown)];
        assert_eq!(owners(all, &[(10, (0, 3))]), [Owner::Nobody, Owner::Service((0, 3)), Owner::Nobody]);
    }

    #[test]
    fn a_circle_ends() {
        let all = vec![found(10, 11, 10, Owner::Unknown), found(11, 10, 10, Owner::Unknown)];
        assert_eq!(owners(all, &[]), [Owner::Nobody; 2]);
    }
}
