//! The sockets, and the commands that talk to them.

use crate::support::plans::{after, checked, idle, pod, shell};
use crate::support::{PODINIT, Pod, Setting, is_root, wait_for};
use podinit_plan::protocol::{PublicStatus, Status};
use podinit_plan::state::State;
use std::io::Write;
use std::process::{Command, Stdio};

#[test]
fn healthcheck_says_how_the_pod_is() {
    let mut pod = Pod::start(|folder| {
        let check = format!("test -e {}", folder.join("well").display());
        pod([("api", checked(&check, idle())), ("web", after(&["api"], idle()))])
    });
    pod.wait_state("web", State::Waiting);
    let healthcheck = |pod: &Pod| pod.enter(&[PODINIT, "healthcheck"]).output().unwrap();
    let unwell = healthcheck(&pod);
    assert_eq!(unwell.status.code(), Some(1));
    let status: Status = serde_json::from_slice(&unwell.stdout).unwrap();
    assert!(!status.ready);
    assert_eq!(status.services[0].state, State::Starting);
    std::fs::write(pod.folder.path().join("well"), "").unwrap();
    pod.wait_state("web", State::Ready);
    let well = healthcheck(&pod);
    assert_eq!(well.status.code(), Some(0), "{}", String::from_utf8_lossy(&well.stdout));
    assert!(well.stdout.len() < 4096);
    // A check that begins to fail makes the pod unwell again.
    std::fs::remove_file(pod.folder.path().join("well")).unwrap();
    pod.wait_state("api", State::Unready);
    assert_eq!(healthcheck(&pod).status.code(), Some(1));
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn healthcheck_without_a_pod_fails_in_words() {
    let mut command = crate::support::unshare();
    let script = "mount -t tmpfs tmpfs /run; exec \"$0\" healthcheck";
    let output = command.args(["sh", "-c", script, PODINIT]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("podinit does not run here"), "{output:?}");
}

#[test]
fn dial_joins_stdin_and_stdout_to_the_socket() {
    let mut pod = Pod::start(|_| pod([("web", idle())]));
    pod.wait_state("web", State::Ready);
    let mut dial = pod.enter(&[PODINIT, "dial"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    // Two requests on one connection, the second one the last.
    let requests = b"GET /v1/status HTTP/1.1\r\nHost: pod\r\n\r\nGET /health HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n";
    dial.stdin.take().unwrap().write_all(requests).unwrap();
    let output = dial.wait_with_output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.matches("HTTP/1.1 200").count(), 2, "{text}");
    assert!(text.contains(r#""pod":"pod""#) && text.ends_with(r#"{"status":"ready"}"#), "{text}");
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn bad_requests_are_refused_and_harm_nobody() {
    let mut pod = Pod::start(|_| pod([("web", idle())]));
    pod.wait_state("web", State::Ready);
    let huge_head = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    let huge_body = format!("POST /v1/services/web/stop HTTP/1.1\r\nHost: pod\r\nContent-Length: {}\r\n\r\n", 1 << 20);
    for (request, code) in [
        ("GET /nothing HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n", "404"),
        ("DELETE /v1/status HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n", "405"),
        ("GET /v1/services/web/stop HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n", "405"),
        ("\u{1}\u{2}garbage\r\n\r\n", "400"),
        (&huge_head, "431"),
        (&huge_body, "413"),
    ] {
        let answer = pod.client().raw(request.as_bytes());
        let shown: String = request.chars().take(40).collect();
        assert!(answer.starts_with(&format!("HTTP/1.1 {code} ")), "{shown}: {answer}");
    }
    // Half a request, and nobody behind it.
    drop(pod.client());
    assert_eq!(pod.client().raw(b"GET /v1/sta"), "");
    assert_eq!(pod.status().services[0].incarnation, 1, "nothing was stopped");
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn more_connections_than_there_is_room_for_leave_the_others_served() {
    let mut pod = Pod::start(|_| pod([("web", idle())]));
    pod.wait_state("web", State::Ready);
    let crowd: Vec<_> = (0..100).map(|_| pod.client()).collect();
    drop(crowd);
    wait_for("an answer", || {
        let answer = pod.client().raw(b"GET /v1/status HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n");
        answer.starts_with("HTTP/1.1 200").then_some(())
    });
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn the_public_socket_tells_names_and_states_and_nothing_else() {
    let mut pod = Pod::start(|folder| {
        let mut plan = pod([("web", shell("echo secret; exec sleep 1000"))]);
        plan.public_socket = Some(folder.join("public.sock").display().to_string());
        plan
    });
    pod.wait_state("web", State::Ready);
    let path = pod.folder.path().join("public.sock");
    let client = || crate::support::client::Client::connect(&path).unwrap();
    assert_eq!(client().request("GET", "/health"), (200, r#"{"status":"ready"}"#.to_owned()));
    let (code, body) = client().request("GET", "/status");
    let status: PublicStatus = serde_json::from_str(&body).unwrap();
    assert_eq!((code, status.services["web"]), (200, State::Ready));
    assert!(!body.contains("pid"), "{body}");
    for (method, target) in [("GET", "/v1/status"), ("GET", "/v1/logs?service=web&lines=1"), ("POST", "/v1/services/web/stop")] {
        assert_eq!(client().request(method, target).0, 404, "{target}");
    }
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn the_control_socket_is_for_root_and_podinit_s_own_user() {
    if !is_root() {
        eprintln!("ignored: other users can be had by root only");
        return;
    }
    let setting = Setting { user: Some(4711), ..Setting::default() };
    let mut pod = Pod::start_in(setting, |_| pod([("web", idle())]));
    pod.wait_state("web", State::Ready);
    let as_user = |uid: &str| {
        let mut command = pod.enter(&["setpriv", "--reuid", uid, "--regid", uid, "--clear-groups", PODINIT, "healthcheck"]);
        command.output().unwrap()
    };
    assert_eq!(as_user("4711").status.code(), Some(0));
    let stranger = as_user("4712");
    assert_eq!(stranger.status.code(), Some(1));
    assert!(!String::from_utf8_lossy(&stranger.stdout).contains("web"), "{stranger:?}");
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn check_says_everything_that_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plan.json");
    let check = |plan: &podinit_plan::plan::Plan| {
        std::fs::write(&file, serde_json::to_vec(plan).unwrap()).unwrap();
        Command::new(PODINIT).arg("--check").arg(&file).output().unwrap()
    };
    // A variable that only the container will have is no mistake, nor is what depends on it.
    let mut plan = pod([("api", shell("echo")), ("web", checked("true", idle()))]);
    plan.environment.insert("SECRET".to_owned(), Some("${SECRET:?}".to_owned().into()));
    plan.services.get_mut("api").unwrap().working_dir = "${WHERE:?}/x".to_owned();
    let fine = check(&plan);
    assert_eq!(fine.status.code(), Some(0), "{}", String::from_utf8_lossy(&fine.stderr));

    let api = plan.services.get_mut("api").unwrap();
    api.user = Some("no-such-user".to_owned());
    api.working_dir = "/not/there".to_owned();
    let web = plan.services.get_mut("web").unwrap();
    web.command = podinit_plan::plan::Command::Words(vec!["no-such-program".to_owned()]);
    web.depends_on = vec!["nobody".to_owned()];
    let wrong = check(&plan);
    assert_eq!(wrong.status.code(), Some(100));
    let errors = String::from_utf8(wrong.stderr).unwrap();
    for want in ["no user no-such-user", "working_dir /not/there", "no-such-program in PATH", "depends on nobody"] {
        assert!(errors.contains(want), "{want}: {errors}");
    }
    std::fs::write(&file, r#"{"version":2,"new":"field"}"#).unwrap();
    let newer = Command::new(PODINIT).arg("--check").arg(&file).output().unwrap();
    assert_eq!(newer.status.code(), Some(100));
    assert!(String::from_utf8_lossy(&newer.stderr).contains("version 2"), "{newer:?}");
}
