//! Which of the processes of a census belong to whom. Pure.

use super::Start;
use crate::sys::procfs::Process;
use std::collections::{BTreeMap, BTreeSet};

/// The processes of a census, by their relations. There may be many thousands, and a turn is short.
pub(super) struct View<'a> {
    found: &'a [Process],
    /// Parents, and where their children are; in order.
    children: Vec<(i32, usize)>,
    /// Process ids, groups and sessions, and where those are which have them; in order.
    ids: Vec<(i32, usize)>,
    own_pid: i32,
}

impl View<'_> {
    pub fn new(found: &[Process], own_pid: i32) -> View<'_> {
        let mut children: Vec<_> = found.iter().enumerate().map(|(index, process)| (process.parent, index)).collect();
        let ids_of = |(index, process): (usize, &Process)| [process.pid, process.group, process.session].map(|id| (id, index));
        let mut ids: Vec<_> = found.iter().enumerate().flat_map(ids_of).collect();
        children.sort_unstable();
        ids.sort_unstable();
        ids.dedup();
        View { found, children, ids, own_pid }
    }

    pub fn children_of(&self, pid: i32) -> impl Iterator<Item = &Process> {
        of(&self.children, pid).map(|index| &self.found[index])
    }

    fn with_id(&self, id: i32) -> impl Iterator<Item = &Process> {
        of(&self.ids, id).map(|index| &self.found[index])
    }

    /// What is left of an incarnation. Zombies of other parents are theirs to reap.
    pub fn tree(&self, start: Start, leader: i32, marked: Option<&Vec<i32>>, running: &BTreeMap<i32, Start>) -> Vec<Process> {
        // A process id is given anew once its group is empty, and may be another service's by now, or that of a shell
        // which the engine's exec brought in. A leader is podinit's own child.
        let is_other = |pid: &i32| running.get(pid).is_some_and(|of| *of != start);
        let is_no_child = |process: &Process| process.pid == leader && process.parent != self.own_pid;
        let given_anew = is_other(&leader) || self.with_id(leader).any(is_no_child);
        let of_leader = self.with_id(leader).filter(|_| !given_anew);
        let of_mark = marked.into_iter().flatten().flat_map(|pid| self.with_id(*pid).filter(move |process| process.pid == *pid));
        let mut tree = self.with_descendants(of_leader.chain(of_mark));
        tree.retain(|process| !is_other(&process.pid) && (!process.zombie || process.parent == self.own_pid));
        tree
    }

    /// All descendants of podinit but the trees of leaders that run.
    pub fn strays(&self, running: &BTreeMap<i32, Start>) -> Vec<Process> {
        let of_service =
            |process: &Process| [process.pid, process.group, process.session].iter().any(|id| running.contains_key(id));
        let roots = self.children_of(self.own_pid).filter(|process| !of_service(process));
        let mut strays = self.with_descendants(roots);
        strays.retain(|process| !process.zombie && !of_service(process));
        strays
    }

    fn with_descendants<'p>(&'p self, roots: impl Iterator<Item = &'p Process>) -> Vec<Process> {
        let mut seen = BTreeSet::from([self.own_pid]);
        let mut tree: Vec<Process> = roots.filter(|root| seen.insert(root.pid)).copied().collect();
        let mut next = 0;
        while let Some(process) = tree.get(next) {
            let children = self.children_of(process.pid);
            tree.extend(children.filter(|child| seen.insert(child.pid)));
            next += 1;
        }
        tree
    }
}

/// What stands beside `id` in an ordered list.
fn of(list: &[(i32, usize)], id: i32) -> impl Iterator<Item = usize> {
    let first = list.partition_point(|(other, _)| *other < id);
    list[first..].iter().take_while(move |(other, _)| *other == id).map(|(_, index)| *index)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: i32 = 1;

    fn process(pid: i32, parent: i32, group: i32, session: i32) -> Process {
        Process { pid, parent, group, session, zombie: false }
    }

    /// The tree of service 0's third start, whose leader was 10.
    fn tree(found: &[Process], marked: &[i32], running: &[(i32, Start)]) -> Vec<i32> {
        let tree = View::new(found, OWN).tree((0, 3), 10, Some(&marked.to_vec()), &running.iter().copied().collect());
        let mut pids: Vec<i32> = tree.iter().map(|process| process.pid).collect();
        pids.sort_unstable();
        pids
    }

    #[test]
    fn a_tree_is_group_session_descendants_and_the_marked() {
        let found = [
            process(OWN, 0, 1, 1),
            process(10, OWN, 10, 10),
            process(11, 10, 10, 10),
            process(12, OWN, 10, 10),
            process(13, OWN, 13, 10),
            process(14, 11, 14, 14),
            process(15, 14, 15, 15),
            process(16, OWN, 16, 16),
            process(17, 16, 17, 17),
            process(20, OWN, 20, 20),
            process(21, 20, 20, 20),
            process(22, OWN, 22, 22),
        ];
        assert_eq!(tree(&found, &[16], &[(10, (0, 3)), (20, (1, 1))]), [10, 11, 12, 13, 14, 15, 16, 17]);
        assert_eq!(tree(&found[9..], &[], &[]), [0i32; 0], "nothing of another service");
    }

    #[test]
    fn a_process_id_that_is_another_service_s_by_now_is_left_alone() {
        let found = [process(OWN, 0, 1, 1), process(10, OWN, 10, 10), process(11, 10, 10, 10)];
        assert_eq!(tree(&found, &[], &[(10, (1, 1))]), [0i32; 0]);
        assert_eq!(tree(&found, &[], &[]), [10, 11]);
    }

    #[test]
    fn zombies_count_only_where_podinit_reaps_them() {
        let zombie = |pid, parent| Process { zombie: true, ..process(pid, parent, 10, 10) };
        let found = [process(OWN, 0, 1, 1), zombie(10, OWN), zombie(11, 20), process(20, OWN, 20, 20)];
        assert_eq!(tree(&found, &[], &[(10, (0, 3)), (20, (1, 1))]), [10]);
    }

    #[test]
    fn strays_are_descendants_of_nobody_s_service() {
        let found = [
            process(OWN, 0, 1, 1),
            process(2, 0, 2, 2),
            process(3, 2, 2, 2),
            process(10, OWN, 10, 10),
            process(11, 10, 11, 11),
            process(12, OWN, 10, 10),
            process(30, OWN, 30, 30),
            process(31, 30, 31, 31),
        ];
        let strays = View::new(&found, OWN).strays(&BTreeMap::from([(10, (0, 1))]));
        let pids: Vec<i32> = strays.iter().map(|process| process.pid).collect();
        assert_eq!(pids, [30, 31], "neither the service's nor what somebody executed in the container");
    }

    #[test]
    fn what_somebody_executed_in_the_container_is_never_of_a_tree() {
        // The leader's id was given anew to a shell of `docker exec`, which has no parent here.
        let found = [process(OWN, 0, 1, 1), process(10, 0, 10, 10), process(11, 10, 10, 10)];
        assert_eq!(tree(&found, &[], &[]), [0i32; 0]);
    }
}
