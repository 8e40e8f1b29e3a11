//! core-pod as its user meets it: podctl brings it up, and requests go through its gateway.
//!
//! Every test has a copy of pods/core-pod with a name and a port of its own, so that one that runs already is left
//! alone.

#![expect(clippy::expect_used, reason = "a test fails by its panic")]

#[path = "../support/ports.rs"]
mod ports;
#[path = "../support/mod.rs"]
mod support;

mod day_to_day;
mod pod;
mod requests;
mod secrets;
mod watched;

use libtest_mimic::Arguments;

fn main() {
    let engine = support::has_engine();
    let trial = |name, test: fn() -> anyhow::Result<()>| support::with_engine(name, engine, move |_| async move { test() });
    let trials = vec![
        trial("requests through the gateway", requests::run),
        trial("up, ps, logs, restart and down", day_to_day::run),
        trial("a secret is nowhere but in the container's environment", secrets::run),
        trial("its files, its figures, top and ps", watched::run),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
