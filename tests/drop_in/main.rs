//! podinit in supervisord's place, on a real engine: in a Dockerfile of somebody's that changes in one line, and in a
//! project that was imported.

#![expect(clippy::expect_used, reason = "a test fails by its panic")]

#[path = "../support/mod.rs"]
mod support;

mod docker;
mod imported;
mod one_line;

use libtest_mimic::Arguments;

fn main() {
    let engine = support::has_engine();
    let trial = |name, test: fn()| {
        support::with_engine(name, engine, move |_| async move {
            test();
            Ok(())
        })
    };
    let trials = vec![
        trial("one line of a Dockerfile changes, and supervisorctl says what it said", one_line::changes),
        trial("an imported project answers as it did under supervisord", imported::answers_as_before),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
