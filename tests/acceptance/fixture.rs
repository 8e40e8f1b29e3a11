//! A pod in a folder of its own, and podctl to build and test it.

use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use tempfile::TempDir;

/// A pod; its image is removed when it goes.
pub struct Pod {
    folder: TempDir,
    image: String,
}

/// What `podctl test acceptance` found.
#[derive(Debug)]
pub struct Tested {
    /// podctl's exit code.
    pub code: Option<i32>,
    /// The report as JSON.
    pub report: Value,
    /// What podctl printed.
    pub text: String,
}

impl Pod {
    /// Writes a pod: its pod.yaml and the files beside it. Its image is called as the pod.
    pub fn write(name: &str, files: &[(&str, &str)]) -> Pod {
        let folder = tempfile::tempdir().expect("a folder");
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("a file can be written");
        }
        Pod { folder, image: format!("{name}:latest") }
    }

    /// podctl, in the pod's folder.
    pub fn podctl<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_podctl"));
        command.args(arguments).current_dir(self.folder.path());
        command
    }

    /// Builds the image.
    pub fn build(&self) {
        let output = self.podctl(["build"]).output().expect("podctl runs");
        assert!(output.status.success(), "podctl build failed: {}", text(&output));
    }

    /// Tests an image, or the pod's own, with more arguments and variables.
    pub fn test(&self, image: Option<&str>, arguments: &[&str], variables: &[(&str, &str)]) -> Tested {
        let report = self.report_file();
        let report_argument = format!("json={}", report.display());
        let mut all = vec!["test", "acceptance", "--report", &report_argument];
        if let Some(image) = image {
            all.extend(["--image", image]);
        }
        all.extend(arguments);
        let output = self.podctl(all).envs(variables.iter().copied()).output().expect("podctl runs");
        let text = text(&output);
        let report = fs::read_to_string(&report).unwrap_or_else(|_| panic!("no report was written: {text}"));
        let report = serde_json::from_str(&report).expect("the report is JSON");
        Tested { code: output.status.code(), report, text }
    }

    fn report_file(&self) -> PathBuf {
        // Several tests of one pod may run at once.
        static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        self.folder.path().join(format!("report-{}.json", COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)))
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        // The test has its outcome already; an image that stays shows in `docker images`.
        drop(Command::new("docker").args(["image", "rm", &self.image]).output());
    }
}

impl Tested {
    /// The status and the detail of each criterion.
    pub fn criteria(&self) -> BTreeMap<String, (String, String)> {
        let criteria = self.report["criteria"].as_array().expect("criteria");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        criteria.iter().map(|one| (text(&one["id"]), (text(&one["status"]), text(&one["detail"])))).collect()
    }

    /// The criteria with a status.
    pub fn with_status(&self, status: &str) -> Vec<String> {
        self.criteria().into_iter().filter(|(_, (found, _))| found == status).map(|(id, _)| id).collect()
    }
}

/// What a command printed, all of it.
pub fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}
