//! Order, restarts, stopping and exit codes of real pods.

use crate::support::plans::{after, checked, idle, no_retries, oneshot, pod, shell};
use crate::support::{Pod, wait_for};
use nix::sys::signal::Signal;
use podinit_plan::plan::{Command, Probe};
use podinit_plan::protocol::{EventKind, Exit};
use podinit_plan::state::State;

#[test]
fn services_start_in_order_and_stop_in_reverse() {
    let script = |folder: &std::path::Path, name: &str| {
        let log = folder.join("log");
        let log = log.display();
        shell(&format!(
            "trap 'echo {name} down >> {log}; exit' TERM; echo {name} up >> {log}; while :; do sleep 1000 & wait; done"
        ))
    };
    let mut pod = Pod::start(|folder| {
        let is_up = |name: &str| format!("grep -q '{name} up' {}", folder.join("log").display());
        pod([
            ("web", after(&["api"], script(folder, "web"))),
            ("api", after(&["prepare"], checked(&is_up("api"), script(folder, "api")))),
            ("prepare", oneshot(&format!("echo prepared > {}", folder.join("log").display()))),
        ])
    });
    pod.wait_state("web", State::Ready);
    let log = pod.folder.path().join("log");
    // Its script may not have come that far.
    wait_for("web's first line", || std::fs::read_to_string(&log).ok()?.contains("web up").then_some(()));
    pod.signal(Signal::SIGTERM);
    pod.wait_state("api", State::Stopped);
    let said = std::fs::read_to_string(&log).unwrap();
    assert_eq!(said, "prepared\napi up\nweb up\nweb down\napi down\n");
    let ended = pod.end();
    assert_eq!(ended.code, Some(0));
    assert!(ended.errors.contains("podinit: asked to stop (exit code 0)"), "{}", ended.errors);
}

