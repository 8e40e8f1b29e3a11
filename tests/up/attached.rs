//! `podctl up` without -d, and `podctl logs`.

use crate::pod::{POLITE, Pod};

pub fn one_interrupt() {
    let pod = Pod::new("interrupt", &format!("services:\n  api: {POLITE}"));
    let up = pod.start(["up"]);
    up.shows("api | hello");
    up.says("api ready");
    up.interrupt();
    let (status, stdout, stderr) = up.end();
    assert_eq!(status.code(), Some(130), "{stderr}");
    assert!(stdout.contains("api | bye"), "its last words are shown: {stdout}");
    assert_eq!(pod.inspect("{{.State.Status}} {{.State.ExitCode}}"), "exited 0");
}

pub fn two_interrupts() {
    let pod = Pod::new(
        "stubborn",
        "stop_grace_period: 120s
services:
  api:
    build: false
    ready_after: 100ms
    stop_grace_period: 100s
    command: { shell: \"trap '' TERM; echo hello; while :; do sleep 0.1; done\" }",
    );
    let up = pod.start(["up"]);
    up.says("api ready");
    up.interrupt();
    up.says("Ctrl-C again kills it");
    up.interrupt();
    let (status, _, stderr) = up.end();
    assert_eq!(status.code(), Some(130), "{stderr}");
    // The engine may take a moment to notice.
    let code = crate::pod::docker(["wait", &pod.name]);
    assert_eq!(String::from_utf8_lossy(&code.stdout).trim(), "137");
}

pub fn the_pod_ends() {
    let yaml = |code: u8| {
        format!(
            "services:
               job: {{ build: false, type: oneshot, restart: {{ policy: no, retries: 0 }}, command: {{ shell: \"echo at work; exit {code}\" }} }}"
        )
    };
    let good = Pod::new("job-good", &yaml(0));
    let (status, stdout, stderr) = good.start(["up"]).end();
    assert!(status.success() && stdout.contains("job | at work"), "{status} {stdout} {stderr}");

    let later = Pod::new(
        "later",
        "services:
           api: { build: false, ready_after: 100ms, restart: { policy: no, retries: 0 }, command: { shell: \"read line < /tmp/end; exit 4\" }, depends_on: [pipe] }
           pipe: { build: false, type: oneshot, command: mkfifo -m 666 /tmp/end }",
    );
    let up = later.start(["up"]);
    up.says(": ready");
    let told = crate::pod::docker(["exec", &later.name, "sh", "-c", "echo now > /tmp/end"]);
    assert!(told.status.success(), "{told:?}");
    let (status, _, stderr) = up.end();
    assert_eq!(status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("ended with exit code 4"), "{stderr}");
}

pub fn logs_of_a_service() {
    let count = |name: &str| {
        format!(
            "{name}: {{ build: false, ready_after: 100ms, command: {{ shell: \
             \"for n in 1 2 3 4 5; do echo {name} $n; done; mkfifo -m 666 /tmp/{name}; while :; do cat /tmp/{name}; done\" }} }}"
        )
    };
    let pod = Pod::new("logs", &format!("services:\n  one: {}\n  two: {}", &count("one")[5..], &count("two")[5..]));
    pod.must(["up", "-d"]);
    let one = format!("{}/one", pod.name);
    let output = pod.podctl(["logs", "-n", "2", &one]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "one | one 4\none | one 5\n");

    let follower = pod.start(["logs", "-f", "-n", "1", &one]);
    follower.shows("one | one 5");
    for (service, word) in [("two", "elsewhere"), ("one", "later")] {
        let told = crate::pod::docker(["exec", &pod.name, "sh", "-c", &format!("echo {word} > /tmp/{service}")]);
        assert!(told.status.success(), "{told:?}");
    }
    follower.shows("one | later");
    follower.kill();
    let all = pod.podctl(["logs", &pod.name]);
    let all = String::from_utf8_lossy(&all.stdout).into_owned();
    assert!(all.contains("two | elsewhere") && all.contains("one | later"), "{all}");
}
