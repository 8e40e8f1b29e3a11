//! What services use of memory, and what follows from it.

#![expect(clippy::unwrap_used, reason = "an answer that cannot be read is a failure of the test")]

use crate::support::plans::{idle, pod, shell};
use crate::support::{Pod, wait_for};
use podinit_plan::plan::{MemoryLimit, MemoryMonitor, OnExceed, Plan, Service};
use podinit_plan::protocol::{Event, EventKind, ServiceStatus, Status, Usage};
use podinit_plan::state::State;

const MB: u64 = 1 << 20;

/// A command of the shell that makes the variable `fat` this many megabytes long, in plain memory.
fn grow(megabytes: u32) -> String {
    format!("fat=$$(head -c {megabytes}000000 /dev/zero | tr '\\0' x)")
}

fn limited(megabytes: u64, on_exceed: OnExceed, service: Service) -> Service {
    let memory = MemoryLimit { limit_bytes: megabytes * MB, on_exceed, cool_down_ms: 0 };
    let mut service = Service { memory: Some(memory), ..service };
    service.restart.stable_after_ms = 0;
    service
}

/// The plan, with a look at memory every 20 ms.
fn watched(mut plan: Plan) -> Plan {
    let monitor = MemoryMonitor { interval_ms: 20, warn_percent: 100, critical_percent: 100, file: None };
    plan.monitor.memory = Some(monitor);
    plan
}

fn fresh(pod: &Pod) -> Status {
    let (code, body) = pod.client().request("GET", "/v1/status?fresh=1");
    assert_eq!(code, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

fn of<'a>(status: &'a Status, name: &str) -> &'a ServiceStatus {
    status.services.iter().find(|service| service.name == name).unwrap()
}

fn usage(pod: &Pod, name: &str) -> Usage {
    wait_for("figures", || of(&fresh(pod), name).usage)
}

fn is(event: &Event, kind: EventKind, service: &str) -> bool {
    event.event == kind && event.service.as_deref() == Some(service)
}

