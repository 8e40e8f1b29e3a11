//! Whether there is time to stop as long as the services ask for.

use super::{Places, dependencies};
use crate::spec::diagnostics::Diagnostic;
use crate::spec::model::Pod;
use podinit_plan::order;
use podinit_plan::units::format_duration_ms;
use std::collections::BTreeMap;

/// Warns when grace periods that are written down, one level after the other, exceed the pod's.
///
/// A grace period that nobody wrote is a limit and not a wish: such a service has what is left.
pub fn check(pod: &Pod, places: &Places<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let graph = dependencies::graph(pod);
    let (Ok(priorities), Ok(order)) = (order::effective_priorities(&graph), order::dependencies_first(&graph)) else { return };
    let graces: BTreeMap<&str, u64> = pod
        .all_services()
        .filter(|(name, _)| places.says(name, "stop_grace_period"))
        .map(|(name, service)| (name, service.stop_grace_period_ms))
        .collect();
    // Of one priority those stop together that do not depend on each other: the longest chain counts.
    let mut chains: BTreeMap<&str, u64> = BTreeMap::new();
    let mut levels: BTreeMap<i64, u64> = BTreeMap::new();
    for name in order {
        let priority = priorities[name];
        let below = graph[name].depends_on.iter().filter(|other| priorities.get(*other) == Some(&priority));
        let below = below.filter_map(|other| chains.get(other)).max().copied().unwrap_or(0);
        let chain = below.saturating_add(graces.get(name).copied().unwrap_or(0));
        chains.insert(name, chain);
        let level = levels.entry(priority).or_default();
        *level = chain.max(*level);
    }
    let sum = levels.values().fold(0u64, |sum, level| sum.saturating_add(*level));
    if sum > pod.stop_grace_period_ms {
        let (asked, given) = (format_duration_ms(sum), format_duration_ms(pod.stop_grace_period_ms));
        let key = "stop_grace_period";
        let span = places.tree.at(&[key]).map(|node| node.span);
        let span = span.or_else(|| places.tree.key_span(&["services"])).unwrap_or_default();
        let message = format!("services may take {asked} to stop one after the other, and the pod has {given}");
        let mut diagnostic = Diagnostic::warning(span, message).label("what is left is killed then");
        for name in graces.keys() {
            if let Some(node) = places.value(name, key).filter(|node| node.span != span) {
                diagnostic = diagnostic.also(node.span, format!("asked for by `{name}`"));
            }
        }
        diagnostics
            .push(diagnostic.help(format!("write `stop_grace_period: {asked}` at the top level, or shorten the services'")));
    }
}
