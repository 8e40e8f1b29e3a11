//! One pod with one fault: from its start until it is settled, or will not be, then a stop.

use crate::fault::Fault;
use crate::plan::{LAST, LINES, TALKED, lines_in_files, plan};
use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use podinit::load::Source;
use podinit::sys::{Faulty, Linux};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The variable that makes this program podinit: the fault.
const FAULT: &str = "PODINIT_TEST_FAULT";
/// What podinit does in a whole life takes less, however slow the machine is.
const PATIENCE: Duration = Duration::from_secs(60);
/// What fails for ever may keep the pod from being settled; so long is waited for it.
const ATTEMPT: Duration = Duration::from_millis(700);
/// How long podinit is watched when it has nothing to do.
const QUIET: Duration = Duration::from_millis(150);
/// And how often it is looked at.
pub const LOOKS: usize = 15;
/// Descriptors and children that are on their way out have so long.
const SETTLE: Duration = Duration::from_secs(10);
/// The container's stdout takes so little that podinit has to wait for its reader, in bytes.
const PIPE: i32 = 4096;

/// What was seen of a pod.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// All its services became ready.
    pub settled: bool,
    /// It ended before it was asked to.
    pub ended_early: bool,
    /// podinit's descriptors, and its children that were not reaped, when nothing happened.
    pub descriptors: Vec<String>,
    /// Log files that are open; they are opened again when there are lines for them.
    pub log_files: usize,
    pub zombies: usize,
    /// How often, of [`LOOKS`], podinit ran or wanted to when it had nothing to do; at its calmest.
    pub busy: usize,
    /// From the request to stop to the end; none when there was no end.
    pub stop: Option<Duration>,
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    /// How often the talker ran, and how many of its lines are in its files.
    pub runs: u64,
    pub lines_in_files: u64,
    /// From podinit's start to its end.
    pub time: Duration,
    /// How often podinit made each call, as it says itself at its end; with `failed`, and `leaked` for descriptors.
    pub calls: BTreeMap<String, u32>,
}

impl Seen {
    /// Calls that failed.
    pub fn failed(&self) -> u32 {
        self.calls.get("failed").copied().unwrap_or(0)
    }
}

/// The fault that this program is to run with as podinit.
pub fn injected() -> Option<Fault> {
    Fault::parse(&std::env::var(FAULT).ok()?)
}

/// Is podinit with a fault, and reports on itself when it is done.
pub fn be_podinit(fault: Fault) -> ExitCode {
    let plan = std::env::args().nth(1).unwrap_or_default();
    let plan = Path::new(&plan);
    let folder = plan.parent().unwrap_or(plan);
    let before = own_descriptors();
    let sys = Faulty::new(Linux);
    sys.fail(fault.call, fault.skip, fault.times(), fault.errno);
    // SAFETY: nobody else reads or changes the environment: there is one thread.
    unsafe { std::env::remove_var(FAULT) };
    let _ = fs::write(folder.join("begun"), "");
    let code = podinit::boot::run(sys.clone(), &Source::Plan(plan.to_owned())).unwrap_or_else(|failure| {
        eprintln!("{}", failure.messages.join("\n"));
        failure.code
    });
    // The threads that write end a moment later.
    let end = Instant::now() + SETTLE;
    while own_descriptors() > before && Instant::now() < end {
        std::thread::park_timeout(Duration::from_millis(1));
    }
    let mut report = format!("failed {}\nleaked {}\n", sys.failed(), own_descriptors().saturating_sub(before));
    for (call, count) in sys.calls() {
        let _ = writeln!(report, "{call} {count}");
    }
    let _ = fs::write(folder.join("report"), report);
    ExitCode::from(code as u8)
}

