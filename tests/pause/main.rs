//! A pod that is held up as a whole, by a pause or for want of processor time: nothing that its services did not do is
//! held against them. The times are short by default; PODINIT_ENDURANCE=N multiplies them.

#![expect(clippy::expect_used, reason = "a test fails by its panic")]

#[path = "../support/functions.rs"]
mod functions;
#[path = "../support/mod.rs"]
mod support;

mod events;
mod held_up;
#[path = "../up/pod.rs"]
#[expect(dead_code, reason = "podctl is not attached to here")]
mod pod;

use libtest_mimic::Arguments;

fn main() {
    let trials = functions::trials([
        ("a pause changes nothing", held_up::by_a_pause),
        ("a twentieth of a processor changes nothing", held_up::by_a_limit),
    ]);
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
