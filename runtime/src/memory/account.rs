//! What a service uses, from pass to pass. Pure.

use super::owners::Start;
use crate::machine::{Incarnation, Millis};
use crate::sys::procfs::Figures;
use podinit_plan::plan::MemoryLimit;
use podinit_plan::protocol::Usage;

/// The account of a service.
#[derive(Debug, Default)]
pub struct Account {
    /// Its rule, where it has one.
    pub limit: Option<MemoryLimit>,
    /// The last start; what is measured is its.
    pub incarnation: Incarnation,
    /// The pass that goes on.
    sum: Sum,
    /// What was measured last; none when the incarnation was not measured yet.
    last: Option<Measurement>,
    /// What the kernel said of the leader, and of those whom it has waited for, when it ended.
    leader_peak_bytes: Option<u64>,
}

/// What the processes of a tree use.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    private_bytes: u64,
    /// The most that one of them shares.
    shared_bytes: u64,
    cpu_ms: u64,
    processes: u32,
    threads: u32,
}

#[derive(Debug, Clone, Copy)]
struct Measurement {
    sum: Sum,
    /// What has to be added to the processor time of those that live.
    lost_cpu_ms: u64,
    peak_bytes: u64,
    at: Millis,
}

impl Sum {
    /// Its memory. What is mapped of files, or shared on purpose, is mostly the same in every process of a tree; so that
    /// of the process that has most of it counts, once. One process's memory is what `ps` calls RSS.
    fn bytes(&self) -> u64 {
        self.private_bytes.saturating_add(self.shared_bytes)
    }
}

impl Account {
    /// The account of a service that was never started.
    pub fn new(limit: Option<MemoryLimit>) -> Account {
        Account { limit, ..Account::default() }
    }

    /// A new incarnation has used nothing yet.
    pub fn started(&mut self, incarnation: Incarnation) {
        if self.incarnation != incarnation {
            *self = Account { limit: self.limit.take(), incarnation, ..Account::default() };
        }
    }

    /// Its leader has ended. The kernel knows a peak between two passes, and one before the first.
    pub fn ended(&mut self, incarnation: Incarnation, peak_bytes: u64) {
        if incarnation == self.incarnation {
            self.leader_peak_bytes = self.leader_peak_bytes.max(Some(peak_bytes));
        }
    }

    /// The most that is known of, in bytes.
    pub fn peak(&self) -> Option<u64> {
        self.last.map(|last| last.peak_bytes).max(self.leader_peak_bytes)
    }

    /// A pass begins.
    pub fn begin(&mut self) {
        self.sum = Sum::default();
    }

    /// A process of the service was seen. One of an earlier incarnation, which it left behind, is not this one's.
    pub fn add(&mut self, (_, incarnation): Start, figures: &Figures) {
        if incarnation != self.incarnation {
            return;
        }
        let sum = &mut self.sum;
        sum.private_bytes = sum.private_bytes.saturating_add(figures.private_bytes);
        sum.shared_bytes = sum.shared_bytes.max(figures.shared_bytes);
        // Also of one that has ended: its parent has not been given its time yet.
        sum.cpu_ms += figures.cpu_ms;
        if !figures.process.zombie {
            sum.processes += 1;
            sum.threads += figures.threads;
        }
    }

    /// A pass is over.
    pub fn end(&mut self, now: Millis) {
        let sum = std::mem::take(&mut self.sum);
        if self.last.is_none() && sum.processes == 0 {
            return;
        }
        let before = self.last.map_or((0, 0, 0), |last| (last.sum.cpu_ms, last.lost_cpu_ms, last.peak_bytes));
        let (cpu_ms, lost, peak) = before;
        // Who waits for a child is given its time. Nobody is when podinit waits, or a parent does not care; then it is
        // added here, so that time does not go back.
        let lost_cpu_ms = lost + cpu_ms.saturating_sub(sum.cpu_ms);
        self.last = Some(Measurement { sum, lost_cpu_ms, peak_bytes: peak.max(sum.bytes()), at: now });
    }

