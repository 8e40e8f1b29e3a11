//! The order of starting, from priorities and dependencies.
//!
//! The *effective priority* of a service is the least of its own and of all that depend on it, directly or not. A
//! service starts when all it depends on is ready and all of lower effective priority is settled. With effective
//! priorities no graph without a dependency cycle can lock; with plain ones most can.

use crate::plan::{Plan, Service};
use std::collections::BTreeMap;

/// What the order of one service depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node<'a> {
    /// Its own priority.
    pub priority: i64,
    /// The services it depends on; names that do not exist are passed over.
    pub depends_on: Vec<&'a str>,
}

/// The services of a plan, as far as their order depends on them.
#[must_use]
pub fn nodes<'p>(plan: &'p Plan) -> BTreeMap<&'p str, Node<'p>> {
    let node = |service: &'p Service| Node {
        priority: service.priority,
        depends_on: service.depends_on.iter().map(String::as_str).collect(),
    };
    plan.services.iter().map(|(name, service)| (name.as_str(), node(service))).collect()
}

/// The effective priority of every service.
///
/// # Errors
/// A cycle of dependencies: the names along it, the first one repeated at the end.
pub fn effective_priorities<'a>(nodes: &BTreeMap<&'a str, Node<'a>>) -> Result<BTreeMap<&'a str, i64>, Vec<&'a str>> {
    let sorted = dependencies_first(nodes)?;
    let mut effective: BTreeMap<&str, i64> = nodes.iter().map(|(name, node)| (*name, node.priority)).collect();
    // Dependants come before their dependencies here, so each hands a final value on.
    for name in sorted.into_iter().rev() {
        let own = effective[name];
        for dependency in &nodes[name].depends_on {
            if let Some(value) = effective.get_mut(dependency) {
                *value = own.min(*value);
            }
        }
    }
    Ok(effective)
}

/// The services, each after all it depends on; otherwise by name.
///
/// # Errors
/// A cycle of dependencies, as [`effective_priorities`].
pub fn dependencies_first<'a>(nodes: &BTreeMap<&'a str, Node<'a>>) -> Result<Vec<&'a str>, Vec<&'a str>> {
    #[derive(PartialEq)]
    enum Mark {
        Open,
        Closed,
    }
    let mut marks: BTreeMap<&str, Mark> = BTreeMap::new();
    let mut sorted = Vec::with_capacity(nodes.len());
    for root in nodes.keys() {
        // Depth first with a stack of our own: a chain of a thousand services must not exhaust PID 1's stack.
        let mut path: Vec<(&str, usize)> = Vec::new();
        if !marks.contains_key(root) {
            marks.insert(root, Mark::Open);
            path.push((root, 0));
        }
        while let Some((name, next)) = path.last_mut() {
            let dependency = nodes[name].depends_on.get(*next).copied();
            *next += 1;
            match dependency {
                None => {
                    marks.insert(name, Mark::Closed);
                    sorted.push(*name);
                    path.pop();
                }
                Some(dependency) if !nodes.contains_key(dependency) => {}
                Some(dependency) => match marks.get(dependency) {
                    Some(Mark::Closed) => {}
                    Some(Mark::Open) => {
                        let start = path.iter().position(|(name, _)| *name == dependency).unwrap_or(0);
                        let mut cycle: Vec<&str> = path[start..].iter().map(|(name, _)| *name).collect();
                        cycle.push(dependency);
                        return Err(cycle);
                    }
                    None => {
                        marks.insert(dependency, Mark::Open);
                        path.push((dependency, 0));
                    }
                },
            }
        }
    }
    Ok(sorted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(spec: &[(&'static str, i64, &[&'static str])]) -> BTreeMap<&'static str, Node<'static>> {
        spec.iter().map(|(name, priority, on)| (*name, Node { priority: *priority, depends_on: on.to_vec() })).collect()
    }

    #[test]
    fn a_dependency_is_as_urgent_as_its_most_urgent_dependant() {
        let nodes = nodes(&[("a", 10, &["b"]), ("b", 50, &["c"]), ("c", 90, &[]), ("d", 20, &["c"]), ("e", 5, &["missing"])]);
        let effective = effective_priorities(&nodes).expect("no cycle");
        assert_eq!(effective, BTreeMap::from([("a", 10), ("b", 10), ("c", 10), ("d", 20), ("e", 5)]));
    }

    #[test]
    fn a_cycle_is_named_along_its_way() {
        let graph = nodes(&[("a", 1, &["b"]), ("b", 1, &["c"]), ("c", 1, &["b"]), ("z", 1, &[])]);
        assert_eq!(effective_priorities(&graph), Err(vec!["b", "c", "b"]));
        assert_eq!(effective_priorities(&nodes(&[("a", 1, &["a"])])), Err(vec!["a", "a"]));
    }

    #[test]
    fn long_chains_do_not_recurse() {
        let names: Vec<String> = (0..20_000).map(|i| format!("s{i:05}")).collect();
        let graph: BTreeMap<&str, Node<'_>> = names
            .iter()
            .enumerate()
            .map(|(i, name)| {
                (
                    name.as_str(),
                    Node { priority: 100 - (i as i64), depends_on: names.get(i + 1).map(String::as_str).into_iter().collect() },
                )
            })
            .collect();
        let sorted = dependencies_first(&graph).expect("no cycle");
        assert_eq!(sorted.first().copied(), names.last().map(String::as_str));
    }
}
