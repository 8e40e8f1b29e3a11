//! Schedules that broke a rule once, as the simulation found and shrank them.

use super::holds;
use super::schedule::Happening::*;
use super::schedule::{Hook, Pod, Schedule, Spec};
use podinit_plan::plan::Kind;

/// Its grace was over before its process id was known, and the next level did not wait for its end.
#[test]
fn a_post_stop_without_any_time_has_to_end_before_the_next_level_stops() {
    holds(&Schedule {
        pod: Pod { ..Pod::PLAIN },
        services: vec![Spec { ..Spec::PLAIN }, Spec { depends_on: 0b1, grace: 0, post_stop: Hook::Passes(700), ..Spec::PLAIN }],
        happenings: vec![],
    });
}

/// That the program could not be executed was heard of when what should have run it was being killed already.
#[test]
fn what_never_was_executed_has_no_post_stop() {
    holds(&Schedule {
        pod: Pod { ..Pod::PLAIN },
        services: vec![Spec {
            kind: Kind::Oneshot,
            start_timeout: 3_000,
            post_stop: Hook::Hangs,
            obeys: None,
            dies: 20,
            ..Spec::PLAIN
        }],
        happenings: vec![After(13_000), CannotExecute(0)],
    });
}

/// It was asked to stop before its process id was known, because another start of the same turn had failed.
#[test]
fn what_is_stopped_while_it_is_spawned_has_its_post_stop() {
    holds(&Schedule {
        pod: Pod { ..Pod::PLAIN },
        services: vec![
            Spec { priority: 20, retries: 0, ..Spec::PLAIN },
            Spec { priority: 20, post_stop: Hook::Passes(700), ..Spec::PLAIN },
            Spec { priority: 10, ..Spec::PLAIN },
        ],
        happenings: vec![CannotFork(0), After(1_000)],
    });
}
