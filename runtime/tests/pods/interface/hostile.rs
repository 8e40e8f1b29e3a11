//! Clients that mean no good, or do not know better: services feel nothing, and podinit's memory and turns stay bounded.

use super::{Stream, ask, call, tcp};
use crate::support::ports::free_port;
use crate::support::{Pod, scaled, wait_for};
use podinit::xmlrpc::Value;
use podinit_plan::state::State;
use std::io::{Read, Write};
use std::net::TcpStream;

/// What podinit may have grown by, in KiB, whatever was done to it.
const GROWTH: u64 = 24 * 1024;

fn memory(pod: &Pod) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{}/status", pod.pid())).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

fn start(port: u16) -> Pod {
    let mut pod = Pod::supervisord(|folder| {
        format!(
            "[supervisord]\n[inet_http_server]\nport=127.0.0.1:{port}\n\
             [program:web]\ncommand=sh -c 'while :; do echo a line of this length; sleep 0.01; done'\nstartsecs=0\n\
             stdout_logfile={}/web.log\n[program:cat]\ncommand=cat\nstartsecs=0\n",
            folder.display()
        )
    });
    pod.wait_state("web", State::Ready);
    pod
}

/// The pod is as it was: the same processes, an answer at once, and no more memory than there may be.
fn is_unharmed(pod: &Pod, port: u16, before: u64) {
    let state = call(tcp(port), "getState", &[]).unwrap();
    assert_eq!(state.get("statename"), Some(&Value::from("RUNNING")));
    let status = pod.status();
    assert!(status.services.iter().all(|service| service.incarnation == 1 && service.state == State::Ready), "{status:?}");
    let now = memory(pod);
    assert!(now < before + GROWTH, "it grew from {before} KiB to {now} KiB");
    println!("from {before} to {now} KiB; the longest turn took {} us", status.longest_turn_us.unwrap());
}

#[test]
fn what_is_no_call_is_refused() {
    let port = free_port();
    let pod = start(port);
    let before = memory(&pod);
    let deep = format!("<methodCall><methodName>a.b</methodName><params><param>{}", "<value><array><data>".repeat(10_000));
    let bodies: [&[u8]; 8] = [
        b"junk",
        b"",
        b"<methodCall/>",
        b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><methodCall><methodName>&b;</methodName></methodCall>",
        deep.as_bytes(),
        b"<methodCall><methodName>\xff\xfe</methodName>",
        b"<methodCall><methodName>supervisor.getPID</methodName><params><param><value><int>9999999999999999999</int></value></param></params></methodCall>",
        &[b'<'; 200_000],
    ];
    for body in bodies {
        let (status, _) = ask(tcp(port), "POST /RPC2", "Host: localhost\r\n", body);
        assert!(status == 400 || status == 200, "{status}");
    }
    let huge = vec![b'x'; 4 << 20];
    assert_eq!(ask(tcp(port), "POST /RPC2", "Host: localhost\r\n", &huge).0, 413);
    let many = Value::Array(vec![Value::Struct(vec![("methodName".to_owned(), "supervisor.getAllProcessInfo".into())]); 900]);
    let call = podinit::xmlrpc::Call { method: "system.multicall".to_owned(), params: vec![many] };
    for _ in 0..scaled(3, 100) {
        let body = podinit::xmlrpc::encode_call(&call);
        assert_eq!(ask(tcp(port), "POST /RPC2", "Host: localhost\r\n", &body).0, 200);
    }
    // One after the other, each of which is over at once.
    let signal = [("methodName", "supervisor.signalProcess".into()), ("params", Value::Array(vec!["cat".into(), "CONT".into()]))];
    let signal = Value::Struct(signal.map(|(name, value)| (name.to_owned(), value)).into());
    let many = Value::Array(vec![signal; 500]);
    let call = podinit::xmlrpc::Call { method: "system.multicall".to_owned(), params: vec![many] };
    let (status, answer) = ask(tcp(port), "POST /RPC2", "Host: localhost\r\n", &podinit::xmlrpc::encode_call(&call));
    assert_eq!((status, answer.matches("<boolean>1</boolean>").count()), (200, 500));
    is_unharmed(&pod, port, before);
}

#[test]
fn a_thousand_idle_connections_and_slow_ones_keep_nobody_out() {
    let port = free_port();
    let pod = start(port);
    let before = memory(&pod);
    let idle: Vec<TcpStream> = (0..1_000).filter_map(|_| TcpStream::connect(("127.0.0.1", port)).ok()).collect();
    assert!(idle.len() > 900);
    // Some send a head, and a body that does not end.
    let slow: Vec<TcpStream> = (0..100)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            let _ = stream.write_all(b"POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n\r\n<");
            stream
        })
        .collect();
    is_unharmed(&pod, port, before);
    drop((idle, slow));
}

#[test]
fn a_log_that_is_followed_and_not_read_waits_for_nobody() {
    let port = free_port();
    let pod = start(port);
    let before = memory(&pod);
    let followers: Vec<Box<dyn Stream>> = (0..20)
        .map(|_| {
            let mut stream = tcp(port);
            stream.write_all(b"GET /logtail/web HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
            stream
        })
        .collect();
    // Much more than a follower may be owed.
    let log = pod.folder.path().join("web.log");
    let line = b"many lines at once, of which nobody reads any\n".repeat(200_000);
    std::fs::OpenOptions::new().append(true).open(&log).unwrap().write_all(&line).unwrap();
    wait_for("the log to grow", || (std::fs::metadata(&log).ok()?.len() >= 9_200_000).then_some(()));
    let mut reader = tcp(port);
    reader.write_all(b"GET /logtail/web HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
    let mut some = [0; 4096];
    let mut seen = 0;
    while seen < 8_192 {
        seen += reader.read(&mut some).unwrap();
    }
    is_unharmed(&pod, port, before);
    drop(followers);
}

#[test]
fn a_program_that_does_not_read_its_stdin_fills_no_memory() {
    let port = free_port();
    let pod = start(port);
    let before = memory(&pod);
    let text = Value::Text("x".repeat(100_000));
    let mut refused = 0;
    for _ in 0..100 {
        refused += usize::from(call(tcp(port), "sendProcessStdin", &["web".into(), text.clone()]).is_err());
    }
    assert!(refused > 50, "{refused}");
    is_unharmed(&pod, port, before);
}