#[test]
fn a_gate_stays_closed_until_the_oneshot_has_succeeded() {
    let mut pod = Pod::start(|folder| {
        let gate = folder.join("gate");
        pod([
            ("migrate", oneshot(&format!("mkfifo {0}; echo waits; read line < {0}", gate.display()))),
            ("web", after(&["migrate"], idle())),
        ])
    });
    let waiting = pod.wait_state("web", State::Waiting);
    assert_eq!(waiting.reason.as_deref(), Some("waits for migrate (starting)"));
    let web = &pod.status().services[1];
    assert_eq!((web.state, web.pid), (State::Waiting, None));
    let gate = pod.folder.path().join("gate");
    wait_for("the gate", || gate.exists().then_some(()));
    std::fs::write(gate, "go\n").unwrap();
    let done = pod.wait_state("migrate", State::Done);
    assert_eq!(done.exit, Some(Exit::Code(0)));
    pod.wait_state("web", State::Ready);
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn what_a_killed_leader_leaves_is_gone_before_its_successor_starts() {
    // The child holds a lock, as a worker holds the port of a server whose master was killed. It has left group and
    // session, and lost its parent; only the mark in its environment tells whose it is.
    let mut pod = Pod::start(|folder| {
        let lock = folder.join("lock").display().to_string();
        pod([(
            "web",
            shell(&format!(
                "exec 9> {lock}; flock -n 9 || {{ echo taken; exit 1; }}; setsid sh -c 'sleep 1000 &' ; setsid sleep 1001 & \
                 echo held; exec 9>&-; exec sleep 1002"
            )),
        )])
    });
    let first = pod.wait_state("web", State::Ready);
    // Before that, one of the three is a shell that ends by itself.
    wait_for("its line", || pod.client().request("GET", "/v1/logs?service=web&lines=1").1.contains("held").then_some(()));
    wait_for("the children", || (pod.processes().len() == 3).then_some(()));
    pod.enter(&["kill", "-9", &first.pid.unwrap().to_string()]).status().unwrap();
    let leftovers = pod.wait("leftovers", |event| event.event == EventKind::Leftovers);
    assert_eq!(leftovers.reason.as_deref(), Some("killed 2 processes that were left of it"));
    let second = pod.wait_state("web", State::Ready);
    assert_eq!(second.incarnation, Some(2));
    let status = &pod.status().services[0];
    assert_eq!((status.restarts, status.last_exit), (1, Some(Exit::Signal(9))));
    wait_for("the successor's children", || (pod.processes().len() == 3).then_some(()));
    let ended = pod.stop();
    assert_eq!(ended.code, Some(0));
    assert_eq!(ended.of("web"), ["held", "held"], "{}", ended.output);
}

#[test]
fn the_exit_code_tells_why_the_pod_ended() {
    let mut slow = shell("exec sleep 1000");
    slow.start_timeout_ms = 50;
    let slow = checked("false", slow);
    let mut lost = idle();
    lost.working_dir = "/not/there".to_owned();
    let mut unknown = idle();
    unknown.command = Command::Words(vec!["no-such-program".to_owned()]);
    let mut folder = idle();
    folder.command = Command::Words(vec!["/etc".to_owned()]);
    for (service, code, reason) in [
        (shell("exit 7"), 7, "ended with exit code 7"),
        (shell("exit 0"), 113, "ended with exit code 0"),
        (shell("kill -s SEGV $$$$"), 139, "ended with SIGSEGV"),
        (unknown, 127, "cannot execute no-such-program: it is not in PATH"),
        (folder, 126, "cannot execute /etc: Permission denied"),
        (lost, 111, "cannot enter /not/there: No such file or directory"),
        (slow, 112, "not ready within 50ms"),
    ] {
        let ended = Pod::start(|_| pod([("web", no_retries(service)), ("other", idle())])).end();
        assert_eq!(ended.code, Some(code), "{reason}: {}", ended.errors);
        assert!(ended.errors.contains(reason), "{reason}: {}", ended.errors);
    }
}

#[test]
fn a_pod_whose_services_are_done_ends_with_0() {
    let ended = Pod::start(|_| pod([("one", oneshot("echo 1")), ("two", after(&["one"], oneshot("echo 2")))])).end();
    assert_eq!(ended.code, Some(0));
    assert_eq!((ended.of("one"), ended.of("two")), (vec!["1"], vec!["2"]));
}

#[test]
fn a_plan_that_cannot_run_ends_with_100_and_says_everything() {
    let ended = Pod::start(|_| {
        let mut plan = pod([("web", idle())]);
        plan.environment.insert("SECRET".to_owned(), Some("${SECRET:?set it in .env}".to_owned().into()));
        plan.services.get_mut("web").unwrap().working_dir = "${ROOT:?}".to_owned();
        plan
    })
    .end();
    assert_eq!(ended.code, Some(100));
    assert!(ended.errors.contains("SECRET: the variable SECRET is required: set it in .env"), "{}", ended.errors);
    assert!(ended.errors.contains("web: working_dir: the variable ROOT is required"), "{}", ended.errors);
}

#[test]
fn a_second_stop_hurries_and_a_third_kills() {
    let mut pod = Pod::start(|_| {
        let mut stubborn = shell("trap '' TERM; echo deaf; while :; do sleep 1000; done");
        stubborn.stop.grace_period_ms = 60_000;
        let mut plan = pod([("web", stubborn)]);
        plan.stop_grace_period_ms = 120_000;
        plan
    });
    pod.wait_state("web", State::Ready);
    // It must be deaf before it is asked.
    wait_for("its first line", || pod.client().request("GET", "/v1/logs?service=web&lines=1").1.contains("deaf").then_some(()));
    for _ in 0..2 {
        pod.signal(Signal::SIGTERM);
        // Signals of one kind are not counted while they wait to be read; an answer shows that they were.
        pod.status();
    }
    // The third may end the pod before it could answer anything more.
    pod.signal(Signal::SIGTERM);
    let begun = std::time::Instant::now();
    let ended = pod.end();
    assert_eq!(ended.code, Some(0));
    assert!(begun.elapsed() < crate::support::PATIENCE, "the grace of a minute was not waited for");
}

#[test]
fn start_stop_and_restart_are_answered_when_they_are_done() {
    let mut pod = Pod::start(|_| pod([("api", idle()), ("web", after(&["api"], idle()))]));
    pod.wait_state("web", State::Ready);
    let before = pod.status().services[0].pid;
    assert_eq!(pod.ask("api", "restart"), (200, r#"{"state":"ready"}"#.to_owned()));
    let api = pod.status().services[0].clone();
    assert!(api.state == State::Ready && api.pid.is_some() && api.pid != before && api.incarnation == 2, "{api:?}");
    assert_eq!(pod.ask("api", "stop"), (200, r#"{"state":"stopped"}"#.to_owned()));
    assert_eq!(pod.status().services[0].pid, None);
    assert_eq!(pod.processes().len(), 1, "only web");
    assert_eq!(pod.ask("api", "start").0, 200);
    assert_eq!(pod.ask("nobody", "start").0, 404);
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn a_check_that_cannot_be_executed_says_so() {
    let pod = Pod::start(|_| {
        let mut service = checked("", idle());
        service.start_timeout_ms = 0;
        if let Some(check) = &mut service.healthcheck {
            check.probe = Probe::Exec { command: Command::Words(vec!["no-such-check".to_owned()]) };
        }
        pod([("web", service)])
    });
    let reason = wait_for("the check's failure", || pod.status().services[0].reason.clone());
    assert_eq!(reason, "cannot execute no-such-check: it is not in PATH");
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn a_pause_of_the_whole_pod_counts_for_no_deadline() {
    let mut pod = Pod::start(|folder| {
        let check = format!("test -e {}", folder.join("well").display());
        let mut service = no_retries(checked(&check, idle()));
        service.start_timeout_ms = 1_500;
        pod([("web", service)])
    });
    pod.wait_state("web", State::Starting);
    pod.signal(Signal::SIGSTOP);
    // The time of the pause is what is tested: longer than the start may take, and than a loop is late by itself.
    std::thread::sleep(std::time::Duration::from_millis(2_700));
    pod.signal_paused(Signal::SIGCONT);
    std::fs::write(pod.folder.path().join("well"), "").unwrap();
    pod.wait_state("web", State::Ready);
    assert_eq!(pod.stop().code, Some(0));
}
