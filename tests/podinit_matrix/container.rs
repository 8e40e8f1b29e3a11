//! Images of small services, and containers of them.

use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than anything here takes, on a slow machine too; a test that waits for it has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// The user of the services.
pub const USER: &str = "12345";

/// Three services of one user, the last of which says goodbye.
const POD_YAML: &str = r#"
users: { app: 12345 }
defaults: { build: false, working_dir: /, ready_after: 100ms }
services:
  one: { command: sleep 3600 }
  two: { command: sleep 3600 }
  three: { command: { shell: "trap 'echo bye; exit 0' TERM; while :; do sleep 0.1; done" } }
"#;

/// An image, which is built when it is first asked for, and removed when it goes.
pub struct Image {
    /// What tells it from others of this test.
    kind: &'static str,
    pod_yaml: &'static str,
    name: OnceLock<String>,
}

impl Image {
    /// That of three small services.
    pub fn small() -> Image {
        Image::of("small", POD_YAML)
    }

    /// That of a pod.yaml.
    pub fn of(kind: &'static str, pod_yaml: &'static str) -> Image {
        Image { kind, pod_yaml, name: OnceLock::new() }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.name.get_or_init(|| {
            let name = format!("podinit-matrix-{}-{}", self.kind, std::process::id());
            let project = tempfile::tempdir().expect("a folder");
            let folder = project.path().join("pods").join(&name);
            fs::create_dir_all(&folder).expect("a folder");
            fs::write(folder.join("pod.yaml"), self.pod_yaml).expect("pod.yaml");
            let mut podctl = Command::new(env!("CARGO_BIN_EXE_podctl"));
            let output = podctl.args(["build", &name]).current_dir(&project).output().expect("podctl runs");
            assert!(output.status.success(), "podctl build failed: {}", text(&output));
            name
        })
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        if let Some(name) = self.name.get() {
            // The tests have their outcome already; what cannot be removed now shows in `docker images`.
            drop(docker(["image", "rm", name]));
        }
    }
}

/// A container, removed when it goes.
pub struct Container(String);

impl Container {
    /// Starts one with these options of `docker run`, and a command.
    pub fn run(image: &Image, options: &[&str], command: &[&str]) -> Container {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("{}-{}", image.name(), COUNT.fetch_add(1, Ordering::Relaxed));
        let words = [&["run", "-d", "--name", &name], options, &[image.name()], command].concat();
        let output = docker(&words);
        assert!(output.status.success(), "{words:?}: {}", text(&output));
        Container(name)
    }

    /// Runs a program in it as a user.
    pub fn exec(&self, user: &str, words: &[&str]) -> Output {
        docker([&["exec", "--user", user, &self.0], words].concat())
    }

    /// Sends it a signal.
    pub fn kill(&self, signal: &str) {
        let output = docker(["kill", "--signal", signal, &self.0]);
        assert!(output.status.success(), "{}", text(&output));
    }

    /// Stops it as its users do.
    pub fn stop(&self) {
        drop(docker(["stop", &self.0]));
    }

    /// Its exit code, when it has ended.
    pub fn code(&self) -> i32 {
        let output = docker(["wait", &self.0]);
        String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or_else(|_| panic!("{}", text(&output)))
    }

    pub fn is_running(&self) -> bool {
        docker(["inspect", "--format", "{{.State.Running}}", &self.0]).stdout == b"true\n"
    }

    /// What it said so far.
    pub fn logs(&self) -> String {
        text(&docker(["logs", &self.0]))
    }

    /// Its services as `podinit healthcheck` says them to a user; none while it does not answer.
    pub fn services(&self, user: &str) -> Vec<Value> {
        self.summary(user)["services"].as_array().cloned().unwrap_or_default()
    }

    /// All that `podinit healthcheck` says to a user; null while it does not answer.
    pub fn summary(&self, user: &str) -> Value {
        let output = self.exec(user, &["podinit", "healthcheck"]);
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        drop(docker(["rm", "-f", &self.0]));
    }
}

/// Runs the docker command line.
fn docker<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Output {
    Command::new("docker").args(arguments).output().expect("docker runs")
}

/// What a command printed, all of it.
fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Waits until it is so; what gives no sign when it happens is looked at again and again.
pub fn wait_for(mut is_so: impl FnMut() -> bool) -> Result<(), &'static str> {
    let begun = Instant::now();
    while !is_so() {
        if begun.elapsed() > PATIENCE {
            return Err("waited in vain");
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
