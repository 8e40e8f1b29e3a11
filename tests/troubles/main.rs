//! `examples/troubles` on a real engine: each trouble is caught as configured and in time, those who are well are left alone,
//! and people are told once.

#![expect(clippy::expect_used, reason = "a test fails by its panic")]

mod asker;
mod history;
#[expect(dead_code, reason = "made for the tests of `up`, which use all of it")]
#[path = "../up/pod.rs"]
mod pod;
#[path = "../support/mod.rs"]
mod support;

use asker::Asker;
use history::History;
use libtest_mimic::Arguments;
use pod::{Pod, docker, text};
use podinit_plan::alert::{Alert, AlertKind, AlertStatus};
use podinit_plan::protocol::{EventKind, Exit};
use podinit_plan::state::State;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

const MB: u64 = 1 << 20;
/// What a machine that is busy may add to any time here.
const SLACK: f64 = 4.0;
/// All has happened by then, on a slow machine too.
const PATIENCE: Duration = Duration::from_secs(60);
/// The limit of who leaks, and of who has a fat child.
const LIMIT: u64 = 40 * MB;
/// From one look at memory to the next.
const LOOK: f64 = 1.0;
/// Those who are well.
const WELL: [&str; 3] = ["gateway", "web", "worker"];

/// The example, under a name and at a port that nobody else has.
fn example() -> Pod {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/troubles");
    let yaml = fs::read_to_string(example.join("pod.yaml")).expect("pod.yaml");
    let free =
        yaml.replace("name: troubles\n", "").replace("[\"127.0.0.1:8083:8080\"]", "[{ target: 8080, host_ip: 127.0.0.1 }]");
    assert!(!free.contains("8083") && !free.contains("name:"), "{free}");
    let pod = Pod::new("troubles", &free);
    let folder = pod.project.path().join("pods").join(&pod.name);
    for file in fs::read_dir(&example).expect("the example") {
        let file = file.expect("a file").path();
        if file.extension().is_some_and(|extension| extension == "py") {
            fs::copy(&file, folder.join(file.file_name().expect("a name"))).expect("a copy");
        }
    }
    pod
}

/// The pids on the host of the processes whose arguments end with this. The engine says them: not podinit.
fn pids(pod: &Pod, end: &str) -> Vec<String> {
    let top = docker(["top", &pod.name, "-o", "pid,args"]);
    let found = String::from_utf8_lossy(&top.stdout).into_owned();
    let with = found.lines().filter(|line| line.ends_with(end));
    with.filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect()
}

/// Leaders of those who are well.
fn leaders(pod: &Pod) -> [Vec<String>; 3] {
    let leaders = ["/nginx.conf", "do sleep 1; done", "python3 web.py"].map(|end| pids(pod, end));
    assert!(leaders.iter().all(|pids| pids.len() == 1), "{leaders:?}");
    leaders
}

