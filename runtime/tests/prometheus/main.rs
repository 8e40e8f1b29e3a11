//! The figures beside Prometheus' own tools: what podinit writes, the rules and the dashboard in docs/, and a Prometheus
//! that reads a pod. Tests of tools that are not in PATH are skipped, and say so.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a test's own means is a failure of the test")]

mod complete;
mod server;
#[expect(dead_code, reason = "made for the pods' own tests, which use all of it")]
#[path = "../pods/support/mod.rs"]
mod support;

use podinit::metrics::families::{FAMILIES, Kind};
use podinit::metrics::text::Text;
use podinit_plan::plan::{MemoryLimit, MemoryMonitor, Monitor, OnExceed, Service, TcpPort};
use podinit_plan::state::State;
use serde_json::Value;
use server::Prometheus;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use support::plans::{idle, pod, shell};
use support::ports::free_port;
use support::{Pod, wait_for};

/// A file of docs/.
fn docs(name: &str) -> (PathBuf, String) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    (path, text)
}

fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        eprintln!("skipped: there is no {program} in PATH");
    }
    found
}

/// Runs promtool, which has to find nothing to complain of.
fn promtool(arguments: &[&str], input: &str) {
    let mut command = Command::new("promtool");
    let piped = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "promtool {arguments:?}: {said}");
    if arguments == ["check", "metrics"] {
        assert_eq!(said, "", "{input}");
    }
}

/// All of a text, in pieces of so many bytes.
fn written(mut text: Text, piece: usize) -> String {
    let mut all = String::new();
    loop {
        let mut out = String::new();
        let more = text.write(&mut out, piece);
        all.push_str(&out);
        if !more {
            return all;
        }
    }
}

/// The names of all series that podinit may write.
fn names() -> BTreeSet<String> {
    let suffixes = |kind| if kind == Kind::Histogram { ["_bucket", "_sum", "_count"].as_slice() } else { &[""] };
    let series = FAMILIES.iter().flat_map(|family| suffixes(family.kind).iter().map(|suffix| format!("{}{suffix}", family.name)));
    series.collect()
}

/// What looks like the name of a series in a text.
fn mentioned(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("podinit_") || word.starts_with("nginx_")).map(str::to_owned).collect()
}

#[test]
fn everything_that_can_be_told_is_written_once_and_promtool_has_nothing_to_say() {
    let text = written(Text::new(complete::figures()), 1 << 20);
    for family in FAMILIES {
        let head = format!("# TYPE {} ", family.name);
        assert_eq!(text.matches(&head).count(), 1, "{}", family.name);
    }
    let series: Vec<&str> =
        text.lines().filter(|line| !line.starts_with('#')).map(|line| line.rsplit_once(' ').unwrap().0).collect();
    assert_eq!(series.iter().collect::<BTreeSet<_>>().len(), series.len(), "a series is there twice");
    for want in [
        "podinit_service_check_duration_seconds_bucket{service=\"web\",le=\"0.001\"} 1",
        "podinit_service_check_duration_seconds_bucket{service=\"web\",le=\"5\"} 2",
        "podinit_service_check_duration_seconds_bucket{service=\"web\",le=\"+Inf\"} 3",
        "podinit_service_check_duration_seconds_sum{service=\"web\"} 9.0009",
        "podinit_service_check_failures_total{service=\"web\"} 1",
        "podinit_service_cpu_seconds_total{service=\"web\"} 1.5",
        "podinit_container_memory_pressure_ratio 0.125",
        "podinit_alerts_failed_total{sink=\"slack\"} 2",
        "podinit_nginx_up 1",
        "nginx_requests_total 12",
    ] {
        assert!(text.lines().any(|line| line == want), "{want} in\n{text}");
    }
    for piece in [1, 100, 5_000] {
        assert_eq!(written(Text::new(complete::figures()), piece), text, "in pieces of {piece}");
    }
    if has("promtool") {
        promtool(&["check", "metrics"], &text);
    }
}

#[test]
fn rules_dashboard_and_table_know_the_series_that_there_are() {
    let known = names();
    for name in ["prometheus/rules.yaml", "prometheus/rules_test.yaml", "prometheus/dashboard.json"] {
        let unknown: Vec<_> = mentioned(&docs(name).1).difference(&known).cloned().collect();
        assert!(unknown.is_empty(), "{name}: {unknown:?}");
    }
    let table = docs("metrics.md").1;
    for family in FAMILIES {
        let kind = format!("{:?}", family.kind).to_lowercase();
        let is_row = |line: &&str| {
            line.starts_with(&format!("| `{}` | {kind} | ", family.name)) && line.ends_with(&format!("| {} |", family.help))
        };
        assert_eq!(table.lines().filter(is_row).count(), 1, "docs/metrics.md lacks {}: {}", family.name, family.help);
    }
    let rows = table.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(rows, FAMILIES.len(), "docs/metrics.md has what there is not");
}

