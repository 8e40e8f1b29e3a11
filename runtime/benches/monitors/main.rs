//! A pod of four services with all monitors on: podinit's own, and supervisord with three monitors in Python that do the
//! same, one after the other in one run.
//!
//! `cargo bench -p podinit --bench monitors`; prints a table, asserts nothing. PODINIT names another podinit than the one
//! that cargo makes for the bench, supervisord and python3 have to be in PATH. Needs `cc` and the right to make namespaces.
#![expect(clippy::unwrap_used, reason = "a bench that cannot measure has nothing else to do")]

mod pods;
mod processes;
#[expect(dead_code, reason = "made for the tests, which use all of it")]
#[path = "../../tests/pods/support/mod.rs"]
mod support;

use processes::Figures;
use std::path::Path;
use std::process::Command;

/// Where the services listen.
const PORTS: [u16; 4] = [18_461, 18_462, 18_463, 18_464];
/// From check to check and from look to look, in seconds.
const INTERVAL: u64 = 10;
/// For how long everything is looked at, in seconds.
const MEASURED: u64 = 60;

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        // `cargo test --benches` only wants to know that it builds.
        return;
    }
    let programs = tempfile::tempdir().unwrap();
    let web = programs.path().join("web");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../benches/monitors/web.c");
    assert!(Command::new("cc").args(["-O2", "-static", "-o"]).arg(&web).arg(source).status().unwrap().success());

    println!("| {MEASURED} s, four services, everything watched every {INTERVAL} s | podinit | supervisord and three monitors |");
    println!("| --- | --- | --- |");
    let (podinit, supervisord) = (pods::podinit(&web), measured_supervisord(&web));
    let row = |figure: &str, of: &dyn Fn(&Figures) -> String| {
        let other = supervisord.as_ref().map_or("not in PATH".to_owned(), of);
        println!("| {figure} | {} | {other} |", of(&podinit));
    };
    row("processes besides the services", &|of| of.processes.to_string());
    row("PSS of them", &|of| format!("{:.2} MB", of.pss as f64 / 1024.0));
    row("CPU", &|of| format!("{:.0} ms", of.cpu));
    row("wake-ups", &|of| of.wake_ups.to_string());
}

fn measured_supervisord(web: &Path) -> Option<Figures> {
    let is_there = Command::new("supervisord").arg("--version").output().is_ok();
    is_there.then(|| pods::supervisord(web))
}