fn json(pod: &Pod, arguments: &[&str]) -> Value {
    let output = pod.podctl(arguments);
    assert!(output.status.success(), "{}", text(&output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn is_above_its_limit_then_starts_anew(history: &History, service: &str, within: f64) {
    let start = history.enters(service, State::Starting, 1);
    let over = history.first(service, "above its limit", |event| event.event == EventKind::OverLimit);
    let after = history.between(start, over);
    assert!(after < within + LOOK + SLACK, "{service} was seen after {after} s");
    assert_eq!((over.incarnation, over.limit_bytes), (Some(1), Some(LIMIT)), "{over:?}");
    let stopping = history.enters(service, State::Stopping, 1);
    assert!(stopping.reason.as_ref().is_some_and(|reason| reason.ends_with("above its limit of 40MB")), "{stopping:?}");
    let again = history.between(over, history.enters(service, State::Ready, 2));
    // It is ready when it has lived for a second.
    assert!(again < 1.0 + SLACK, "{service} was ready again after {again} s");
    println!("{service:<9}  above its limit {after:.1} s after its start, with {}", megabytes(over.bytes));
    println!("{service:<9}  ready again {again:.1} s later");
}

fn megabytes(bytes: Option<u64>) -> String {
    format!("{:.1} MB", bytes.unwrap_or_default() as f64 / MB as f64)
}

fn the_leak_is_restarted_at_its_limit_and_not_again_before_its_cool_down_is_over(history: &History) {
    // 8 MB a second, and Python has some before.
    is_above_its_limit_then_starts_anew(history, "leaks", 40.0 / 8.0);
    let over = history.first("leaks", "above its limit", |event| event.event == EventKind::OverLimit);
    assert!((LIMIT..LIMIT + 40 * MB).contains(&over.bytes.expect("bytes")), "{over:?}");
    let first = history.enters("leaks", State::Stopping, 1);
    let second = history.between(first, history.enters("leaks", State::Stopping, 2));
    assert!((9.9..10.0 + LOOK + SLACK).contains(&second), "restarted again after {second} s");
    println!("leaks      restarted again {second:.1} s after the first time; its cool-down is 10 s");
}

fn the_fat_child_is_found_and_goes_with_its_parent(pod: &Pod, history: &History) {
    is_above_its_limit_then_starts_anew(history, "fat-child", 3.0);
    let over = history.first("fat-child", "above its limit", |event| event.event == EventKind::OverLimit);
    assert!(over.bytes > Some(80 * MB), "{over:?}");
    let left = history.first("fat-child", "the child's end", |event| event.event == EventKind::Leftovers);
    assert!(left.reason.as_deref().is_some_and(|reason| reason.starts_with("killed 1 process")), "{left:?}");
    assert_eq!(pids(pod, "fat_child.py").len(), 2, "one parent and one child are there, not those from before");
}

fn who_hangs_is_restarted_when_its_check_has_failed_three_times(history: &History) {
    let start = history.enters("hangs", State::Starting, 1);
    let unready = history.enters("hangs", State::Unready, 1);
    let failed = |event: &&podinit_plan::protocol::Event| {
        event.event == EventKind::CheckFailed
            && event.seq < unready.seq
            && event.seq > history.enters("hangs", State::Ready, 1).seq
    };
    assert_eq!(history.of("hangs").filter(failed).count(), 3);
    let after = history.between(start, unready);
    // It answers for 5 s; then each check costs an interval with its jitter, and its timeout.
    assert!((5.0..5.0 + 3.0 * (0.55 + 0.5) + SLACK).contains(&after), "seen after {after} s");
    let again = history.between(unready, history.enters("hangs", State::Ready, 2));
    assert!(again < 1.0 + SLACK, "ready again after {again} s");
    println!("hangs      unready {after:.1} s after its start, {:.1} s after it began to hang", after - 5.0);
    println!("hangs      ready again {again:.1} s later");
}

fn who_crashes_is_given_up(history: &History) {
    let fatal = history.enters("crashes", State::Fatal, 1);
    assert_eq!((fatal.incarnation, fatal.exit, fatal.failures), (Some(3), Some(Exit::Code(3)), 3), "{fatal:?}");
    let after = history.between(history.enters("crashes", State::Starting, 1), fatal);
    // Three times 1.5 s, and before the last 1 s and its jitter.
    assert!((5.3..4.5 + 1.1 + SLACK).contains(&after), "given up after {after} s");
    println!("crashes    fatal {after:.1} s after its first start, with {} failures", fatal.failures);
}

fn nobody_else_was_touched(history: &History) {
    for service in WELL {
        let entered: Vec<_> =
            history.of(service).filter_map(|event| event.state).filter(|state| *state != State::Waiting).collect();
        assert_eq!(entered, [State::Starting, State::Ready], "{service}");
    }
}

fn each_alert_came_once_with_all_that_is_known(pod: &Pod) {
    let output = docker(["exec", &pod.name, "cat", "/tmp/alerts.json"]);
    let file = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut firing = BTreeMap::new();
    for line in file.lines() {
        let alert: Alert = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let service = alert.service.clone().unwrap_or_else(|| panic!("it is about no service: {line}"));
        if alert.status == AlertStatus::Firing {
            let former = firing.insert((service, alert.kind), alert);
            assert!(former.is_none(), "it came twice: {file}");
        }
    }
    for (service, kind, exit, uptime_s, restarts, memory) in [
        ("crashes", AlertKind::Exit, Some(Exit::Code(3)), 1.5, 0, 0),
        ("crashes", AlertKind::Fatal, Some(Exit::Code(3)), 1.5, 2, 0),
        ("fat-child", AlertKind::MemoryLimit, None, 3.0, 0, 80 * MB),
        ("hangs", AlertKind::Unhealthy, None, 5.0, 0, 0),
        ("leaks", AlertKind::MemoryLimit, None, 1.0, 0, LIMIT),
    ] {
        let alert = firing.remove(&(service.to_owned(), kind)).unwrap_or_else(|| panic!("{service} {kind:?}: {file}"));
        assert_eq!((alert.exit, alert.restarts, &alert.pod), (exit, Some(restarts), &pod.name), "{alert:?}");
        assert!(alert.uptime_ms.is_some_and(|ms| ms as f64 >= uptime_s * 1000.0), "{alert:?}");
        assert!(alert.peak_memory_bytes.is_some_and(|bytes| bytes > memory), "{alert:?}");
        if kind == AlertKind::MemoryLimit {
            assert_eq!(alert.limit_bytes, Some(LIMIT), "{alert:?}");
        }
        println!("alert      {}", alert.summary);
    }
    assert!(firing.is_empty(), "nobody else was complained of: {firing:?}");
}

/// What `podctl ps` says of a service.
fn ps(pod: &Pod, name: &str) -> Value {
    let ps = json(pod, &["ps", &pod.name, "--format", "json"]);
    let services = ps["pods"][0]["services"].as_array().cloned().unwrap_or_default();
    services.into_iter().find(|service| service["name"] == name).unwrap_or_else(|| panic!("no {name} in {ps}"))
}

fn views_show_it(pod: &Pod) {
    let top = json(pod, &["top", &pod.name, "--once", "--interval", "100ms", "--format", "json"]);
    let row = |name: &str| top["services"].as_array().expect("rows").iter().find(|row| row["service"] == name).expect("a row");
    for name in ["leaks", "fat-child"] {
        assert!(row(name)["restarts"].as_u64() >= Some(1) && row(name)["limit_bytes"] == LIMIT, "{top}");
        // It shows what the engine's last health check was told, and who was just started was not measured yet.
        let looks = (0..100).map(|look| {
            thread::sleep(Duration::from_millis(if look == 0 { 0 } else { 100 }));
            ps(pod, name)
        });
        let shown = looks.into_iter().find(|service| service["usage"]["limit_bytes"] == LIMIT).expect("its limit");
        assert!(shown["restarts"].as_u64() >= Some(1) && shown["usage"]["memory_bytes"].as_u64() > Some(MB), "{shown}");
    }
    assert!(row("fat-child")["memory_bytes"].as_u64() > Some(80 * MB), "it is fat again, and its cool-down is not over: {top}");
    assert_eq!((&row("crashes")["state"], &row("crashes")["restarts"]), (&"fatal".into(), &2.into()));
    let crashes = ps(pod, "crashes");
    assert_eq!((&crashes["state"], &crashes["last_exit"]["code"]), (&"fatal".into(), &3.into()));
    for name in WELL {
        assert!(row(name)["restarts"] == 0 && row(name)["memory_bytes"].as_u64() > Some(0), "{top}");
        assert!(ps(pod, name)["restarts"] == 0 && ps(pod, name)["incarnation"] == 1, "{name}");
    }
    assert!(row("web")["response_ms"].as_f64() < Some(500.0), "{top}");
    println!("\n{}", pod.must(["top", &pod.name, "--once", "--sort", "name"]));
}

fn troubles_are_caught_and_nobody_else_is_touched() {
    let pod = example();
    pod.must(["up", "-d", &pod.name]);
    let before = leaders(&pod);
    let gateway = Asker::of(&pod.inspect("{{(index (index .NetworkSettings.Ports \"8080/tcp\") 0).HostPort}}"));
    let events = pod.start(["events", "-f", &pod.name, "--format", "json"]);
    let (mut history, begun) = (History::default(), Instant::now());
    let is_ready_again = |history: &History, service, times| history.entered(service, State::Ready, times).is_some();
    while !(history.entered("crashes", State::Fatal, 1).is_some()
        && is_ready_again(&history, "fat-child", 2)
        && is_ready_again(&history, "hangs", 2)
        && is_ready_again(&history, "leaks", 3))
    {
        history.add(&events.shows("\"seq\""));
        assert!(begun.elapsed() < PATIENCE, "not all has come that was to come: {history:#?}");
    }
    events.kill();
    the_fat_child_is_found_and_goes_with_its_parent(&pod, &history);
    the_leak_is_restarted_at_its_limit_and_not_again_before_its_cool_down_is_over(&history);
    who_hangs_is_restarted_when_its_check_has_failed_three_times(&history);
    who_crashes_is_given_up(&history);
    nobody_else_was_touched(&history);
    each_alert_came_once_with_all_that_is_known(&pod);
    // The gateway is asked all the time.
    views_show_it(&pod);
    assert_eq!(before, leaders(&pod), "those who are well are the same processes");
    println!("gateway    {}", gateway.end());
}

fn main() {
    let trial = support::with_engine("troubles are caught, and nobody else is touched", support::has_engine(), |_| async {
        troubles_are_caught_and_nobody_else_is_touched();
        Ok(())
    });
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit();
}
