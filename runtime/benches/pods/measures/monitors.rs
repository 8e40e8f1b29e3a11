//! What podinit's monitors cost where there is much to be watched.

use super::{Bench, Turns, children, cpu, median, path, pss, since, turns, words};
use crate::support::client::Client;
use crate::support::plans::{idle, pod, shell};
use crate::support::wait_for;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use podinit_plan::plan::{Alerts, Plan, RestartPolicy, Service, Sink, StatusFile, Target};
use podinit_plan::protocol::Status;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Passes over all processes of a pod.
pub struct Passes {
    /// From the question to the answer, in milliseconds.
    pub time: f64,
    /// podinit's own, for one.
    pub cpu: f64,
    pub turns: Turns,
    pub pss: u64,
}

/// What it takes to tell all figures.
pub struct Scrape {
    pub ms: f64,
    pub bytes: usize,
    pub turns: Turns,
    pub pss: [u64; 2],
}

/// A thousand services that end in the same moment, and everybody is told.
pub struct Storm {
    /// From the first end to the last alert in the file, in seconds.
    pub told: f64,
    /// podinit's own, in milliseconds.
    pub cpu: f64,
    pub turns: Turns,
}

impl Bench {
    /// A thousand services with five processes each, whose memory is asked for again and again.
    pub fn passes(&self) -> Passes {
        const PASSES: u32 = 10;
        let pod = self.start(|_| {
            let mut plan = pod([]);
            let family = idle_family();
            plan.services.extend((0..1000).map(|index| (format!("w{index}"), family.clone())));
            plan
        });
        let fresh = || {
            let (_, body) = pod.client().request("GET", "/v1/status?fresh=1");
            serde_json::from_str::<Status>(&body).unwrap()
        };
        let processes = |status: &Status| -> u32 {
            status.services.iter().filter_map(|service| service.usage).map(|usage| usage.processes).sum()
        };
        wait_for("all processes", || (processes(&fresh()) == 5_000).then_some(()));
        let (before, spent) = (turns(&pod.status()), cpu(pod.pid()));
        let mut times = Vec::new();
        for _ in 0..PASSES {
            // One may begin only a moment after the last.
            std::thread::sleep(Duration::from_millis(150));
            let begun = Instant::now();
            let status = fresh();
            times.push(begun.elapsed().as_secs_f64() * 1000.0);
            assert_eq!(processes(&status), 5_000);
        }
        let cpu = (cpu(pod.pid()) - spent) / f64::from(PASSES);
        let after = turns(&pod.status());
        let pss = pss(pod.pid());
        pod.signal(Signal::SIGKILL);
        pod.end();
        Passes { time: median(times), cpu, turns: since(before, after), pss }
    }

    /// `GET /metrics` of so many services that do not run, so that no turn but those for it is long.
    pub fn scrape(&self, count: usize) -> Scrape {
        let pod = self.start(|_| many(count));
        let socket = PathBuf::from(format!("/proc/{}/root/run/podinit/ctl.sock", pod.pid()));
        wait_for("the socket", || Client::connect(&socket));
        let scrape = || {
            let begun = Instant::now();
            let answer =
                Client::connect(&socket).unwrap().raw(b"GET /metrics HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n");
            (begun.elapsed().as_secs_f64() * 1000.0, answer.len())
        };
        let before = pss(pod.pid());
        let bytes = scrape().1;
        let ms = median((0..50).map(|_| scrape().0).collect());
        let measured = Scrape { ms, bytes, turns: turns(&pod.status()), pss: [before, pss(pod.pid())] };
        pod.stop();
        measured
    }

    /// A thousand services are killed at once; a file is told, and a command that is slower, with a queue on the disk.
    pub fn storm(&self) -> Storm {
        const COUNT: usize = 1000;
        let pod = self.start(|folder| {
            let mut plan = pod([]);
            plan.exit_when_done = false;
            let mut service = Service { essential: false, ..idle() };
            service.restart.policy = RestartPolicy::Never;
            plan.services.extend((0..COUNT).map(|index| (format!("w{index}"), service.clone())));
            plan.alerts = Some(alerts(folder));
            plan
        });
        wait_for("all services", || (children(pod.pid()).len() >= COUNT).then_some(()));
        wait_for("the pod to be ready", || pod.status().ready.then_some(()));
        let (before, spent) = (turns(&pod.status()), cpu(pod.pid()));
        let file = pod.folder.path().join("alerts.json");
        let begun = Instant::now();
        for pid in children(pod.pid()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGHUP);
        }
        let lines = || std::fs::read_to_string(&file).unwrap_or_default().lines().count();
        wait_for("all alerts", || (lines() >= COUNT).then_some(()));
        let told = begun.elapsed().as_secs_f64();
        let (cpu, after) = (cpu(pod.pid()) - spent, turns(&pod.status()));
        pod.signal(Signal::SIGKILL);
        pod.end();
        Storm { told, cpu, turns: since(before, after) }
    }

    /// The file of the pod's health, with so many services that do not run.
    pub fn report(&self, count: usize) -> Turns {
        let pod = self.start(|folder| {
            let mut plan = many(count);
            plan.monitor.health_file = Some(StatusFile { path: path(folder, "health.json"), interval_ms: 100 });
            plan
        });
        let file = pod.folder.path().join("health.json");
        let mut written = None;
        for _ in 0..20 {
            wait_for("the file to be written anew", || {
                let now = std::fs::metadata(&file).ok()?.modified().ok();
                (now != written).then(|| written = now)
            });
        }
        let turns = turns(&pod.status());
        pod.stop();
        turns
    }
}

/// So many services that do not run, so that no turn but those for what is measured is long.
fn many(count: usize) -> Plan {
    let mut plan = pod([]);
    plan.exit_when_done = false;
    let service = Service { autostart: "false".to_owned(), ..idle() };
    plan.services.extend((0..count).map(|number| (format!("service-{number:04}"), service.clone())));
    plan
}

/// To a file, and to a command; what waits is kept on the disk.
fn alerts(folder: &Path) -> Alerts {
    let file = Target::File { path: path(folder, "alerts.json"), max_size_bytes: 0, max_files: 1 };
    let command = Target::Command { command: words(&["/bin/cat"]), user: None };
    let sink = |to| Sink { to, on: Vec::new(), lines: true, timeout_ms: 10_000 };
    Alerts {
        sinks: [("file".to_owned(), sink(file)), ("command".to_owned(), sink(command))].into(),
        repeat_ms: 300_000,
        rate: 20,
        rate_ms: 3_600_000,
        queue: Some(path(folder, "queue")),
        secrets: Vec::new(),
    }
}

/// A service of five processes.
fn idle_family() -> Service {
    shell("for i in 1 2 3; do sleep 1000 & done; sleep 1000 & wait")
}
