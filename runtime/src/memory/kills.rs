//! Who of those that died of SIGKILL was killed by the kernel, for lack of memory. Pure.

use std::collections::BTreeSet;

/// What is known of SIGKILLs.
#[derive(Debug)]
pub struct Kills {
    /// How many of the kernel's were told of, or were there before podinit; none where the kernel does not count them, and
    /// then nobody is suspected.
    told: Option<u64>,
    /// The children that podinit itself has sent one.
    own: BTreeSet<i32>,
}

impl Kills {
    /// So many were counted when podinit began.
    #[must_use]
    pub fn new(count: Option<u64>) -> Kills {
        Kills { told: count, own: BTreeSet::new() }
    }

    /// podinit has sent one to a child.
    pub fn sent(&mut self, pid: i32) {
        self.own.insert(pid);
    }

    /// The child is reaped, and its id may be given anew.
    pub fn reaped(&mut self, pid: i32) {
        self.own.remove(&pid);
    }

    /// Whether the kernel has killed a child that died of SIGKILL: it counts before it kills. `count` asks it.
    pub fn is_oom(&mut self, pid: i32, count: impl FnOnce() -> Option<u64>) -> bool {
        let Some(told) = self.told.filter(|_| !self.own.contains(&pid)) else { return false };
        let is_oom = count().is_some_and(|count| count > told);
        self.told = Some(told + u64::from(is_oom));
        is_oom
    }

    /// How many there were that nobody was told of; from here on they are told.
    pub fn take_untold(&mut self, count: u64) -> u64 {
        let untold = self.told.map_or(0, |told| count.saturating_sub(told));
        self.told = self.told.map(|told| told + untold);
        untold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_killed_by_somebody_else_is_told_from_who_was_killed_by_the_kernel() {
        let mut kills = Kills::new(Some(2));
        assert!(!kills.is_oom(10, || Some(2)), "somebody's kill -9");
        assert!(kills.is_oom(11, || Some(3)));
        assert!(!kills.is_oom(12, || Some(3)), "the one that was counted was another");
        kills.sent(13);
        assert!(!kills.is_oom(13, || Some(4)), "podinit's own");
        kills.reaped(13);
        assert!(kills.is_oom(13, || Some(4)), "another process has its id");
    }

    #[test]
    fn what_the_kernel_killed_elsewhere_is_told_once() {
        let mut kills = Kills::new(Some(0));
        assert!(kills.is_oom(10, || Some(3)));
        assert_eq!((kills.take_untold(3), kills.take_untold(3)), (2, 0));
        assert_eq!(kills.take_untold(4), 1);
    }

    #[test]
    fn nobody_is_suspected_where_the_kernel_does_not_count() {
        let mut kills = Kills::new(None);
        assert!(!kills.is_oom(10, || Some(9)));
        assert_eq!(kills.take_untold(9), 0);
        assert!(!Kills::new(Some(1)).is_oom(10, || None));
    }
}
