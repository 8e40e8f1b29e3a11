//! Alerts from one end to the other: a pod on a real engine, podinit-deliver in its image, and receivers on this host.
//!
//! Alertmanager is looked for on PATH (`prometheus-alertmanager` and `amtool`, as Debian has them); its test is listed as
//! ignored without it.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by its panic")]

mod acceptance;
#[path = "../../runtime/deliver/tests/receivers/alertmanager.rs"]
mod alertmanager;
#[expect(dead_code, reason = "made for the tests of podinit-deliver, which use all of it")]
#[path = "../../runtime/deliver/tests/receivers/certificates.rs"]
mod certificates;
mod everybody;
#[expect(dead_code, reason = "made for the tests of podinit-deliver, which use all of it")]
#[path = "../../runtime/deliver/tests/receivers/mailbox.rs"]
mod mailbox;
#[expect(dead_code, reason = "made for the tests of `up`, which use all of it")]
#[path = "../up/pod.rs"]
mod pod;
#[path = "../support/ports.rs"]
mod ports;
#[expect(dead_code, reason = "made for the tests of podinit-deliver, which use all of it")]
#[path = "../../runtime/deliver/tests/receivers/receiver.rs"]
mod receiver;
mod resolved;
mod secrets;
#[path = "../support/mod.rs"]
mod support;
mod troubled;

use libtest_mimic::{Arguments, Trial};
use podinit_plan::protocol::{SinkStatus, Status};
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::time::{Duration, Instant};

/// Longer than anything here takes, on a slow machine too.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a container calls this host.
const HOST: &str = "receivers.test";

/// A pod with these sinks: `flaky` ends with code 7 when there is /tmp/crash, `ill` is unhealthy while there is /tmp/ill.
fn pod(name: &str, variables: &str, sinks: &str) -> pod::Pod {
    let yaml = format!(
        r#"
stop_grace_period: 3s
extra_hosts: ["{HOST}:host-gateway"]
files: {{ /etc/receivers.pem: ca.pem }}
defaults: {{ working_dir: /tmp, ready_after: 100ms }}
services:
  flaky:
    build: false
    environment: {{ WORD: "${{WORD:?}}" }}
    command: {{ shell: 'while [ ! -e /tmp/crash ]; do sleep 0.1; done; rm /tmp/crash; echo "the last words: $WORD"; exit 7' }}
  ill:
    build: false
    command: sleep infinity
    healthcheck: {{ exec: test ! -e /tmp/ill, interval: 200ms, retries: 2, on_failure: unready }}
alerts:
  sinks:{sinks}"#
    );
    let pod = pod::Pod::new(&format!("alerts-{name}"), &yaml);
    let folder = pod.project.path().join("pods").join(&pod.name);
    std::fs::copy(certificates::ca(), folder.join("ca.pem")).expect("a certificate");
    std::fs::write(folder.join(".env"), format!("WORD={}\n{variables}", secrets::WORD)).expect("variables");
    pod.must(["up", "-d", &pod.name]);
    pod
}

/// Runs a shell line in the container; gives what it prints.
fn within(pod: &pod::Pod, line: &str) -> String {
    let output = pod::docker(["exec", &pod.name, "sh", "-c", line]);
    assert!(output.status.success(), "{line}: {}", pod::text(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Asks until it is so.
fn wait(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what} did not come");
    }
}

/// What the pod's container has printed.
fn log(pod: &pod::Pod) -> String {
    pod::text(&pod::docker(["logs", &pod.name]))
}

/// What podinit answers about itself, as text.
fn status_text(pod: &pod::Pod) -> String {
    let answer = within(pod, r"printf 'GET /v1/status HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n' | podinit dial");
    answer.split_once("\r\n\r\n").expect("an answer").1.to_owned()
}

/// How the sinks are, by name.
fn sinks(pod: &pod::Pod) -> BTreeMap<String, SinkStatus> {
    let text = status_text(pod);
    serde_json::from_str::<Status>(&text).unwrap_or_else(|error| panic!("{error}: {text}")).alerts
}

/// A port that containers reach.
fn listen() -> TcpListener {
    TcpListener::bind(("0.0.0.0", ports::free_port())).expect("a free port")
}

fn main() {
    let engine = support::has_engine();
    let trial = |name, test: fn()| -> Trial {
        support::with_engine(name, engine, move |_| async move {
            test();
            Ok(())
        })
    };
    let alertmanager = trial("Alertmanager shows what is wrong until it is not any more", resolved::run);
    let alertmanager = match alertmanager::is_there() {
        true => alertmanager,
        false => alertmanager.with_kind("needs Alertmanager and amtool").with_ignored_flag(true),
    };
    let trials = vec![
        trial("everybody is told once, and no secret", everybody::run),
        trial("who is away or in trouble is told later, once", troubled::run),
        trial("a test of acceptance tells nobody", acceptance::run),
        alertmanager,
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
