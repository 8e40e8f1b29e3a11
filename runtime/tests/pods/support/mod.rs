//! podinit as PID 1 of a PID namespace and a /run of its own, told apart from others by nothing but what it does.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a test's own means is a failure of the test")]

pub mod client;
pub mod plans;
#[path = "../../ports/mod.rs"]
pub mod ports;

use client::{Client, Events};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use podinit_plan::plan::Plan;
use podinit_plan::protocol::{Event, EventKind, Status};
use podinit_plan::state::State;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What nobody waits for longer; far more than any test takes.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The built program.
pub const PODINIT: &str = env!("CARGO_BIN_EXE_podinit");

/// What Docker gives a container by default.
const ENGINE_CAPABILITIES: &str = "+chown,+dac_override,+fsetid,+fowner,+mknod,+net_raw,+setgid,+setuid,+setfcap,+setpcap,\
     +net_bind_service,+sys_chroot,+kill,+audit_write";

/// How a pod ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code.
    pub code: Option<i32>,
    /// Its stdout.
    pub output: String,
    /// Its stderr.
    pub errors: String,
}

impl Ended {
    /// The output of one service, without its name.
    pub fn of(&self, service: &str) -> Vec<&str> {
        let prefix = format!("{service} | ");
        self.output.lines().filter_map(|line| line.strip_prefix(&prefix)).collect()
    }
}

/// A running pod.
pub struct Pod {
    unshare: Child,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
    events: Option<Events>,
    /// The program that is to be its PID 1.
    program: PathBuf,
    /// A folder for the test's files; the same path in the pod.
    pub folder: tempfile::TempDir,
}

/// How a pod is run.
#[derive(Default)]
pub struct Setting {
    /// Another podinit than the one that was built for the tests.
    pub program: Option<String>,
    /// The container's environment, besides PATH.
    pub environment: Vec<(&'static str, &'static str)>,
    /// podinit runs as this user instead of root.
    pub user: Option<u32>,
    /// podinit has the capabilities that an engine gives by default, and no others.
    pub few_capabilities: bool,
    /// Shell lines that are run as root before podinit takes over.
    pub before: String,
    /// A signal that podinit is sent while it waits for its plan.
    pub signal_in_boot: Option<Signal>,
}

impl Pod {
    /// Starts podinit with the plan. `plan` is given the test's folder.
    pub fn start(plan: impl FnOnce(&Path) -> Plan) -> Pod {
        Pod::start_in(Setting::default(), plan)
    }

    /// The same in another setting.
    pub fn start_in(setting: Setting, plan: impl FnOnce(&Path) -> Plan) -> Pod {
        Pod::run(setting, "--plan", |folder| serde_json::to_vec(&plan(folder)).unwrap())
    }

    /// Starts podinit with a supervisord.conf. `configuration` is given the test's folder.
    pub fn supervisord(configuration: impl FnOnce(&Path) -> String) -> Pod {
        Pod::run(Setting::default(), "-c", |folder| configuration(folder).into_bytes())
    }

    /// Starts podinit with a file that it is told of by this flag.
    fn run(setting: Setting, flag: &str, contents: impl FnOnce(&Path) -> Vec<u8>) -> Pod {
        let folder = tempfile::tempdir().unwrap();
        open_to_all(folder.path());
        let file = folder.path().join("pod");
        let plan = contents(folder.path());
        match setting.signal_in_boot {
            Some(_) => nix::unistd::mkfifo(&file, nix::sys::stat::Mode::S_IRUSR).unwrap(),
            None => std::fs::write(&file, &plan).unwrap(),
        }
        let run = match setting.user {
            None if setting.few_capabilities => {
                format!("exec setpriv --bounding-set -all,{ENGINE_CAPABILITIES} \"$0\" {flag} \"$1\"")
            }
            Some(uid) => format!("exec setpriv --reuid {uid} --regid {uid} --clear-groups \"$0\" {flag} \"$1\""),
            None => format!("exec \"$0\" {flag} \"$1\""),
        };
        let script = format!("mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /dev/shm && {}\n{run}", or_true(&setting.before));
        let program = setting.program.as_deref().unwrap_or(PODINIT);
        let mut command = unshare();
        command.args(["sh", "-c", &script, program]).arg(&file).env_clear().envs(setting.environment);
        command.env("PATH", std::env::var_os("PATH").unwrap());
        let mut unshare = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let program = Path::new(program).canonicalize().unwrap();
        let stdout = Some(collect(unshare.stdout.take().unwrap()));
        let stderr = Some(collect(unshare.stderr.take().unwrap()));
        let pod = Pod { unshare, stdout, stderr, events: None, program, folder };
        if let Some(signal) = setting.signal_in_boot {
            // Opened when podinit has opened it, too.
            let mut plan_file = std::fs::OpenOptions::new().write(true).open(file).unwrap();
            kill(Pid::from_raw(pod.pid()), signal).unwrap();
            plan_file.write_all(&plan).unwrap();
        }
        pod
    }

    /// podinit's process id outside of its namespace.
    pub fn pid(&self) -> i32 {
        let own = self.unshare.id();
        wait_for("podinit's process", || {
            std::fs::read_to_string(format!("/proc/{own}/task/{own}/children")).ok()?.trim().parse().ok()
        })
    }

