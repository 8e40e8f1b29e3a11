//! podinit as PID 1 of real pods, against its budgets and against a bare loop of fork and exec in the same run.
//!
//! `cargo bench -p podinit --bench pods`; prints a table, asserts nothing. PODINIT names another podinit than the one
//! that cargo makes for the bench, which is larger than the one that podctl embeds. Needs `cc` and the right to make
//! namespaces, and for `chrt` (util-linux) to prefer podinit on a processor.
#![expect(clippy::unwrap_used, reason = "a bench that cannot measure has nothing else to do")]

mod measures;
#[expect(dead_code, reason = "made for the tests, which use all of it")]
#[path = "../../tests/pods/support/mod.rs"]
mod support;

use measures::{Bench, Turns, median};

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        // `cargo test --benches` only wants to know that it builds.
        return;
    }
    let bench = Bench::new();
    println!("| figure | measured | budget |\n| --- | --- | --- |");
    let row = |figure: &str, measured: String, budget: &str| println!("| {figure} | {measured} | {budget} |");
    row("binary", format!("{:.2} MB", bench.binary_mb()), "2 MB");
    row("first service executed", format!("{:.1} ms", median((0..5).map(|_| bench.first_service()).collect())), "8 ms");

    let (restart, floor) = (bench.restart(), bench.floor_restart());
    row("kill -9 to the successor, median of 20", format!("{restart:.2} ms"), "2 x the bare loop");
    row("- the bare loop", format!("{floor:.2} ms; {:.1} x", restart / floor), "");

    let small = bench.small();
    row("PSS, 4 services with checks", kb(small.pss_checked), "1.5 MB");
    row("PSS, 4 services without", kb(small.pss), "");
    row("wake-ups in 3 s, no check due", format!("{}", small.wake_ups), "0");

    let (large, floor) = (bench.large(), bench.floor_start());
    row("1000 services executed", format!("{:.0} ms", large.executed), "1.5 x the bare loop");
    row("- the bare loop", format!("{floor:.0} ms; {:.2} x", large.executed / floor), "");
    row("- podinit's own CPU", format!("{:.0} ms", large.cpu), "100 ms");
    let preferred = Bench::preferred();
    let alone = preferred.large();
    row("- longest turn of the loop", turns(large.start), "5 ms");
    row("- longest turn that waits for no processor", turns(alone.start), "5 ms");
    row("- PSS", kb(large.pss), "4 MB");
    row("- stop: longest turn of the loop", turns(large.stop), "5 ms");
    row("- stop: longest turn that waits for no processor", turns(alone.stop), "5 ms");

    let passes = preferred.passes();
    row("a look at the memory of 1000 services with 5 processes each, median of 10", format!("{:.0} ms", passes.time), "");
    row("- podinit's own CPU", format!("{:.0} ms", passes.cpu), "");
    row("- longest turn that waits for no processor", turns(passes.turns), "5 ms");
    row("- PSS with what it keeps of them", kb(passes.pss), "");
    for count in [4, 1000] {
        let (scrape, alone) = (bench.scrape(count), Bench::preferred().scrape(count));
        row(&format!("GET /metrics, {count} services"), format!("{:.2} ms, {} KB", scrape.ms, scrape.bytes / 1024), "");
        row("- longest turn of the loop", turns(scrape.turns), "5 ms");
        row("- longest turn that waits for no processor", turns(alone.turns), "5 ms");
        row("- PSS before and after", format!("{}, {}", kb(scrape.pss[0]), kb(scrape.pss[1])), "");
    }

    let storm = preferred.storm();
    row("1000 services are killed, and a file and a command are told", format!("{:.2} s", storm.told), "");
    row("- podinit's own CPU", format!("{:.0} ms", storm.cpu), "");
    row("- longest turn that waits for no processor", turns(storm.turns), "5 ms");
    row("the pod's health as a file, 1000 services: longest turn", turns(preferred.report(1000)), "5 ms");

    let stop = |count, distinct| format!("{:.0} ms", bench.stop(count, distinct));
    row("stop of 100 services", stop(100, false), "10 ms");
    row("stop of 1000 services", stop(1000, false), "");
    row("stop of 1000 services, one after the other", stop(1000, true), "");

    row("longest turn, four services that flood stdout", turns(bench.flood()), "5 ms");
    row("longest turn, 10,000 orphans", turns(bench.orphans()), "5 ms");
    row("longest turn, 3,000 leftovers are killed", turns(bench.leftovers()), "5 ms");
    row("- longest turn that waits for no processor", turns(preferred.leftovers()), "5 ms");
}

fn kb(kilobytes: u64) -> String {
    format!("{:.2} MB", kilobytes as f64 / 1024.0)
}

fn turns((longest_us, over): Turns) -> String {
    let longest = longest_us.map(|longest_us| format!("{:.1} ms; ", longest_us as f64 / 1000.0));
    format!("{}{over} over 5 ms", longest.unwrap_or_default())
}
