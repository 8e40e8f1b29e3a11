//! One supervisor at work, and what is measured of it.

use super::peer::{Peer, Service};
use nix::sys::signal::{Signal, kill};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../benches/supervisors");
/// The longest that any of them may take for anything.
const PATIENCE: Duration = Duration::from_secs(120);
/// For how long it is looked how often a supervisor wakes.
const IDLE: Duration = Duration::from_secs(5);
/// Kills of one service.
const KILLS: usize = 10;
/// What `mark` makes a line of.
const LINE_BYTES: u64 = 100;
/// Longer than any of them keeps a service down that ended a moment ago.
const BETWEEN_KILLS: Duration = Duration::from_millis(1_300);

/// Times in milliseconds.
pub struct Figures {
    pub start: f64,
    pub restart: f64,
    /// In KiB.
    pub pss: u64,
    pub processes: usize,
    /// A second.
    pub wake_ups: f64,
    pub stop: f64,
}

pub struct Bench {
    programs: tempfile::TempDir,
    podinit: String,
}

/// A supervisor as PID 1 of a namespace of its own; it ends with this.
struct Running {
    unshare: Child,
    folder: tempfile::TempDir,
}

/// Name of a service that said that it runs, and when.
type Mark = (String, i64);

impl Bench {
    pub fn new() -> Bench {
        let programs = tempfile::tempdir().unwrap();
        for program in ["mark", "floor"] {
            let source = format!("{SOURCES}/{program}.c");
            let built = Command::new("cc").args(["-O2", "-static", "-o"]).arg(programs.path().join(program)).arg(source).status();
            assert!(built.unwrap().success(), "cc cannot make {program}");
        }
        let podinit = std::env::var("PODINIT").unwrap_or_else(|_| env!("CARGO_BIN_EXE_podinit").to_owned());
        Bench { programs, podinit }
    }

    pub fn has(&self, peer: &Peer) -> bool {
        let folders = std::env::var("PATH").unwrap_or_default();
        let has = peer.name == "podinit" || folders.split(':').any(|folder| Path::new(folder).join(peer.program).exists());
        if !has {
            eprintln!("{} is not in PATH: {} is left out", peer.program, peer.name);
        }
        has
    }

    pub fn run(&self, peer: &Peer, count: usize) -> Figures {
        let running = self.start(peer, count, None);
        let marks = running.wait_for(count);
        let begun = marks.iter().find(|mark| mark.0 == "begun").unwrap().1;
        let start = (marks.iter().map(|mark| mark.1).max().unwrap() - begun) as f64 / 1e6;
        sleep(Duration::from_secs(2));
        let own = running.own_processes();
        let (pss, before) = (own.iter().map(|pid| pss(*pid)).sum(), wake_ups(&own));
        sleep(IDLE);
        let wake_ups = (wake_ups(&own).saturating_sub(before)) as f64 / IDLE.as_secs_f64();
        let restart = if count < 100 { running.restart(count) } else { 0.0 };
        Figures { start, restart, pss, processes: own.len(), wake_ups, stop: running.stop(peer.stop) }
    }

    /// Megabytes a second that reach a log file, the percentage of them that does, and the supervisor's own CPU time for
    /// them in milliseconds.
    pub fn log(&self, peer: &Peer, lines: usize) -> (f64, f64, f64) {
        let running = self.start(peer, 1, Some(lines));
        let begun = running.wait_for(0).iter().find(|mark| mark.0 == "begun").unwrap().1;
        let wanted = lines as u64 * LINE_BYTES;
        let mut last = (0, monotonic());
        loop {
            let arrived = log_bytes(running.folder.path());
            if arrived != last.0 {
                last = (arrived, monotonic());
            }
            // What has not come by then was dropped.
            if arrived >= wanted || monotonic() - last.1 > 5_000_000_000 {
                break;
            }
            sleep(Duration::from_millis(5));
        }
        let time = (last.1 - begun) as f64 / 1e9;
        let cpu = running.own_processes().iter().map(|pid| cpu(*pid)).sum();
        (last.0 as f64 / 1e6 / time, last.0 as f64 * 100.0 / wanted as f64, cpu)
    }

    /// The bare loop: from its first fork to the last service.
    pub fn floor_start(&self, count: usize) -> f64 {
        let folder = tempfile::tempdir().unwrap();
        let mut floor = self.floor(folder.path(), count);
        let begun = first_line(&mut floor);
        let marks = wait_for("the bare loop", || Some(marks(folder.path())).filter(|marks| marks.len() >= count));
        floor.kill().unwrap();
        floor.wait().unwrap();
        (marks.iter().map(|mark| mark.1).max().unwrap() - begun) as f64 / 1e6
    }

    /// The bare loop: from a kill to the successor.
    pub fn floor_restart(&self) -> f64 {
        let folder = tempfile::tempdir().unwrap();
        let mut floor = self.floor(folder.path(), 0);
        let marks = wait_for("the bare loop", || Some(marks(folder.path())).filter(|marks| marks.len() >= 41));
        floor.kill().unwrap();
        floor.wait().unwrap();
        let pairs = marks.windows(2).filter(|pair| pair[0].0 == "kill");
        median(pairs.map(|pair| (pair[1].1 - pair[0].1) as f64 / 1e6).collect())
    }

