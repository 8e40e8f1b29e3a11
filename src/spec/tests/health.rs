//! `healthcheck` and `monitor`.

use super::{mistakes, pod};
use crate::spec::model::{Probe, Service};
use podinit_plan::plan::{DiskMonitor, Get, OnFailure, StatusFile};

/// A service of which these lines are said.
fn one(lines: &str) -> Service {
    let lines: String = lines.lines().map(|line| format!("    {line}\n")).collect();
    pod(&format!("services:\n  a:\n    command: x\n{lines}")).services.swap_remove("a").expect("the service")
}

#[test]
fn a_check_by_http_says_what_is_asked_and_what_is_well() {
    let check = |text: &str| one(&format!("port: 1\nhealthcheck: {text}")).healthcheck.expect("a check");
    let http = "{ http: { path: /up, status: [204, 300-399], body: ok, headers: { Authorization: 'Bearer ${TOKEN}' } } }";
    let get = Get {
        path: "/up".to_owned(),
        headers: [("Authorization".to_owned(), "Bearer ${TOKEN}".to_owned())].into(),
        status: vec![(204, 204), (300, 399)],
        body: Some("ok".to_owned()),
    };
    assert_eq!(check(http).probe, Probe::Http(get));
    assert_eq!(check("{ http: { path: /up, status: 200-299 } }").probe, {
        Probe::Http(Get { status: vec![(200, 299)], ..Get::new("/up") })
    });
    assert_eq!(check("{ http: /up }").probe, Probe::Http(Get::new("/up")));
    assert_eq!(one("healthcheck: { unix: /run/a.sock }").healthcheck.map(|check| check.probe), {
        Some(Probe::Unix("/run/a.sock".to_owned()))
    });
}

#[test]
fn a_check_says_how_often_and_what_follows() {
    let check = |text: &str| one(&format!("port: 1\nhealthcheck: {text}")).healthcheck;
    let jitter = |text: &str| check(text).expect("a check").jitter_ms;
    assert_eq!(jitter("/up"), 1_000);
    assert_eq!(jitter("{ interval: 1s }"), 100);
    assert_eq!(jitter("{ interval: 1s, jitter: 50% }"), 500);
    assert_eq!(jitter("{ interval: 1s, jitter: 5s }"), 5_000);
    assert_eq!(jitter("{ jitter: 0 }"), 0);
    let steps = check("{ on_failure: [restart, stop_pod], success_threshold: 3 }").expect("a check");
    assert_eq!((steps.on_failure, steps.success_threshold), (vec![OnFailure::Restart, OnFailure::StopPod], 3));
    assert_eq!(check("{ disable: true }"), None);
    assert!(check("{ disable: false }").is_some());
}

#[test]
fn what_is_no_check_is_said() {
    let with =
        |check: &str| mistakes(&format!("services: {{ a: {{ command: x, port: 1 }} }}\ndefaults:\n  healthcheck: {check}\n"));
    for (check, mistake) in [
        ("{ http: { status: 200 } }", "3: `path` is missing; add `path: /health`"),
        ("{ http: { path: /, status: 20 } }", "3: `20` is no status; write a code such as `204`, or a range such as `200-299`"),
        ("{ on_failure: [] }", "3: there is no step here; write `none`, or steps such as `[restart, restart, stop_pod]`"),
        ("{ jitter: 110% }", "3: `110%` is no share; write a share from `1%` to `100%`, such as `90%`"),
    ] {
        assert_eq!(with(check), [mistake], "{check}");
    }
    assert_eq!(with("{ http: { path: /, headers: { 'a b': c } } }").len(), 1);
    assert_eq!(with("{ http: { path: /, headers: { a: '${B' } } }").len(), 1);
}

#[test]
fn disks_are_watched_without_a_word() {
    let monitor = |text: &str| {
        pod(&format!("volumes: [data:/data, ./config:/etc/x:ro]\nservices: {{ a: {{ command: x }} }}\n{text}")).monitor
    };
    let default = DiskMonitor { paths: vec!["/".to_owned(), "/data".to_owned()], interval_ms: 60_000, warn_percent: 90 };
    assert_eq!((monitor("").disk, monitor("").health_file), (Some(default.clone()), None));
    assert_eq!(monitor("monitor: { disk: false }").disk, None);
    let own = DiskMonitor { paths: vec!["/x".to_owned()], interval_ms: 5_000, warn_percent: 75 };
    assert_eq!(monitor("monitor: { disk: { paths: [/x], interval: 5s, warn: 75% } }").disk, Some(own));
    let file = StatusFile { path: "/tmp/h.json".to_owned(), interval_ms: 10_000 };
    let with_file = monitor("monitor: { health: { file: /tmp/h.json } }");
    assert_eq!((with_file.health_file, with_file.disk), (Some(file), Some(default)));
}

#[test]
fn what_cannot_be_watched_is_said() {
    let with = |monitor: &str| mistakes(&format!("services: {{ a: {{ command: x }} }}\nmonitor: {monitor}\n"));
    assert_eq!(with("{ health: { interval: 1s } }"), ["2: `file` is missing; add `file: /tmp/health.json`"]);
    assert_eq!(with("{ health: { file: /x, interval: 10ms } }"), ["2: this is too often; write `1s` or more"]);
    assert_eq!(with("{ disk: { warn: 90 } }"), ["2: `90` is no share; write a share from `1%` to `100%`, such as `90%`"]);
    assert_eq!(with("{ disk: { paths: [data] } }").len(), 1);
    assert_eq!(with("{ disc: true }"), ["2: unknown key `disc`; did you mean `disk`?"]);
}
