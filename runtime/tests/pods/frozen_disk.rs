//! A disk that does not answer: to the thread that writes log files, and to a service.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a test's own means is a failure of the test")]

use crate::support::plans::{idle, pod, shell};
use crate::support::{Pod, Setting, is_root, scaled, unshare, wait_for};
use nix::sys::signal::Signal;
use podinit_plan::plan::{LogFile, Logging, Output, Plan, Service};
use podinit_plan::protocol::EventKind;
use podinit_plan::state::State;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Makes a file system of its own in the folder that $1 is in.
const VOLUME: &str =
    "cd \"${1%/*}\" && mkdir volume && truncate --size 64M image && mkfs.ext4 -q image && mount -o loop image volume";
/// How long podinit may take to exit after everything has been done, its last second for the logs included.
const FLUSH: Duration = Duration::from_secs(2);

/// Whether there can be one; says why not.
fn can_have_a_volume() -> bool {
    if !is_root() {
        eprintln!("skipped: a file system of one's own, to freeze it, needs root");
        return false;
    }
    let folder = tempfile::tempdir().unwrap();
    let output = unshare().args(["sh", "-c", VOLUME, "sh"]).arg(folder.path().join("plan.json")).output().unwrap();
    if !output.status.success() {
        eprintln!("skipped: no file system can be mounted from a file: {}", String::from_utf8_lossy(&output.stderr));
    }
    output.status.success()
}

/// Starts a pod with a volume, whose path in the pod the plan is given besides the test's folder.
fn start(plan: impl FnOnce(&Path, &Path) -> Plan) -> Pod {
    let setting = Setting { before: VOLUME.to_owned(), ..Setting::default() };
    Pod::start_in(setting, |folder| plan(folder, &folder.join("volume")))
}

fn into_file(path: &Path, service: Service) -> Service {
    let file = LogFile { path: path.to_str().unwrap().to_owned(), max_size_bytes: 0, max_files: 1, strip_ansi: false };
    Service { logging: Logging { stdout: Output { file: Some(file), ..Output::default() }, stderr: None }, ..service }
}

/// A file system that is frozen as long as this lives.
struct Frozen(Child);

impl Frozen {
    /// Freezes the pod's volume.
    fn new(pod: &Pod) -> Frozen {
        // It stays in the mount namespace, which nobody could enter any more when podinit has exited.
        let script = "fsfreeze --freeze \"$0\" && echo frozen && read line; fsfreeze --unfreeze \"$0\"";
        let mut command = Command::new("nsenter");
        command.args(["--target", &pod.pid().to_string(), "--mount", "--", "sh", "-c", script]);
        command.arg(pod.folder.path().join("volume"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let frozen = Frozen(child);
        assert_eq!(line, "frozen\n");
        frozen
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// Waits until podinit's own thread has exited: it has no memory then. The kernel may keep what is left of the process.
fn wait_for_exit(pid: i32) {
    wait_for("podinit's exit", || {
        let status = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/status"));
        (!status.is_ok_and(|status| status.contains("VmSize:"))).then_some(())
    });
}

#[test]
fn a_frozen_disk_stops_neither_services_nor_requests_nor_the_end() {
    if !can_have_a_volume() {
        return;
    }
    let seconds = scaled(3, 30) as u64;
    let mut pod = start(|folder, volume| {
        let chatty = format!("while :; do seq 10000; date +%s%N > {}/alive; sleep 0.01; done", folder.display());
        let chatty = |name: &str| {
            let mut service = into_file(&volume.join(name), shell(&chatty));
            service.restart.retries = 1000;
            service
        };
        pod([("a", chatty("a.log")), ("b", chatty("b.log")), ("c", idle())])
    });
    pod.wait_state("b", State::Ready);
    let (pid, alive) = (pod.pid(), pod.folder.path().join("alive"));
    wait_for("a sign of life", || alive.exists().then_some(()));
    let frozen = Frozen::new(&pod);
    let thawed_at = Instant::now() + Duration::from_secs(seconds);
    let mut slowest = Duration::ZERO;
    let mut restarts = 0;
    while Instant::now() < thawed_at || restarts == 0 {
        let asked = Instant::now();
        let status = pod.status();
        slowest = slowest.max(asked.elapsed());
        if restarts < 20 {
            let a = status.services[0].pid.unwrap();
            pod.enter(&["kill", "-9", &a.to_string()]).status().unwrap();
            pod.wait("a's successor", |event| {
                event.service.as_deref() == Some("a") && event.state == Some(State::Ready) && event.pid != Some(a)
            });
            restarts += 1;
        }
        let before = std::fs::read(&alive).unwrap();
        wait_for("another sign of life", || (std::fs::read(&alive).unwrap() != before).then_some(()));
    }
    assert!(slowest < Duration::from_secs(1), "an answer took {slowest:?}");
    let asked = Instant::now();
    pod.signal(Signal::SIGTERM);
    wait_for_exit(pid);
    let took = asked.elapsed();
    drop(frozen);
    let ended = pod.end();
    println!("frozen for {seconds} s: {restarts} restarts, the slowest answer {slowest:?}, the end took {took:?}");
    assert_eq!(ended.code, Some(0));
    assert!(took < Duration::from_secs(2) + FLUSH, "the end took {took:?}");
    assert!(ended.errors.contains("podinit: asked to stop (exit code 0)"), "{}", ended.errors);
    assert!(ended.output.contains("lines were dropped from"), "what was not written is said: {}", ended.output);
}

#[test]
fn a_service_that_the_disk_holds_does_not_hold_the_pod_s_end() {
    if !can_have_a_volume() {
        return;
    }
    let grace = Duration::from_secs(4);
    let mut pod = start(|folder, volume| {
        let writes = |file: &Path| {
            let mut service = shell(&format!("while :; do echo line > {}; done", file.display()));
            service.stop.grace_period_ms = 500;
            service
        };
        let mut plan = pod([("held", writes(&volume.join("file"))), ("other", writes(&folder.join("file")))]);
        plan.stop_grace_period_ms = u64::try_from(grace.as_millis()).unwrap();
        plan
    });
    let held = pod.wait_state("held", State::Ready).pid.unwrap();
    let other = pod.wait_state("other", State::Ready).pid.unwrap();
    let pid = pod.pid();
    let frozen = Frozen::new(&pod);
    wait_for("the service in the kernel", || {
        pod.processes().iter().any(|line| line.starts_with(&format!("{held} ")) && line.contains(" D")).then_some(())
    });
    // SIGKILL does not end it, and podinit does not wait for it with anything else.
    assert!(pod.enter(&["kill", "-9", &held.to_string()]).status().unwrap().success());
    assert!(pod.enter(&["kill", "-9", &other.to_string()]).status().unwrap().success());
    pod.wait("other's successor", |event| {
        event.service.as_deref() == Some("other") && event.state == Some(State::Ready) && event.pid != Some(other)
    });
    assert_eq!(pod.status().services[0].pid, Some(held));
    let asked = Instant::now();
    pod.signal(Signal::SIGTERM);
    pod.wait("other's end", |event| event.service.as_deref() == Some("other") && event.state == Some(State::Stopped));
    pod.wait("the end", |event| event.event == EventKind::Stopped);
    wait_for_exit(pid);
    let took = asked.elapsed();
    drop(frozen);
    let ended = pod.end();
    println!("podinit had exited after {took:?}");
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    assert!(took < grace + FLUSH, "{took:?}");
}
