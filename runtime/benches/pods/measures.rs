//! What is measured, and how.

mod monitors;

use crate::support::client::Client;
use crate::support::plans::{checked, idle, oneshot, pod, shell};
use crate::support::{PODINIT, Pod, Setting, unshare, wait_for};
use podinit_plan::plan::{Command as Words, Plan, Service};
use podinit_plan::protocol::Status;
use podinit_plan::state::State;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../benches/supervisors");

/// The longest turn in microseconds, where it is known, and how many took longer than 5 ms.
pub type Turns = (Option<u64>, u64);

/// What measures.
pub struct Bench {
    podinit: String,
    folder: tempfile::TempDir,
    /// podinit, and not its services, goes before everything else on a processor.
    preferred: bool,
}

/// A pod of four services.
pub struct Small {
    pub pss: u64,
    pub pss_checked: u64,
    pub wake_ups: u64,
}

/// A pod of a thousand.
pub struct Large {
    pub executed: f64,
    pub cpu: f64,
    pub pss: u64,
    pub start: Turns,
    pub stop: Turns,
}

impl Bench {
    pub fn new() -> Bench {
        let folder = tempfile::tempdir().unwrap();
        for program in ["mark", "floor"] {
            let source = format!("{SOURCES}/{program}.c");
            let built = Command::new("cc").args(["-O2", "-static", "-o"]).arg(folder.path().join(program)).arg(source).status();
            assert!(built.unwrap().success(), "cc cannot make {program}");
        }
        Bench { podinit: std::env::var("PODINIT").unwrap_or_else(|_| PODINIT.to_owned()), folder, preferred: false }
    }

    /// With podinit preferred, its turns are as long as its own work is: else most of a long one is spent waiting for the
    /// services that it has started.
    pub fn preferred() -> Bench {
        Bench { preferred: true, ..Bench::new() }
    }

    pub fn binary_mb(&self) -> f64 {
        std::fs::metadata(&self.podinit).unwrap().len() as f64 / 1e6
    }

    /// From podinit's own execution to the first service's, in milliseconds.
    pub fn first_service(&self) -> f64 {
        let pod = self.marks(4, false);
        wait_for_marks(&pod, 4);
        let marks = marks(pod.folder.path());
        after(&marks, "begun", |mark| mark.0.starts_with('w')).unwrap()
    }

    /// From a kill to the first instruction of the successor, in milliseconds.
    pub fn restart(&self) -> f64 {
        let pod = self.marks(4, false);
        wait_for_marks(&pod, 4);
        let outside = children(pod.pid());
        let mut latencies = Vec::new();
        let mut victim = *outside.first().unwrap();
        for count in 0..20 {
            // As in the bare loop.
            std::thread::sleep(Duration::from_millis(50));
            let killed = monotonic();
            kill(victim);
            wait_for_marks(&pod, 5 + count);
            latencies.push((marks(pod.folder.path()).last().unwrap().2 - killed) as f64 / 1e6);
            victim = children(pod.pid()).into_iter().find(|pid| !outside.contains(pid) && *pid != victim).unwrap();
        }
        median(latencies)
    }

    /// The same for the bare loop.
    pub fn floor_restart(&self) -> f64 {
        let (_, folder, mut floor) = self.floor(0);
        wait_for("the bare loop", || (marks(folder.path()).len() >= 41).then_some(()));
        floor.kill().unwrap();
        floor.wait().unwrap();
        let marks = marks(folder.path());
        let pairs = marks.windows(2).filter(|pair| pair[0].0 == "kill");
        median(pairs.map(|pair| (pair[1].2 - pair[0].2) as f64 / 1e6).collect())
    }

    /// From the first fork of the bare loop to the last of a thousand services, in milliseconds.
    pub fn floor_start(&self) -> f64 {
        let (begun, folder, mut floor) = self.floor(1000);
        wait_for("the bare loop", || (marks(folder.path()).len() >= 1000).then_some(()));
        floor.kill().unwrap();
        floor.wait().unwrap();
        (marks(folder.path()).iter().map(|mark| mark.2).max().unwrap() - begun) as f64 / 1e6
    }

    pub fn small(&self) -> Small {
        let names = ["a", "b", "c", "d"];
        let checked = self.start(|_| {
            let mut plan = pod(names.map(|name| (name, checked("true", idle()))));
            plan.services
                .values_mut()
                .filter_map(|service| service.healthcheck.as_mut())
                .for_each(|check| check.interval_ms = 1_000);
            plan
        });
        wait_for("the pod to be ready", || checked.status().ready.then_some(()));
        std::thread::sleep(Duration::from_secs(2));
        // Checks share podinit's memory between fork and execution.
        let pss_checked = (0..10).map(|_| pss(checked.pid())).max().unwrap();
        checked.stop();
        let idle_pod = self.start(|_| pod(names.map(|name| (name, idle()))));
        wait_for("the pod to be ready", || idle_pod.status().ready.then_some(()));
        std::thread::sleep(Duration::from_secs(2));
        let (pss, before) = (pss(idle_pod.pid()), wake_ups(idle_pod.pid()));
        std::thread::sleep(Duration::from_secs(3));
        let wake_ups = wake_ups(idle_pod.pid()) - before;
        idle_pod.stop();
        Small { pss, pss_checked, wake_ups }
    }

