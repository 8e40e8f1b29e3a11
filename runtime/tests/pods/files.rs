//! Files that podinit makes when the container starts, and services on unix sockets.

use crate::support::plans::{oneshot, pod, shell};
use crate::support::{Pod, Setting, is_root};
use podinit_plan::plan::{Content, File, Get, HealthCheck, Plan, Probe, Ready};
use podinit_plan::state::State;
use std::path::Path;

fn file(folder: &Path, name: &str, content: Content) -> File {
    File { path: folder.join(name).display().to_string(), content, user: None, mode: None }
}

#[test]
fn files_are_filled_in_from_the_environment_before_any_service_starts() {
    let setting = Setting { environment: vec![("WORD", "it's here")], ..Setting::default() };
    let ended = Pod::start_in(setting, |folder| {
        let text = "a = ${WORD}\nb = ${NONE:-default} $uri $$\n".to_owned();
        let mut own = file(folder, "made/own.conf", Content::Text(text));
        own.mode = Some(0o640);
        own.user = is_root().then(|| "4711:4712".to_owned());
        let show = format!("cat {0}; stat -c '%a %u:%g' {0}; ls -A {1}", own.path, folder.join("empty").display());
        let files = vec![own, file(folder, "empty", Content::Folder)];
        Plan { files, ..pod([("show", oneshot(&show.replace('$', "$$")))]) }
    });
    let ended = ended.end();
    let owner = if is_root() { "640 4711:4712" } else { "640 0:0" };
    assert_eq!(ended.of("show"), ["a = it's here", "b = default $uri $", owner], "{}", ended.errors);
    assert_eq!(ended.code, Some(0));
}

#[test]
fn a_missing_variable_of_a_file_stops_the_pod_with_its_message() {
    let ended = Pod::start(|folder| {
        let text = "a = ${SECRET:?set SECRET to something long}".to_owned();
        Plan { files: vec![file(folder, "x.conf", Content::Text(text))], ..pod([("a", oneshot("echo no"))]) }
    });
    let ended = ended.end();
    assert_eq!((ended.code, ended.of("a")), (Some(100), vec![]));
    assert!(
        ended.errors.contains("x.conf: its text: the variable SECRET is required: set SECRET to something long"),
        "{}",
        ended.errors
    );
}

#[test]
fn a_service_on_a_socket_is_ready_when_it_answers_there() {
    let mut pod = Pod::start(|folder| {
        let socket = folder.join("web.sock").display().to_string();
        let server = format!(
            "exec python3 -c \"import socket,time\ns=socket.socket(socket.AF_UNIX)\ns.bind('{socket}')\ns.listen(8)\n\
             answers=[b'503 No',b'200 OK']\nwhile True:\n c,_=s.accept()\n line=c.recv(999).split(b'\\\\r')[0]\n \
             print(line.decode(),flush=True)\n c.sendall(b'HTTP/1.1 '+answers.pop(0)+b'\\\\r\\\\n\\\\r\\\\n')\n c.close()\n if not answers: time.sleep(1000)\""
        );
        let probe = Probe::Unix { socket, get: Some(Get::new("/up")) };
        let check = HealthCheck { interval_ms: 60_000, start_interval_ms: 20, timeout_ms: 10_000, ..HealthCheck::new(probe) };
        let mut web = shell(&server);
        web.healthcheck = Some(check);
        web.ready = Ready::Check;
        crate::support::plans::pod([("web", web)])
    });
    pod.wait_state("web", State::Ready);
    let ended = pod.stop();
    assert_eq!(ended.of("web"), ["GET /up HTTP/1.1", "GET /up HTTP/1.1"], "{}", ended.errors);
}
