//! supervisord and podinit, asked for the same things.

use super::Histories;
use super::scenario::Scenario;
use crate::support::{Pod, wait_for};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use podinit_plan::protocol::{Event, EventKind};
use podinit_plan::state::State;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

/// What both can do.
pub trait Daemon {
    /// Where the programs' files are.
    fn folder(&self) -> &Path;
    /// The states that each process has entered so far.
    fn histories(&self) -> Histories;
    /// What a listener was told of that: each process' events and their payloads, process ids but for 0 left out.
    fn told(&self) -> Histories {
        let mut told = Histories::new();
        for (name, state, line) in events(self.folder()) {
            let (_, payload) = line.split_once("from_state:").unwrap_or_default();
            let pid = |word: &str| if word.starts_with("pid:") && word != "pid:0" { "pid:N".to_owned() } else { word.to_owned() };
            let payload: Vec<String> = payload.split_whitespace().map(pid).collect();
            told.entry(name).or_default().push(format!("{state} from {}", payload.join(" ")));
        }
        told
    }
    /// Starts or stops a process, and waits until that is done.
    fn ask(&self, what: &str, process: String);
    /// Kills a process of a program.
    fn kill(&self, pid: &str);
    /// Ends the daemon, and waits for it.
    fn stop(&mut self);
}

/// What a program does: each incarnation the next of its steps.
const SCRIPT: &str = r#"
cd "${0%/*}"
name=$1; shift
n=$(cat "$name.n" 2>/dev/null || echo 0)
echo $((n + 1)) > "$name.n"
[ "$n" -lt $# ] || n=$(($# - 1))
shift "$n"
echo $$ > "$name.pid"
case $1 in
exit*) exit "${1#exit}" ;;
signal*) kill -"${1#signal}" $$; exec sleep 1000 ;;
die*) until [ -e die ]; do sleep 0.1; done; exit "${1#die}" ;;
deaf) trap '' TERM INT QUIT HUP USR1 USR2; exec sleep 1000 ;;
run) exec sleep 1000 ;;
esac
"#;

/// Writes what it is told of to a file.
const LISTENER: &str = r#"
import sys
while True:
    sys.stdout.write("READY\n"); sys.stdout.flush()
    head = dict(pair.split(":") for pair in sys.stdin.readline().split())
    body = sys.stdin.read(int(head["len"]))
    with open(sys.argv[1], "a") as log:
        log.write(head["eventname"] + " " + body.replace("\n", " ") + "\n")
    sys.stdout.write("RESULT 2\nOK"); sys.stdout.flush()
"#;

pub struct Supervisord {
    folder: tempfile::TempDir,
    daemon: Child,
    client: PathBuf,
    /// What each process went through, once the daemon is gone.
    ended: Option<Histories>,
}

impl Supervisord {
    pub fn start(scenario: &Scenario, program: &Path) -> Supervisord {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display();
        std::fs::write(folder.path().join("script"), SCRIPT).unwrap();
        let configuration = format!(
            "[supervisord]\nnodaemon=true\nlogfile={at}/log\npidfile={at}/pid\nchildlogdir={at}\n\
             [unix_http_server]\nfile={at}/sock\n[supervisorctl]\nserverurl=unix://{at}/sock\n\
             [rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n{}{}",
            listener(folder.path()),
            scenario.configuration(&at.to_string())
        );
        std::fs::write(folder.path().join("conf"), configuration).unwrap();
        let mut command = Command::new(program);
        command.args(["-n", "-c"]).arg(folder.path().join("conf")).stdin(Stdio::null());
        let log = std::fs::File::create(folder.path().join("output")).unwrap();
        let daemon = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let supervisord = Supervisord { folder, daemon, client: program.with_file_name("supervisorctl"), ended: None };
        wait_for("supervisord", || supervisord.folder.path().join("sock").exists().then_some(()));
        supervisord
    }
}

/// What the listener was told: process, state, and the whole line.
fn events(folder: &Path) -> Vec<(String, String, String)> {
    let text = std::fs::read_to_string(folder.join("events")).unwrap_or_default();
    let mut events = Vec::new();
    // The last line may not be whole yet.
    for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
        let value = |key: &str| line.split_whitespace().find_map(|word| word.strip_prefix(key)).unwrap_or_default();
        let (process, group) = (value("processname:"), value("groupname:"));
        let state = line.split(' ').next().and_then(|event| event.strip_prefix("PROCESS_STATE_")).unwrap_or_default();
        if group != "a-listener" {
            let name = if process == group { process.to_owned() } else { format!("{group}:{process}") };
            events.push((name, state.to_owned(), line.to_owned()));
        }
    }
    events
}

/// The listener's section, with its program in the folder.
fn listener(folder: &Path) -> String {
    std::fs::write(folder.join("listener"), LISTENER).unwrap();
    let at = folder.display();
    format!("[eventlistener:a-listener]\ncommand=python3 {at}/listener {at}/events\nevents=PROCESS_STATE\nbuffer_size=10000\n")
}

