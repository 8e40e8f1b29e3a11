//! A real Alertmanager.

use crate::alertmanager::Alertmanager;
use crate::{HOST, wait, within};
use serde_json::Value;

pub fn run() {
    let folder = tempfile::tempdir().expect("a folder");
    let alertmanager = Alertmanager::start(folder.path(), "0.0.0.0");
    let yaml = format!("\n    am: {{ alertmanager: \"http://{HOST}:{}\", on: [exit, unhealthy] }}", alertmanager.port);
    let pod = crate::pod("resolved", "", &yaml);
    let shown = || -> Vec<(String, String)> {
        let label = |alert: &Value, name: &str| alert["labels"][name].as_str().unwrap_or_default().to_owned();
        let is_own = |alert: &&Value| alert["labels"]["pod"] == pod.name.as_str();
        let alerts = alertmanager.alerts();
        let mut shown: Vec<_> =
            alerts.iter().filter(is_own).map(|alert| (label(alert, "alertname"), label(alert, "service"))).collect();
        shown.sort_unstable();
        shown
    };
    let pair = |kind: &str, service: &str| (kind.to_owned(), service.to_owned());
    within(&pod, "touch /tmp/crash /tmp/ill");
    wait("what is wrong", || shown() == [pair("exit", "flaky"), pair("unhealthy", "ill")]);
    within(&pod, "rm /tmp/ill");
    wait("the resolution", || shown() == [pair("exit", "flaky")]);
    let said = pod.must(["test", "alerts", &pod.name]);
    assert!(said.lines().any(|line| line.starts_with("am") && line.contains("delivered")), "{said}");
    assert_eq!(shown(), [pair("exit", "flaky"), pair("test", "")]);
}
