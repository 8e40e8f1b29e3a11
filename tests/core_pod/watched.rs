//! What core-pod says of itself: its files, its figures, and what top and ps show of it.

use crate::pod::Pod;
use podinit_plan::alert::{Alert, AlertKind, AlertStatus};
use podinit_plan::protocol::Exit;
use serde_json::Value;
use std::time::{Duration, Instant};

/// Longer than anything here takes, on a slow machine too.
const PATIENCE: Duration = Duration::from_secs(60);
const SERVICES: [&str; 3] = ["auth-service", "gateway", "user-service"];
/// The limit of a service.
const LIMIT: u64 = 256 << 20;

pub fn run() -> anyhow::Result<()> {
    let pod = Pod::up("core-pod-watched", &[]);
    the_health_file_is_the_status_with_processor_and_disk(&pod);
    the_memory_file_has_every_service_and_its_limit(&pod);
    figures_are_told_in_the_container_alone(&pod);
    top_and_ps_show_memory_and_health(&pod);
    a_crash_is_one_line_of_the_alerts(&pod);
    assert!(!pod.docker(["exec", &pod.name, "test", "-e", "/usr/local/bin/podinit-deliver"]).status.success(), "nobody needs it");
    Ok(())
}

/// What a command in the container prints.
fn within(pod: &Pod, command: &[&str]) -> String {
    let output = pod.docker([&["exec", &pod.name], command].concat());
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Asks until there is an answer.
fn wait<T>(what: &str, ask: impl Fn() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        match ask() {
            Some(answer) => return answer,
            None => assert!(begun.elapsed() < PATIENCE, "{what} did not come"),
        }
    }
}

/// A document that a command in the container prints, once it is as it should be.
fn document(pod: &Pod, file: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    wait(file, || serde_json::from_str(&within(pod, &["cat", file])).ok().filter(&is_so))
}

fn the_health_file_is_the_status_with_processor_and_disk(pod: &Pod) {
    // The processor's share is known from the second time on.
    let health = document(pod, "/tmp/core_pod_health.json", |health| health["cpu_percent"].is_f64() && health["ready"] == true);
    assert_eq!(health["pod"], pod.name.as_str());
    assert!(health["disks"]["/"]["used_percent"].as_u64().is_some_and(|share| share <= 100), "{health}");
    let services = health["services"].as_array().expect("services");
    let names: Vec<&str> = services.iter().filter_map(|service| service["name"].as_str()).collect();
    assert_eq!(names, SERVICES);
    for service in services {
        assert!(service["state"] == "ready" && service["check"]["last_us"].as_u64().is_some_and(|us| us > 0), "{service}");
    }
}

fn the_memory_file_has_every_service_and_its_limit(pod: &Pod) {
    let bytes = |value: &Value| value["bytes"].as_u64().unwrap_or_default();
    let has_all = |memory: &Value| SERVICES.iter().all(|name| bytes(&memory["services"][name]) > 0);
    let memory = document(pod, "/tmp/memory_metrics.json", has_all);
    for name in ["auth-service", "user-service"] {
        let service = &memory["services"][name];
        // A node takes more than 10 MB, whatever it does.
        assert!(bytes(service) > 10 << 20 && service["limit_bytes"] == LIMIT, "{memory}");
    }
    assert!(bytes(&memory["container"]) > 20 << 20, "{memory}");
}

fn figures_are_told_in_the_container_alone(pod: &Pod) {
    let get = "fetch('http://127.0.0.1:9113/metrics').then(r => r.text()).then(t => process.stdout.write(t))";
    let figures = within(pod, &["node", "-e", get]);
    for line in SERVICES.map(|name| format!("podinit_service_ready{{service=\"{name}\"}} 1")) {
        assert!(figures.lines().any(|found| found == line), "{line} is missing in {figures}");
    }
    assert!(
        figures.contains("podinit_nginx_up 1") && figures.contains(&format!("{{service=\"auth-service\"}} {LIMIT}")),
        "{figures}"
    );
    assert_ne!(pod.get("/metrics").status, 200, "the gateway does not tell them");
    let published = crate::pod::text(&pod.docker(["port", &pod.name]));
    assert!(published.contains("80/tcp") && !published.contains("9113"), "{published}");
}

fn top_and_ps_show_memory_and_health(pod: &Pod) {
    let look = |arguments: &[&str]| -> Value {
        let output = pod.podctl(arguments);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    };
    let top = look(&["top", &pod.name, "--once", "--interval", "100ms", "--format", "json"]);
    let rows = top["services"].as_array().expect("rows");
    let row = rows.iter().find(|row| row["service"] == "auth-service").expect("a row");
    assert!(row["memory_bytes"].as_u64().is_some_and(|bytes| bytes > 10 << 20) && row["limit_bytes"] == LIMIT, "{row}");
    assert!(row["response_ms"].as_f64().is_some_and(|ms| ms > 0.0) && row["state"] == "ready", "{row}");
    let table = pod.must(["top", &pod.name, "--once", "--interval", "100ms"]);
    let line = table.lines().find(|line| line.contains("auth-service")).expect("a line");
    assert!(line.contains("256MB"), "{table}");
    // It shows what podinit said at the engine's last check.
    wait("memory in ps", || {
        let table = pod.must(["ps", &pod.name]);
        let line = table.lines().find(|line| line.contains("auth-service"))?;
        (line.contains("/ 256MB") && line.contains(" ms ")).then_some(())
    });
}

fn a_crash_is_one_line_of_the_alerts(pod: &Pod) {
    let ps: Value = serde_json::from_slice(&pod.podctl(["ps", &pod.name, "--format", "json"]).stdout).expect("a document");
    let services = ps["pods"][0]["services"].as_array().expect("services");
    let service = services.iter().find(|service| service["name"] == "user-service").expect("the service");
    assert_eq!(within(pod, &["cat", "/tmp/alerts.json"]), "", "a pod that is well has no alerts");
    within(pod, &["sh", "-c", &format!("kill -s SEGV {}", service["pid"])]);
    let line = wait("the alert", || within(pod, &["cat", "/tmp/alerts.json"]).lines().next().map(str::to_owned));
    let alert: Alert = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
    assert_eq!(
        (alert.kind, alert.status, alert.service.as_deref()),
        (AlertKind::Exit, AlertStatus::Firing, Some("user-service"))
    );
    assert_eq!((alert.exit, alert.pod.as_str(), alert.limit_bytes), (Some(Exit::Signal(11)), pod.name.as_str(), Some(LIMIT)));
    assert!(alert.peak_memory_bytes.is_some_and(|bytes| bytes > 10 << 20), "{line}");
    assert!(alert.lines.iter().any(|line| line.contains("listening on")), "its last lines are there: {line}");
    wait("its successor", || (pod.get("/health").status == 200).then_some(()));
    assert_eq!(within(pod, &["cat", "/tmp/alerts.json"]).lines().count(), 1);
}