    pub fn large(&self) -> Large {
        let pod = self.start_with_begin(|folder| {
            let mut plan = self.services(folder, 1000, false);
            // Starts first and stops last, a little later: who asks for the turns of a stop needs somebody to ask.
            let keeper = Service { priority: -1, ..shell("trap 'sleep 1; exit' TERM; while :; do sleep 0.1; done") };
            plan.services.insert("keeper".to_owned(), keeper);
            plan
        });
        wait_for_marks(&pod, 1000);
        let executed = executed(pod.folder.path());
        std::thread::sleep(Duration::from_millis(300));
        let (cpu, pss, start) = (cpu(pod.pid()), pss(pod.pid()), turns(&pod.status()));
        pod.signal(nix::sys::signal::Signal::SIGTERM);
        let last = last_status(&pod);
        let stop = since(start, last);
        pod.end();
        Large { executed, cpu, pss, start, stop }
    }

    /// From the signal to podinit's end, in milliseconds.
    pub fn stop(&self, count: usize, distinct: bool) -> f64 {
        let pod = self.marks(count, distinct);
        wait_for_marks(&pod, count);
        // Until podinit has nothing to do any more.
        pod.status();
        let pid = pod.pid();
        let begun = Instant::now();
        pod.signal_paused(nix::sys::signal::Signal::SIGTERM);
        let lives = || std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
        while lives() {
            std::thread::sleep(Duration::from_micros(200));
        }
        let time = begun.elapsed();
        pod.end();
        time.as_secs_f64() * 1000.0
    }

    pub fn flood(&self) -> Turns {
        let mark = self.mark();
        let pod = self.start(|folder| {
            let flood = |name: &str| Service::new(words(&[&mark, &path(folder, "marks"), name, "500000"]));
            pod([("w0", flood("w0")), ("w1", flood("w1")), ("w2", flood("w2")), ("w3", flood("w3"))])
        });
        wait_for_marks(&pod, 4);
        let turns = turns(&pod.status());
        pod.stop();
        turns
    }

    pub fn orphans(&self) -> Turns {
        let script = "i=0; while [ $$i -lt 10000 ]; do (true &); i=$$((i+1)); done";
        let mut pod = self.start(|_| pod([("web", oneshot(script)), ("other", idle())]));
        pod.wait_state("web", State::Done);
        let turns = turns(&pod.status());
        pod.stop();
        turns
    }

    /// Processes that left their service's group and session, and ignore SIGTERM, are killed when it is stopped.
    pub fn leftovers(&self) -> Turns {
        let script = "trap '' TERM; i=0; while [ $$i -lt 3000 ]; do sleep 1000 & i=$$((i+1)); done; echo > $$0.all; trap 'exit' TERM; while :; do sleep 0.1; done";
        let mut pod = self.start(|folder| {
            let command = words(&["/bin/sh", "-c", script, &path(folder, "leftovers")]);
            pod([("web", Service { command, ..idle() }), ("other", idle())])
        });
        let all = pod.folder.path().join("leftovers.all");
        wait_for("the leftovers", || all.exists().then_some(()));
        assert_eq!(pod.ask("web", "stop").0, 200);
        pod.wait_state("web", State::Stopped);
        let turns = turns(&pod.status());
        pod.stop();
        turns
    }

    fn marks(&self, count: usize, distinct: bool) -> Pod {
        self.start_with_begin(|folder| self.services(folder, count, distinct))
    }

    fn services(&self, folder: &Path, count: usize, distinct: bool) -> Plan {
        let (mut plan, mark, file) = (pod([]), self.mark(), path(folder, "marks"));
        for index in 0..count {
            let name = format!("w{index}");
            let service = Service { command: words(&[&mark, &file, &name]), ..idle() };
            let priority = if distinct { i64::try_from(index).unwrap() } else { 0 };
            let mut service = Service { priority, ..service };
            // Stable at once: the next end is never one too many.
            service.restart.stable_after_ms = 0;
            plan.services.insert(name, service);
        }
        plan
    }

    fn start(&self, plan: impl FnOnce(&Path) -> Plan) -> Pod {
        self.start_in(String::new(), plan)
    }

