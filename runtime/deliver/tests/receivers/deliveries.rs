//! Deliveries, and how an attempt to make one ended.

use podinit_plan::alert::{Alert, AlertKind, AlertStatus, Delivery, Severity};
use podinit_plan::plan::{FromFile, HttpTarget, SmtpTarget, Target, Value};
use podinit_plan::protocol::Exit;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What an attempt may take where it is not what the test is about; far more than any takes.
pub const PATIENCE: u64 = 60_000;

/// A template that podctl has.
pub fn template(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../templates/alerts").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// An alert of a service that ended.
pub fn ended() -> Alert {
    Alert {
        id: "0197-4-17".into(),
        key: "shop/web/exit".into(),
        time: "2026-11-21T10:00:00.250Z".into(),
        kind: AlertKind::Exit,
        status: AlertStatus::Firing,
        severity: Severity::Warning,
        summary: "web ended with SIGKILL after 1m30s".into(),
        pod: "shop".into(),
        host: "c0ffee".into(),
        service: Some("web".into()),
        incarnation: Some(4),
        exit: Some(Exit::Signal(9)),
        uptime_ms: Some(90_000),
        restarts: Some(3),
        memory_bytes: Some(100 << 20),
        peak_memory_bytes: Some(200 << 20),
        limit_bytes: Some(256 << 20),
        lines: vec!["GET \"/\" <200> & done".into(), "bye".into()],
        suppressed: 2,
    }
}

/// An alert of the pod, which knows of no service.
pub fn disk(status: AlertStatus) -> Alert {
    Alert {
        id: "0197-4-17".into(),
        time: "2026-11-21T10:00:00.250Z".into(),
        pod: "shop".into(),
        host: "c0ffee".into(),
        key: "shop/disk:/data".into(),
        summary: "/data is 97% full".into(),
        ..Alert::new(AlertKind::Disk, status, Severity::Critical)
    }
}

/// The longest and oddest that an alert may say.
pub fn odd() -> Alert {
    let odd = "<&>\"\\\u{7}é`*".repeat(700);
    Alert { summary: odd.clone(), lines: vec![odd.clone(); 30], key: odd, ..ended() }
}

pub fn text(text: impl Into<String>) -> Value {
    Value::Text(text.into())
}

pub fn file(path: &Path) -> Value {
    Value::File(FromFile { file: path.display().to_string() })
}

/// A request with a template's body.
pub fn http(url: &str, body: &str, ca: Option<&Path>) -> HttpTarget {
    HttpTarget {
        method: "POST".into(),
        url: text(url),
        headers: BTreeMap::new(),
        values: BTreeMap::new(),
        body: body.into(),
        resolves: true,
        ca: ca.map(|path| path.display().to_string()),
    }
}

/// A mail with podctl's templates.
pub fn smtp(server: &str, ca: Option<&Path>) -> SmtpTarget {
    SmtpTarget {
        server: text(server),
        from: text("Shop <alerts@shop.test>"),
        to: vec![text("ann@shop.test"), text("bob@shop.test")],
        subject: template("mail.subject.txt.j2"),
        body: template("mail.body.txt.j2"),
        resolves: true,
        ca: ca.map(|path| path.display().to_string()),
    }
}

/// How an attempt ended.
#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    /// The lines on stderr.
    pub problem: String,
    pub took: Duration,
}

impl Outcome {
    /// It was delivered.
    pub fn expect_delivered(&self) {
        assert!(self.code == Some(0) && self.problem.is_empty(), "{self:?}");
    }

    /// It ended with that code and one line that holds those words.
    pub fn expect(&self, code: i32, words: &str) {
        let is_line = self.problem.ends_with('\n') && self.problem.lines().count() == 1;
        assert!(self.code == Some(code) && is_line && self.problem.contains(words), "{code} {words:?}: {self:?}");
    }
}

/// What podinit-deliver reads.
pub fn delivery(to: Target, alert: &Alert, timeout_ms: u64) -> Vec<u8> {
    serde_json::to_vec(&Delivery { to, alert: alert.clone(), timeout_ms }).unwrap()
}

/// Makes an attempt.
pub fn deliver(to: Target, alert: &Alert, timeout_ms: u64) -> Outcome {
    attempt(&delivery(to, alert, timeout_ms))
}

/// Makes an attempt of what is on stdin.
pub fn attempt(stdin: &[u8]) -> Outcome {
    attempt_with(stdin, &[])
}

/// Makes an attempt with variables.
pub fn attempt_with(stdin: &[u8], variables: &[(&str, &str)]) -> Outcome {
    let begun = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_podinit-deliver"));
    for proxy in ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "SSL_CERT_FILE"] {
        command.env_remove(proxy).env_remove(proxy.to_lowercase());
    }
    command.envs(variables.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // One that has seen enough closes it.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.stdout, b"", "stdout");
    let problem = String::from_utf8(output.stderr).unwrap();
    Outcome { code: output.status.code(), problem, took: begun.elapsed() }
}
