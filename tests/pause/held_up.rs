//! Pauses and limits of a pod with every kind of check, and a watchdog.

use crate::events::Events;
use crate::pod::{Pod, docker, text};
use podinit_plan::state::State;
use std::thread;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// One failure restarts each of these services, and every way to fail by time is shorter than the pause.
const YAML: &str = r#"
defaults:
  build: false
  working_dir: /tmp
services:
  connected:
    port: 8000
    healthcheck: { tcp: true, interval: 200ms, timeout: 3s, retries: 1 }
    command: &listen
      - perl
      - -MIO::Socket::INET
      - -e
      - |
        my $listener = IO::Socket::INET->new(LocalAddr => "127.0.0.1:$ENV{PORT}", Listen => 9, ReuseAddr => 1) or die $!;
        while (1) {
          my $client = $listener->accept() or next;
          next if $ENV{MUTE};
          while (<$client>) { last if /^\r?$/ }
          print $client "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        }
    environment: { MUTE: "1" }
  requested:
    port: 8001
    healthcheck: { http: /, interval: 200ms, timeout: 3s, retries: 1 }
    command: *listen
  executed:
    healthcheck: { exec: { shell: "echo >>/tmp/checks" }, interval: 200ms, timeout: 3s, retries: 1 }
    command: sleep 3600
  watched:
    ready: { notify: systemd, watchdog: 3s }
    command:
      - perl
      - -MSocket
      - -e
      - |
        my ($path) = $ENV{NOTIFY_SOCKET} =~ s/^@/\0/r;
        socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die $!;
        sub say_it { send($socket, $_[0], 0, pack("S a*", AF_UNIX, $path)) or die $! }
        say_it("READY=1");
        while (1) { select undef, undef, undef, 0.3; say_it("WATCHDOG=1") }
  last: { depends_on: [connected, requested, executed, watched], command: sleep 3600 }
"#;

/// `docker pause`, for longer than any check or watchdog may take.
pub fn by_a_pause() {
    unchanged("pause", |name| {
        must(&["pause", name]);
        thread::sleep(time());
        must(&["unpause", name]);
    });
}

/// `docker update --cpus 0.05`: throttled over and over again.
pub fn by_a_limit() {
    unchanged("limit", |name| {
        must(&["update", "--cpus", "0.05", name]);
        thread::sleep(time());
        must(&["update", "--cpus", "2", name]);
    });
}

/// How long a pod is held up.
fn time() -> Duration {
    let factor: u64 = std::env::var("PODINIT_ENDURANCE").map_or(1, |factor| factor.parse().expect("a number"));
    Duration::from_secs((8 * factor).min(60))
}

/// Starts a pod, does something to it that no service is to blame for, and looks whether anything happened.
fn unchanged(name: &str, hold_up: impl FnOnce(&str)) {
    let pod = Pod::new(name, YAML);
    pod.must(["up", "-d", &pod.name, "--wait-timeout", "60s"]);
    let events = Events::of(&pod.name);
    events.until(|event| event.service.as_deref() == Some("last") && event.state == Some(State::Ready));
    checked(&pod, 3);
    hold_up(&pod.name);
    checked(&pod, 10);
    // Nothing happens until something is asked for.
    pod.must(["restart", &format!("{}/last", pod.name)]);
    let happened = events.until(|event| event.service.as_deref() == Some("last"));
    assert_eq!(happened.len(), 1, "{happened:#?}");
    let down = pod.must(["down", &pod.name]);
    assert!(down.contains("stopped with exit code 0"), "{down}");
}

/// Waits until the check that can be counted has passed so many times more.
fn checked(pod: &Pod, times: usize) {
    let count = || text(&docker(["exec", &pod.name, "cat", "/tmp/checks"])).lines().count();
    let (before, begun) = (count(), Instant::now());
    while count() < before + times {
        assert!(begun.elapsed() < PATIENCE, "there are no checks any more");
        thread::sleep(Duration::from_millis(50));
    }
}

fn must(arguments: &[&str]) {
    let output = docker(arguments);
    assert!(output.status.success(), "docker {arguments:?}: {}", text(&output));
}
