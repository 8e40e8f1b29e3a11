//! A small pod of shell services in a project of its own, and podctl to act on it.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

/// Longer than anything here takes, on a slow machine too; a test that waits for it has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// A service that says hello and, when it is asked to stop, goodbye.
pub const POLITE: &str = "{ build: false, ready_after: 100ms, command: { shell: \
    \"trap 'echo bye; exit 0' TERM; echo hello; while :; do sleep 0.1; done\" } }";

/// A pod. Its container, network and image are removed when it goes.
pub struct Pod {
    pub name: String,
    pub project: TempDir,
}

impl Pod {
    /// Makes a project with a pod whose pod.yaml has these lines.
    pub fn new(name: &str, yaml: &str) -> Pod {
        // Another checkout may run the same tests on the same engine.
        let name = format!("podctl-up-{name}-{}", std::process::id());
        let project = tempfile::tempdir().expect("a folder");
        let folder = project.path().join("pods").join(&name);
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("pod.yaml"), format!("{yaml}\n")).expect("pod.yaml");
        Pod { name, project }
    }

    fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_podctl"));
        command.args(arguments).current_dir(self.project.path());
        command
    }

    /// Runs podctl in the project.
    pub fn podctl<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Output {
        self.command(arguments).output().expect("podctl runs")
    }

    /// Runs podctl, which has to succeed; gives its stdout and stderr.
    pub fn must<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> String {
        let output = self.podctl(arguments);
        assert!(output.status.success(), "podctl failed with {}: {}", output.status, text(&output));
        text(&output)
    }

    /// Starts podctl and reads along.
    pub fn start<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Running {
        let command = &mut self.command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("podctl runs");
        let stdout = child.stdout.take().map(lines::<ChildStdout>).expect("stdout");
        let stderr = child.stderr.take().map(lines::<ChildStderr>).expect("stderr");
        Running { child, stdout, stderr }
    }

    /// A field of the pod's container, by docker's template.
    pub fn inspect(&self, template: &str) -> String {
        let output = docker(["inspect", "--type", "container", "--format", template, &self.name]);
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        // The test has its outcome already; what cannot be removed now shows in `docker ps`.
        drop(docker(["rm", "-f", &self.name]));
        drop(docker(["network", "rm", &format!("podctl_{}", self.name)]));
        drop(docker(["image", "rm", &format!("{}:latest", self.name)]));
    }
}

/// A podctl that runs.
pub struct Running {
    child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

impl Running {
    /// Waits for a line on stdout, and gives it.
    pub fn shows(&self, part: &str) -> String {
        wait_for(&self.stdout, part)
    }

    /// Waits for a line on stderr.
    pub fn says(&self, part: &str) {
        wait_for(&self.stderr, part);
    }

    /// Ctrl-C.
    pub fn interrupt(&self) {
        let killed = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().expect("kill runs");
        assert!(killed.success(), "podctl is gone already");
    }

    /// Waits for its end; gives what is left of stdout and stderr, too.
    pub fn end(mut self) -> (ExitStatus, String, String) {
        let [stdout, stderr] = [&self.stdout, &self.stderr].map(|lines| lines.iter().collect::<Vec<_>>().join("\n"));
        (self.child.wait().expect("an end"), stdout, stderr)
    }

    /// Ends it at once.
    pub fn kill(mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn lines<R: Read + Send + 'static>(reader: R) -> Receiver<String> {
    let (send, receive) = channel();
    thread::spawn(move || BufReader::new(reader).lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
    receive
}

fn wait_for(lines: &Receiver<String>, part: &str) -> String {
    let mut seen = Vec::new();
    loop {
        match lines.recv_timeout(PATIENCE) {
            Ok(line) if line.contains(part) => return line,
            Ok(line) => seen.push(line),
            Err(_) => panic!("`{part}` did not come; there came {seen:#?}"),
        }
    }
}

/// Runs the docker command line.
pub fn docker<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Output {
    Command::new("docker").args(arguments).output().expect("docker runs")
}

/// What a command printed, all of it.
pub fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}
