//! A Prometheus with a short interval, that reads one pod.

use crate::support::ports::free_port;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A running server.
pub struct Prometheus {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    /// Starts it with these rules, for a pod that tells its figures on a port of this host.
    pub fn start(rules: &Path, pod: u16) -> Prometheus {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let config = serde_json::json!({
            "global": { "scrape_interval": "250ms", "scrape_timeout": "250ms", "evaluation_interval": "250ms" },
            "rule_files": [rules.canonicalize().unwrap()],
            "scrape_configs": [{ "job_name": "pods", "static_configs": [{ "targets": [format!("127.0.0.1:{pod}")] }] }],
        });
        // JSON is YAML, too.
        let file = folder.path().join("prometheus.yml");
        std::fs::write(&file, config.to_string()).unwrap();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(["--log.level=error"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Prometheus { child, port, _folder: folder }
    }

    /// What it answers; none while it does not.
    pub fn get(&self, path: &str) -> Option<serde_json::Value> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