    /// Has the time when podinit was executed marked, too.
    fn start_with_begin(&self, plan: impl FnOnce(&Path) -> Plan) -> Pod {
        self.start_in(format!("{} \"$(dirname \"$1\")/marks\" begun once", self.mark()), plan)
    }

    fn start_in(&self, mut before: String, plan: impl FnOnce(&Path) -> Plan) -> Pod {
        if self.preferred {
            before.insert_str(0, "chrt --reset-on-fork --rr --pid 1 $$\n");
        }
        Pod::start_in(Setting { program: Some(self.podinit.clone()), before, ..Setting::default() }, plan)
    }

    fn mark(&self) -> String {
        path(self.folder.path(), "mark")
    }

    fn floor(&self, count: usize) -> (i64, tempfile::TempDir, std::process::Child) {
        use std::io::BufRead;
        let folder = tempfile::tempdir().unwrap();
        let mut command = unshare();
        command.arg(path(self.folder.path(), "floor")).args([self.mark(), path(folder.path(), "marks"), count.to_string()]);
        let mut floor = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        std::io::BufReader::new(floor.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        (line.trim().parse().unwrap(), folder, floor)
    }
}

/// Name, process id and time in nanoseconds of everything that said that it runs.
fn marks(folder: &Path) -> Vec<(String, i32, i64)> {
    let text = std::fs::read_to_string(folder.join("marks")).unwrap_or_default();
    let mark = |line: &str| {
        let mut fields = line.split(' ');
        Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    text.lines().filter_map(mark).collect()
}

fn wait_for_marks(pod: &Pod, count: usize) {
    let are_there = || marks(pod.folder.path()).iter().filter(|mark| mark.0 != "begun").count() >= count;
    while !are_there() {
        // Seldom where there are many: what looks takes time from what is looked at.
        std::thread::sleep(Duration::from_millis(if count > 100 { 25 } else { 1 }));
    }
}

fn after(marks: &[(String, i32, i64)], name: &str, is_it: impl Fn(&(String, i32, i64)) -> bool) -> Option<f64> {
    let begun = marks.iter().find(|mark| mark.0 == name)?.2;
    Some((marks.iter().filter(|mark| is_it(mark)).map(|mark| mark.2).min()? - begun) as f64 / 1e6)
}

fn executed(folder: &Path) -> f64 {
    let marks = marks(folder);
    let begun = marks.iter().find(|mark| mark.0 == "begun").unwrap().2;
    (marks.iter().map(|mark| mark.2).max().unwrap() - begun) as f64 / 1e6
}

fn turns(status: &Status) -> Turns {
    (status.longest_turn_us, status.long_turns.unwrap_or(0))
}

/// Those since an answer. Which of them was the longest is not known where one before was longer.
fn since(before: Turns, after: Turns) -> Turns {
    (after.0.filter(|_| after.0 > before.0), after.1 - before.1)
}

/// The turns that the last answer tells of before podinit ends.
fn last_status(pod: &Pod) -> Turns {
    let socket = PathBuf::from(format!("/proc/{}/root/run/podinit/ctl.sock", pod.pid()));
    let mut last = (None, 0);
    while let Some(client) = Client::connect(&socket) {
        let answer = client.raw(b"GET /v1/status HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n");
        let Some((_, body)) = answer.split_once("\r\n\r\n") else { break };
        let Ok(status) = serde_json::from_str::<Status>(body) else { break };
        last = turns(&status);
        std::thread::sleep(Duration::from_millis(100));
    }
    last
}

fn children(pid: i32) -> Vec<i32> {
    let list = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

fn kill(pid: i32) {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
}

/// In kilobytes.
fn pss(pid: i32) -> u64 {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    rollup.lines().find_map(|line| line.strip_prefix("Pss:")?.trim().strip_suffix(" kB")?.parse().ok()).unwrap()
}

fn of_threads(pid: i32, file: &str) -> Vec<String> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    threads.map(|thread| std::fs::read_to_string(thread.unwrap().path().join(file)).unwrap()).collect()
}

/// In milliseconds.
fn cpu(pid: i32) -> f64 {
    of_threads(pid, "schedstat").iter().map(|text| text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e6).sum()
}

fn wake_ups(pid: i32) -> u64 {
    let count = |text: &String| {
        text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")?.trim().parse::<u64>().ok()).unwrap()
    };
    of_threads(pid, "status").iter().map(count).sum()
}

fn monotonic() -> i64 {
    let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC).unwrap();
    now.tv_sec() * 1_000_000_000 + now.tv_nsec()
}

fn words(words: &[&str]) -> Words {
    Words::Words(words.iter().map(|word| (*word).to_owned()).collect())
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().unwrap().to_owned()
}

/// The middle one.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
