//! nginx with the configuration of a pod.

use crate::http::{Answer, get};
use crate::pods;
use crate::ports::free_port;
use libtest_mimic::Trial;
use podctl::render::{Facts, render};
use podinit_plan::plan::Plan;
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The user `nobody`.
const NOBODY: u32 = 65534;

/// A test by name, given the program.
pub type Case = (&'static str, fn(&Path));

/// A test that needs nginx; ignored where there is none.
pub fn trial((name, test): Case, nginx: Option<&Path>) -> Trial {
    let (is_missing, nginx) = (nginx.is_none(), nginx.map(Path::to_owned).unwrap_or_default());
    let run = move || {
        test(&nginx);
        Ok(())
    };
    Trial::test(name, run).with_kind("needs nginx").with_ignored_flag(is_missing)
}

/// nginx before the services of a pod; its files are in a folder of its own.
pub struct Nginx {
    pub port: u16,
    pub other: u16,
    child: Child,
    folder: tempfile::TempDir,
}

impl Nginx {
    /// Before services, of which pod.yaml's keys for port and route are given.
    pub fn start(program: &Path, services: &[&str]) -> Nginx {
        let mut text = "name: live\ngateway: { port: PORT, status: /status }\nservices:\n".to_owned();
        for (index, service) in services.iter().enumerate() {
            text.push_str(&format!("  s{index}: {{ command: x, {service} }}\n"));
        }
        Nginx::of(program, &text)
    }

    /// Of a pod, in whose text PORT is the gateway's port and OTHER another one.
    pub fn of(program: &Path, pod: &str) -> Nginx {
        let (port, other) = (free_port(), free_port());
        let folder = tempfile::tempdir().expect("a folder");
        let here = folder.path().to_str().expect("UTF-8");
        let pod = pods::pod(&pod.replace("PORT", &port.to_string()).replace("OTHER", &other.to_string()));
        let files = render(&pod, &Facts::default()).expect("renders");
        let local = |text: &str| text.replace("/run/nginx", here).replace("/run/podinit", here);
        std::fs::write(folder.path().join("nginx.conf"), local(&files.nginx_conf.expect("has a gateway"))).expect("written");
        if let Some(tls) = files.tls_conf {
            // As podinit does it before nginx starts.
            let rendered = folder.path().join("rendered.conf");
            std::fs::write(&rendered, local(&tls)).expect("written");
            let plan: Plan = serde_json::from_str(&files.plan).expect("a plan");
            let command = plan.services["gateway"].pre_start.as_ref().expect("TLS is looked for");
            let words: Vec<String> =
                command.texts().map(|word| word.replace("/etc/nginx/tls.conf", &rendered.display().to_string())).collect();
            let done = Command::new(&words[0]).args(words[1..].iter().map(|word| local(word))).status();
            assert!(done.is_ok_and(|status| status.success()), "{words:?}");
        }
        let log = std::fs::File::create(folder.path().join("stdout")).expect("a log");
        let mut command = Command::new(program);
        command.args(["-e", "stderr", "-c"]).arg(folder.path().join("nginx.conf")).stdout(log);
        command.stderr(std::fs::File::create(folder.path().join("stderr")).expect("a log")).stdin(Stdio::null());
        if std::fs::metadata(folder.path()).expect("it is there").uid() == 0 {
            // As podinit does for a service's output: who runs nginx may open it again.
            for name in [".", "nginx.conf", "stdout"] {
                chown(folder.path().join(name), Some(NOBODY), Some(NOBODY)).expect("root may");
            }
            as_nobody(&mut command);
        }
        let mut nginx = Nginx { port, other, child: command.spawn().expect("nginx starts"), folder };
        let deadline = Instant::now() + Duration::from_secs(20);
        // It writes its pid when it has its ports: somebody else's nginx may have taken one of them in between.
        while !nginx.path("nginx.pid").exists() || TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = nginx.child.try_wait().expect("a child");
            assert!(ended.is_none() && Instant::now() < deadline, "nginx does not listen: {}", nginx.file("stderr"));
            std::thread::yield_now();
        }
        nginx
    }

    pub fn get(&self, path: &str) -> Answer {
        get(self.port, path, &[])
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("a text")
    }

    /// Stops nginx as podinit does, and gives its access log.
    pub fn stop(mut self) -> String {
        self.quit();
        self.file("stdout")
    }

    fn quit(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
            return;
        }
        let _ = Command::new("kill").args(["-QUIT", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.quit();
    }
}

/// Runs a program without rights, when the test has some.
pub fn as_nobody(command: &mut Command) {
    if std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0) {
        command.uid(NOBODY).gid(NOBODY);
    }
}