    /// The memory of the last pass.
    pub fn bytes(&self) -> u64 {
        self.last.map_or(0, |last| last.sum.bytes())
    }

    /// What was measured last.
    pub fn usage(&self, now: Millis) -> Option<Usage> {
        let last = self.last?;
        Some(Usage {
            memory_bytes: last.sum.bytes(),
            peak_memory_bytes: self.peak()?,
            limit_bytes: self.limit.as_ref().map(|limit| limit.limit_bytes),
            cpu_ms: last.sum.cpu_ms + last.lost_cpu_ms,
            processes: last.sum.processes,
            threads: last.sum.threads,
            age_ms: now.saturating_sub(last.at),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::procfs::Process;

    fn figures(private: u64, shared: u64, cpu_ms: u64) -> Figures {
        let process = Process { pid: 2, parent: 1, group: 2, session: 2, zombie: false };
        Figures { process, started: 0, cpu_ms, threads: 3, private_bytes: private, shared_bytes: shared }
    }

    fn pass(account: &mut Account, now: Millis, processes: &[Figures]) -> Usage {
        account.begin();
        processes.iter().for_each(|one| account.add((0, account.incarnation), one));
        account.end(now);
        account.usage(now).unwrap()
    }

    #[test]
    fn forked_workers_share_their_program_and_have_memory_of_their_own() {
        let mut account = Account::default();
        account.started(1);
        let usage = pass(&mut account, 5, &[figures(10, 100, 1), figures(20, 90, 1), figures(30, 100, 1)]);
        assert_eq!((usage.memory_bytes, usage.processes, usage.threads), (160, 3, 9));
    }

    #[test]
    fn the_peak_is_the_incarnation_s() {
        let mut account = Account::default();
        account.started(1);
        pass(&mut account, 0, &[figures(50, 0, 0)]);
        assert_eq!(pass(&mut account, 1, &[figures(20, 0, 0)]).peak_memory_bytes, 50);
        account.add((0, 1), &figures(9, 0, 0));
        account.started(2);
        assert_eq!(account.usage(2), None, "it was not measured yet");
        account.begin();
        account.add((0, 1), &figures(90, 0, 0));
        account.add((0, 2), &figures(30, 0, 0));
        account.end(3);
        assert_eq!(account.usage(4).map(|usage| (usage.memory_bytes, usage.peak_memory_bytes, usage.age_ms)), Some((30, 30, 1)));
    }

    #[test]
    fn a_leader_s_own_peak_is_known_when_it_has_ended() {
        let mut account = Account::default();
        account.started(1);
        assert_eq!(account.peak(), None);
        account.ended(1, 70);
        account.ended(0, 900);
        assert_eq!((account.peak(), account.usage(0)), (Some(70), None));
        assert_eq!(pass(&mut account, 0, &[figures(50, 0, 0)]).peak_memory_bytes, 70);
        assert_eq!(pass(&mut account, 1, &[figures(90, 0, 0)]).peak_memory_bytes, 90);
        account.started(2);
        assert_eq!(account.peak(), None);
    }

    #[test]
    fn processor_time_never_goes_back() {
        let mut account = Account::default();
        account.started(1);
        assert_eq!(pass(&mut account, 0, &[figures(0, 0, 100), figures(0, 0, 50)]).cpu_ms, 150);
        // The child's time went nowhere.
        assert_eq!(pass(&mut account, 1, &[figures(0, 0, 110)]).cpu_ms, 150);
        assert_eq!(pass(&mut account, 2, &[figures(0, 0, 130)]).cpu_ms, 170);
        // Its parent was given the time of this one.
        assert_eq!(pass(&mut account, 3, &[figures(0, 0, 200)]).cpu_ms, 240);
        assert_eq!(pass(&mut account, 4, &[]).cpu_ms, 240, "at its end");
    }
}
