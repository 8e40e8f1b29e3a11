//! `restart`: what happens after an end that nobody asked for.

use super::keys::Section;
use super::{Decoder, value};
use crate::spec::model::Restart;
use crate::spec::node::{Node, Value};
use podinit_plan::plan::{Backoff, Kind, RestartPolicy};

const SECTION: Section = Section {
    expected: "always, on-failure, no, or a map with policy, retries, stable_after and exit_codes",
    name: "restart",
    keys: &["policy", "retries", "stable_after", "exit_codes"],
    later: &[],
};

/// What happens to a service that says nothing of it. A oneshot that has done its work stays done; one that the clock
/// starts has its next run.
pub fn default(kind: Kind, is_scheduled: bool) -> Restart {
    let policy = match kind {
        _ if is_scheduled => RestartPolicy::Never,
        Kind::Oneshot => RestartPolicy::OnFailure,
        Kind::Service => RestartPolicy::Always,
    };
    with_policy(policy, is_scheduled)
}

/// Where the clock starts a service that is not to be restarted, a start that failed is not tried again either.
fn with_policy(policy: RestartPolicy, is_scheduled: bool) -> Restart {
    let retries = if is_scheduled && policy == RestartPolicy::Never { 0 } else { 5 };
    Restart { policy, retries, stable_after_ms: 10_000, exit_codes: vec![0], backoff: Backoff::default() }
}

/// The policy, or a map of it and more.
pub fn restart(cx: &mut Decoder<'_>, node: &Node, kind: Kind, is_scheduled: bool) -> Option<Restart> {
    let allowed = |policy| match (kind, policy) {
        (Kind::Oneshot, RestartPolicy::Always) => RestartPolicy::OnFailure,
        (_, policy) => policy,
    };
    if let Value::Scalar(scalar) = &node.value
        && !scalar.is_null()
    {
        return Some(with_policy(allowed(policy(cx, node)?), is_scheduled));
    }
    let map = cx.section(node, &SECTION)?;
    let policy = value(cx, map, "policy", policy).map_or(default(kind, is_scheduled).policy, allowed);
    let default = with_policy(policy, is_scheduled);
    Some(Restart {
        policy,
        retries: value(cx, map, "retries", |cx, node| cx.integer(node, 0..=1_000_000)).unwrap_or(default.retries),
        stable_after_ms: value(cx, map, "stable_after", Decoder::duration).unwrap_or(default.stable_after_ms),
        exit_codes: value(cx, map, "exit_codes", exit_codes).unwrap_or(default.exit_codes),
        backoff: default.backoff,
    })
}

fn policy(cx: &mut Decoder<'_>, node: &Node) -> Option<RestartPolicy> {
    let Some(scalar) = node.scalar() else { return cx.expected("always, on-failure or no", node) };
    if scalar.boolean() == Some(false) {
        return Some(RestartPolicy::Never);
    }
    if scalar.text == "unless-stopped" {
        return cx.refuse(
            node.span,
            "`unless-stopped` is the engine's word",
            "write `always`: a service stopped by hand stays stopped",
        );
    }
    if let Some((_, retries)) = scalar.text.split_once("on-failure:") {
        let help = format!("write `{{ policy: on-failure, retries: {retries} }}`");
        return cx.refuse(node.span, "the number of retries is a key of its own", help);
    }
    let words = [("always", RestartPolicy::Always), ("on-failure", RestartPolicy::OnFailure), ("no", RestartPolicy::Never)];
    cx.one_of(node, &words)
}

fn exit_codes(cx: &mut Decoder<'_>, node: &Node) -> Option<Vec<i32>> {
    cx.list(node, "a list of exit codes", |cx, node| cx.integer(node, 0..=255))
}
