//! `depends_on`: to whom, in no circle, and of what consequence.

use super::Places;
use crate::spec::decode::nearest;
use crate::spec::diagnostics::Diagnostic;
use crate::spec::model::{Pod, Service};
use crate::spec::node::Value;
use crate::spec::source::Span;
use podinit_plan::order::{self, Node};
use podinit_plan::plan::Kind;
use std::collections::BTreeMap;

/// Unknown names, circles, and essential services that need unessential ones.
pub fn check(pod: &Pod, places: &Places<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for (name, service) in pod.all_services() {
        for dependency in &service.depends_on {
            let at = place(places, name, dependency);
            if places.backing_names().contains(&dependency.as_str()) {
                continue;
            }
            if !places.names().contains(&dependency.as_str()) {
                let others = places.names().into_iter().chain(places.backing_names()).filter(|other| *other != name);
                let replica_of = pod.services.iter().find(|(other, service)| {
                    service.replicas.is_some() && service.instances(other).any(|replica| replica.name == *dependency)
                });
                let help = match (replica_of, nearest(dependency, others)) {
                    (Some((service, _)), _) => format!("write `{service}`: that waits for all of its replicas"),
                    (None, Some(nearest)) => format!("did you mean `{nearest}`?"),
                    (None, None) => "name a service of this pod".to_owned(),
                };
                diagnostics
                    .push(Diagnostic::error(at, format!("`{name}` depends on `{dependency}`, which does not exist")).help(help));
                continue;
            }
            let Some((_, needed)) = pod.all_services().find(|(other, _)| other == dependency) else { continue };
            // Nobody can wait for one that the clock starts, essential or not.
            if service.essential && !needed.essential && needed.schedule.is_none() {
                let message = format!("`{name}` is essential and needs `{dependency}`, which is not");
                let diagnostic = Diagnostic::error(at, message).label("the pod ends with the one and goes on without the other");
                let diagnostic = diagnostic.also(places.value_or_name(dependency, "essential"), "not essential");
                diagnostics.push(diagnostic.help(format!("remove `essential: false` there, or add it to `{name}`")));
            }
            let condition = places.value(name, "depends_on").and_then(|node| node.at(&[dependency, "condition"]));
            let completes = condition.filter(|node| node.scalar().is_some_and(|s| s.text == "service_completed_successfully"));
            if let (Some(node), Kind::Service) = (completes, needed.kind) {
                let diagnostic =
                    Diagnostic::error(node.span, format!("`{dependency}` is meant to run for good, not to complete"));
                diagnostics.push(
                    diagnostic
                        .also(places.service_name(dependency), "no oneshot")
                        .help("give it `type: oneshot`, or wait for `service_healthy`"),
                );
            }
        }
    }
    circles(pod, places, diagnostics);
}

/// Where a service names another.
pub fn place(places: &Places<'_>, name: &str, dependency: &str) -> Span {
    let Some(node) = places.value(name, "depends_on") else { return places.service_name(name) };
    let span = match &node.value {
        Value::List(items) => {
            let item = items.iter().find(|item| item.scalar().is_some_and(|scalar| scalar.text == dependency));
            item.map(|item| item.span)
        }
        _ => node.key_span(&[dependency]),
    };
    span.unwrap_or(node.span)
}

/// Every circle, one after the other: the services of a circle that was found are left out for the next.
fn circles(pod: &Pod, places: &Places<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let mut nodes = graph(pod);
    while let Err(circle) = order::dependencies_first(&nodes) {
        let way = circle.join("` -> `");
        let links: Vec<Span> = circle.windows(2).map(|link| place(places, link[0], link[1])).collect();
        let Some((first, others)) = links.split_first() else { return };
        let mut diagnostic = Diagnostic::error(*first, format!("services wait for each other: `{way}`"));
        for (other, link) in others.iter().zip(circle.windows(2).skip(1)) {
            diagnostic = diagnostic.also(*other, format!("`{}` waits for `{}`", link[0], link[1]));
        }
        diagnostics.push(diagnostic.help("remove one of these dependencies: none of them could ever start"));
        for name in circle {
            nodes.remove(name);
        }
    }
}

/// The services as the order of starting sees them.
pub fn graph(pod: &Pod) -> BTreeMap<&str, Node<'_>> {
    fn node(service: &Service) -> Node<'_> {
        Node { priority: service.priority, depends_on: service.depends_on.iter().map(String::as_str).collect() }
    }
    pod.all_services().map(|(name, service)| (name, node(service))).collect()
}
