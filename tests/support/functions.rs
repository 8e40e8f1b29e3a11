//! Tests that are plain functions and need an engine.

use crate::support::{has_engine, with_engine};
use libtest_mimic::Trial;

/// By name; ignored where there is no engine.
pub fn trials<const N: usize>(tests: [(&str, fn()); N]) -> Vec<Trial> {
    let engine = has_engine();
    let trial = |(name, test): (&str, fn())| {
        with_engine(name, engine, move |_| async move {
            test();
            Ok(())
        })
    };
    tests.into_iter().map(trial).collect()
}
