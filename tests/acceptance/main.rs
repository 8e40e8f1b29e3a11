//! `podctl test acceptance` itself: pods that are right pass every criterion, and a pod that is wrong in one thing fails
//! the one criterion that is about it.

#![expect(clippy::expect_used, reason = "a test fails by its panic")]

#[path = "../support/mod.rs"]
mod support;

mod delayed;
mod fixture;
mod leftovers;
mod sabotage;
mod second_pod;

use libtest_mimic::Arguments;

fn main() -> std::process::ExitCode {
    let engine = support::has_engine();
    let trial = |name, test: fn() -> anyhow::Result<()>| support::with_engine(name, engine, move |_| async move { test() });
    let trials = vec![
        trial("core-pod passes every criterion", second_pod::core_pod),
        trial("a pod of seven odd services passes every criterion that applies", second_pod::run),
        trial("what follows a delayed service starts later by the delay", delayed::run),
        trial("each sabotage fails its own criterion and no other", sabotage::run),
        trial("an interrupted test leaves nothing behind", leftovers::run),
    ];
    let mut arguments = Arguments::from_args();
    // They measure time, and start many containers each: one after the other on small machines.
    arguments.test_threads.get_or_insert(1);
    libtest_mimic::run(&arguments, trials).exit_code()
}
