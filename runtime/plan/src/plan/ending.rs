//! What follows when a service ends, and how it is stopped.

use serde::{Deserialize, Serialize};

/// What happens after an end that nobody asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restart {
    /// Which ends are followed by a restart.
    pub policy: RestartPolicy,
    /// Exit codes that are no failure.
    pub exit_codes: Vec<i32>,
    /// They are no failure even before it was ready; supervisord expects no code before `startsecs`.
    pub expected_before_ready: bool,
    /// Fatal after more failures than this in a row.
    pub retries: u32,
    /// Ready for this long is stable: the failures are forgotten and the next start has no delay. 0: at once.
    pub stable_after_ms: u64,
    /// The delays between attempts.
    pub backoff: Backoff,
}

/// Which ends are followed by a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RestartPolicy {
    /// Every end.
    Always,
    /// A signal, or a code that is not expected.
    OnFailure,
    /// No end of a service that had been ready; a start that failed is tried again all the same when `retries` > 0.
    Never,
}

/// The delays between attempts: failure n waits `first_ms * 2^(n-1)` or `first_ms * n`, at most `max_ms`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backoff {
    /// The delay after the first failure.
    pub first_ms: u64,
    /// The longest delay.
    pub max_ms: u64,
    /// How it grows.
    pub growth: Growth,
    /// Up to this share of the delay is added or taken at random, so that pods do not restart in step.
    pub jitter_percent: u32,
    /// The first failure of a service that had been ready has no delay.
    pub immediate_after_ready: bool,
    /// From one start to the next it takes this long at least, also where there is no delay.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub min_interval_ms: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// How a delay grows from failure to failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Growth {
    /// 1, 2, 4, ...
    Exponential,
    /// 1, 2, 3, ...
    Linear,
}

/// How a service is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// The signal by name, `SIGTERM`.
    pub signal: String,
    /// From the signal to SIGKILL.
    pub grace_period_ms: u64,
    /// The signal goes to the whole process group, not to the leader alone.
    pub group: bool,
    /// What a dead leader left is killed and reaped before the next start and after a stop; `false` leaves it alone.
    pub kill_leftovers: bool,
    /// When the grace is over, SIGKILL goes to the whole process group, not to the leader alone; where leftovers are
    /// killed, it does in any case.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub kill_group: bool,
    /// Its place among those that stop with the pod: the highest first, one after the other. Without it services stop in
    /// the reverse order of starting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<i64>,
}

/// The delays that pod.yaml's services have: none at the first failure of one that had been ready, then 1, 2, 4 .. 30 s.
impl Default for Backoff {
    fn default() -> Self {
        Backoff {
            first_ms: 1_000,
            max_ms: 30_000,
            growth: Growth::Exponential,
            jitter_percent: 10,
            immediate_after_ready: true,
            min_interval_ms: 0,
        }
    }
}

/// What pod.yaml's services have: always, given up after five failures in a row, ten seconds are stable.
impl Default for Restart {
    fn default() -> Self {
        Restart {
            policy: RestartPolicy::Always,
            exit_codes: vec![0],
            expected_before_ready: true,
            retries: 5,
            stable_after_ms: 10_000,
            backoff: Backoff::default(),
        }
    }
}

/// What pod.yaml's services have: SIGTERM to the leader, ten seconds later SIGKILL to all that is left.
impl Default for Stop {
    fn default() -> Self {
        Stop {
            signal: "SIGTERM".to_owned(),
            grace_period_ms: 10_000,
            group: false,
            kill_leftovers: true,
            kill_group: false,
            order: None,
        }
    }
}