    fn floor(&self, folder: &Path, count: usize) -> Child {
        let mut command = unshare();
        command.arg(self.programs.path().join("floor")).arg(self.programs.path().join("mark"));
        command.arg(folder.join("marks")).arg(count.to_string()).stdout(Stdio::piped()).spawn().unwrap()
    }

    fn start(&self, peer: &Peer, count: usize, lines: Option<usize>) -> Running {
        let folder = tempfile::tempdir().unwrap();
        let mark = self.programs.path().join("mark");
        let file = folder.path().join("marks");
        let lines_text = lines.map(|lines| format!(" {lines}")).unwrap_or_default();
        let service = |index: usize| -> Service {
            let name = format!("w{index}");
            (name.clone(), format!("{} {} {name}{lines_text}", mark.display(), file.display()))
        };
        let services: Vec<Service> = (0..count).map(service).collect();
        let arguments = (peer.configure)(folder.path(), &services, lines.is_some());
        let program = if peer.name == "podinit" { &self.podinit } else { peer.program };
        // The time at which the supervisor is executed is marked, too.
        let script = format!("ulimit -n 8192; {} {} begun once; exec \"$0\" \"$@\"", mark.display(), file.display());
        let mut command = unshare();
        command.args(["sh", "-c", &script, program]).args(arguments);
        let output = fs::File::create(folder.path().join("output")).unwrap();
        let unshare = command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output).spawn().unwrap();
        Running { unshare, folder }
    }
}

impl Running {
    fn pid(&self) -> i32 {
        wait_for("the supervisor", || children(self.unshare.id() as i32).first().copied())
    }

    fn wait_for(&self, count: usize) -> Vec<Mark> {
        wait_for("the services", || Some(marks(self.folder.path())).filter(|marks| marks.len() > count))
    }

    /// The supervisor and what it runs besides the services.
    fn own_processes(&self) -> Vec<i32> {
        let mut all = vec![self.pid()];
        let mut next = 0;
        while let Some(pid) = all.get(next) {
            all.extend(children(*pid));
            next += 1;
        }
        all.retain(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() != "mark"));
        all
    }

    /// The median of some kills, from the kill to the successor's first instruction.
    fn restart(&self, count: usize) -> f64 {
        let times = (0..KILLS).map(|kills| {
            let own = self.own_processes();
            let services = own.iter().flat_map(|pid| children(*pid)).filter(|pid| !own.contains(pid));
            let victim = services.min().unwrap();
            let killed = monotonic();
            kill(Pid::from_raw(victim), Signal::SIGKILL).unwrap();
            let marks = self.wait_for(count + kills + 1);
            sleep(BETWEEN_KILLS);
            (marks.last().unwrap().1 - killed) as f64 / 1e6
        });
        median(times.collect())
    }

    fn stop(mut self, signal: Signal) -> f64 {
        let begun = Instant::now();
        kill(Pid::from_raw(self.pid()), signal).unwrap();
        wait_for("its end", || self.unshare.try_wait().unwrap());
        begun.elapsed().as_secs_f64() * 1_000.0
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // unshare takes the namespace with it.
        let _ = self.unshare.kill();
        let _ = self.unshare.wait();
    }
}

fn unshare() -> Command {
    let mut command = Command::new("unshare");
    if !nix::unistd::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command.args(["--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]);
    command
}

fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
        sleep(Duration::from_millis(1));
    }
}

fn marks(folder: &Path) -> Vec<Mark> {
    let text = fs::read_to_string(folder.join("marks")).unwrap_or_default();
    let mark = |line: &str| {
        let mut fields = line.split(' ');
        Some((fields.next()?.to_owned(), fields.nth(1)?.parse().ok()?))
    };
    text.lines().filter_map(mark).collect()
}

fn monotonic() -> i64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).unwrap();
    now.tv_sec() * 1_000_000_000 + now.tv_nsec()
}

/// The size of all files with output of the service.
fn log_bytes(folder: &Path) -> u64 {
    let logs = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let of_service = logs.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("w0.log")));
    let size = |path: PathBuf| match fs::read_dir(&path) {
        // A folder with the current log and those before it.
        Ok(entries) => entries.flatten().filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum(),
        Err(_) => path.metadata().map_or(0, |metadata| metadata.len()),
    };
    of_service.map(size).sum()
}

fn first_line(child: &mut Child) -> i64 {
    use std::io::BufRead;
    let mut line = String::new();
    std::io::BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    line.trim().parse().unwrap()
}

fn children(pid: i32) -> Vec<i32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let files = tasks.map(|task| task.path().join("children"));
    let list = |file: PathBuf| fs::read_to_string(file).unwrap_or_default();
    files.flat_map(|file| list(file).split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<i32>>()).collect()
}

fn pss(pid: i32) -> u64 {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    rollup.lines().find_map(|line| line.strip_prefix("Pss:")?.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0)
}

fn of_threads(pid: i32, file: &str) -> Vec<String> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    threads.map(|thread| fs::read_to_string(thread.path().join(file)).unwrap_or_default()).collect()
}

fn wake_ups(pids: &[i32]) -> u64 {
    let count =
        |text: &String| text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")?.trim().parse::<u64>().ok());
    pids.iter().flat_map(|pid| of_threads(*pid, "status")).filter_map(|text| count(&text)).sum()
}

fn cpu(pid: i32) -> f64 {
    let time = |text: &String| text.split(' ').next()?.parse::<f64>().ok();
    of_threads(pid, "schedstat").iter().filter_map(time).sum::<f64>() / 1e6
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
