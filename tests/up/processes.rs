//! What pod.yaml says of processes, on a real engine: replicas, a schedule, a hook, readiness by a line of the log.

use crate::pod::{Pod, docker, text};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Longer than two runs of the schedule below take, on a slow machine too.
const PATIENCE: Duration = Duration::from_secs(30);

/// Answers with the number of the replica.
const WEB: &str = r#"$| = 1; $SIG{PIPE} = "IGNORE"; $SIG{TERM} = sub { exit 0 };
        my $listener = IO::Socket::INET->new(LocalAddr => "$ENV{HOST}:$ENV{PORT}", Listen => 9, ReuseAddr => 1) or die $!;
        print "replica $ENV{INSTANCE} listens\n";
        while (1) {
          my $client = $listener->accept() or next;
          while (<$client>) { last if /^\r?$/ }
          print $client "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n$ENV{INSTANCE}";
          close $client;
        }"#;

fn yaml() -> String {
    format!(
        r#"
ports: [{{ target: 8080, host_ip: 127.0.0.1 }}]
defaults: {{ build: false, working_dir: /tmp }}
services:
  store:
    pre_start: {{ shell: "sleep 0.5; echo migrated >/tmp/store" }}
    command: {{ shell: "cat /tmp/store; sleep 1; echo the store is open; exec sleep 3600" }}
    ready: {{ log: the store is open }}
  web:
    replicas: 3
    port: 8000-8002
    depends_on: [store]
    route: /
    command:
      - perl
      - -MIO::Socket::INET
      - -e
      - |
        {WEB}
  tick: {{ schedule: every 2s, command: {{ shell: "echo tick >>/tmp/ticks" }} }}
"#
    )
}

pub fn replicas_schedules_hooks_and_readiness() {
    let pod = Pod::new("processes", &yaml());
    let up = pod.must(["up", "-d", &pod.name, "--wait-timeout", "60s"]);
    assert!(up.contains("web-2 ready") && up.contains("store ready"), "{up}");

    let logs = pod.must(["logs", &pod.name]);
    let line =
        |wanted: &str| logs.lines().position(|line| line.ends_with(wanted)).unwrap_or_else(|| panic!("no `{wanted}`: {logs}"));
    assert!(logs.lines().any(|line| line == "store | migrated"), "the hook ran before the command: {logs}");
    for replica in ["web-0 | replica 0 listens", "web-1 | replica 1 listens", "web-2 | replica 2 listens"] {
        assert!(line(replica) > line("store | the store is open"), "{logs}");
    }

    let port = pod.inspect("{{ (index (index .NetworkSettings.Ports \"8080/tcp\") 0).HostPort }}");
    let answered: BTreeSet<String> = (0..12).map(|_| get(&port)).collect();
    assert_eq!(answered, ["0", "1", "2"].map(str::to_owned).into());

    let begun = Instant::now();
    while text(&docker(["exec", &pod.name, "cat", "/tmp/ticks"])).lines().count() < 2 {
        assert!(begun.elapsed() < PATIENCE, "the clock starts nothing: {}", pod.must(["logs", &pod.name]));
        std::thread::sleep(Duration::from_millis(100));
    }
    let ps = pod.must(["ps", &pod.name]);
    assert!(["store", "web-0", "web-1", "web-2", "next run 20"].iter().all(|part| ps.contains(part)), "{ps}");

    // A service with replicas is called by its own name.
    let web = format!("{}/web", pod.name);
    assert_eq!(pod.must(["logs", &web]).lines().count(), 3);
    let restarted = pod.must(["restart", &web]);
    assert!(restarted.contains("restart web-0: ready") && restarted.contains("restart web-2: ready"), "{restarted}");
    let down = pod.must(["down", &pod.name]);
    assert!(down.contains("stopped with exit code 0"), "{down}");
}

/// The body of the gateway's answer.
fn get(port: &str) -> String {
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).expect("the gateway listens");
    stream.write_all(b"GET / HTTP/1.0\r\nHost: pod\r\n\r\n").expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer.rsplit("\r\n").next().unwrap_or_default().to_owned()
}
