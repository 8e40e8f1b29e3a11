//! Alerts of real pods, to files, commands and a stand-in for podinit-deliver.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a test's own means is a failure of the test")]

mod delivery;
mod end;

use crate::support::plans::{checked, idle, no_retries, oneshot, pod, shell};
use crate::support::{Pod, Setting, wait_for};
use podinit_plan::alert::{Alert, AlertKind, AlertStatus};
use podinit_plan::plan::{Alerts, Command, HttpTarget, Plan, Sink, Target, Value};
use podinit_plan::protocol::Exit;
use podinit_plan::state::State;
use std::collections::BTreeMap;
use std::path::Path;

/// To a file in the test's folder.
fn file(folder: &Path) -> Sink {
    let path = folder.join("alerts.json").to_str().unwrap().to_owned();
    Sink { to: Target::File { path, max_size_bytes: 0, max_files: 1 }, on: Vec::new(), lines: true, timeout_ms: 10_000 }
}

/// To a script of the shell.
fn command(script: &str) -> Sink {
    let command = Command::Words(["/bin/sh", "-c", script].map(str::to_owned).to_vec());
    Sink { to: Target::Command { command, user: None }, on: Vec::new(), lines: false, timeout_ms: 10_000 }
}

/// To whoever is at the address.
fn http(url: &str) -> Sink {
    let target = HttpTarget {
        method: "POST".to_owned(),
        url: Value::Text(url.to_owned()),
        headers: BTreeMap::new(),
        values: BTreeMap::new(),
        body: "{}".to_owned(),
        resolves: true,
        ca: None,
    };
    Sink { to: Target::Http(target), on: Vec::new(), lines: false, timeout_ms: 10_000 }
}

fn alerts<const N: usize>(sinks: [(&str, Sink); N]) -> Alerts {
    Alerts {
        sinks: sinks.into_iter().map(|(name, sink)| (name.to_owned(), sink)).collect(),
        repeat_ms: 300_000,
        rate: 20,
        rate_ms: 3_600_000,
        queue: None,
        secrets: Vec::new(),
    }
}

fn with(alerts: Alerts, plan: Plan) -> Plan {
    Plan { alerts: Some(alerts), ..plan }
}

/// The alerts in a file, one a line.
fn read(path: &Path) -> Vec<Alert> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    // The last line may be on its way.
    let whole = text.rfind('\n').map_or("", |at| &text[..at]);
    whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Waits until as many alerts are in the test's file.
fn wait_alerts(pod: &Pod, count: usize) -> Vec<Alert> {
    let path = pod.folder.path().join("alerts.json");
    wait_for(&format!("{count} alerts"), || Some(read(&path)).filter(|alerts| alerts.len() >= count))
}

fn kinds(alerts: &[Alert]) -> Vec<(AlertKind, AlertStatus)> {
    alerts.iter().map(|alert| (alert.kind, alert.status)).collect()
}

/// A service that ends with 3 in its first incarnation, and stays in the second.
fn crashes_once(says: &str) -> podinit_plan::plan::Service {
    shell(&format!("{says}; test $$PODINIT_SERVICE = web:1 && exit 3; exec sleep 1000"))
}

#[test]
fn an_end_that_nobody_asked_for_is_told_with_all_that_is_known_of_it_but_secrets() {
    let setting = Setting { environment: vec![("TOKEN", "swordfish-42")], ..Setting::default() };
    let pod = Pod::start_in(setting, |folder| {
        let secrets = vec!["TOKEN".to_owned()];
        // tail has 8 MB for a moment, between two looks at the memory.
        let web = crashes_once("echo begins; head -c 8m /dev/zero | tail -c 8m >/dev/null; echo token swordfish-42 refused");
        with(Alerts { secrets, ..alerts([("file", file(folder))]) }, pod([("web", web)]))
    });
    let told = wait_alerts(&pod, 1);
    let alert = &told[0];
    assert_eq!((alert.kind, alert.status, alert.key.as_str()), (AlertKind::Exit, AlertStatus::Firing, "pod/web/exit"));
    assert_eq!((alert.service.as_deref(), alert.incarnation, alert.exit), (Some("web"), Some(1), Some(Exit::Code(3))));
    assert_eq!((alert.restarts, alert.uptime_ms.is_some()), (Some(0), true));
    assert!(alert.peak_memory_bytes.is_some_and(|peak| peak > 8 << 20), "{:?}", alert.peak_memory_bytes);
    assert!(alert.summary.starts_with("web ended with exit code 3 after "), "{}", alert.summary);
    assert_eq!(alert.lines, ["begins", "token *** refused"]);
    assert!(alert.time.ends_with('Z') && !alert.host.is_empty() && alert.pod == "pod", "{alert:?}");
    let ended = pod.stop();
    assert_eq!(ended.code, Some(0));
}

