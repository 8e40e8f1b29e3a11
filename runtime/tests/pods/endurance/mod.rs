//! What has to hold however often it happens. The counts are small by default; PODINIT_ENDURANCE=N multiplies them, and
//! 100 is the full count of each.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a test's own means is a failure of the test")]

mod bombs;
mod exits;
mod flood;
mod inherited;
mod kills;
mod nginx;
mod orphans;
mod stubborn;

use crate::support::Pod;
use podinit_plan::plan::{Backoff, Growth, Restart, Service};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};

/// The same service, restarted at once and however often it dies.
fn tireless(service: Service) -> Service {
    let backoff = Backoff { first_ms: 1, max_ms: 1, growth: Growth::Linear, jitter_percent: 0, ..Backoff::default() };
    let restart = Restart { retries: u32::MAX, stable_after_ms: 0, backoff, ..Restart::default() };
    Service { restart, ..service }
}

/// A shell in the pod that sends signals, so that not every one takes a process of its own.
struct Killer(Child);

impl Killer {
    fn new(pod: &Pod) -> Killer {
        let mut command = pod.enter(&["sh", "-c", "while read pid; do kill -9 $pid && echo killed || echo missed; done"]);
        Killer(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap())
    }

    /// Kills a process of the pod by the id it has there, which has to exist.
    fn kill(&mut self, pid: i32) {
        let (stdin, stdout) = (self.0.stdin.as_mut().unwrap(), self.0.stdout.as_mut().unwrap());
        writeln!(stdin, "{pid}").unwrap();
        let mut answer = String::new();
        // Not more than this line is there to be read.
        BufReader::new(stdout).read_line(&mut answer).unwrap();
        assert_eq!(answer, "killed\n", "{pid}");
    }
}

impl Drop for Killer {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // It ends with its input, or with the pod.
        let _ = self.0.wait();
    }
}
