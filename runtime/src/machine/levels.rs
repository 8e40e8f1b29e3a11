//! In which order services stop when the pod does: the highest level first.

use super::ServiceId;
use super::rules::Rules;

/// What says where a service has its place. Services with an order of their own stop by that; all others together have
/// the order 0, and stop in the reverse order of starting: by effective priority, and within one so that whoever depends
/// on a service stops before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Level {
    order: i64,
    effective_priority: i64,
    /// The length of its chain of dependencies of the same priority.
    depth: usize,
}

/// The level of every service.
pub(super) fn levels<'r>(services: impl Iterator<Item = &'r Rules>) -> Vec<Level> {
    let rules: Vec<&Rules> = services.collect();
    let mut depths: Vec<Option<usize>> = vec![None; rules.len()];
    for id in 0..rules.len() {
        measure(id, &rules, &mut depths);
    }
    let level = |(rules, depth): (&&Rules, Option<usize>)| match rules.stop_order {
        Some(order) => Level { order, effective_priority: i64::MIN, depth: 0 },
        None => Level { order: 0, effective_priority: rules.effective_priority, depth: depth.unwrap_or(0) },
    };
    rules.iter().zip(depths).map(level).collect()
}

/// Finds the depth of a service, and of all it depends on before. With a stack of its own: a chain of a thousand services
/// must not exhaust PID 1's.
fn measure(id: ServiceId, rules: &[&Rules], depths: &mut [Option<usize>]) {
    let mut path = vec![id];
    while let Some(&id) = path.last() {
        let same = rules[id].depends_on.iter().filter(|on| rules[**on].effective_priority == rules[id].effective_priority);
        match same.clone().find(|on| depths[**on].is_none()) {
            Some(unknown) => path.push(*unknown),
            None => {
                depths[id] = Some(same.filter_map(|on| depths[*on]).map(|depth| depth + 1).max().unwrap_or(0));
                path.pop();
            }
        }
    }
}