fn own_descriptors() -> usize {
    fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

/// Runs a pod with a fault. With `limit`, the descriptors of podinit are waited for to be no more than that.
pub fn run(fault: Fault, port: u16, limit: Option<usize>) -> Result<Seen, String> {
    let text = |error: std::io::Error| error.to_string();
    let folder = tempfile::tempdir().map_err(text)?;
    let folder = folder.path();
    let plan = plan(&folder.to_string_lossy(), port);
    fs::write(folder.join("plan.json"), plan.to_string()).map_err(text)?;
    std::os::unix::fs::symlink("target", folder.join("link")).map_err(text)?;
    let (stdout, write) = std::io::pipe().map_err(text)?;
    fcntl(&write, FcntlArg::F_SETPIPE_SZ(PIPE)).map_err(|error| error.to_string())?;
    let file = folder.join("stdout");
    let output = match fault.has_file() {
        true => File::create(&file).map_err(text)?.into(),
        false => OwnedFd::from(write.try_clone().map_err(text)?),
    };
    drop(write);
    // Another kind of output, which podinit writes in another way.
    let (stderr, error) = UnixStream::pair().map_err(text)?;
    let mut pod = unshare();
    pod.arg(std::env::current_exe().map_err(text)?).arg(folder.join("plan.json")).env(FAULT, fault.to_string());
    let mut child = pod.stdin(Stdio::null()).stdout(output).stderr(OwnedFd::from(error)).spawn().map_err(text)?;
    // It holds the other ends.
    drop(pod);
    let watched = watch(&mut child, folder, fault, limit);
    let outputs = [reader(stdout), reader(stderr)];
    let watched = watched.and_then(|(pid, seen)| end(&mut child, pid, seen, fault));
    // Whatever became of it, nothing of it is left.
    let _ = child.kill();
    let _ = child.wait();
    let [stdout, stderr] = outputs.map(|output| output.join().unwrap_or_default());
    let mut seen = watched?;
    let stdout = if fault.has_file() { fs::read_to_string(file).map_err(text)? } else { stdout };
    seen.runs = fs::read_to_string(folder.join(TALKED)).map_or(0, |runs| runs.lines().count() as u64);
    seen.lines_in_files = lines_in_files(&folder.join("logs"), "talker", |line| line.starts_with("line "));
    let report = fs::read_to_string(folder.join("report")).unwrap_or_default();
    let counts = report.lines().filter_map(|line| line.split_once(' '));
    seen.calls = counts.filter_map(|(call, count)| Some((call.to_owned(), count.parse().ok()?))).collect();
    debug_assert!(seen.lines_in_files <= LINES * seen.runs.max(1));
    Ok(Seen { stdout, stderr, ..seen })
}

/// A command that executes its arguments as PID 1 of a namespace, with a /run of its own.
fn unshare() -> Command {
    let mut unshare = Command::new("unshare");
    if !nix::unistd::geteuid().is_root() {
        unshare.arg("--map-root-user");
    }
    unshare.args(["--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c"]);
    unshare.arg("mount -t tmpfs tmpfs /run && exec \"$0\" \"$1\"");
    unshare
}

/// Watches a pod until it is settled, or for as long as it may take; gives podinit's pid, as seen from here.
fn watch(child: &mut Child, folder: &Path, fault: Fault, limit: Option<usize>) -> Result<(Pid, Seen), String> {
    let started = Instant::now();
    let is_over = |child: &mut Child| child.try_wait().map_or(true, |status| status.is_some());
    let wait = |child: &mut Child, name: &str, patience: Duration| {
        let begun = Instant::now();
        while !folder.join(name).exists() && begun.elapsed() < patience && !is_over(child) {
            std::thread::park_timeout(Duration::from_millis(2));
        }
        folder.join(name).exists()
    };
    if !wait(child, "begun", PATIENCE) {
        return Err("podinit does not begin".to_owned());
    }
    let mut seen = Seen::default();
    let pid = children(Pid::from_raw(child.id() as i32)).next();
    seen.settled = wait(child, LAST, if fault.lasts { ATTEMPT } else { PATIENCE });
    seen.ended_early = is_over(child);
    seen.time = started.elapsed();
    let Some(pid) = pid.filter(|_| !seen.ended_early) else { return Ok((Pid::from_raw(0), seen)) };
    // Services and logs have something to do once more; then nobody has.
    let _ = kill(pid, Signal::SIGHUP).and_then(|()| kill(pid, Signal::SIGUSR1));
    let settling = Instant::now();
    loop {
        let of_pod = |target: &String| Path::new(target).starts_with(folder);
        let (log_files, others): (Vec<_>, Vec<_>) = descriptors(pid).into_iter().partition(of_pod);
        (seen.log_files, seen.descriptors) = (log_files.iter().filter(|path| is_log(path)).count(), others);
        seen.zombies = children(pid).filter(|child| state(*child) == "Z").count();
        let is_calm = limit.is_some_and(|limit| seen.descriptors.len() <= limit) && seen.zombies == 0;
        if is_calm || settling.elapsed() > limit.map_or(QUIET, |_| SETTLE) {
            break;
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    // On a loaded machine whoever has anything to do waits to run; but who loops is never seen doing nothing.
    let watching = Instant::now();
    loop {
        let look = |_| {
            std::thread::sleep(QUIET / LOOKS as u32);
            usize::from(state(pid) == "R")
        };
        seen.busy = (0..LOOKS).map(look).sum();
        if seen.busy <= LOOKS / 2 || watching.elapsed() > SETTLE {
            break;
        }
    }
    seen.ended_early = is_over(child);
    seen.time = started.elapsed();
    Ok((pid, seen))
}

/// Asks a pod to stop, unless it did by itself.
fn end(child: &mut Child, pid: Pid, mut seen: Seen, fault: Fault) -> Result<Seen, String> {
    let asked = Instant::now();
    if !seen.ended_early {
        let _ = kill(pid, Signal::SIGTERM);
    }
    let patience = if fault.is_deafening() { Duration::ZERO } else { PATIENCE / 2 };
    while asked.elapsed() < patience {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            seen.code = status.code();
            seen.stop = Some(asked.elapsed());
            break;
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
    seen.time += asked.elapsed();
    Ok(seen)
}

fn reader(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn children(pid: Pid) -> impl Iterator<Item = Pid> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let pids: Vec<Pid> = list.split_whitespace().filter_map(|pid| pid.parse().ok()).map(Pid::from_raw).collect();
    pids.into_iter()
}

/// Whether a file of the pod stays open. A thread has those of the queue open while it writes them.
fn is_log(path: &str) -> bool {
    !path.ends_with("/stdout") && !path.contains("/queue/")
}

/// What the descriptors of a process stand for.
fn descriptors(pid: Pid) -> Vec<String> {
    let folder = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    folder.filter_map(|entry| Some(fs::read_link(entry.path()).ok()?.display().to_string())).collect()
}

/// The letter for what a process is doing: R when it runs, however long it waits for a processor.
fn state(pid: Pid) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = text.rsplit_once(')').and_then(|(_, fields)| fields.split_whitespace().next());
    state.unwrap_or_default().to_owned()
}
