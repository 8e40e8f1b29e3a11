//! What podctl and podinit show of a pod that runs: top, events, ps and figures, on a real engine.

#![expect(clippy::expect_used, reason = "a test fails by its panic")]

#[path = "../support/functions.rs"]
mod functions;
#[expect(dead_code, reason = "made for the tests of `up`, which use all of it")]
#[path = "../up/pod.rs"]
mod pod;
#[path = "../support/mod.rs"]
mod support;

use libtest_mimic::Arguments;
use pod::{POLITE, Pod, docker};
use podinit_plan::protocol::Event;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};

const PODCTL: &str = env!("CARGO_BIN_EXE_podctl");

/// See [`shared`]; taken away at the end.
static SHARED: Mutex<Option<Arc<Pod>>> = Mutex::new(None);

/// A pod for several tests, with a service that has crashed once and goes on.
fn shared() -> Arc<Pod> {
    let mut shared = SHARED.lock().expect("no test fails while it makes the pod");
    let pod = shared.get_or_insert_with(|| {
        let flaky = "test -e /tmp/x && exec sleep 3600; touch /tmp/x; sleep 0.3; exit 7";
        let pod =
            up(&format!("services: {{ polite: {POLITE}, flaky: {{ {QUICK}, command: {{ shell: '{flaky}' }} }} }}"), "views");
        wait(&pod, |services| services.iter().any(|row| row["restarts"] == 1 && row["state"] == "ready"));
        Arc::new(pod)
    });
    Arc::clone(pod)
}

const QUICK: &str = "build: false, working_dir: /tmp, ready_after: 100ms";

fn up(yaml: &str, name: &str) -> Pod {
    let pod = Pod::new(name, yaml);
    pod.must(["up", "-d", &pod.name]);
    pod
}

/// The services of one look.
fn look(pod: &Pod) -> Vec<Value> {
    let output = pod.podctl(["top", &pod.name, "--once", "--interval", "100ms", "--format", "json"]);
    assert!(output.status.success(), "{}", pod::text(&output));
    services(&String::from_utf8(output.stdout).expect("text"))
}

fn services(line: &str) -> Vec<Value> {
    let document: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    assert!(document["time"].as_str().is_some_and(|time| time.ends_with('Z')), "{line}");
    document["services"].as_array().cloned().unwrap_or_default()
}

fn wait(pod: &Pod, is_so: impl Fn(&[Value]) -> bool) {
    let found = (0..100).find(|_| is_so(&look(pod)));
    assert!(found.is_some(), "{:?}", look(pod));
}

fn events(pod: &Pod, more: &[&str]) -> Vec<Event> {
    let output = pod.podctl([&["events", &pod.name, "--format", "json"], more].concat());
    assert!(output.status.success(), "{}", pod::text(&output));
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

fn top_is_a_table_and_a_document() {
    let pod = &shared();
    let output = pod.podctl(["top", &pod.name, "--interval", "100ms", "--sort", "name"]);
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{text}");
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with("POD") && lines[0].contains("CPU %") && lines[0].ends_with("RESPONSE"), "{text}");
    assert!(lines.iter().any(|line| line.starts_with(&pod.name) && line.contains("polite") && line.contains("ready")), "{text}");
    assert!(!text.contains('\x1b'), "where there is no terminal there is one table, without colours: {text:?}");
    let rows = look(pod);
    let flaky = rows.iter().find(|row| row["service"] == "flaky").expect("a row");
    assert_eq!((&flaky["state"], &flaky["restarts"], &flaky["pod"]), (&"ready".into(), &1.into(), &pod.name.as_str().into()));
}

