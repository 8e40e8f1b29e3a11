//! core-pod's auth-service delayed by an environment variable: all that follows starts later by as much.

use crate::fixture::Pod;
use crate::second_pod::start_of;
use std::path::Path;

const DELAY_SECONDS: f64 = 7.0;

pub fn run() -> anyhow::Result<()> {
    let pod = Pod::write("none", &[]);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("pods/core-pod");
    let source = source.to_str().expect("a path");
    let order = |delay: &str| {
        let tested = pod.test(None, &[source, "--only", "start-order"], &[("AUTH_START_DELAY", delay)]);
        assert_eq!(tested.code, Some(0), "{}", tested.text);
        tested.criteria()["start-order"].1.clone()
    };
    let (prompt, delayed) = (order("0s"), order("7s"));
    println!("0s: {prompt}\n7s: {delayed}");
    for name in ["user-service", "gateway"] {
        let moved = start_of(&delayed, name) - start_of(&prompt, name);
        // On a busy machine the rest of the start takes longer now and then; it never takes less.
        if !(DELAY_SECONDS - 1.0..2.0 * DELAY_SECONDS).contains(&moved) {
            anyhow::bail!("{name} moved by {moved:.2} s, not by {DELAY_SECONDS} s: {prompt}; {delayed}");
        }
    }
    Ok(())
}