#[test]
fn a_service_that_is_given_up_is_told_once_and_then_that_the_pod_stops() {
    let pod = Pod::start(|folder| with(alerts([("file", file(folder))]), pod([("web", no_retries(shell("exit 7")))])));
    let told = wait_alerts(&pod, 2);
    assert_eq!(pod.end().code, Some(7));
    assert_eq!(
        kinds(&told),
        [(AlertKind::Fatal, AlertStatus::Firing), (AlertKind::PodStopping, AlertStatus::Firing)],
        "{told:?}"
    );
    assert_eq!(told[0].exit, Some(Exit::Code(7)));
    assert_eq!(told[0].summary, "web is down for good: ended with exit code 7; failed 1 time");
    assert!(told[1].summary.starts_with("the pod stops: web is down for good"), "{}", told[1].summary);
    assert_ne!(told[0].id, told[1].id);
}

#[test]
fn what_was_unhealthy_is_told_to_be_well_again() {
    let mut pod = Pod::start(|folder| {
        let sick = folder.join("sick").display().to_string();
        let web = checked(&format!("test ! -e {sick}"), idle());
        with(alerts([("file", file(folder))]), pod([("web", web)]))
    });
    pod.wait_state("web", State::Ready);
    let sick = pod.folder.path().join("sick");
    std::fs::write(&sick, "").unwrap();
    pod.wait_state("web", State::Unready);
    std::fs::remove_file(&sick).unwrap();
    let told = wait_alerts(&pod, 2);
    assert_eq!(kinds(&told), [(AlertKind::Unhealthy, AlertStatus::Firing), (AlertKind::Unhealthy, AlertStatus::Resolved)]);
    assert_eq!(told[0].key, told[1].key);
    assert_ne!(told[0].id, told[1].id);
    pod.stop();
}

#[test]
fn nobody_is_told_of_what_is_as_it_should_be() {
    let pod = Pod::start(|folder| {
        with(alerts([("file", file(folder))]), pod([("job", oneshot("echo done")), ("web", oneshot("exec sleep 0.1"))]))
    });
    let path = pod.folder.path().join("alerts.json");
    // The folder goes with the pod.
    let copy = std::fs::OpenOptions::new().create(true).append(true).open(&path).unwrap();
    assert_eq!(pod.end().code, Some(0));
    assert_eq!(copy.metadata().unwrap().len(), 0);
}

#[test]
fn a_crash_loop_is_told_once_and_how_often_with_the_next() {
    let pod = Pod::start(|folder| {
        let mut web = shell("exit 1");
        web.restart.retries = 1_000_000;
        let sinks = alerts([("file", file(folder))]);
        with(Alerts { repeat_ms: 2_000, ..sinks }, pod([("web", web), ("other", idle())]))
    });
    let told = wait_alerts(&pod, 2);
    assert_eq!((told[0].kind, told[0].suppressed), (AlertKind::Exit, 0));
    assert!(told[1].kind == AlertKind::Exit && told[1].suppressed > 2, "{told:?}");
    assert!(told[1].restarts.unwrap() >= told[1].suppressed, "{told:?}");
    let status = pod.status();
    assert!(status.alerts["file"].suppressed > 2 && status.alerts["file"].sent >= 2, "{:?}", status.alerts);
    pod.stop();
}

#[test]
fn a_sink_gets_what_it_asks_for() {
    let pod = Pod::start(|folder| {
        let place = folder.display();
        let only = Sink { on: vec![AlertKind::Fatal], ..command(&format!("cat >> {place}/fatal")) };
        let all = command(&format!("cat >> {place}/all"));
        let job = no_retries(oneshot("echo words; exit 1"));
        let job = podinit_plan::plan::Service { essential: false, ..job };
        let web = crashes_once("echo words");
        with(alerts([("only", only), ("all", all)]), pod([("job", job), ("web", web)]))
    });
    let text = |name: &str| std::fs::read_to_string(pod.folder.path().join(name)).unwrap_or_default();
    wait_for("both alerts", || (text("all").contains("\"fatal\"") && text("all").contains("\"exit\"")).then_some(()));
    wait_for("the fatal one", || text("fatal").contains("\"fatal\"").then_some(()));
    assert!(!text("fatal").contains("\"kind\":\"exit\""), "{}", text("fatal"));
    assert!(!text("all").contains("words"), "no lines unless they are asked for: {}", text("all"));
    pod.stop();
}
