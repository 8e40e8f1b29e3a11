//! The status page in a browser: podinit with a server, and the tests of `page.test.mjs` at it.
//!
//! It takes node and a Chromium; without one of them nothing is tested.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a test's own means is a failure of the test")]

#[path = "../ports/mod.rs"]
mod ports;

use std::io::Read;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const CONFIGURATION: &str = "\
[supervisord]
[inet_http_server]
port=127.0.0.1:PORT
CREDENTIALS
[program:web]
command=/bin/sh -c \"echo hello; echo oops >&2; exec sleep 1000\"
stdout_logfile=FOLDER/web.log
stderr_logfile=FOLDER/web.err
[program:crasher]
command=/bin/false
startretries=0
[program:a]
command=/bin/sleep 1000
[program:b]
command=/bin/sleep 1000
[group:two]
programs=a,b
";

/// podinit, which ends with the test.
struct Podinit(Child);

impl Drop for Podinit {
    fn drop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(self.0.id() as i32);
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let _ = self.0.wait();
    }
}

fn is_there(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

#[test]
fn the_page_shows_the_services_and_does_what_it_is_asked() {
    look_at_the_page("", "");
}

#[test]
fn the_page_does_so_with_a_password_too() {
    look_at_the_page("username=me\npassword=s3cret", "me:s3cret@");
}

fn look_at_the_page(credentials: &str, user: &str) {
    let browsers = ["chromium", "chromium-browser", "google-chrome"];
    if !is_there("node") || !(std::env::var_os("CHROMIUM").is_some() || browsers.into_iter().any(is_there)) {
        println!("there is no node, or no Chromium: the page is not looked at");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let port = ports::free_port();
    let text = CONFIGURATION
        .replace("FOLDER", folder.path().to_str().unwrap())
        .replace("PORT", &port.to_string())
        .replace("CREDENTIALS", credentials);
    let path = folder.path().join("supervisord.conf");
    std::fs::write(&path, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_podinit"));
    command.arg("-c").arg(&path).current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let _podinit = Podinit(command.spawn().unwrap());
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(20), "podinit does not listen");
        thread::sleep(Duration::from_millis(20));
    }
    let mut node = Command::new("node")
        .args(["--test", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/page.test.mjs")])
        .env("PODINIT_PAGE_URL", format!("http://{user}127.0.0.1:{port}"))
        .env("PODINIT_PAGE_SERVICE", "web")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    node.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(node.wait().unwrap().success(), "{said}");
    assert!(said.contains("# pass 7") && said.contains("# skipped 0"), "{said}");
}