impl Daemon for Supervisord {
    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn histories(&self) -> Histories {
        if let Some(ended) = &self.ended {
            return ended.clone();
        }
        let mut histories = Histories::new();
        for (name, state, _) in events(self.folder()) {
            histories.entry(name).or_default().push(state);
        }
        histories
    }

    fn ask(&self, what: &str, process: String) {
        let mut client = Command::new(&self.client);
        client.arg("-c").arg(self.folder.path().join("conf")).args([what, &process]).stdout(Stdio::null());
        client.status().unwrap();
    }

    fn kill(&self, pid: &str) {
        kill(Pid::from_raw(pid.parse().unwrap()), Signal::SIGKILL).unwrap();
    }

    /// The listener is stopped, too, and not told of everything: what stopped is in the log.
    fn stop(&mut self) {
        let mut histories = self.histories();
        kill(Pid::from_raw(self.daemon.id() as i32), Signal::SIGTERM).unwrap();
        assert!(self.daemon.wait().unwrap().success());
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap();
        let (_, log) = log.split_once("indicating exit request").unwrap();
        for name in log.lines().filter_map(|line| line.split_once("stopped: ")?.1.split_once(' ')).map(|(name, _)| name) {
            let full = |full: &&mut String| full.rsplit(':').next() == Some(name);
            let mut names: Vec<String> = histories.keys().cloned().collect();
            if let Some(full) = names.iter_mut().find(full) {
                histories.entry(full.clone()).or_default().extend(["STOPPING", "STOPPED"].map(str::to_owned));
            }
        }
        self.ended = Some(histories);
    }
}

impl Drop for Supervisord {
    fn drop(&mut self) {
        if self.daemon.try_wait().is_ok_and(|ended| ended.is_none()) {
            let _ = kill(Pid::from_raw(self.daemon.id() as i32), Signal::SIGTERM);
            let _ = self.daemon.wait();
        }
    }
}

pub struct Podinit {
    pod: Option<Pod>,
    folder: PathBuf,
    seen: Arc<Mutex<Vec<Event>>>,
    reader: Option<std::thread::JoinHandle<()>>,
}

impl Podinit {
    pub fn start(scenario: &Scenario) -> Podinit {
        let pod = Pod::supervisord(|folder| {
            std::fs::write(folder.join("script"), SCRIPT).unwrap();
            format!("[supervisord]\nnodaemon=true\n{}{}", listener(folder), scenario.configuration(&folder.display().to_string()))
        });
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut events = pod.client().events();
        let keep = Arc::clone(&seen);
        let reader = std::thread::spawn(move || {
            let keep = |event: &Event| {
                keep.lock().unwrap().push(event.clone());
                false
            };
            // Until they end.
            let _ = events.find(keep);
        });
        let folder = pod.folder.path().to_owned();
        Podinit { pod: Some(pod), folder, seen, reader: Some(reader) }
    }

    fn pod(&self) -> &Pod {
        self.pod.as_ref().unwrap()
    }
}

impl Daemon for Podinit {
    fn folder(&self) -> &Path {
        &self.folder
    }

    fn histories(&self) -> Histories {
        let mut histories = Histories::new();
        let seen = self.seen.lock().unwrap();
        for event in seen.iter().filter(|event| event.event == EventKind::State) {
            let (Some(service), Some(state)) = (&event.service, event.state) else { continue };
            let previous = event.previous.unwrap_or(State::Stopped);
            if service == "a-listener" {
                continue;
            }
            histories.entry(service.clone()).or_default().extend(shown(previous, state).iter().map(|name| (*name).to_owned()));
        }
        histories
    }

    fn ask(&self, what: &str, process: String) {
        self.pod().ask(&process, what);
    }

    fn kill(&self, pid: &str) {
        assert!(self.pod().enter(&["kill", "-9", pid]).status().unwrap().success());
    }

    fn stop(&mut self) {
        assert_eq!(self.pod.take().unwrap().stop().code, Some(0));
        self.reader.take().unwrap().join().unwrap();
    }
}

/// What supervisord would call a change of state.
fn shown(previous: State, state: State) -> &'static [&'static str] {
    match (previous, state) {
        // One that had been up has exited, whether it is started again now, in a moment, or never.
        (State::Ready, State::Waiting | State::Backoff) | (_, State::Done) => &["EXITED"],
        (State::Starting, State::Fatal) => &["BACKOFF", "FATAL"],
        (_, State::Waiting) => &[],
        (_, State::Starting) => &["STARTING"],
        (_, State::Ready | State::Unready) => &["RUNNING"],
        (_, State::Backoff) => &["BACKOFF"],
        (_, State::Stopping) => &["STOPPING"],
        (_, State::Stopped) => &["STOPPED"],
        (_, State::Fatal) => &["FATAL"],
    }
}