#[test]
fn the_dashboard_is_one() {
    let dashboard: serde_json::Value = serde_json::from_str(&docs("prometheus/dashboard.json").1).unwrap();
    assert!(dashboard["schemaVersion"].as_u64() >= Some(39) && dashboard["id"].is_null());
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());
    // Whose data it is, the user says.
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{panel}");
        assert!(panel["targets"].as_array().is_some_and(|targets| !targets.is_empty()), "{panel}");
        let place = &panel["gridPos"];
        assert!(place["x"].as_u64().unwrap() + place["w"].as_u64().unwrap() <= 24, "{panel}");
    }
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    assert!(variables.iter().any(|variable| variable["name"] == "datasource" && variable["type"] == "datasource"));
}

#[test]
fn promtool_finds_the_rules_right_and_they_do_what_their_tests_say() {
    if has("promtool") {
        promtool(&["check", "rules", docs("prometheus/rules.yaml").0.to_str().unwrap()], "");
        promtool(&["test", "rules", docs("prometheus/rules_test.yaml").0.to_str().unwrap()], "");
    }
}

/// A service that grows by some 2 MB a second, and never shrinks: of what goes up and down at its start a rule expects less.
fn leaks() -> Service {
    let mut service = shell(
        "exec awk 'BEGIN { part = \"x\"; while (length(part) < 200000) part = part part; \
         for (;;) { leak[count++] = part count; system(\"sleep 0.1\") } }'",
    );
    service.memory = Some(MemoryLimit { limit_bytes: 20 << 20, on_exceed: OnExceed::Alert, cool_down_ms: 0 });
    service
}

/// The rules of docs/, which wait for seconds where those wait for minutes.
fn impatient_rules(folder: &Path) -> PathBuf {
    let rules = docs("prometheus/rules.yaml").1;
    let impatient = rules.replace("for: 1m\n", "for: 1s\n").replace("for: 10m\n", "for: 1s\n");
    let path = folder.join("rules.yaml");
    std::fs::write(&path, impatient).unwrap();
    path
}

#[test]
fn a_prometheus_reads_a_pod_and_rules_fire_on_the_services_that_crash_and_leak() {
    let port = free_port();
    let mut pod = Pod::start(|_| {
        let mut crashes = shell("exit 3");
        crashes.restart.retries = u32::MAX;
        crashes.essential = false;
        let limit = MemoryLimit { limit_bytes: 20 << 20, on_exceed: OnExceed::Alert, cool_down_ms: 0 };
        let calm = Service { memory: Some(limit), ..idle() };
        let mut plan = pod([("calm", calm), ("crashes", crashes), ("leaks", leaks())]);
        plan.monitor = Monitor {
            metrics: Some(TcpPort { host: Some("127.0.0.1".to_owned()), port }),
            memory: Some(MemoryMonitor { interval_ms: 100, warn_percent: 100, critical_percent: 100, file: None }),
            ..Monitor::default()
        };
        plan
    });
    pod.wait_state("calm", State::Ready);
    if has("promtool") {
        let (code, text) = support::client::parse(&pod.client().raw(b"GET /metrics HTTP/1.0\r\n\r\n"));
        assert_eq!(code, 200);
        promtool(&["check", "metrics"], &text);
    }
    if !has("prometheus") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let prometheus = Prometheus::start(&impatient_rules(folder.path()), port);
    let firing = || -> Option<BTreeSet<(String, String)>> {
        let alerts = prometheus.get("/api/v1/alerts")?;
        let firing = alerts["data"]["alerts"].as_array()?.iter().filter(|alert| alert["state"] == "firing");
        let label = |alert: &Value, name: &str| alert["labels"][name].as_str().unwrap_or_default().to_owned();
        Some(firing.map(|alert| (label(alert, "alertname"), label(alert, "service"))).collect())
    };
    for (alert, service) in
        [("PodServiceFlaps", "crashes"), ("PodServiceMemoryGrows", "leaks"), ("PodServiceNearMemoryLimit", "leaks")]
    {
        wait_for(alert, || firing().filter(|firing| firing.contains(&(alert.to_owned(), service.to_owned()))));
    }
    assert!(firing().unwrap().iter().all(|(_, service)| service != "calm"), "{:?}", firing());
    let target = &prometheus.get("/api/v1/targets").unwrap()["data"]["activeTargets"][0];
    assert_eq!((target["health"].as_str(), target["lastError"].as_str()), (Some("up"), Some("")), "{target}");
    let ready = prometheus.get("/api/v1/query?query=podinit_service_ready%7Bservice%3D%22calm%22%7D").unwrap();
    assert_eq!(ready["data"]["result"][0]["value"][1], "1", "{ready}");
    drop(prometheus);
    assert_eq!(pod.stop().code, Some(0));
}