    /// Sends podinit a signal; it reads signals since before it opened its socket.
    pub fn signal(&self, signal: Signal) {
        self.client();
        self.signal_paused(signal);
    }

    /// The same while it cannot answer.
    pub fn signal_paused(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).unwrap();
    }

    /// What the kernel shows of podinit, from when it is podinit: before that, /run and /dev/shm may still be those of the
    /// host, with others' sockets.
    fn own(&self) -> PathBuf {
        let own = PathBuf::from(format!("/proc/{}", self.pid()));
        wait_for("podinit", || (std::fs::read_link(own.join("exe")).ok()? == self.program).then_some(()));
        own
    }

    /// A connection to the control socket.
    pub fn client(&self) -> Client {
        let root = self.own().join("root");
        wait_for("the control socket", || {
            let shm = std::fs::read_dir(root.join("dev/shm")).into_iter().flatten().flatten().map(|entry| entry.path());
            let folders = std::iter::once(root.join("run/podinit")).chain(shm);
            folders.into_iter().find_map(|folder| Client::connect(&folder.join("ctl.sock")))
        })
    }

    /// The pod's status.
    pub fn status(&self) -> Status {
        let (code, body) = self.client().request("GET", "/v1/status");
        assert_eq!(code, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Waits for an event and returns it; those before it are passed over.
    pub fn wait(&mut self, what: &str, is_it: impl Fn(&Event) -> bool) -> Event {
        if self.events.is_none() {
            self.events = Some(self.client().events());
        }
        let events = self.events.as_mut().unwrap();
        events.find(is_it).unwrap_or_else(|seen| panic!("there was no event: {what}; there were:\n{seen}"))
    }

    /// Waits until a service has entered a state.
    pub fn wait_state(&mut self, service: &str, state: State) -> Event {
        self.wait(&format!("{service} {state}"), |event| {
            event.event == EventKind::State && event.service.as_deref() == Some(service) && event.state == Some(state)
        })
    }

    /// Asks for something to be done to a service; returns the answer's status code and body.
    pub fn ask(&self, service: &str, verb: &str) -> (u16, String) {
        self.client().request("POST", &format!("/v1/services/{service}/{verb}"))
    }

    /// Runs a program of the host within the pod's namespaces.
    pub fn enter(&self, arguments: &[&str]) -> Command {
        self.own();
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.pid().to_string(), "--pid", "--mount", "--"]).args(arguments);
        command
    }

    /// The processes of the pod but podinit, as `STATE COMMAND` lines of ps.
    pub fn processes(&self) -> Vec<String> {
        let output = self.enter(&["ps", "-e", "-o", "pid=,ppid=,stat=,args="]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let is_of_pod = |line: &&str| !line.contains("ps -e -o") && line.split_whitespace().next() != Some("1");
        text.lines().filter(is_of_pod).map(|line| line.trim().to_owned()).collect()
    }

    /// Waits for the end.
    pub fn end(mut self) -> Ended {
        let code = wait_for("the pod's end", || self.unshare.try_wait().unwrap()).code();
        self.ended(code)
    }

    /// Asks the pod to stop, and waits for the end.
    pub fn stop(self) -> Ended {
        self.signal(Signal::SIGTERM);
        self.end()
    }

    fn ended(&mut self, code: Option<i32>) -> Ended {
        let text = |thread: &mut Option<JoinHandle<String>>| thread.take().unwrap().join().unwrap();
        Ended { code, output: text(&mut self.stdout), errors: text(&mut self.stderr) }
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        // A test that fails must not leave a pod behind. unshare would take the namespace with it, but for a podinit that
        // has looked at processes as another user: the kernel forgets then whose end it is to die with.
        if matches!(self.unshare.try_wait(), Ok(None)) {
            let own = self.unshare.id();
            let children = std::fs::read_to_string(format!("/proc/{own}/task/{own}/children")).unwrap_or_default();
            if let Ok(pid) = children.trim().parse() {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
        }
        let _ = self.unshare.kill();
        let _ = self.unshare.wait();
        if std::thread::panicking() && self.stdout.is_some() {
            let Ended { output, errors, .. } = self.ended(None);
            eprintln!("--- stdout\n{output}--- stderr\n{errors}---");
        }
    }
}

/// New PID and mount namespaces; where the tests are not root, as root of a user namespace.
pub fn unshare() -> Command {
    let mut command = Command::new("unshare");
    if !is_root() {
        command.arg("--map-root-user");
    }
    command.args(["--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]);
    command
}

/// Whether other users can be had.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// How often something is done: `small` times, multiplied by PODINIT_ENDURANCE, and `full` times at most.
pub fn scaled(small: usize, full: usize) -> usize {
    let factor = std::env::var("PODINIT_ENDURANCE").map_or(1, |factor| factor.parse().unwrap());
    small.saturating_mul(factor).min(full)
}

/// Waits until there is something, looking again and again; for what gives no sign when it happens.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o777)).unwrap();
}

fn or_true(script: &str) -> &str {
    if script.is_empty() { "true" } else { script }
}

fn collect(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
