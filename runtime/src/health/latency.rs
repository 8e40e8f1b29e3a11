//! How long the checks of a service take, in buckets.

use podinit_plan::protocol::CheckStatus;

/// The upper bounds of all buckets but the last, in microseconds.
pub const BOUNDS_US: [u64; 10] = [1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 5_000_000];

/// What all checks of a service have said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Latency {
    /// How many there were within each of [`BOUNDS_US`] and above the bound before it.
    pub buckets: [u64; BOUNDS_US.len()],
    /// How many there were, those above all bounds included.
    pub count: u64,
    /// How many of them failed.
    pub failed: u64,
    /// How many have failed in a row.
    pub failures: u32,
    /// How long all of them took.
    pub sum_us: u64,
    /// How long the last one took.
    pub last_us: Option<u64>,
}

impl Latency {
    /// What the status says of them.
    #[must_use]
    pub fn status(&self) -> CheckStatus {
        CheckStatus { last_us: self.last_us, checks: self.count, failed: self.failed, failures: self.failures }
    }

    /// A check has ended.
    pub fn observe(&mut self, took_us: u64, is_well: bool) {
        if let Some(bucket) = BOUNDS_US.iter().position(|bound| took_us <= *bound) {
            self.buckets[bucket] += 1;
        }
        self.count += 1;
        self.failed += u64::from(!is_well);
        self.failures = if is_well { 0 } else { self.failures.saturating_add(1) };
        self.sum_us = self.sum_us.saturating_add(took_us);
        self.last_us = Some(took_us);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_check_is_in_one_bucket_or_above_all() {
        let mut latency = Latency::default();
        for (took, is_well) in [(0, true), (1_000, true), (1_001, false), (9_000_000, false)] {
            latency.observe(took, is_well);
        }
        assert_eq!((latency.buckets[0], latency.buckets[1], latency.buckets.iter().sum::<u64>()), (2, 1, 3));
        assert_eq!(latency.failures, 2);
        latency.observe(1, true);
        assert_eq!(latency.failures, 0);
        assert_eq!((latency.count, latency.failed, latency.sum_us, latency.last_us), (5, 2, 9_002_002, Some(1)));
    }
}
