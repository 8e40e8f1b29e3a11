//! What was there before, what somebody else made, what is gone.

use crate::pod::{POLITE, Pod, docker, text};
use std::fs;

pub fn a_restart() {
    let pod = Pod::new("restart", &format!("services:\n  api: {POLITE}"));
    pod.must(["up", "-d"]);
    let before = pod.inspect("{{.State.StartedAt}} {{.Id}}");
    let said = pod.must(["restart", &pod.name]);
    assert!(said.contains("api ready"), "{said}");
    let after = pod.inspect("{{.State.StartedAt}} {{.Id}}");
    assert_ne!(before, after);
    assert_eq!(before.split(' ').next_back(), after.split(' ').next_back(), "it is the same container");
    let nobody = format!("{}/nobody", pod.name);
    for command in [["restart", &nobody].as_slice(), &["logs", &nobody], &["logs", "-f", &nobody]] {
        let output = pod.podctl(command);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(text(&output).contains("there are api"), "{output:?}");
    }
}

pub fn a_container_whose_id_begins_like_a_name() {
    let pod = Pod::new("prefix", &format!("services:\n  api: {POLITE}"));
    pod.must(["up", "-d"]);
    let id = pod.inspect("{{.Id}}");
    for (command, code) in [("ps", 1), ("logs", 1), ("down", 0)] {
        let output = pod.podctl([command, &id[..12]]);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
    }
    assert_eq!(pod.inspect("{{.State.Status}}"), "running");
}

pub fn a_pod_yaml_with_mistakes() {
    let pod = Pod::new("mistakes", "services: { api: { comand: sleep 1000 } }");
    for command in ["up", "down", "logs"] {
        let output = pod.podctl([command, &pod.name]);
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        assert!(text(&output).contains("did you mean `command`?"), "{output:?}");
    }
}

pub fn a_container_of_somebody_else() {
    let pod = Pod::new("foreign", &format!("services:\n  api: {POLITE}"));
    pod.must(["build"]);
    let made = docker(["create", "--name", &pod.name, &format!("{}:latest", pod.name)]);
    assert!(made.status.success(), "{made:?}");
    let up = &["up", "-d", "--wait-timeout", "30s"][..];
    for command in [up, &["restart"], &["logs"], &["ps"], &["down"]] {
        let output = pod.podctl(command.iter().chain([&pod.name.as_str()]));
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        assert!(text(&output).contains("podctl did not make"), "{output:?}");
        assert_eq!(pod.inspect("{{.State.Status}}"), "created");
    }
}

pub fn a_port_of_another_container() {
    let yaml = |host: &str| {
        let service = POLITE.replace("{ build", "{ port: 7001, healthcheck: { exec: \"true\" }, build");
        format!("ports: [\"127.0.0.1:{host}:7001\"]\nservices:\n  api: {service}")
    };
    let first = Pod::new("port-first", &yaml(""));
    first.must(["up", "-d"]);
    let port = first.inspect("{{(index (index .NetworkSettings.Ports \"7001/tcp\") 0).HostPort}}");
    let second = Pod::new("port-second", &yaml(&port));
    let output = second.podctl(["up", "-d"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output);
    assert!(said.contains(&format!("port {port}")) && said.contains(&first.name), "{said}");
    assert_eq!(second.inspect("{{.State.Status}}"), "", "nothing was created");
}

pub fn a_lost_folder() {
    let pod = Pod::new("lost", &format!("services:\n  api: {POLITE}"));
    pod.must(["up", "-d"]);
    fs::remove_dir_all(pod.project.path().join("pods")).expect("a folder");
    let said = pod.must(["down", &pod.name]);
    assert!(said.contains(&format!("container {}", pod.name)) && said.contains("network"), "{said}");
    let again = pod.must(["down", &pod.name]);
    assert!(again.contains("nothing to remove"), "{again}");
}
