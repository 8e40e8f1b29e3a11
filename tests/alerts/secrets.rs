//! Values that only their receivers may know.

use crate::pod::{Pod, docker, text};
use std::fs;

/// A secret that the service itself prints.
pub const WORD: &str = "canary-word-5b1e";
/// In the path of Slack's address.
pub const SLACK: &str = "canary-slack-77c0";
/// PagerDuty's key.
pub const PAGERDUTY: &str = "canarypagerduty0123456789abcdef0";
/// In a header.
pub const TOKEN: &str = "canary-token-2d94";
/// In the address of the mail server, where it stands for `p:w@d`.
pub const PASSWORD: &str = "p%3Aw%40d";

/// They are nowhere but in the container's environment. `said` is what podctl printed so far.
pub fn are_nowhere(pod: &Pod, said: &str) {
    let image = format!("{}:latest", pod.name);
    let rendered = pod.project.path().join("rendered");
    pod.must(["render", &pod.name, "-o", rendered.to_str().expect("a path")]);
    let mut places = vec![
        ("podctl", said.as_bytes().to_vec()),
        ("docker logs", crate::log(pod).into_bytes()),
        ("events", pod.podctl(["events", &pod.name, "--format", "json"]).stdout),
        ("the status", crate::status_text(pod).into_bytes()),
        ("the engine's health log", docker(["inspect", "--format", "{{json .State.Health}}", &pod.name]).stdout),
        ("labels of the container", docker(["inspect", "--format", "{{json .Config.Labels}}", &pod.name]).stdout),
        ("the alerts", crate::within(pod, "cat /tmp/alerts.json").into_bytes()),
        ("history", docker(["history", "--no-trunc", &image]).stdout),
        ("the image's configuration", docker(["image", "inspect", &image]).stdout),
        ("the image", docker(["save", &image]).stdout),
    ];
    for file in fs::read_dir(&rendered).expect("rendered files").map(|file| file.expect("a file").path()) {
        if file.is_file() {
            places.push(("a rendered file", fs::read(file).expect("a file")));
        }
    }
    for (place, bytes) in places {
        assert!(!bytes.is_empty(), "{place} is empty");
        for secret in [WORD, SLACK, PAGERDUTY, TOKEN, PASSWORD, "p:w@d"] {
            // What a service prints itself is in its log.
            let is_own = place == "docker logs" && secret == WORD;
            let found = memchr::memmem::find(&bytes, secret.as_bytes()).is_some();
            assert_eq!(found, is_own, "{secret} in {place}");
        }
    }
    // The proof that the search would have found them: where they have to be, they are.
    let environment = text(&docker(["inspect", "--format", "{{json .Config.Env}}", &pod.name]));
    assert!([WORD, SLACK, PAGERDUTY, TOKEN, PASSWORD].iter().all(|secret| environment.contains(secret)));
}
