//! The same pod, twice.

use super::processes::{Figures, children, measure};
use super::support::plans::pod;
use super::support::{PODINIT, Pod, Setting, unshare, wait_for};
use super::{INTERVAL, MEASURED, PORTS};
use podinit_plan::plan::{
    Alerts, Command as Words, DiskMonitor, Get, HealthCheck, MemoryLimit, MemoryMonitor, Monitor, OnExceed, Probe, Ready,
    Service, Sink, StatusFile, Target,
};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

const MONITORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../benches/monitors");

/// podinit, which watches everything itself.
pub fn podinit(web: &Path) -> Figures {
    let program = std::env::var("PODINIT").unwrap_or_else(|_| PODINIT.to_owned());
    let started = Pod::start_in(Setting { program: Some(program), ..Setting::default() }, |folder| {
        let mut plan = pod([]);
        for port in PORTS {
            plan.services.insert(format!("web-{port}"), service(web, port));
        }
        let interval_ms = INTERVAL * 1_000;
        plan.monitor = Monitor {
            health_file: Some(StatusFile { path: path(folder, "health.json"), interval_ms }),
            memory: Some(MemoryMonitor {
                interval_ms,
                warn_percent: 80,
                critical_percent: 95,
                file: Some(path(folder, "memory.json")),
            }),
            disk: Some(DiskMonitor { paths: vec!["/".to_owned()], interval_ms, warn_percent: 100 }),
            ..Monitor::default()
        };
        let to = Target::File { path: path(folder, "alerts.json"), max_size_bytes: 10 << 20, max_files: 2 };
        let sink = Sink { to, on: Vec::new(), lines: true, timeout_ms: 10_000 };
        plan.alerts = Some(Alerts {
            sinks: [("file".to_owned(), sink)].into_iter().collect(),
            repeat_ms: 300_000,
            rate: 20,
            rate_ms: 3_600_000,
            queue: None,
            secrets: Vec::new(),
        });
        plan
    });
    wait_for("the pod to be ready", || started.status().ready.then_some(()));
    settle(&started.folder.path().join("memory.json"));
    let figures = measure(started.pid(), Duration::from_secs(MEASURED));
    started.stop();
    figures
}

fn service(web: &Path, port: u16) -> Service {
    let probe = Probe::Http { port, get: Get::new("/health") };
    let check = HealthCheck { interval_ms: INTERVAL * 1_000, ..HealthCheck::new(probe) };
    Service {
        ports: vec![port],
        ready: Ready::Check,
        healthcheck: Some(check),
        memory: Some(MemoryLimit { limit_bytes: 200 << 20, on_exceed: OnExceed::Restart, cool_down_ms: 60_000 }),
        ..Service::new(Words::Words(vec![path(web, ""), port.to_string()]))
    }
}

/// supervisord, with a monitor in Python each for health, memory and crashes.
pub fn supervisord(web: &Path) -> Figures {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().display();
    let mut text = format!("[supervisord]\nnodaemon=true\nsilent=true\nlogfile={at}/log\npidfile={at}/pid\nloglevel=warn\n");
    for port in PORTS {
        text += &format!("[program:web-{port}]\ncommand={} {port}\nstdout_logfile=NONE\nredirect_stderr=true\n", web.display());
    }
    let ports = PORTS.map(|port| port.to_string()).join(" ");
    for (name, arguments) in
        [("health", format!("health.json {INTERVAL} {ports}")), ("memory", format!("memory.json {INTERVAL}"))]
    {
        text +=
            &format!("[program:{name}]\ncommand=python3 {MONITORS}/{name}_monitor.py {at}/{arguments}\nstdout_logfile=NONE\n");
    }
    text += &format!(
        "[eventlistener:crashes]\ncommand=python3 {MONITORS}/crash_notifier.py {at}/alerts.json\n\
         events=PROCESS_STATE_EXITED,PROCESS_STATE_FATAL\n"
    );
    let file = folder.path().join("conf");
    std::fs::write(&file, text).unwrap();
    let mut command = unshare();
    let spawned = command.args(["supervisord", "-c"]).arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).spawn();
    let running = Running(spawned.unwrap());
    let supervisor = wait_for("supervisord", || children(running.0.id() as i32).first().copied());
    for port in PORTS {
        wait_for("the services", || TcpStream::connect(("127.0.0.1", port)).ok());
    }
    settle(&folder.path().join("memory.json"));
    measure(supervisor, Duration::from_secs(MEASURED))
}

/// Waits until monitors have looked once, and a little longer, so that what is measured is everyday life.
fn settle(file: &Path) {
    wait_for("the first figures", || file.exists().then_some(()));
    std::thread::sleep(Duration::from_secs(INTERVAL));
}

/// Ends with this, and its namespace with it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn path(folder: &Path, name: &str) -> String {
    let path = if name.is_empty() { folder.to_owned() } else { folder.join(name) };
    path.to_str().unwrap().to_owned()
}
