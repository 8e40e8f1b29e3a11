//! Services that do not answer as they should: found out, followed by what their check says, while the others and the pod's
//! own answers go on as ever.

use crate::support::plans::{checked, idle, pod, shell};
use crate::support::ports::free_port;
use crate::support::{PODINIT, Pod, Setting, wait_for};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use podinit_plan::plan::{Get, HealthCheck, OnFailure, Probe, Restart, Service};
use podinit_plan::protocol::EventKind;
use podinit_plan::state::State;
use std::path::Path;
use std::time::{Duration, Instant};

/// A server that answers what it was asked; while there is a file `hang` it makes one that is called `hangs`, and nothing
/// comes of it any more.
fn server(port: u16, folder: &Path) -> Service {
    let hang = folder.join("hang").display().to_string();
    shell(&format!(
        "exec python3 -c \"import socket,os,time\ns=socket.socket()\ns.setsockopt(socket.SOL_SOCKET,socket.SO_REUSEADDR,1)\n\
         s.bind(('127.0.0.1',{port}))\ns.listen(64)\nwhile True:\n c,_=s.accept()\n asked=c.recv(9999)\n \
         print(asked.split(b'\\\\r')[0].decode(),flush=True)\n \
         if os.path.exists('{hang}'): open('{hang}s','w'); time.sleep(1000)\n \
         c.sendall(b'HTTP/1.1 202 OK\\\\r\\\\nContent-Length: %d\\\\r\\\\n\\\\r\\\\n'%len(asked)+asked)\n c.close()\""
    ))
}

/// The same service, asked every 50 ms, given up after 300.
fn asked(get: Get, port: u16, service: Service) -> Service {
    let check = HealthCheck {
        interval_ms: 50,
        start_interval_ms: 50,
        jitter_ms: 0,
        timeout_ms: 300,
        retries: 2,
        ..HealthCheck::new(Probe::Http { port, get })
    };
    Service { healthcheck: Some(check), ..checked("", service) }
}

