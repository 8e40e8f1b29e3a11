//! podinit in containers of a real engine, with as few rights as containers are given.

#![expect(clippy::expect_used, reason = "a test fails by its panic")]

#[path = "../support/mod.rs"]
mod support;

mod command;
mod container;
mod matrix;
mod memory;

use container::{Container, Image};
use libtest_mimic::Arguments;
use std::sync::Arc;

fn main() {
    let engine = support::has_engine();
    let image = Arc::new(Image::small());
    let hungry = Arc::new(memory::image());
    let trial_with = |image: &Arc<Image>, name, test: fn(&Image)| {
        let image = Arc::clone(image);
        support::with_engine(name, engine, move |_| async move {
            test(&image);
            Ok(())
        })
    };
    let trial = |name, test| trial_with(&image, name, test);
    let trials = vec![
        trial("a pod works with any user, rights and limits, or says why not", matrix::run),
        trial("a pod without any right on a disk that cannot be written", hardened),
        trial("a command instead of the services", command::instead_of_the_services),
        trial("a command is signalled as its container is", command::signals),
        trial("a command has the container's terminal", command::terminal),
        trial_with(
            &hungry,
            "a leader that the kernel kills for lack of memory is told from one that somebody kills",
            memory::leader,
        ),
        trial_with(&hungry, "a child that the kernel kills for lack of memory is told of", memory::child),
    ];
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
    // Exiting drops nothing.
    drop((image, hungry));
    conclusion.exit();
}

fn hardened(image: &Image) {
    let options = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--user", "12345:12345"];
    // Without /dev/shm, too, and with the network of somebody else.
    for more in [&[][..], &["--ipc", "none"], &["--ipc", "none", "--network", "host"]] {
        let container = Container::run(image, &[&options, more].concat(), &[]);
        matrix::works(&container, "12345:12345").unwrap_or_else(|error| panic!("{more:?}: {error}\n{}", container.logs()));
    }
}
