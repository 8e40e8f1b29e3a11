//! Figures for Prometheus: where they are told, to whom, and that they are true.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a test's own means is a failure of the test")]

use crate::support::client::{Client, parse};
use crate::support::plans::{checked, idle, oneshot, pod, shell};
use crate::support::ports::free_port;
use crate::support::{Pod, wait_for};
use podinit_plan::plan::{Credentials, HealthCheck, Listen, Monitor, NginxStatus, Plan, Probe, Ready, Server, TcpPort};
use podinit_plan::state::State;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

fn on(port: u16) -> TcpPort {
    TcpPort { host: Some("127.0.0.1".to_owned()), port }
}

fn with_metrics(port: u16, plan: Plan) -> Plan {
    Plan { monitor: Monitor { metrics: Some(on(port)), ..plan.monitor }, ..plan }
}

/// Asks on a port; status code and body.
fn ask(port: u16, request: &str) -> (u16, String) {
    let mut stream = wait_for("the port", || TcpStream::connect(("127.0.0.1", port)).ok());
    write!(stream, "{request} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    parse(&answer)
}

/// The pod's figures from its own socket.
fn figures(pod: &Pod) -> String {
    let answer = pod.client().raw(b"GET /metrics HTTP/1.0\r\n\r\n");
    let (code, body) = parse(&answer);
    assert_eq!(code, 200, "{body}");
    body
}

/// The value of a series.
fn value(figures: &str, series: &str) -> Option<f64> {
    figures.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

#[test]
fn a_service_s_figures_are_those_of_its_status() {
    let mut pod = Pod::start(|folder| {
        let mut web = idle();
        web.ready = Ready::AliveMs(40);
        let mark = folder.join("mark").display().to_string();
        let flaky = shell(&format!("test -e {mark} && {{ echo on; exec sleep 1000; }}; touch {mark}; echo off; exit 7"));
        pod([("flaky", flaky), ("web", web), ("once", oneshot("exit 0")), ("odd\"na\\me", idle())])
    });
    for (service, state) in [("flaky", State::Waiting), ("flaky", State::Ready)] {
        pod.wait_state(service, state);
    }
    wait_for("the rest", || pod.status().services.iter().all(|service| service.state != State::Starting).then_some(()));
    wait_for("the last line", || {
        (value(&figures(&pod), "podinit_service_log_lines_total{service=\"flaky\"}") == Some(2.0)).then_some(())
    });
    let text = figures(&pod);
    for (series, want) in [
        ("podinit_pod_info{pod=\"pod\"}", 1.0),
        ("podinit_pod_ready", 1.0),
        ("podinit_service_state{service=\"flaky\",state=\"ready\"}", 1.0),
        ("podinit_service_state{service=\"once\",state=\"done\"}", 1.0),
        ("podinit_service_ready{service=\"web\"}", 1.0),
        ("podinit_service_starts_total{service=\"flaky\"}", 2.0),
        ("podinit_service_restarts_total{service=\"flaky\"}", 1.0),
        ("podinit_service_last_exit_code{service=\"flaky\"}", 7.0),
        ("podinit_service_log_bytes_total{service=\"flaky\"}", 7.0),
        ("podinit_service_log_dropped_lines_total{service=\"flaky\",to=\"container\"}", 0.0),
        ("podinit_service_ready{service=\"odd\\\"na\\\\me\"}", 1.0),
    ] {
        assert_eq!(value(&text, series), Some(want), "{series} in\n{text}");
    }
    let startup = value(&text, "podinit_service_startup_seconds{service=\"web\"}").unwrap();
    let uptime = value(&text, "podinit_service_uptime_seconds{service=\"web\"}").unwrap();
    assert!(startup >= 0.04 && uptime >= startup && uptime < 60.0, "{startup} {uptime}");
    assert!(value(&text, "podinit_resident_memory_bytes").is_some_and(|bytes| bytes > 100_000.0));
    for absent in ["podinit_service_uptime_seconds{service=\"once\"}", "podinit_service_last_exit_code{service=\"web\"}"] {
        assert_eq!(value(&text, absent), None, "{absent}");
    }
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    assert!(value(&text, "podinit_start_time_seconds").is_some_and(|start| start <= now && now - start < 60.0));
    // The family's samples stand together, under one head.
    for family in ["podinit_service_state", "podinit_service_ready"] {
        assert_eq!(text.matches(&format!("# TYPE {family} ")).count(), 1, "{text}");
    }
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn a_port_for_figures_tells_them_to_everybody_and_nothing_else() {
    let [open, closed] = [free_port(), free_port()];
    let mut pod = Pod::start(|_| {
        let mut plan = with_metrics(open, pod([("web", shell("echo secret; exec sleep 1000"))]));
        plan.environment.insert("TOKEN".to_owned(), Some("canary".to_owned().into()));
        let credentials = Credentials { username: "ops".to_owned(), password: "thepassword".to_owned() };
        plan.servers.push(Server { listen: Listen::Tcp(on(closed)), credentials: Some(credentials), read_only: false });
        plan
    });
    pod.wait_state("web", State::Ready);
    let (code, text) = ask(open, "GET /metrics");
    assert!(code == 200 && text.contains("podinit_service_ready{service=\"web\"} 1"), "{code} {text}");
    assert!(!text.contains("secret") && !text.contains("canary") && !text.contains("sleep"), "{text}");
    assert_eq!(ask(open, "GET /health"), (200, r#"{"status":"ready"}"#.to_owned()));
    assert_eq!(ask(open, "HEAD /metrics"), (200, String::new()));
    for nothing in ["GET /", "GET /status", "GET /v1/status", "GET /v1/logs?service=web", "GET /v1/events", "GET /logtail/web"] {
        assert_eq!(ask(open, nothing).0, 404, "{nothing}");
    }
    for change in ["POST /metrics", "POST /v1/services/web/stop", "POST /RPC2"] {
        assert!(matches!(ask(open, change).0, 404 | 405), "{change}");
    }
    let mut foreign = TcpStream::connect(("127.0.0.1", open)).unwrap();
    write!(foreign, "GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n").unwrap();
    let mut answer = String::new();
    foreign.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert_eq!(ask(closed, "GET /metrics").0, 401, "where podinit has a password it is asked for");
    assert_eq!(pod.status().services[0].incarnation, 1);
    assert_eq!(pod.stop().code, Some(0));
}

/// Reads an answer in chunks from a connection that stays open.
fn chunked(stream: &mut TcpStream) -> String {
    let read_line = |stream: &mut TcpStream| {
        let (mut line, mut byte) = (Vec::new(), [0]);
        while !line.ends_with(b"\r\n") {
            stream.read_exact(&mut byte).unwrap();
            line.push(byte[0]);
        }
        String::from_utf8(line).unwrap().trim_end().to_owned()
    };
    while !read_line(stream).is_empty() {}
    let mut body = Vec::new();
    loop {
        let length = usize::from_str_radix(&read_line(stream), 16).unwrap();
        let mut chunk = vec![0; length];
        stream.read_exact(&mut chunk).unwrap();
        body.extend_from_slice(&chunk);
        assert_eq!(read_line(stream), "");
        if length == 0 {
            return String::from_utf8(body).unwrap();
        }
    }
}

#[test]
fn a_large_pod_is_told_of_in_pieces_and_slow_readers_take_no_more_than_their_places() {
    const SERVICES: usize = 600;
    let port = free_port();
    let pod = Pod::start(|_| {
        let mut plan = with_metrics(port, pod([]));
        plan.exit_when_done = false;
        for number in 0..SERVICES {
            let mut service = idle();
            service.autostart = "false".to_owned();
            plan.services.insert(format!("service-{number:03}"), service);
        }
        plan
    });
    let ask = || wait_for("the port", || TcpStream::connect(("127.0.0.1", port)).ok());
    let mut stream = ask();
    for _ in 0..2 {
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let text = chunked(&mut stream);
        assert!(text.len() > 100_000, "{}", text.len());
        assert_eq!(text.matches("podinit_service_state{").count(), SERVICES);
        assert!(text.ends_with('\n') && text.contains("podinit_resident_memory_bytes "), "{}", &text[text.len() - 500..]);
    }
    // What they do not read fills the socket, and no more than that is kept for them.
    let slow: Vec<Client> = (0..4)
        .map(|_| {
            let mut client = pod.client();
            client.0.write_all(b"GET /metrics HTTP/1.1\r\nHost: pod\r\n\r\n").unwrap();
            client
        })
        .collect();
    let status = || pod.client().request("GET", "/metrics").0;
    wait_for("the limit", || (status() == 503).then_some(()));
    assert_eq!(pod.client().request("GET", "/health").0, 200);
    drop(slow);
    wait_for("a place", || (status() == 200).then_some(()));
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn nginx_is_asked_and_not_waited_for() {
    if std::process::Command::new("nginx").arg("-v").output().is_err() {
        eprintln!("skipped: there is no nginx in PATH");
        return;
    }
    let [port, own] = [free_port(), free_port()];
    let mut pod = Pod::start(|folder| {
        let folder = folder.display();
        let temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|name| format!("{name}_temp_path {folder}/{name};"));
        let conf = format!(
            "daemon off; pid {folder}/nginx.pid; error_log stderr warn; worker_processes 1; events {{ }}\n\
             http {{ access_log off; {} server {{ listen 127.0.0.1:{port}; location = /status {{ stub_status; }} }} }}",
            temp.join(" ")
        );
        std::fs::write(format!("{folder}/nginx.conf"), conf).unwrap();
        let mut nginx = checked("", shell(&format!("exec nginx -e stderr -c {folder}/nginx.conf")));
        // Once it is ready nobody but the test asks it anything.
        nginx.healthcheck =
            nginx.healthcheck.map(|check| HealthCheck { probe: Probe::Tcp { port }, interval_ms: 1_000_000, ..check });
        let mut plan = with_metrics(own, crate::support::plans::pod([("nginx", nginx)]));
        plan.monitor.nginx = Some(NginxStatus { port, path: "/status".to_owned() });
        plan
    });
    let ready = pod.wait_state("nginx", State::Ready);
    // On a loaded machine nginx may take longer than it is given.
    let answered = || {
        let text = figures(&pod);
        (value(&text, "podinit_nginx_up") == Some(1.0)).then_some(text)
    };
    let before = wait_for("nginx's answer", answered);
    assert!(value(&before, "nginx_connections_active") >= Some(1.0), "podinit's own\n{before}");
    let requests = value(&before, "nginx_requests_total").unwrap();
    for _ in 0..5 {
        assert_eq!(ask(port, "GET /status").0, 200);
    }
    let after = wait_for("nginx's answer", answered);
    assert!(value(&after, "nginx_requests_total") >= Some(requests + 6.0), "podinit's own among them\n{after}");
    // All of its processes hang: the figures come all the same, without nginx's.
    let group = |signal: &str| {
        let target = format!("-{}", ready.pid.unwrap());
        assert!(pod.enter(&["kill", signal, "--", &target]).status().unwrap().success());
    };
    group("-STOP");
    let begun = Instant::now();
    let hung = figures(&pod);
    let took = begun.elapsed();
    assert_eq!(value(&hung, "podinit_nginx_up"), Some(0.0), "{hung}");
    assert!(!hung.contains("\nnginx_"), "{hung}");
    assert!(took >= Duration::from_millis(190), "it was given its time: {took:?}");
    group("-CONT");
    wait_for("nginx's answer", answered);
    assert_eq!(pod.stop().code, Some(0));
}