#[test]
fn a_service_that_hangs_is_restarted_and_nobody_else_notices() {
    let port = free_port();
    let mut pod = Pod::start(|folder| {
        pod([("api", asked(Get::new("/health"), port, server(port, folder))), ("db", idle()), ("web", checked("true", idle()))])
    });
    let first = pod.wait_state("api", State::Ready).pid.unwrap();
    wait_for("everybody", || pod.status().ready.then_some(()));
    let others = |pod: &Pod| pod.status().services[1..].iter().map(|service| service.pid).collect::<Vec<_>>();
    let before = others(&pod);
    std::fs::write(pod.folder.path().join("hang"), "").unwrap();
    let unready = pod.wait_state("api", State::Unready);
    assert_eq!(unready.reason.as_deref(), Some("its check failed 2 times: no answer from /health within 300ms"));
    std::fs::remove_file(pod.folder.path().join("hang")).unwrap();
    let again = pod.wait_state("api", State::Ready);
    assert!(again.pid.is_some_and(|pid| pid != first), "another process: {again:?}");
    assert_eq!(others(&pod), before);
    let status = pod.status();
    assert_eq!(status.services.iter().map(|service| service.restarts).collect::<Vec<_>>(), [1, 0, 0]);
    let check = status.services[0].check.clone().unwrap();
    assert!(check.failed >= 2 && check.checks > check.failed && check.failures == 0, "kept over the restart: {check:?}");
    assert!(check.last_us.is_some_and(|us| us > 0), "{check:?}");
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn a_service_that_is_stopped_by_a_signal_is_found_out_by_whatever_asks_it() {
    let port = free_port();
    let mut pod = Pod::start(|folder| pod([("api", asked(Get::new("/"), port, server(port, folder)))]));
    let ready = pod.wait_state("api", State::Ready);
    pod.enter(&["kill", "-STOP", &ready.pid.unwrap().to_string()]).status().unwrap();
    pod.wait_state("api", State::Unready);
    // SIGTERM waits for a process that is stopped; it is killed when its grace is over.
    let next = pod.wait_state("api", State::Ready);
    assert_eq!(next.incarnation, Some(2));
    assert_eq!(pod.stop().code, Some(0));
}

/// The bound is the issue's; what it takes is printed.
#[test]
fn the_pod_answers_at_once_while_a_check_hangs() {
    let port = free_port();
    let mut pod = Pod::start(|folder| {
        let mut hangs = asked(Get::new("/"), port, server(port, folder));
        if let Some(check) = &mut hangs.healthcheck {
            check.timeout_ms = 60_000;
        }
        pod([("api", hangs), ("web", checked("sleep 60", idle()))])
    });
    pod.wait_state("api", State::Ready);
    std::fs::write(pod.folder.path().join("hang"), "").unwrap();
    let hangs = pod.folder.path().join("hangs");
    wait_for("a check that hangs", || hangs.exists().then_some(()));
    let mut took = Vec::new();
    for target in ["/health", "/readyz", "/livez", "/v1/status"].repeat(25) {
        let client = pod.client();
        let asked = Instant::now();
        let (code, body) = client.request("GET", target);
        took.push(asked.elapsed());
        let want = if matches!(target, "/livez" | "/v1/status") { 200 } else { 503 };
        assert_eq!(code, want, "{target}: {body}");
    }
    took.sort();
    println!("answers with two checks that hang: median {:?}, longest {:?}", took[took.len() / 2], took[took.len() - 1]);
    assert!(took[took.len() / 2] < Duration::from_millis(50), "{took:?}");
    let begun = Instant::now();
    let healthcheck = pod.enter(&[PODINIT, "healthcheck"]).output().unwrap();
    println!("podinit healthcheck, its start and nsenter's included: {:?}", begun.elapsed());
    assert_eq!(healthcheck.status.code(), Some(1), "web is not ready");
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn a_check_sends_its_headers_and_looks_at_status_and_body() {
    let port = free_port();
    let get = Get {
        headers: [("Authorization".to_owned(), "Bearer ${TOKEN}".to_owned())].into(),
        status: vec![(200, 200), (202, 203)],
        body: Some("Authorization: Bearer s3cret".to_owned()),
        ..Get::new("/deep")
    };
    let setting = Setting { environment: vec![("TOKEN", "s3cret")], ..Setting::default() };
    // The server answers with the request: the check finds in the body what it sent.
    let mut running = Pod::start_in(setting, |folder| pod([("api", asked(get.clone(), port, server(port, folder)))]));
    running.wait_state("api", State::Ready);
    let status = running.client().request("GET", "/v1/status").1;
    assert!(!status.contains("s3cret"), "{status}");
    let ended = running.stop();
    assert_eq!(ended.of("api")[0], "GET /deep HTTP/1.1");
    for (wrong, reason) in [
        (Get { status: vec![(200, 201)], ..get.clone() }, "status 202 from /deep"),
        (Get { body: Some("fine".to_owned()), ..get }, "the answer from /deep does not contain `fine`"),
    ] {
        let port = free_port();
        let setting = Setting { environment: vec![("TOKEN", "s3cret")], ..Setting::default() };
        let mut pod = Pod::start_in(setting, |folder| pod([("api", asked(wrong, port, server(port, folder)))]));
        let failed = pod.wait("a failed check", |event| {
            event.event == EventKind::CheckFailed && !event.reason.as_ref().is_some_and(|reason| reason.contains("refused"))
        });
        assert_eq!(failed.reason.as_deref(), Some(reason));
        let ended = pod.stop();
        assert!(!ended.errors.contains("s3cret") && !ended.output.contains("podinit | s3cret"), "{}", ended.errors);
    }
}

#[test]
fn steps_that_do_not_help_end_with_the_pod() {
    let mut pod = Pod::start(|folder| {
        // Well until it is ready, and never after that.
        let well = folder.join("well").display().to_string();
        let mut api = checked(&format!("rm {well}"), shell(&format!("touch {well}; exec sleep 1000")));
        api.restart = Restart { retries: 9, ..api.restart };
        if let Some(check) = &mut api.healthcheck {
            check.on_failure = vec![OnFailure::Restart, OnFailure::Restart, OnFailure::StopPod];
        }
        pod([("api", api), ("db", idle())])
    });
    for incarnation in 1..=3 {
        assert_eq!(pod.wait_state("api", State::Unready).incarnation, Some(incarnation));
    }
    let ended = pod.end();
    assert_eq!(ended.code, Some(112), "{}", ended.errors);
    assert!(ended.errors.contains("api is unhealthy"), "{}", ended.errors);
}

#[test]
fn a_pod_that_was_paused_does_not_take_its_services_for_slow() {
    let port = free_port();
    let mut pod = Pod::start(|folder| pod([("api", asked(Get::new("/"), port, server(port, folder)))]));
    pod.wait_state("api", State::Ready);
    let pid = Pid::from_raw(pod.pid());
    let failed = pod.status().services[0].check.clone().unwrap().failed;
    kill(pid, Signal::SIGSTOP).unwrap();
    std::thread::park_timeout(Duration::from_millis(1_500));
    kill(pid, Signal::SIGCONT).unwrap();
    let checks = pod.status().services[0].check.clone().unwrap().checks;
    wait_for("checks after the pause", || (pod.status().services[0].check.clone()?.checks > checks + 3).then_some(()));
    let status = &pod.status().services[0];
    assert_eq!((status.state, status.restarts), (State::Ready, 0));
    assert_eq!(status.check.clone().unwrap().failed, failed);
    assert_eq!(pod.stop().code, Some(0));
}