#[test]
fn a_service_that_leaks_is_restarted_at_its_limit_and_nobody_else() {
    let leak = format!("while :; do {}; all=$$all$$fat; sleep 0.02; done", grow(2));
    let mut pod = Pod::start(|_| {
        watched(pod([("calm", limited(20, OnExceed::Restart, idle())), ("leaks", limited(20, OnExceed::Restart, shell(&leak)))]))
    });
    for incarnation in 1..=2 {
        let over = pod.wait("over its limit", |event| event.event == EventKind::OverLimit);
        assert_eq!((over.service.as_deref(), over.incarnation), (Some("leaks"), Some(incarnation)), "{over:?}");
        assert_eq!(over.limit_bytes, Some(20 * MB));
        // It was seen soon, also on a machine that is busy: it grows by 2 MB in 20 ms and more.
        assert!((20 * MB..200 * MB).contains(&over.bytes.unwrap()), "{over:?}");
        let stopping = pod.wait_state("leaks", State::Stopping);
        assert!(stopping.reason.unwrap().ends_with("above its limit of 20MB"));
        pod.wait_state("leaks", State::Ready);
    }
    let status = pod.status();
    assert_eq!((of(&status, "calm").incarnation, of(&status, "calm").restarts), (1, 0));
    assert!(of(&status, "leaks").restarts >= 2, "{status:?}");
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn the_memory_of_a_child_is_its_service_s_however_it_left() {
    // One in the leader's group; one that has left group and session, and whose parent has ended.
    let child = format!("sh -c \"{}; sleep 1000; :\" & wait", grow(30));
    let orphan = format!("setsid sh -c \"setsid sh -c \\\"{}; sleep 1000; :\\\" & exit\"; exec sleep 1000", grow(30));
    // The inner shells see their own variable.
    let inner = |script: String| script.replace("$$(", "\\$$(");
    let orphan = orphan.replace("$$(", "\\\\\\$$(");
    let mut pod = Pod::start(|_| {
        watched(pod([
            ("forks", limited(20, OnExceed::Alert, shell(&inner(child)))),
            ("leaves", limited(20, OnExceed::Alert, shell(&orphan))),
            ("small", limited(20, OnExceed::Alert, idle())),
        ]))
    });
    let mut over = std::collections::BTreeSet::new();
    while over.len() < 2 {
        let event = pod.wait("over their limits", |event| event.event == EventKind::OverLimit);
        over.insert(event.service.unwrap());
    }
    assert_eq!(over.into_iter().collect::<Vec<_>>(), ["forks", "leaves"]);
    let forks = wait_for("all of its memory", || Some(usage(&pod, "forks")).filter(|usage| usage.memory_bytes > 28 * MB));
    assert!(forks.peak_memory_bytes < 100 * MB, "{forks:?}");
    assert!(forks.processes >= 2, "{forks:?}");
    let small = usage(&pod, "small");
    assert!(small.memory_bytes < 10 * MB && small.memory_bytes > 0, "{small:?}");
    assert_eq!((small.processes, small.threads, small.limit_bytes), (1, 1, Some(20 * MB)));
    let status = pod.status();
    assert!(status.services.iter().all(|service| service.incarnation == 1), "they were only told of: {status:?}");
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn below_its_limit_again_is_told_and_the_peak_remains() {
    let mut pod = Pod::start(|folder| {
        let fifo = folder.join("go");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let script = format!("({}; read go < {}) & wait; exec sleep 1000", grow(30), fifo.display());
        watched(pod([("web", limited(20, OnExceed::Alert, shell(&script)))]))
    });
    let over = pod.wait("over", |event| is(event, EventKind::OverLimit, "web"));
    std::fs::write(pod.folder.path().join("go"), "go\n").unwrap();
    let under = pod.wait("under", |event| is(event, EventKind::UnderLimit, "web"));
    assert!(under.seq > over.seq && under.bytes.unwrap() < 20 * MB, "{under:?}");
    let usage = usage(&pod, "web");
    assert!(usage.memory_bytes < 20 * MB && usage.peak_memory_bytes >= over.bytes.unwrap(), "{usage:?}");
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn processor_time_is_that_of_children_too_and_never_goes_back() {
    // Burning is done by children that end, waited for by the leader or by podinit.
    let burn = "i=0; while test $$i -lt 20000; do i=$$((i+1)); done";
    let script = format!("while :; do sh -c '{burn}'; (sh -c '{burn}' &); sleep 0.01; done");
    let mut pod = Pod::start(|_| watched(pod([("burns", shell(&script)), ("idle", idle())])));
    pod.wait_state("burns", State::Ready);
    let mut last = 0;
    wait_for("processor time", || {
        let now = usage(&pod, "burns").cpu_ms;
        assert!(now >= last, "{now} after {last}");
        last = now;
        (now >= 300).then_some(())
    });
    assert!(usage(&pod, "idle").cpu_ms < 100);
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn who_asks_gets_figures_of_that_moment_and_nobody_looks_otherwise() {
    let script = format!("read go; {}; echo grown; while :; do sleep 0.02; done", grow(30));
    let mut pod = Pod::start(|folder| {
        let fifo = folder.join("go");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        pod([("web", shell(&format!("exec < {}; {script}", fifo.display())))])
    });
    pod.wait_state("web", State::Ready);
    assert_eq!(of(&pod.status(), "web").usage, None, "without a monitor nobody looks by itself");
    let before = usage(&pod, "web").memory_bytes;
    std::fs::write(pod.folder.path().join("go"), "go\n").unwrap();
    wait_for("its word", || {
        let (_, lines) = pod.client().request("GET", "/v1/logs?service=web");
        lines.contains("grown").then_some(())
    });
    let after = usage(&pod, "web").memory_bytes;
    assert!(before < 10 * MB && after > 28 * MB, "{before}, then {after}");
    // Many at once are served by few passes.
    std::thread::scope(|scope| {
        let asking: Vec<_> = (0..30).map(|_| scope.spawn(|| fresh(&pod))).collect();
        for status in asking {
            assert!(of(&status.join().unwrap(), "web").usage.unwrap().age_ms < 1_000);
        }
    });
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn the_figures_are_in_a_file_where_that_is_asked_for() {
    let mut pod = Pod::start(|folder| {
        let mut plan = watched(pod([("web", limited(50, OnExceed::Alert, idle())), ("other", idle())]));
        plan.monitor.memory.as_mut().unwrap().file = Some(folder.join("memory.json").display().to_string());
        plan
    });
    pod.wait_state("web", State::Ready);
    let file = pod.folder.path().join("memory.json");
    let figures: serde_json::Value = wait_for("the file", || {
        // It is never half there.
        let figures: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).ok()?).unwrap();
        (figures["services"]["web"]["processes"] == 1).then_some(figures)
    });
    assert_eq!(figures["services"]["web"]["limit_bytes"], 50 * MB);
    assert!(figures["services"]["other"]["bytes"].as_u64().unwrap() > 0);
    assert!(figures["container"]["percent"].as_f64().unwrap() > 0.0, "{figures}");
    assert!(figures["time"].as_str().unwrap().ends_with('Z'));
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn the_container_is_warned_of_and_at_critical_the_largest_offender_goes() {
    // A percent of the host's memory, or of the limit where the tests run in a container, is surely used; nobody is above
    // its limit but one, who was only to be told of.
    let fat = format!("{}; while :; do sleep 0.02; done", grow(30));
    let mut pod = Pod::start(|_| {
        let mut plan = watched(pod([
            ("fat", limited(20, OnExceed::Alert, shell(&fat))),
            ("fair", limited(200, OnExceed::Restart, shell(&fat))),
        ]));
        // Where there is no cgroup, all there is are these two.
        plan.monitor.memory.as_mut().unwrap().warn_percent = 0;
        plan.monitor.memory.as_mut().unwrap().critical_percent = 0;
        plan
    });
    let critical = pod.wait("critical", |event| event.event == EventKind::MemoryCritical);
    assert!(critical.bytes.unwrap() > 0 && critical.limit_bytes.unwrap() > 0 && critical.service.is_none(), "{critical:?}");
    let stopping = pod.wait_state("fat", State::Stopping);
    assert!(stopping.reason.unwrap().ends_with("above its limit of 20MB, and the container's memory is critical"));
    pod.wait("its successor", |event| is(event, EventKind::OverLimit, "fat") && event.incarnation == Some(2));
    assert_eq!(of(&pod.status(), "fair").incarnation, 1);
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn a_kill_that_is_not_the_kernel_s_is_not_called_one() {
    let mut pod = Pod::start(|_| watched(pod([("web", idle())])));
    let leader = pod.wait_state("web", State::Ready).pid.unwrap();
    assert!(pod.enter(&["kill", "-9", &leader.to_string()]).status().unwrap().success());
    let end = pod.wait("its end", |event| {
        assert_ne!(event.event, EventKind::OomKill, "{event:?}");
        is(event, EventKind::State, "web") && event.exit.is_some()
    });
    assert_eq!(end.reason.as_deref(), Some("ended with SIGKILL"));
    assert_eq!(pod.stop().code, Some(0));
}
