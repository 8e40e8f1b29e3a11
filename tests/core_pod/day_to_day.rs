//! What a user does with a pod from day to day.

use crate::pod::{Pod, text};
use serde_json::Value;
use std::fs;
use std::net::TcpListener;

pub fn run() -> anyhow::Result<()> {
    let pod = Pod::copy("core-pod-daily", &[]);
    a_taken_port_is_said_before_anything_is_made(&pod);
    let name = pod.name.clone();
    let said = pod.must(["up", "-d", &name]);
    for service in ["auth-service", "user-service", "gateway"] {
        assert!(said.contains(service), "{service} is shown becoming ready: {said}");
    }
    assert!(said.contains(&format!("http://127.0.0.1:{}/", pod.port)), "it says where to look: {said}");

    let said = pod.must(["up", "-d", &name]);
    assert!(said.contains("unchanged") || said.contains("up to date"), "an unchanged pod is left alone: {said}");

    ps_tells_every_service(&pod);
    logs_are_told_by_service(&pod);
    a_changed_variable_recreates_it(&pod);

    let said = pod.must(["down", &name]);
    assert!(said.contains(&name), "{said}");
    assert!(!text(&pod.docker(["ps", "-a", "--format", "{{.Names}}"])).lines().any(|line| line == name));
    assert!(!text(&pod.docker(["network", "ls", "--format", "{{.Name}}"])).contains(&name));
    pod.must(["down", &name]);
    Ok(())
}

fn a_taken_port_is_said_before_anything_is_made(pod: &Pod) {
    let holder = TcpListener::bind(("127.0.0.1", pod.port)).expect("the port is free");
    let output = pod.podctl(["up", "-d", &pod.name]);
    assert!(!output.status.success());
    assert!(text(&output).contains(&pod.port.to_string()), "{output:?}");
    assert!(!text(&pod.docker(["ps", "-a", "--format", "{{.Names}}"])).lines().any(|line| line == pod.name));
    drop(holder);
}

fn ps_tells_every_service(pod: &Pod) {
    let output = pod.podctl(["ps", "--format", "json"]);
    let value: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let text = value.to_string();
    for word in ["auth-service", "user-service", "gateway", "ready"] {
        assert!(text.contains(word), "{word} is missing in {text}");
    }
}

fn logs_are_told_by_service(pod: &Pod) {
    let output = pod.podctl(["logs", &format!("{}/auth-service", pod.name)]);
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(lines.contains("listening on 127.0.0.1:3001"), "{lines}");
    assert!(!lines.contains("user-service: listening"), "{lines}");
}

fn a_changed_variable_recreates_it(pod: &Pod) {
    fs::write(pod.folder().join(".env"), "JWT_SECRET=a-secret-of-the-test\n").expect(".env can be written");
    let said = pod.must(["up", "-d", &pod.name]);
    assert!(said.contains("JWT_SECRET") && !said.contains("a-secret-of-the-test"), "{said}");
}
