//! Priorities: the order of groups and programs, as one number each.

use crate::import::readers::supervisord::Program;

/// The priorities of programs; none where the order is the same without. Groups go before programs: those with the lower
/// priority start first, whatever their programs have.
pub(super) fn priorities(programs: &[Program]) -> Vec<Option<i64>> {
    const UNSAID: i64 = 999;
    const DEFAULT: i64 = 100;
    let key = |program: &Program| (program.group.1, program.processes.first().map_or(UNSAID, |process| process.priority));
    let keys: Vec<(i64, i64)> = programs.iter().map(key).collect();
    let is_same_order =
        |value: &dyn Fn(&(i64, i64)) -> i64| keys.iter().all(|a| keys.iter().all(|b| a.cmp(b) == value(a).cmp(&value(b))));
    let mut ranks = keys.clone();
    ranks.sort_unstable();
    ranks.dedup();
    let rank = |key: &(i64, i64)| ranks.iter().position(|other| other == key).map_or(0, |at| (at as i64 + 1) * 10);
    let values: Vec<i64> = if is_same_order(&|key| key.1) {
        keys.iter().map(|key| key.1).collect()
    } else if is_same_order(&|key| key.0) {
        keys.iter().map(|key| key.0).collect()
    } else {
        keys.iter().map(rank).collect()
    };
    let is_last_without = values.iter().all(|value| *value == UNSAID || *value < DEFAULT);
    values.into_iter().map(|value| (value != DEFAULT && !(value == UNSAID && is_last_without)).then_some(value)).collect()
}