fn top_keeps_one_connection_and_finds_the_pod_again() {
    let pod = up(&format!("services: {{ polite: {POLITE} }}"), "views-again");
    let top = pod.start(["top", &pod.name, "--format", "json", "--interval", "100ms"]);
    // What `up` has left behind may still be there.
    let dials = || -> BTreeSet<String> {
        let processes = docker(["top", &pod.name, "-o", "pid,args"]);
        let processes = String::from_utf8_lossy(&processes.stdout).into_owned();
        processes.lines().filter(|line| line.ends_with("podinit dial")).map(str::to_owned).collect()
    };
    top.shows(r#""state":"ready""#);
    let before = dials();
    for _ in 0..5 {
        top.shows(r#""state":"ready""#);
    }
    assert!(!before.is_empty() && dials().is_subset(&before), "{before:?} {:?}", dials());
    assert!(docker(["stop", &pod.name]).status.success());
    top.shows(r#""state":"exited""#);
    assert!(docker(["start", &pod.name]).status.success());
    top.shows(r#""state":"ready""#);
    top.interrupt();
    let (status, _, errors) = top.end();
    assert!(status.success(), "to interrupt it is how it ends: {errors}");
}

/// A shell's command line on a terminal of its own.
struct Terminal {
    script: Child,
    stdout: ChildStdout,
    seen: Vec<u8>,
}

impl Terminal {
    fn new(line: &str) -> Terminal {
        let mut command = Command::new("timeout");
        // Whatever goes wrong, it ends. The shell is named: some become the command that they run, some stay beside it.
        command.args(["--kill-after=5", "60", "script", "-qec", line, "/dev/null"]).env("TERM", "xterm").env("SHELL", "/bin/sh");
        let mut script = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("script");
        let stdout = script.stdout.take().expect("stdout");
        Terminal { script, stdout, seen: Vec::new() }
    }

    /// Waits until this was shown so often.
    fn shows(&mut self, text: &str, count: usize) {
        let mut buffer = [0; 4096];
        while self.text().matches(text).count() < count {
            let count = self.stdout.read(&mut buffer).expect("a terminal");
            assert!(count > 0, "it ended: {}", self.text());
            self.seen.extend_from_slice(&buffer[..count]);
        }
    }

    fn presses(&mut self, keys: &str) {
        self.script.stdin.as_mut().expect("stdin").write_all(keys.as_bytes()).expect("a key");
    }

    /// All that was shown, once the command has ended well.
    fn end(mut self) -> String {
        self.stdout.read_to_end(&mut self.seen).expect("an end");
        assert!(self.script.wait().expect("an end").success(), "{}", self.text());
        self.text()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }
}

fn top_draws_over_itself_until_q_is_pressed() {
    let pod = &shared();
    let mut terminal = Terminal::new(&format!("'{PODCTL}' top {} --interval 100ms", pod.name));
    // A head, the pod's own line, and two services.
    terminal.shows("\x1b[4A", 2);
    terminal.presses("xq");
    let text = terminal.end();
    assert!(text.contains("\x1b[32mready"), "states have colours: {text:?}");
    let last = text.rsplit("\x1b[J").next().unwrap_or_default();
    assert!(last.contains("polite") && last.contains("flaky"), "the last table stays: {text:?}");
}

fn top_in_the_background_leaves_the_keys_to_whom_they_are_for() {
    let pod = &shared();
    let mut terminal = Terminal::new(&format!(
        "set -m; '{PODCTL}' top {} --interval 100ms & top=$!; read -r line; kill -INT $top; wait $top && echo \"read $line\"",
        pod.name
    ));
    terminal.shows("\x1b[4A", 2);
    terminal.presses("quiet\n");
    let text = terminal.end();
    assert!(text.contains("read quiet"), "{text:?}");
}

fn events_are_what_happened() {
    let pod = &shared();
    let all = events(pod, &[]);
    assert!(all.iter().zip(1..).all(|(event, seq)| event.seq == seq), "{all:?}");
    let crash = all.iter().find(|event| event.service.as_deref() == Some("flaky") && event.exit.is_some()).expect("the crash");
    let later = events(pod, &["--since", &crash.seq.to_string()]);
    assert_eq!(later.first().map(|event| event.seq), Some(crash.seq + 1));
    assert_eq!(events(pod, &["--since", "1h"]).len(), all.len());
    assert!(events(pod, &["--since", "0s"]).is_empty());
    let text = pod.must(["events", &pod.name]);
    let line = text.lines().find(|line| line.contains("exit code 7")).unwrap_or_else(|| panic!("{text}"));
    assert!(line.starts_with(&crash.time) && line.contains("flaky"), "{line}");
    assert!(text.lines().any(|line| line.ends_with("polite        ready")), "{text}");
}

fn events_are_followed_over_a_restart() {
    let pod = up(&format!("services: {{ polite: {POLITE} }}"), "views-events");
    let events = pod.start(["events", "-f", &pod.name, "--format", "json"]);
    events.shows(r#""state":"ready""#);
    assert!(docker(["restart", &pod.name]).status.success());
    events.shows(r#""event":"stopping""#);
    events.shows(r#"{"seq":1,"#);
    events.shows(r#""state":"ready""#);
    assert!(docker(["rm", "-f", &pod.name]).status.success());
    let (status, rest, errors) = events.end();
    assert!(status.success() && !rest.contains(r#"{"seq":1,"#), "nothing is said twice: {rest} {errors}");
}

fn ps_has_health_and_memory() {
    let pod = &shared();
    let text = pod.must(["ps", &pod.name]);
    let head: Vec<_> = text.lines().next().expect("a head").split_whitespace().collect();
    assert_eq!(head, ["POD", "SERVICE", "STATE", "HEALTH", "MEMORY", "PID", "RESTARTS", "SINCE", "REASON"]);
    let ended = pod.podctl(["events", "no-such-pod"]);
    assert!(!ended.status.success());
}

/// A GET of a published port of the pod; the answer as it came.
fn get(port: &str, host: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).expect("a published port");
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n").expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

fn figures_come_from_a_port_of_their_own_and_nginx_s_are_among_them() {
    let yaml = format!(
        "monitor: {{ metrics: 9113 }}\nports: [{{ target: 9113, host_ip: 127.0.0.1 }}, {{ target: 8080, host_ip: 127.0.0.1 }}]\n\
         services: {{ polite: {POLITE} }}\ngateway: {{ port: 8080, route: {{ path: /, return: 200 hello }} }}"
    );
    let pod = up(&yaml, "views-figures");
    let published = |port: u16| pod.inspect(&format!("{{{{(index (index .NetworkSettings.Ports \"{port}/tcp\") 0).HostPort}}}}"));
    let (metrics, gateway) = (published(9113), published(8080));
    let value = |text: &str, name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
    let before = get(&metrics, "localhost", "/metrics");
    assert_eq!(value(&before, "podinit_nginx_up"), Some(1), "{before}");
    assert!(before.contains("podinit_service_ready{service=\"polite\"} 1"), "{before}");
    (0..7).for_each(|_| assert!(get(&gateway, "localhost", "/").ends_with("hello")));
    let after = get(&metrics, "localhost", "/metrics");
    let requests = |text: &str| value(text, "nginx_requests_total").expect("nginx's figures");
    // The health checks of the engine and podinit ask it, too.
    assert!(requests(&after) >= requests(&before) + 8, "{after}");
    for (port, host, path, status) in [
        (&metrics, "evil.example", "/metrics", "403"),
        (&metrics, "localhost", "/v1/status", "404"),
        (&gateway, "localhost", "/metrics", "200"),
        (&gateway, "localhost", "/_podctl/nginx/status", "403"),
    ] {
        let answer = get(port, host, path);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {answer}");
        assert!(!answer.contains("podinit_") && !answer.contains("Active connections"), "{path}: {answer}");
    }
}

fn main() {
    let trials = functions::trials([
        ("top is a table, and a document", top_is_a_table_and_a_document),
        ("top keeps one connection, and finds the pod again", top_keeps_one_connection_and_finds_the_pod_again),
        ("top draws over itself until q is pressed", top_draws_over_itself_until_q_is_pressed),
        (
            "top in the background leaves the keys to whom they are for",
            top_in_the_background_leaves_the_keys_to_whom_they_are_for,
        ),
        ("events are what happened", events_are_what_happened),
        ("events are followed over a restart", events_are_followed_over_a_restart),
        ("ps has health and memory", ps_has_health_and_memory),
        (
            "figures come from a port of their own, and nginx's are among them",
            figures_come_from_a_port_of_their_own_and_nginx_s_are_among_them,
        ),
    ]);
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
    drop(SHARED.lock().map(|mut pod| pod.take()));
    conclusion.exit();
}
