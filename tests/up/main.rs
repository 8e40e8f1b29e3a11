//! podctl's way with pods on a real engine: what it says of those that fail, how it ends those that it is attached to,
//! and what it does with what it did not make.

#![expect(clippy::expect_used, reason = "a test fails by its panic")]

#[path = "../support/functions.rs"]
mod functions;
#[path = "../support/mod.rs"]
mod support;

mod attached;
mod failures;
mod given;
mod other_hands;
mod pod;
mod processes;

use libtest_mimic::Arguments;

fn main() {
    let trials = functions::trials([
        ("a service that fails for good is reported with its last lines", failures::of_an_essential_service),
        ("a pod that ends before anybody could ask is reported, too", failures::at_once),
        ("a pod that is too slow is reported with what is missing", failures::of_patience),
        ("a variable that is missing at the start is named", failures::of_a_missing_variable),
        ("replicas, a schedule, a hook, and readiness by a line of the log", processes::replicas_schedules_hooks_and_readiness),
        ("streams are kept apart, in envelopes and in files", given::streams_apart),
        ("Ctrl-C stops an attached pod gracefully", attached::one_interrupt),
        ("a second Ctrl-C kills it", attached::two_interrupts),
        ("attached, podctl ends with the pod", attached::the_pod_ends),
        ("the past of a service, and what follows it", attached::logs_of_a_service),
        ("a pod is restarted as a whole", other_hands::a_restart),
        ("a container that podctl did not make is left alone", other_hands::a_container_of_somebody_else),
        ("a port that another container has is named with it", other_hands::a_port_of_another_container),
        ("a name is no beginning of an id", other_hands::a_container_whose_id_begins_like_a_name),
        ("a pod.yaml with mistakes is shown by every command that needs it", other_hands::a_pod_yaml_with_mistakes),
        ("a pod comes down by its name when its pod.yaml is gone", other_hands::a_lost_folder),
    ]);
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
