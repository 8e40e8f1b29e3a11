//! Ports for the servers of tests.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a test's own means is a failure of the test")]

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

/// A port that nobody listens on, and that no connection is given by itself, unlike those of `bind(0)`: a client may
/// otherwise take it, or who connects to it be given the very same and meet itself.
pub fn free_port() -> u16 {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    // Tests that run at the same time begin elsewhere.
    let first = 20_000 + u16::try_from(std::process::id() % 1_000).unwrap() * 10;
    let next = || first + TAKEN.fetch_add(1, Ordering::Relaxed);
    std::iter::repeat_with(next).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}
