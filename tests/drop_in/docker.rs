//! Images and containers, by the engine's own command line.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

/// Longer than anything here takes, on a slow machine too; a test that waits for it has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// An image, removed when it goes.
pub struct Image(pub String);

impl Image {
    /// Builds a folder's Dockerfile.
    pub fn build(name: &str, folder: &Path) -> Image {
        let name = format!("{name}-{}", std::process::id());
        let output = docker(["build".as_ref(), "--tag".as_ref(), OsStr::new(&name), folder.as_os_str()]);
        assert!(output.status.success(), "docker build: {}", text(&output));
        Image(name)
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        // The test has its outcome already; what cannot be removed now shows in `docker images`.
        drop(docker(["image", "rm", "-f", &self.0]));
    }
}

/// A container, removed when it goes.
pub struct Container(pub String);

impl Container {
    /// Starts one.
    pub fn run(image: &Image, options: &[&str]) -> Container {
        let name = format!("{}-run", image.0);
        let words = [&["run", "-d", "--name", &name], options, &[&image.0]].concat();
        let output = docker(&words);
        assert!(output.status.success(), "{words:?}: {}", text(&output));
        Container(name)
    }

    /// Runs a program in it; gives its exit code, and what it printed.
    pub fn exec(&self, words: &[&str]) -> (Option<i32>, String) {
        let output = docker([&["exec", &self.0], words].concat());
        (output.status.code(), text(&output))
    }

    /// What it said so far.
    pub fn logs(&self) -> String {
        text(&docker(["logs", &self.0]))
    }

    /// Its address on the engine's network.
    pub fn address(&self) -> String {
        let output = docker(["inspect", "--format", "{{.NetworkSettings.IPAddress}}", &self.0]);
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- logs of {}\n{}---", self.0, self.logs());
        }
        drop(docker(["rm", "-f", &self.0]));
    }
}

/// podctl's base, by the name that the engine has it under: the distribution's, or podctl's own where no registry could
/// be reached. Found once: tests that do so at the same time would remove each other's image.
pub fn base() -> &'static str {
    static BASE: OnceLock<String> = OnceLock::new();
    BASE.get_or_init(|| {
        let project = tempfile::tempdir().expect("a folder");
        let name = format!("drop-in-base-{}", std::process::id());
        let folder = project.path().join("pods").join(&name);
        fs::create_dir_all(&folder).expect("a folder");
        let pod = "services: { idle: { command: sleep 3600, build: false } }\n";
        fs::write(folder.join("pod.yaml"), pod).expect("pod.yaml");
        podctl(project.path(), &["build", &name]);
        drop(Image(name));
        let has = |name: &str| docker(["image", "inspect", name]).status.success();
        let names = ["debian:bookworm-slim", "podctl/debian:bookworm-slim"];
        names.into_iter().find(|name| has(name)).expect("podctl build leaves its base").to_owned()
    })
}

/// Runs podctl in a folder; gives what it printed.
pub fn podctl(folder: &Path, words: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_podctl")).args(words).current_dir(folder).output().expect("podctl runs");
    assert!(output.status.success(), "podctl {words:?}: {}", text(&output));
    text(&output)
}

/// Runs the docker command line.
pub fn docker<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Output {
    Command::new("docker").args(arguments).output().expect("docker runs")
}

/// What a command printed, all of it.
pub fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Waits until there is something; what gives no sign when it happens is looked at again and again.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(100));
    }
}
