//! Debian's Alertmanager, asked by its own amtool.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const PROGRAM: &str = "prometheus-alertmanager";

pub fn is_there() -> bool {
    [PROGRAM, "amtool"].iter().all(|program| Command::new(program).arg("--version").output().is_ok())
}

/// Killed in the end.
pub struct Alertmanager {
    child: Child,
    pub port: u16,
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Alertmanager {
    /// Starts it at this address; what it keeps is in the folder.
    pub fn start(folder: &Path, host: &str) -> Alertmanager {
        std::fs::write(folder.join("config.yml"), "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n").unwrap();
        let port = { TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port() };
        let mut command = Command::new(PROGRAM);
        command.args(["--config.file=config.yml", "--storage.path=data", "--cluster.listen-address="]);
        command.arg(format!("--web.listen-address={host}:{port}"));
        let child = command.current_dir(folder).stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let alertmanager = Alertmanager { child, port };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(60), "Alertmanager does not listen");
            sleep(Duration::from_millis(20));
        }
        alertmanager
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What amtool says of the alerts that are active.
    pub fn alerts(&self) -> Vec<serde_json::Value> {
        let url = format!("--alertmanager.url={}", self.url());
        let output = Command::new("amtool").args([&url, "alert", "query", "-o", "json"]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}
