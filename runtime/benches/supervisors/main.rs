//! podinit and other supervisors side by side, at the same work, in one run.
//!
//! `cargo bench -p podinit --bench supervisors`; prints a table, asserts nothing. supervisord, s6-svscan and runsvdir are
//! measured where they are in PATH, podinit with the very configuration that supervisord is given. PODINIT names another
//! podinit than the one that cargo makes for the bench. Needs `cc` and the right to make namespaces.
//!
//! Compare the figures of one run only: machines differ, and so do their days.
#![expect(clippy::unwrap_used, reason = "a bench that cannot measure has nothing else to do")]

mod peer;
mod run;

use peer::{PEERS, Peer};
use run::{Bench, Figures};

/// A small pod, and one that no container should be.
const SIZES: [usize; 2] = [4, 1000];
/// Lines of 100 bytes that are written to a log file.
const LINES: usize = 1_000_000;

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        // `cargo test --benches` only wants to know that it builds.
        return;
    }
    let bench = Bench::new();
    let peers: Vec<&Peer> = PEERS.iter().filter(|peer| bench.has(peer)).collect();
    println!("| services | figure | bare loop | {} |", peers.iter().map(|peer| peer.name).collect::<Vec<_>>().join(" | "));
    println!("| --- | --- | --- |{}", " --- |".repeat(peers.len()));
    for size in SIZES {
        let all: Vec<Figures> = peers.iter().map(|peer| bench.run(peer, size)).collect();
        let row = |figure: &str, floor: String, of: &dyn Fn(&Figures) -> String| {
            println!("| {size} | {figure} | {floor} | {} |", all.iter().map(of).collect::<Vec<_>>().join(" | "));
        };
        row("all run after", format!("{:.0} ms", bench.floor_start(size)), &|of| format!("{:.0} ms", of.start));
        if size == SIZES[0] {
            row("kill -9 to the successor", format!("{:.2} ms", bench.floor_restart()), &|of| format!("{:.2} ms", of.restart));
        }
        row("PSS of all its processes", String::new(), &|of| format!("{:.2} MB", of.pss as f64 / 1024.0));
        row("processes", String::new(), &|of| of.processes.to_string());
        row("wake-ups a second, nothing to do", String::new(), &|of| format!("{:.1}", of.wake_ups));
        row("stop", String::new(), &|of| format!("{:.0} ms", of.stop));
    }
    let logged: Vec<(f64, f64, f64)> = peers.iter().map(|peer| bench.log(peer, LINES)).collect();
    let row = |figure: &str, texts: Vec<String>| println!("| 1 | {figure} | | {} |", texts.join(" | "));
    row("to a log file", logged.iter().map(|(rate, _, _)| format!("{rate:.0} MB/s")).collect());
    row("- what arrives of them", logged.iter().map(|(_, share, _)| format!("{share:.1} %")).collect());
    row("- its own CPU for 100 MB", logged.iter().map(|(_, _, cpu)| format!("{cpu:.0} ms")).collect());
}
