//! Pods that are right: core-pod, and one that looks nothing like it.

use crate::fixture::{Pod, Tested};
use std::path::Path;

pub fn core_pod() -> anyhow::Result<()> {
    let pod = Pod::write("none", &[]);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("pods/core-pod");
    let tested = pod.test(None, &[source.to_str().expect("a path")], &[("JWT_SECRET", "a-secret-of-16-letters")]);
    passes(&tested, &[])
}

pub fn run() -> anyhow::Result<()> {
    let files = [("pod.yaml", include_str!("seven/pod.yaml")), ("server.js", include_str!("seven/server.js"))];
    let pod = Pod::write("acceptance-seven", &files);
    // Without a gateway there is nothing to ask from outside, and it asks for no variable.
    let tested = pod.test(None, &[], &[]);
    passes(&tested, &["image-size", "rate-limit", "routes", "secrets-stay-out"])?;
    // "slow" answers 500 for its first three seconds: all that waits for it starts after them.
    let order = &tested.criteria()["start-order"].1;
    let started = |name: &str| start_of(order, name);
    if started("d.i.a-left") - started("slow_") < 3.0 {
        anyhow::bail!("a dependant started before the service answered: {order}");
    }
    Ok(())
}

/// When a service started, by the detail of start-order: `a +0.00 s, b +1.23 s`.
pub fn start_of(detail: &str, name: &str) -> f64 {
    let found = detail.split(", ").find_map(|one| one.strip_prefix(name)?.strip_prefix(" +")?.strip_suffix(" s")?.parse().ok());
    found.unwrap_or_else(|| panic!("{name} is not in `{detail}`"))
}

fn passes(tested: &Tested, skipped: &[&str]) -> anyhow::Result<()> {
    println!("{}", tested.text);
    if tested.code != Some(0) || !tested.with_status("failed").is_empty() || tested.with_status("skipped") != skipped {
        anyhow::bail!("expected {skipped:?} to be skipped and the rest to pass:\n{}", tested.text);
    }
    Ok(())
}
