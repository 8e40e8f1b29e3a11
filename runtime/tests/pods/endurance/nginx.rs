//! nginx, whose workers outlive a master that was killed, and keep its port.

use super::{Killer, tireless};
use crate::support::plans::{checked, idle, pod, shell};
use crate::support::ports::free_port;
use crate::support::{Pod, scaled};
use podinit_plan::plan::{Get, HealthCheck, Probe, Service};
use podinit_plan::state::State;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How many clients ask at a time.
const CLIENTS: usize = 4;

#[test]
fn a_killed_master_s_successor_finds_its_port_free() {
    if std::process::Command::new("nginx").arg("-v").output().is_err() {
        eprintln!("skipped: there is no nginx in PATH");
        return;
    }
    let kills = scaled(10, 1_000);
    let port = free_port();
    let mut pod = Pod::start(|folder| pod([("api", idle()), ("nginx", nginx(folder, port)), ("web", idle())]));
    let mut ready = pod.wait_state("nginx", State::Ready);
    let others = |pod: &Pod| {
        let services = pod.status().services;
        [0, 2].map(|index| (services[index].pid, services[index].restarts, services[index].state))
    };
    let before = others(&pod);
    let mut killer = Killer::new(&pod);
    let (stop, answers, refusals) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let begun = Instant::now();
    let (stop_reader, stop_writer) = (&stop, OnDrop(&stop));
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                while !stop_reader.load(Ordering::Relaxed) {
                    let counter = if is_answered(port) { &answers } else { &refusals };
                    counter.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        // Also when this panics, or the clients would be waited for for ever.
        let _stop = stop_writer;
        for _ in 0..kills {
            // Every master serves somebody before it dies.
            let answered = answers.load(Ordering::Relaxed);
            crate::support::wait_for("an answer", || (answers.load(Ordering::Relaxed) > answered).then_some(()));
            killer.kill(ready.pid.unwrap());
            ready = pod.wait_state("nginx", State::Ready);
        }
    });
    let (answers, refusals) = (answers.into_inner(), refusals.into_inner());
    println!("{kills} masters killed in {:?}: {answers} answers, {refusals} requests without one", begun.elapsed());
    let status = &pod.status().services[1];
    assert_eq!((status.restarts, status.incarnation), (kills as u64, kills as u64 + 1), "{status:?}");
    assert_eq!(others(&pod), before);
    let log = std::fs::read_to_string(pod.folder.path().join("error.log")).unwrap();
    assert!(!log.contains("Address already in use") && !log.contains("[emerg]"), "{log}");
    drop(killer);
    let ended = pod.stop();
    assert_eq!(ended.code, Some(0));
    assert!(ended.output.contains("left of it"), "the workers were leftovers: {}", ended.output);
}

/// Sets a flag when it goes.
struct OnDrop<'a>(&'a AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn nginx(folder: &Path, port: u16) -> Service {
    let path = folder.display();
    let temporary: String =
        ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|kind| format!("{kind}_temp_path {path}/{kind}; ")).concat();
    let configuration = format!(
        "daemon off; worker_processes 2; pid {path}/pid; error_log {path}/error.log notice; events {{}} \
         http {{ access_log off; {temporary} server {{ listen 127.0.0.1:{port}; location / {{ return 200 well; }} }} }}"
    );
    std::fs::write(folder.join("nginx.conf"), configuration).unwrap();
    let service = tireless(checked("", shell(&format!("exec nginx -e {path}/error.log -c {path}/nginx.conf"))));
    let healthcheck = service.healthcheck.map(|check| HealthCheck { probe: Probe::Http { port, get: Get::new("/") }, ..check });
    Service { healthcheck, ..service }
}

fn is_answered(port: u16) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok::<_, std::io::Error>(answer.starts_with("HTTP/1.1 200"))
    };
    ask().unwrap_or(false)
}
