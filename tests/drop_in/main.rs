//! podinit in supervisord's place, on a real engine: in a Dockerfile of somebody's that changes in one line, and in a
//! project that was imported.

#![expect(clippy::expect_used, reason = "a test fails by its panic")]

#[path = "../support/functions.rs"]
mod functions;
#[path = "../support/mod.rs"]
mod support;

mod docker;
mod imported;
mod one_line;

use libtest_mimic::Arguments;

fn main() {
    let trials = functions::trials([
        ("one line of a Dockerfile changes, and supervisorctl says what it said", one_line::changes),
        ("an imported project answers as it did under supervisord", imported::answers_as_before),
    ]);
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
