//! What happens in a pod, as podinit tells it.

use podinit_plan::protocol::Event;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// Longer than anything takes that is waited for here.
const PATIENCE: Duration = Duration::from_secs(60);

/// The events of a pod from its first one on.
pub struct Events {
    dial: Child,
    events: Receiver<Event>,
}

impl Events {
    /// Listens to the pod in this container.
    pub fn of(container: &str) -> Events {
        let mut command = Command::new("docker");
        command.args(["exec", "-i", container, "podinit", "dial"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut dial = command.spawn().expect("docker runs");
        let request = b"GET /v1/events?since=0 HTTP/1.1\r\nHost: pod\r\n\r\n";
        dial.stdin.as_mut().expect("stdin").write_all(request).expect("docker reads");
        let stdout = BufReader::new(dial.stdout.take().expect("stdout"));
        let (send, events) = channel();
        thread::spawn(move || {
            // The head of the answer is no event.
            let mut events = stdout.lines().map_while(Result::ok).filter_map(|line| serde_json::from_str(&line).ok());
            events.all(|event: Event| send.send(event).is_ok())
        });
        Events { dial, events }
    }

    /// Waits for an event; gives all up to it.
    pub fn until(&self, is_it: impl Fn(&Event) -> bool) -> Vec<Event> {
        let mut seen = Vec::new();
        loop {
            let Ok(event) = self.events.recv_timeout(PATIENCE) else { panic!("the event did not come; there came {seen:#?}") };
            seen.push(event);
            if seen.last().is_some_and(&is_it) {
                return seen;
            }
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        drop(self.dial.kill());
        drop(self.dial.wait());
    }
}
