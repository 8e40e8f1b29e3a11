//! `examples/php`: the project under supervisord, and the pod that `podctl import` made of it.

use super::docker::{Container, Image, base, podctl, wait_for};
use std::fs;
use std::path::Path;
use std::process::Command;

/// What is asked: method, path, body.
const REQUESTS: [(&str, &str, &str); 13] = [
    ("GET", "/", ""),
    ("GET", "/index.php", ""),
    ("GET", "/assets/shop.css", ""),
    ("GET", "/assets/none.css", ""),
    ("GET", "/robots.txt", ""),
    ("GET", "/nothing", ""),
    ("GET", "/nothing.php", ""),
    ("GET", "/orders/0123456789abcdef", ""),
    ("POST", "/orders", "{}"),
    ("POST", "/orders", "no JSON"),
    ("HEAD", "/", ""),
    ("POST", "/", "x"),
    ("GET", "/?a=1&b=2", ""),
];

/// What of an answer has to be the same.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: String,
    content_type: String,
    frame_options: String,
    body: String,
}

pub fn answers_as_before() {
    let base = base();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/php");
    let folder = tempfile::tempdir().expect("a folder");
    let project = folder.path().join("shop");
    assert!(Command::new("cp").arg("-r").arg(&example).arg(&project).status().expect("cp runs").success());
    // The base by the name that this engine has it under; nothing else is changed.
    let dockerfile = project.join("supervisord/Dockerfile");
    let text =
        fs::read_to_string(&dockerfile).expect("the Dockerfile").replace("FROM debian:bookworm-slim", &format!("FROM {base}"));
    fs::write(&dockerfile, text).expect("the Dockerfile");
    let before = Image::build("drop-in-shop", &project.join("supervisord"));

    let name = format!("drop-in-php-{}", std::process::id());
    let pods = folder.path().join("pods");
    fs::create_dir(&pods).expect("a folder");
    assert!(Command::new("cp").arg("-r").arg(&example).arg(pods.join(&name)).status().expect("cp runs").success());
    let pod = pods.join(&name).join("pod.yaml");
    let text = fs::read_to_string(&pod).expect("pod.yaml").replace("name: php\n", &format!("name: {name}\n"));
    fs::write(&pod, text).expect("pod.yaml");
    podctl(folder.path(), &["build", &name]);
    let after = Image(name);

    let containers = [&before, &after].map(|image| Container::run(image, &[]));
    let addresses = containers.each_ref().map(Container::address);
    for address in &addresses {
        wait_for("the shop", || (ask(address, "GET", "/", "").status == "200").then_some(()));
    }
    for (method, path, body) in REQUESTS {
        let [want, found] = addresses.each_ref().map(|address| ask(address, method, path, body));
        assert_eq!(want.status, found.status, "{method} {path}: {want:?} {found:?}");
        if want.status.starts_with('2') || want.content_type == "application/json" {
            assert_eq!(want, found, "{method} {path}");
        }
    }
    // The gateway never serves such files, and does not say whether there are any.
    let hidden = addresses.each_ref().map(|address| ask(address, "GET", "/.hidden", "").status);
    assert_eq!(hidden, ["403", "404"]);
    // An order goes through the queue, a worker and the scheduler's report.
    for address in &addresses {
        let placed = ask(address, "POST", "/orders", "{\"item\": \"tea\"}");
        assert_eq!(placed.status, "202", "{placed:?}");
        let id = placed.body.split('"').nth(3).expect("an id").to_owned();
        wait_for("a worker", || {
            ask(address, "GET", &format!("/orders/{id}"), "").body.contains("\"state\":\"done\"").then_some(())
        });
        wait_for("the report", || ask(address, "GET", "/report", "").body.contains("\"by\":\"report\"").then_some(()));
    }
    for container in &containers {
        wait_for("everything", || (container.exec(&["supervisorctl", "status"]).1.matches("RUNNING").count() == 5).then_some(()));
    }
}

fn ask(address: &str, method: &str, path: &str, body: &str) -> Answer {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--include", "--max-time", "20", "--request", method]);
    if method == "HEAD" {
        curl.arg("--head");
    }
    if !body.is_empty() {
        curl.args(["--data-binary", body]);
    }
    let output = curl.arg(format!("http://{address}:8080{path}")).output().expect("curl runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let header = |name: &str| {
        let line = head.lines().find_map(|line| line.split_once(": ").filter(|(known, _)| known.eq_ignore_ascii_case(name)));
        line.map(|(_, value)| value.to_owned()).unwrap_or_default()
    };
    Answer {
        status: head.split(' ').nth(1).unwrap_or_default().to_owned(),
        content_type: header("content-type"),
        frame_options: header("x-frame-options"),
        body: body.to_owned(),
    }
}
