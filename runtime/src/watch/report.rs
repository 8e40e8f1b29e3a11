//! The pod's health as a file: when it is written, and what is in it.

use super::Disks;
use crate::machine::Millis;
use crate::sys::files::Space;
use podinit_plan::plan::StatusFile;
use podinit_plan::protocol::Status;
use std::path::{Path, PathBuf};

/// The file is not written more often than this.
const LEAST: Millis = 1_000;
/// What a tick of /proc/stat is, in microseconds; it is the same on every machine.
const TICK_US: u64 = 10_000;

/// The file.
#[derive(Debug)]
pub struct Report {
    path: PathBuf,
    interval: Millis,
    next: Millis,
    /// When it was written last, and what the container's processors had done by then, in microseconds.
    last: Option<(Millis, Option<u64>)>,
}

/// What the kernel says of the container.
#[derive(Debug, Default)]
pub struct Figures {
    /// What its processors have done, in microseconds; none where nobody knows.
    pub cpu_us: Option<u64>,
    /// What is in /proc/loadavg.
    pub load: String,
}

impl Report {
    /// That of a plan; the first one is due at once.
    #[must_use]
    pub fn new(planned: &StatusFile) -> Report {
        Report { path: PathBuf::from(&planned.path), interval: planned.interval_ms, next: 0, last: None }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// When it is to be written at the latest.
    #[must_use]
    pub fn deadline(&self) -> Millis {
        self.next
    }

    /// A service is ready, or is not any more: everybody is to know soon.
    pub fn changed(&mut self, now: Millis) {
        let soonest = self.last.map_or(now, |(at, _)| now.max(at.saturating_add(LEAST)));
        self.next = self.next.min(soonest);
    }

    /// Its text now; `time` is the date.
    pub fn write(&mut self, now: Millis, time: String, status: &Status, disks: Option<&Disks>, figures: &Figures) -> Vec<u8> {
        let last = self.last.replace((now, figures.cpu_us));
        self.next = now.saturating_add(self.interval);
        let share = |before: (Millis, Option<u64>)| {
            let worked = figures.cpu_us?.checked_sub(before.1?)?;
            // Microseconds by milliseconds are tenths of a percent.
            Some(worked / now.saturating_sub(before.0).max(1))
        };
        // Before everything that the status says, in its words; written by hand, as podinit is to stay small.
        let load: Vec<&str> = figures.load.split(' ').take(3).filter(|word| word.parse::<f32>().is_ok()).collect();
        let cpu = last.and_then(share).map_or("null".to_owned(), |tenths| format!("{}.{}", tenths / 10, tenths % 10));
        let disks: Vec<String> = disks.map(|disks| disks.spaces().map(space).collect()).unwrap_or_default();
        let status = serde_json::to_string(status).unwrap_or_default();
        let head =
            format!(r#"{{"time":"{time}","cpu_percent":{cpu},"load":[{}],"disks":{{{}}}"#, load.join(","), disks.join(","));
        format!("{head},{}\n", status.strip_prefix('{').unwrap_or_default()).into_bytes()
    }
}

fn space((path, space): (&Path, Option<Space>)) -> String {
    let path = serde_json::to_string(&path.to_string_lossy()).unwrap_or_default();
    let Some(space) = space else { return format!("{path}:null") };
    let Space { total, used, free } = space;
    let percent = space.percent();
    format!(r#"{path}:{{"total_bytes":{total},"used_bytes":{used},"free_bytes":{free},"used_percent":{percent}}}"#)
}

/// What the container's processors have done, in microseconds; of the host's where no cgroup knows. `read` gives the text
/// of a file of the kernel's.
pub fn cpu_us(read: impl Fn(&str) -> Option<String>) -> Option<u64> {
    let number = |text: &str| text.trim().parse::<u64>().ok();
    if let Some(text) = read("/sys/fs/cgroup/cpu.stat") {
        let usage = text.lines().find_map(|line| line.strip_prefix("usage_usec "));
        if let Some(usage) = usage.and_then(number) {
            return Some(usage);
        }
    }
    let first = ["/sys/fs/cgroup/cpuacct/cpuacct.usage", "/sys/fs/cgroup/cpu,cpuacct/cpuacct.usage"];
    if let Some(usage) = first.iter().find_map(|path| read(path)).as_deref().and_then(number) {
        return Some(usage / 1_000);
    }
    // user, nice, system, idle, iowait, irq, softirq, steal
    let text = read("/proc/stat")?;
    let ticks = text.lines().next()?.split_ascii_whitespace().skip(1).take(8).map(number);
    let worked = ticks.enumerate().filter(|(index, _)| ![3, 4].contains(index)).map(|(_, ticks)| ticks);
    worked.sum::<Option<u64>>().map(|ticks| ticks.saturating_mul(TICK_US))
}

#[cfg(test)]
mod tests {
    use super::*;
    use podinit_plan::plan::DiskMonitor;
    use podinit_plan::protocol::{CheckStatus, ServiceStatus};
    use podinit_plan::state::State;
    use serde_json::{Value, json};

    fn status() -> Status {
        let service = ServiceStatus {
            name: "web".to_owned(),
            state: State::Unready,
            essential: true,
            pid: Some(7),
            incarnation: 2,
            restarts: 1,
            since_ms: 50,
            reason: Some("no answer".to_owned()),
            next_run: None,
            last_exit: None,
            usage: None,
            check: Some(CheckStatus { last_us: Some(5_250), checks: 9, failed: 3, failures: 3 }),
        };
        Status {
            pod: "pod".to_owned(),
            version: String::new(),
            ready: false,
            stopping: false,
            uptime_ms: 10_000,
            longest_turn_us: None,
            long_turns: None,
            memory: None,
            alerts: Default::default(),
            services: vec![service],
        }
    }

    fn report() -> Report {
        Report::new(&StatusFile { path: "/tmp/health.json".to_owned(), interval_ms: 10_000 })
    }

    #[test]
    fn it_says_how_the_pod_its_services_and_its_disks_are() {
        let mut report = report();
        let mut disks = Disks::new(&DiskMonitor { paths: vec!["/".to_owned()], interval_ms: 1, warn_percent: 90 });
        disks.looked(Path::new("/"), Ok(Space { total: 100, used: 20, free: 80 }));
        let figures = |cpu_us| Figures { cpu_us: Some(cpu_us), load: "0.52 0.58 0.59 1/467 1234\n".to_owned() };
        let first = report.write(0, String::new(), &status(), None, &figures(1_000_000));
        let text = report.write(2_000, "2026-01-01T00:00:00Z".to_owned(), &status(), Some(&disks), &figures(1_500_000));
        let read: Value = serde_json::from_slice(&text).unwrap();
        assert_eq!((&read["pod"], &read["ready"], &read["uptime_ms"]), (&json!("pod"), &json!(false), &json!(10_000)));
        assert_eq!((&read["cpu_percent"], &read["load"]), (&json!(25.0), &json!([0.52, 0.58, 0.59])));
        assert_eq!(read["disks"]["/"]["used_percent"], 20);
        let web = &read["services"][0];
        assert_eq!((&web["name"], &web["state"], &web["reason"]), (&json!("web"), &json!("unready"), &json!("no answer")));
        assert_eq!(web["check"], json!({ "last_us": 5_250, "checks": 9, "failed": 3, "failures": 3 }));
        let first: Value = serde_json::from_slice(&first).unwrap();
        assert_eq!((&first["cpu_percent"], &first["disks"]), (&Value::Null, &json!({})));
    }

    #[test]
    fn it_is_written_in_its_interval_and_soon_after_a_change_but_not_more_often_than_once_a_second() {
        let mut report = report();
        let write = |report: &mut Report, now| drop(report.write(now, String::new(), &status(), None, &Figures::default()));
        assert_eq!(report.deadline(), 0);
        write(&mut report, 100);
        assert_eq!(report.deadline(), 10_100);
        report.changed(300);
        assert_eq!(report.deadline(), 1_100);
        report.changed(900);
        assert_eq!(report.deadline(), 1_100);
        write(&mut report, 1_100);
        report.changed(5_000);
        assert_eq!(report.deadline(), 5_000);
    }

    #[test]
    fn the_work_of_processors_is_known_to_both_kinds_of_cgroups_and_to_the_host() {
        let of = |path: &'static str, text: &'static str| cpu_us(move |asked| (asked == path).then(|| text.to_owned()));
        assert_eq!(of("/sys/fs/cgroup/cpu.stat", "usage_usec 1234\nuser_usec 1000\n"), Some(1_234));
        assert_eq!(of("/sys/fs/cgroup/cpuacct/cpuacct.usage", "5000000\n"), Some(5_000));
        assert_eq!(of("/proc/stat", "cpu  1 2 3 400 500 6 7 8 9 9\ncpu0 1\n"), Some(270_000));
        assert_eq!(of("/none", ""), None);
    }
}
