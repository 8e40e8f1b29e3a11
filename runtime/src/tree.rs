//! The tree of a service: its leader's session and group, their descendants, and adopted processes that carry the
//! incarnation's mark in their environment. What left the group and the session by itself is found as well.
//!
//! Whatever a dead leader left is a child of podinit's by now, or descends from one. So nothing is left while podinit
//! has no children but leaders and checks, which is most often so, and costs one look at the list of its children.
//! Else a tree is looked for in a census of all processes, which takes at most a millisecond of a turn and goes on in
//! the next. A kill is done when a census that began after the signals finds nobody. A tree that has grown meanwhile may
//! fork faster than it is killed, and room that is made is room to fork; so from there on it is stopped, until nobody
//! new is found, and killed as a whole.

mod job;
mod view;

use crate::machine::{Incarnation, Millis, ServiceId};
use crate::sys::Sys;
use crate::sys::files::is_transient;
use crate::sys::procfs::{Process, ProcessIds};
use job::{Job, SIGKILL, SIGSTOP};
use podinit_plan::plan::SERVICE_VARIABLE;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use view::View;

/// The share of a turn that a census takes.
const SLICE: Duration = Duration::from_millis(1);
/// What was killed is looked for again when something was reaped, or after this, which doubles up to the longest:
/// processes that hang in the kernel may take any time.
const FIRST_PAUSE: Millis = 10;
const LONGEST_PAUSE: Millis = 1_000;

/// A service's start.
type Start = (ServiceId, Incarnation);

/// What became of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing of it is left.
    Gone {
        /// How many processes were killed.
        killed: usize,
    },
    /// It was not to be killed.
    Left {
        /// How many processes there are.
        alive: usize,
    },
}

/// The trees that are being looked at.
#[derive(Debug)]
pub struct Trees<S> {
    sys: S,
    own_pid: i32,
    jobs: Vec<Job>,
    /// A signal to all processes that belong to no service.
    strays: Option<i32>,
    census: Option<Census>,
    /// Signals that are still to be sent, by process: to send thousands takes longer than a turn may.
    signals: BTreeMap<i32, Shot>,
    /// When to look again; none while nothing is to be looked for.
    next: Option<Millis>,
    pause: Millis,
    /// Something was reaped, or is newly looked for: it may be told without a census.
    changed: bool,
}

/// A signal to a process.
#[derive(Debug, Clone, Copy)]
struct Shot {
    signal: i32,
    /// Of whose tree it is; none for one of nobody.
    tree: Option<Start>,
    /// It is among those that were left.
    counts: bool,
}

/// A look at all processes, as far as it got.
#[derive(Debug)]
struct Census {
    left: ProcessIds,
    found: Vec<Process>,
    /// The adopted processes by the trees whose mark they carry: by group or session they may be nobody's.
    marked: BTreeMap<Start, Vec<i32>>,
    /// Whose mark could not be read, or not any more, might be anybody's.
    doubtful: bool,
}

impl<S: Sys> Trees<S> {
    /// No tree is looked at.
    pub fn new(sys: S) -> Trees<S> {
        let own_pid = sys.own_pid();
        Trees {
            sys,
            own_pid,
            jobs: Vec::new(),
            strays: None,
            census: None,
            signals: BTreeMap::new(),
            next: None,
            pause: FIRST_PAUSE,
            changed: false,
        }
    }

    /// Kills what is left of an incarnation whose leader is or was `leader`, until nothing is.
    pub fn kill(&mut self, start: Start, name: &str, leader: i32, now: Millis) {
        self.add(start, name, leader, Some(BTreeSet::new()), now);
    }

    /// Counts what is left of an incarnation.
    pub fn count(&mut self, start: Start, name: &str, leader: i32, now: Millis) {
        self.add(start, name, leader, None, now);
    }

    /// Sends a signal to all descendants of podinit that belong to no running service.
    pub fn signal_strays(&mut self, signal: i32, now: Millis) {
        self.strays = Some(signal);
        self.look(now);
    }

    fn add(&mut self, start: Start, name: &str, leader: i32, killed: Option<BTreeSet<i32>>, now: Millis) {
        let mark = format!("{name}:{}", start.1).into_bytes();
        let (known, late) = (BTreeSet::new(), self.census.is_some());
        self.jobs.push(Job { start, leader, mark, killed, known, late, doubted_since: None });
        self.look(now);
    }

