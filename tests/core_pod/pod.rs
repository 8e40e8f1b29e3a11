//! A copy of core-pod, podctl to act on it, and a client of its gateway.

use crate::ports::free_port;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// A copy of core-pod. Its container and image are removed when it goes.
pub struct Pod {
    folder: TempDir,
    pub name: String,
    pub port: u16,
}

/// What a request was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub content_type: String,
    pub retry_after: Option<String>,
    pub body: String,
}

impl Pod {
    /// Copies core-pod; `edits` are replacements in its pod.yaml. The name is made unlike that of any other run.
    pub fn copy(name: &str, edits: &[(&str, &str)]) -> Pod {
        let name = &format!("{name}-{}", std::process::id());
        let folder = tempfile::tempdir().expect("a folder");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("pods/core-pod");
        let pod = folder.path().join("pods").join(name);
        copy_folder(&source, &pod);
        let port = free_port();
        let published = format!("{port}:80");
        let own = [("name: core-pod", format!("name: {name}")), ("8080:80", published)];
        let mut text = fs::read_to_string(pod.join("pod.yaml")).expect("pod.yaml");
        for (from, to) in own.iter().map(|(from, to)| (*from, to.as_str())).chain(edits.iter().copied()) {
            assert!(text.contains(from), "core-pod's pod.yaml has no `{from}`");
            text = text.replace(from, to);
        }
        fs::write(pod.join("pod.yaml"), text).expect("pod.yaml can be written");
        Pod { folder, name: name.to_owned(), port }
    }

    /// Copies it and brings it up.
    pub fn up(name: &str, edits: &[(&str, &str)]) -> Pod {
        let pod = Pod::copy(name, edits);
        pod.must(["up", "-d", &pod.name]);
        pod
    }

    /// The folder of its pod.yaml.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().join("pods").join(&self.name)
    }

    /// Runs podctl beside the pod's folder.
    pub fn podctl<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_podctl"));
        command.args(arguments).current_dir(self.folder.path()).env_remove("JWT_SECRET").output().expect("podctl runs")
    }

    /// Runs podctl, which has to succeed; gives its stdout and stderr.
    pub fn must<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> String {
        let output = self.podctl(arguments);
        let text = text(&output);
        assert!(output.status.success(), "podctl failed with {}: {text}", output.status);
        text
    }

    /// A request to the gateway; `Err` is a connection that broke.
    pub fn request(&self, method: &str, path: &str, token: Option<&str>, body: Option<&str>) -> Result<Answer, String> {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let config =
            ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(std::time::Duration::from_secs(20)));
        let agent: ureq::Agent = config.build().into();
        let mut request = ureq::http::Request::builder().method(method).uri(url).header("Content-Type", "application/json");
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let request = request.body(body.unwrap_or_default().to_owned()).map_err(|error| error.to_string())?;
        let mut response = agent.run(request).map_err(|error| error.to_string())?;
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok(Answer {
            status: response.status().as_u16(),
            content_type: header("content-type").unwrap_or_default(),
            retry_after: header("retry-after"),
            body: response.body_mut().read_to_string().map_err(|error| error.to_string())?,
        })
    }

    /// A GET that has to be answered.
    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path, None, None).unwrap_or_else(|error| panic!("GET {path}: {error}"))
    }

    /// Runs the docker command line.
    pub fn docker<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Output {
        Command::new("docker").args(arguments).output().expect("docker runs")
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        // The test has its outcome already; what cannot be removed now shows in `docker ps`.
        drop(self.podctl(["down", &self.name]));
        drop(self.docker(["image", "rm", &format!("{}:latest", self.name)]));
    }
}

/// What a command printed, all of it.
pub fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("the pod's folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy_folder(&entry.path(), &target);
        } else if !entry.file_name().to_string_lossy().starts_with(".env") {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}
