//! Containers with little memory, whose kernel kills what needs more.

use crate::container::{Container, Image, wait_for};
use serde_json::Value;

/// `leads` and `forks` eat as much as there is, when they are wanted: the one itself, the other by a child that it waits
/// for. `kept` has nothing to do with it.
const POD_YAML: &str = r#"
users: { app: 12345 }
defaults: { build: false, working_dir: /, ready_after: 100ms, essential: false }
monitor: { memory: { interval: 1s } }
services:
  kept: { command: sleep 3600, memory: { limit: 32MB, on_exceed: restart } }
  leads: { command: tail /dev/zero, autostart: "${LEADS:-false}", restart: no }
  forks: { command: { shell: "tail /dev/zero; echo child ended with $?; exec sleep 3600" }, autostart: "${FORKS:-false}" }
"#;

const LITTLE: [&str; 4] = ["--memory", "64m", "--memory-swap", "64m"];
const OUT_OF_MEMORY: &str = "killed by the kernel: out of memory";

pub fn image() -> Image {
    Image::of("memory", POD_YAML)
}

pub fn leader(image: &Image) {
    let container = Container::run(image, &[&LITTLE[..], &["--env", "LEADS=true"]].concat(), &[]);
    wait_for_line(&container, &format!("podinit | leads: {OUT_OF_MEMORY}"));
    wait_for_line(&container, &format!("podinit | leads is done: ended with SIGKILL, {OUT_OF_MEMORY}"));
    let memory = measured(&container);
    assert_eq!((&memory["limit_bytes"], &memory["oom_kills"]), (&Value::from(64 << 20), &Value::from(1)), "{memory}");
    // Somebody's kill is none of the kernel's, though it was there before.
    let pid = service(&container, "kept")["pid"].to_string();
    assert!(container.exec("0", &["sh", "-c", &format!("kill -9 {pid}")]).status.success());
    wait_for(|| service(&container, "kept")["incarnation"] == 2).expect("a successor");
    wait_for(|| service(&container, "kept")["state"] == "ready").expect("a successor that is ready");
    assert_eq!(service(&container, "kept")["last_exit"]["signal"], 9);
    let logs = container.logs();
    assert!(!logs.contains("kept: killed by the kernel"), "{logs}");
    assert_eq!(logs.matches(OUT_OF_MEMORY).count(), 2, "the event and the end, and nothing else: {logs}");
}

pub fn child(image: &Image) {
    let container = Container::run(image, &[&LITTLE[..], &["--env", "FORKS=true"]].concat(), &[]);
    wait_for_line(&container, "forks | child ended with 137");
    wait_for_line(&container, "podinit | the kernel killed a process: out of memory");
    assert_eq!(measured(&container)["oom_kills"], 1);
    for name in ["forks", "kept"] {
        assert_eq!(service(&container, name)["incarnation"], 1, "{name} goes on");
    }
}

fn wait_for_line(container: &Container, line: &str) {
    let is_there = || container.logs().lines().any(|said| said == line);
    wait_for(is_there).unwrap_or_else(|error| panic!("{error} for {line}:\n{}", container.logs()));
}

/// The container's memory, when it was measured.
fn measured(container: &Container) -> Value {
    wait_for(|| container.summary("0")["memory"].is_object()).expect("figures");
    container.summary("0")["memory"].clone()
}

fn service(container: &Container, name: &str) -> Value {
    let services = container.services("0");
    services.into_iter().find(|service| service["name"] == name).unwrap_or_default()
}
