//! Pods that do not become ready: exit code 6, and all that it takes to know why.

use crate::pod::{POLITE, Pod, text};

pub fn of_an_essential_service() {
    let pod = Pod::new(
        "fatal",
        "services:
           api:
             build: false
             ready_after: 10s
             restart: { policy: always, retries: 0 }
             command: { shell: \"echo cannot open the database; sleep 1; exit 3\" }
           web: { build: false, depends_on: [api], command: sleep 1000 }",
    );
    let output = pod.podctl(["up", "-d"]);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(6), "{said}");
    assert!(said.contains("ended with exit code 3 before it was ready"), "{said}");
    assert!(
        said.contains("fatal") && said.contains("ended with exit code 3;") && said.contains("api | cannot open the database"),
        "{said}"
    );
    assert!(said.contains("web waits for api"), "{said}");
    // The pod is kept for a look at it.
    let shown = pod.must(["ps", &pod.name]);
    assert!(shown.contains("exited (3)"), "{shown}");
}

pub fn at_once() {
    let service = "{ build: false, restart: { policy: always, retries: 0 }, command: { shell: \"echo no database; exit 3\" } }";
    let pod = Pod::new("at-once", &format!("services:\n  api: {service}"));
    let output = pod.podctl(["up", "-d"]);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(6), "{said}");
    assert!(said.contains("api | no database") && said.contains("exit code 3"), "{said}");
}

pub fn of_patience() {
    let yaml = format!(
        "services:
           good: {POLITE}
           slow: {{ build: false, healthcheck: {{ exec: \"false\" }}, command: {{ shell: \"echo working; exec sleep 1000\" }} }}",
    );
    let pod = Pod::new("slow", &yaml);
    let output = pod.podctl(["up", "-d", "--wait-timeout", "3s"]);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(6), "{said}");
    assert!(said.contains("not ready within 3s") && said.contains("slow: starting"), "{said}");
    assert!(said.contains("slow | working"), "{said}");
    assert!(!said.contains("good: "), "a service that is ready is not reported: {said}");
    assert_eq!(pod.inspect("{{.State.Status}}"), "running");
}

pub fn of_a_missing_variable() {
    let yaml = format!("environment: {{ NEEDED: \"${{PODCTL_TEST_NEEDED:?write it into .env}}\" }}\nservices:\n  api: {POLITE}");
    let pod = Pod::new("variable", &yaml);
    let output = pod.podctl(["up", "-d"]);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(6), "{said}");
    assert!(said.contains("the variable PODCTL_TEST_NEEDED is required: write it into .env"), "{said}");
}
