//! What processes cost, as the kernel has it.

use std::fs;
use std::time::Duration;

/// What is measured of all processes but the services.
pub struct Figures {
    pub processes: usize,
    /// In KiB, at the end.
    pub pss: u64,
    /// In milliseconds.
    pub cpu: f64,
    pub wake_ups: u64,
}

/// Looks at a supervisor and all that descends from it for some time, but for the services, which are called `web`.
pub fn measure(supervisor: i32, time: Duration) -> Figures {
    let own = own(supervisor);
    let (cpu_before, wake_ups_before) = (cpu(&own), wake_ups(&own));
    std::thread::sleep(time);
    Figures {
        processes: own.len(),
        pss: own.iter().map(|pid| pss(*pid)).sum(),
        cpu: cpu(&own) - cpu_before,
        wake_ups: wake_ups(&own) - wake_ups_before,
    }
}

fn own(supervisor: i32) -> Vec<i32> {
    let mut all = vec![supervisor];
    let mut next = 0;
    while let Some(pid) = all.get(next) {
        all.extend(children(*pid));
        next += 1;
    }
    all.retain(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() != "web"));
    all
}

/// The processes that the threads of a process have started.
pub fn children(pid: i32) -> Vec<i32> {
    let list = |text: String| text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<i32>>();
    of_threads(pid, "children").into_iter().flat_map(list).collect()
}

fn of_threads(pid: i32, file: &str) -> Vec<String> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    threads.map(|thread| fs::read_to_string(thread.path().join(file)).unwrap_or_default()).collect()
}

fn pss(pid: i32) -> u64 {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    rollup.lines().find_map(|line| line.strip_prefix("Pss:")?.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0)
}

/// Of threads that have ended meanwhile nothing is known; podinit has some that live for a file's writing.
fn cpu(pids: &[i32]) -> f64 {
    let time = |pid: &i32| -> Option<f64> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
        // In hundredths of a second, and of all threads that there ever were.
        let ticks: f64 = fields.next()?.parse::<f64>().ok()? + fields.next()?.parse::<f64>().ok()?;
        Some(ticks * 10.0)
    };
    pids.iter().filter_map(time).sum()
}

fn wake_ups(pids: &[i32]) -> u64 {
    let count =
        |text: &String| text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")?.trim().parse::<u64>().ok());
    pids.iter().flat_map(|pid| of_threads(*pid, "status")).filter_map(|text| count(&text)).sum()
}