    fn look(&mut self, now: Millis) {
        self.next = Some(now);
        self.pause = FIRST_PAUSE;
        self.changed = true;
    }

    /// Whether podinit has killed a process, as what is left of a service or because the pod ends.
    #[must_use]
    pub fn has_killed(&self, pid: i32) -> bool {
        let is_killed = |job: &Job| job.killed.as_ref().is_some_and(|killed| killed.contains(&pid));
        self.strays == Some(SIGKILL) || self.jobs.iter().any(is_killed)
    }

    /// A child was reaped: what is waited for may be gone, and its id is free to be somebody else's.
    pub fn reaped(&mut self, pid: i32) {
        self.signals.remove(&pid);
        self.changed |= self.next.is_some();
    }

    /// When [`Trees::work`] is to be called at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Millis> {
        if self.census.is_some() || self.changed || !self.signals.is_empty() { Some(0) } else { self.next }
    }

    /// Looks on for a millisecond. `running` has the leaders that were not reaped yet; `checks` the processes of checks,
    /// which bear the mark of their service, and are nothing that it left.
    pub fn work(&mut self, now: Millis, running: &BTreeMap<i32, Start>, checks: &BTreeMap<i32, Start>) -> Vec<(Start, Outcome)> {
        let begun = self.sys.monotonic();
        let mut outcomes = self.settle(now, running, checks);
        while let Some((pid, shot)) = self.signals.pop_first() {
            self.shoot(pid, shot);
            if self.is_over(begun) {
                return outcomes;
            }
        }
        outcomes.extend(self.go_on(now, begun, running, checks));
        outcomes
    }

    /// Its share of the turn is used up.
    fn is_over(&self, begun: Duration) -> bool {
        self.sys.monotonic().saturating_sub(begun) >= SLICE
    }

    fn shoot(&mut self, pid: i32, shot: Shot) {
        let is_sent = self.sys.kill(pid, shot.signal).is_ok();
        let job = shot.tree.and_then(|start| self.jobs.iter_mut().find(|job| job.start == start));
        if let (true, Some(killed)) = (is_sent && shot.counts, job.and_then(|job| job.killed.as_mut())) {
            killed.insert(pid);
        }
    }

    /// Tells what is known without a census, when there is any news.
    fn settle(&mut self, now: Millis, running: &BTreeMap<i32, Start>, checks: &BTreeMap<i32, Start>) -> Vec<(Start, Outcome)> {
        if !std::mem::take(&mut self.changed) {
            return Vec::new();
        }
        let is_killed = |start: &Start| self.jobs.iter().any(|job| job.start == *start && job.killed.is_some());
        let is_known = |pid: i32| running.contains_key(&pid) || checks.get(&pid).is_some_and(|of| !is_killed(of));
        if self.sys.has_unknown_child(&is_known).unwrap_or(true) {
            // Most often there is something to be seen at once.
            (self.next, self.pause) = (Some(now), FIRST_PAUSE);
            return Vec::new();
        }
        let mut outcomes = Vec::new();
        self.jobs.retain(|job| {
            let runs = running.get(&job.leader) == Some(&job.start);
            if !runs {
                let gone = |killed: &BTreeSet<i32>| Outcome::Gone { killed: killed.len() };
                outcomes.push((job.start, job.killed.as_ref().map_or(Outcome::Left { alive: 0 }, gone)));
            }
            runs
        });
        self.strays = None;
        // Who was to be killed for them is gone, and its id may be given anew.
        let over: BTreeSet<Start> = outcomes.iter().map(|(start, _)| *start).collect();
        self.signals.retain(|_, shot| shot.tree.is_some_and(|tree| !over.contains(&tree)));
        if self.jobs.is_empty() {
            (self.census, self.next) = (None, None);
        }
        outcomes
    }

    /// A census goes on, or begins when it is time to.
    fn go_on(
        &mut self,
        now: Millis,
        begun: Duration,
        running: &BTreeMap<i32, Start>,
        checks: &BTreeMap<i32, Start>,
    ) -> Vec<(Start, Outcome)> {
        if self.census.is_none() && self.next.is_some_and(|at| at <= now) {
            match self.sys.process_ids() {
                Ok(left) => self.census = Some(Census { left, found: Vec::new(), marked: BTreeMap::new(), doubtful: false }),
                Err(_) => self.begin_anew_later(now),
            }
        }
        let Some(census) = &mut self.census else { return Vec::new() };
        for id in census.left.by_ref() {
            let Ok(process) = id.and_then(|pid| self.sys.process(pid)) else {
                self.begin_anew_later(now);
                return Vec::new();
            };
            let Some(process) = process else { continue };
            census.found.push(process);
            let is_adopted = process.parent == self.own_pid && !running.contains_key(&process.pid);
            if is_adopted && process.zombie {
                // Its mark cannot be read any more; but it is reaped in a moment.
                census.doubtful |= !checks.contains_key(&process.pid);
            } else if is_adopted && !self.jobs.is_empty() {
                match self.sys.variable(process.pid, SERVICE_VARIABLE) {
                    Ok(mark) => {
                        let job = self.jobs.iter().find(|job| mark.as_ref() == Some(&job.mark));
                        job.into_iter().for_each(|job| census.marked.entry(job.start).or_default().push(process.pid));
                    }
                    Err(error) => census.doubtful |= is_transient(&error),
                }
            }
            if self.sys.monotonic().saturating_sub(begun) >= SLICE {
                return Vec::new();
            }
        }
        self.census.take().map_or_else(Vec::new, |census| self.judge(&census, now, running, checks))
    }

    /// Does what is to be done with the processes of a census.
    fn judge(
        &mut self,
        census: &Census,
        now: Millis,
        running: &BTreeMap<i32, Start>,
        checks: &BTreeMap<i32, Start>,
    ) -> Vec<(Start, Outcome)> {
        let view = View::new(&census.found, self.own_pid);
        let mut outcomes = Vec::new();
        let mut strays_live = false;
        let jobs = std::mem::take(&mut self.jobs);
        let late = jobs.iter().any(|job| job.late);
        let mut grows = false;
        for mut job in jobs {
            if std::mem::take(&mut job.late) {
                self.jobs.push(job);
                continue;
            }
            let tree = view.tree(job.start, job.leader, census.marked.get(&job.start), running);
            let is_left = |process: &Process| !process.zombie && !checks.contains_key(&process.pid);
            let alive = tree.iter().filter(|process| is_left(process)).count();
            if tree.is_empty() && census.doubtful && job.is_doubted(now) {
                self.jobs.push(job);
                continue;
            }
            match &mut job.killed {
                None => outcomes.push((job.start, Outcome::Left { alive })),
                Some(killed) if tree.is_empty() => outcomes.push((job.start, Outcome::Gone { killed: killed.len() })),
                Some(_) => {
                    job.doubted_since = None;
                    let (signal, targets) = job.aim(tree.iter().filter(|process| !process.zombie));
                    grows |= signal == SIGSTOP;
                    for process in targets {
                        let counts = signal == SIGKILL && is_left(process);
                        self.signals.insert(process.pid, Shot { signal, tree: Some(job.start), counts });
                    }
                    self.jobs.push(job);
                }
            }
        }
        if let Some(signal) = self.strays {
            let strays = view.strays(running);
            for process in &strays {
                self.signals.entry(process.pid).or_insert(Shot { signal, tree: None, counts: false });
            }
            // One TERM is enough; what has to be killed may have forked meanwhile.
            strays_live = signal == SIGKILL && !strays.is_empty();
            if !strays_live {
                self.strays = None;
            }
        }
        if late || grows {
            self.next = Some(now);
        } else if self.jobs.is_empty() && !strays_live {
            self.next = None;
        } else {
            self.wait(now);
        }
        outcomes
    }

    /// There were no descriptors or no memory to look with. Tried again for as long as it takes: who cannot be seen may
    /// well be there, and there is no other way to know.
    fn begin_anew_later(&mut self, now: Millis) {
        self.census = None;
        self.jobs.iter_mut().for_each(|job| job.late = false);
        self.wait(now);
    }

    fn wait(&mut self, now: Millis) {
        self.next = Some(now + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::procfs::ProcFs;
    use crate::sys::{Faulty, Linux};
    use nix::errno::Errno;
    use std::os::unix::process::{CommandExt, ExitStatusExt};
    use std::process::Command;

    #[test]
    fn a_process_that_cannot_be_looked_at_is_not_taken_for_gone() {
        for (call, errno) in [
            ("has_unknown_child", Errno::ENOENT),
            ("process_ids", Errno::EMFILE),
            ("process", Errno::EMFILE),
            ("process", Errno::ENOMEM),
        ] {
            let mut child = Command::new("sleep").arg("1000").process_group(0).spawn().unwrap();
            let leader = i32::try_from(child.id()).unwrap();
            let sys = Faulty::new(Linux);
            sys.fail(call, 0, 500, errno);
            let mut trees = Trees::new(sys);
            trees.kill((0, 1), "web", leader, 0);
            let (mut now, mut outcomes, running) = (0, Vec::new(), BTreeMap::from([(leader, (0, 1))]));
            while child.try_wait().unwrap().is_none() {
                assert_eq!(outcomes, [], "{call} {errno}");
                assert!(now < 600_000, "it lives on after {call} {errno}");
                now = trees.deadline().unwrap_or(now).max(now + 1);
                outcomes = trees.work(now, &running, &BTreeMap::new());
            }
        }
    }

    #[test]
    fn a_process_that_executes_a_program_just_now_is_not_taken_for_somebody_else_s() {
        // As a daemon: in a session and a group of its own, its parent gone, known by its mark alone; and that is no
        // other test's.
        let mut child = Command::new("sleep").arg("1000").process_group(0).env(SERVICE_VARIABLE, "daemon:1").spawn().unwrap();
        // It may execute for longer than this test's clock takes for all doubts.
        while !matches!(Linux.variable(child.id().try_into().unwrap(), SERVICE_VARIABLE), Ok(Some(_))) {}
        for (killed, outcome) in [(None, Outcome::Left { alive: 1 }), (Some(BTreeSet::new()), Outcome::Gone { killed: 1 })] {
            let mut trees = Trees::new(Faulty::new(Linux));
            trees.sys.fail("variable", 0, 1000, Errno::EAGAIN);
            trees.add((0, 1), "daemon", i32::MAX, killed, 0);
            let mut now = 0;
            while trees.jobs[0].doubted_since.is_none() {
                assert_eq!(trees.work(now, &BTreeMap::new(), &BTreeMap::new()), []);
                now = trees.deadline().unwrap().max(now + 1);
            }
            trees.sys = Faulty::new(Linux);
            let outcomes = loop {
                let outcomes = trees.work(now, &BTreeMap::new(), &BTreeMap::new());
                if !outcomes.is_empty() {
                    break outcomes;
                }
                now = trees.deadline().unwrap().max(now + 1);
            };
            assert_eq!(outcomes, [((0, 1), outcome)]);
        }
        assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
    }

    #[test]
    fn a_tree_is_gone_when_its_dead_are_reaped() {
        let mut child = Command::new("true").env(SERVICE_VARIABLE, "dead:1").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        while !Linux.process(pid).unwrap().unwrap().zombie {}
        let mut trees = Trees::new(Linux);
        trees.kill((0, 1), "dead", i32::MAX, 0);
        let mut now = 0;
        while trees.jobs[0].doubted_since.is_none() {
            assert_eq!(trees.work(now, &BTreeMap::new(), &BTreeMap::new()), []);
            now = trees.deadline().unwrap().max(now + 1);
        }
        assert!(child.wait().unwrap().success());
        trees.reaped(pid);
        let outcome = ((0, 1), Outcome::Gone { killed: 0 });
        assert_eq!(trees.work(now, &BTreeMap::new(), &BTreeMap::new()), [outcome]);
    }

    #[test]
    fn a_check_is_nothing_that_its_service_left() {
        for (is_check, count) in [(false, 1), (true, 0)] {
            let mut child = Command::new("sleep").arg("1000").process_group(0).spawn().unwrap();
            let leader = i32::try_from(child.id()).unwrap();
            let checks: BTreeMap<i32, Start> = is_check.then_some((leader, (0, 1))).into_iter().collect();
            let mut trees = Trees::new(Linux);
            let outcome = |trees: &mut Trees<Linux>| {
                let now = trees.deadline().unwrap();
                trees.work(now, &BTreeMap::new(), &checks).pop()
            };
            trees.count((0, 1), "web", leader, 0);
            let left = std::iter::repeat_with(|| outcome(&mut trees)).find_map(|outcome| outcome);
            assert_eq!(left, Some(((0, 1), Outcome::Left { alive: count })));
            trees.kill((0, 1), "web", leader, 0);
            while child.try_wait().unwrap().is_none() {
                assert_eq!(outcome(&mut trees), None);
            }
            let gone = std::iter::repeat_with(|| outcome(&mut trees)).find_map(|outcome| outcome);
            assert_eq!(gone, Some(((0, 1), Outcome::Gone { killed: count })));
        }
    }
}
