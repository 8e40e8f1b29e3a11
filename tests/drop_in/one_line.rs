//! A Dockerfile that installs supervisor, and the same with podinit in that line.

use super::docker::{Container, Image, base, podctl, wait_for};
use std::fs;
use std::path::Path;

const INSTALLS: &str =
    "RUN apt-get update && apt-get install -y --no-install-recommends supervisor && rm -rf /var/lib/apt/lists/*";
const ADDS: &str = "ADD podinit.tar /";

const CONFIGURATION: &str = "\
[supervisord]
nodaemon=true
user=root
logfile=/dev/null
logfile_maxbytes=0
[unix_http_server]
file=/run/supervisor.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix:///run/supervisor.sock
[program:web]
command=sleep 3600
[program:worker]
command=sleep 3600
process_name=%(program_name)s_%(process_num)02d
numprocs=2
[program:late]
command=sleep 3600
autostart=false
[program:once]
command=sh -c 'sleep 2; exit 0'
autorestart=false
";

fn image(name: &str, base: &str, line: &str, folder: &Path) -> Image {
    let dockerfile = format!(
        "FROM {base}\n{line}\nCOPY supervisord.conf /etc/supervisor/supervisord.conf\n\
         CMD [\"/usr/bin/supervisord\", \"-c\", \"/etc/supervisor/supervisord.conf\"]\n"
    );
    fs::write(folder.join("Dockerfile"), dockerfile).expect("the Dockerfile");
    fs::write(folder.join("supervisord.conf"), CONFIGURATION).expect("the configuration");
    Image::build(name, folder)
}

/// What a command prints, without what no two runs have in common.
fn said(container: &Container, words: &[&str]) -> (Option<i32>, String) {
    let (code, text) = container.exec(&[&["supervisorctl"], words].concat());
    let mut plain = String::new();
    for c in text.chars() {
        match c {
            '0'..='9' if plain.ends_with('#') => {}
            '0'..='9' => plain.push('#'),
            c => plain.push(c),
        }
    }
    // The day that something ended on is a number, its month a word.
    (code, plain)
}

pub fn changes() {
    let base = base();
    let folder = tempfile::tempdir().expect("a folder");
    let before = image("drop-in-before", base, INSTALLS, folder.path());
    podctl(folder.path(), &["podinit", "--output", "podinit.tar"]);
    let after = image("drop-in-after", base, ADDS, folder.path());
    let containers = [&before, &after].map(|image| Container::run(image, &[]));
    for container in &containers {
        wait_for("the programs", || {
            let status = container.exec(&["supervisorctl", "status"]).1;
            (status.matches("RUNNING").count() == 3 && status.contains("EXITED")).then_some(())
        });
    }
    for line in [
        "status",
        "status web late",
        "start late",
        "pid late",
        "restart web",
        "stop worker:*",
        "status",
        "reread",
        "avail",
        "start nobody",
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let [want, found] = containers.each_ref().map(|container| {
            let (code, text) = said(container, &words);
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            if line.ends_with('*') {
                lines.sort();
            }
            (code, lines)
        });
        assert_eq!(want, found, "supervisorctl {line}");
    }
    let (_, version) = containers[1].exec(&["sh", "-c", "command -v python3 || echo none"]);
    assert_eq!(version.trim(), "none", "the image needs no Python any more");
}
