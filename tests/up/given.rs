//! What a process is given, and where what it says goes, on a real engine.

use crate::pod::{Pod, docker};

/// Streams that are kept apart, in envelopes, and in files of their own.
pub fn streams_apart() {
    let pod = Pod::new(
        "streams",
        r#"
services:
  api:
    build: false
    ready: { log: here }
    logging: { file: /var/log/pod/, stderr: separate, format: json }
    command: { shell: "echo '{\"level\":\"info\"}'; echo broken >&2; echo here; exec sleep 3600" }
"#,
    );
    pod.must(["up", "-d", &pod.name, "--wait-timeout", "60s"]);
    let said = docker(["logs", &pod.name]);
    let [stdout, stderr] = [said.stdout, said.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let has = |text: &str, part: &str| text.lines().any(|line| line.contains(part));
    assert!(has(&stdout, r#""service":"api","stream":"stdout","data":{"level":"info"}"#), "{stdout}");
    assert!(
        has(&stderr, r#""service":"api","stream":"stderr","message":"broken"#) && !has(&stdout, "broken"),
        "{stderr}{stdout}"
    );
    let file = |name: &str| {
        String::from_utf8_lossy(&docker(["exec", &pod.name, "cat", &format!("/var/log/pod/{name}")]).stdout).into_owned()
    };
    assert_eq!((file("api.log").as_str(), file("api.err.log").as_str()), ("{\"level\":\"info\"}\nhere\n", "broken\n"));
    // Whose line it is can be told from its envelope, too.
    let logs = pod.must(["logs", &format!("{}/api", pod.name)]);
    assert!(logs.lines().count() == 3 && logs.contains("broken"), "{logs}");
}
