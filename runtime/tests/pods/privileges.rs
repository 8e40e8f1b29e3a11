//! podinit with few rights, in containers where little can be written, and beside what others have put there.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a test's own means is a failure of the test")]

use crate::support::plans::{idle, no_retries, oneshot, pod, shell};
use crate::support::{Ended, PODINIT, Pod, Setting, is_root, wait_for};
use nix::sys::signal::Signal;
use podinit_plan::plan::{Directory, Plan, Ready, Service};
use podinit_plan::state::State;
use std::fs;
use std::path::Path;
use std::process::Command;

fn unless_root() -> bool {
    if !is_root() {
        eprintln!("ignored: rights can be given and taken by root only");
    }
    !is_root()
}

/// A setting with shell lines that are run before podinit.
fn after_lines(lines: &str) -> Setting {
    Setting { before: lines.to_owned(), ..Setting::default() }
}

/// podinit as root without some capabilities.
fn without(capabilities: &str) -> Setting {
    let dropped: Vec<String> = capabilities.split(',').map(|name| format!("-{name}")).collect();
    let dropped = dropped.join(",");
    after_lines(&format!("exec setpriv --inh-caps={dropped} --bounding-set={dropped} \"$0\" --plan \"$1\""))
}

fn as_user(user: &str, service: Service) -> Service {
    Service { user: Some(user.to_owned()), ..service }
}

/// Two services of another user, and one of root, that would run for ever.
fn pod_without(capabilities: &str) -> Ended {
    let services = || [("api", as_user("nobody", idle())), ("own", as_user("root", idle())), ("web", as_user("4711", idle()))];
    Pod::start_in(without(capabilities), |_| pod(services())).end()
}

#[test]
fn a_pod_that_may_not_signal_its_services_refuses_and_names_them() {
    if unless_root() {
        return;
    }
    let ended = pod_without("kill");
    assert_eq!(ended.code, Some(110));
    let lines = [
        "podinit: cannot signal api, which runs as user nobody: podinit lacks CAP_KILL; add it to the container's cap_add, \
         or run the whole pod as that user",
        "podinit: cannot signal web, which runs as user 4711: podinit lacks CAP_KILL; add it to the container's cap_add, or \
         run the whole pod as that user",
    ];
    assert_eq!(ended.errors.lines().collect::<Vec<_>>(), lines, "not of root's own service, and nothing was started");
}

#[test]
fn a_pod_that_may_not_become_its_users_refuses_and_names_them() {
    if unless_root() {
        return;
    }
    for (capabilities, lacks) in
        [("setuid", "CAP_SETUID"), ("setgid", "CAP_SETGID"), ("setuid,setgid", "CAP_SETUID and CAP_SETGID")]
    {
        let ended = pod_without(capabilities);
        assert_eq!(ended.code, Some(111), "{}", ended.errors);
        let lines: Vec<&str> = ended.errors.lines().collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        for (line, who) in lines.iter().zip(["api as user nobody", "web as user 4711"]) {
            assert!(line.starts_with(&format!("podinit: cannot run {who}: podinit lacks {lacks}; add it")), "{line}");
        }
    }
    let ended = pod_without("all");
    assert_eq!((ended.code, ended.errors.lines().count()), (Some(110), 4), "{}", ended.errors);
}

#[test]
fn services_open_their_output_anew_though_podinit_may_give_nothing_away() {
    if unless_root() {
        return;
    }
    for capabilities in ["chown", "chown,dac_override,fowner,setpcap,sys_ptrace,sys_admin"] {
        let service = as_user("4711:4711", no_retries(oneshot("id -u; echo anew > /dev/stdout; echo wrong >&2")));
        let ended = Pod::start_in(without(capabilities), |_| pod([("web", service)])).end();
        assert_eq!((ended.code, ended.of("web")), (Some(0), vec!["4711", "anew", "wrong"]), "{} {}", ended.output, ended.errors);
    }
}

/// podctl's way into the pod, whatever socket that is.
fn healthcheck(pod: &Pod) -> Option<i32> {
    pod.enter(&[PODINIT, "healthcheck"]).output().unwrap().status.code()
}

/// A service, as `podinit healthcheck` says it; null while it says nothing.
fn service(pod: &Pod, name: &str) -> serde_json::Value {
    let output = pod.enter(&[PODINIT, "healthcheck"]).output().unwrap();
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let mut services = summary["services"].as_array().into_iter().flatten();
    services.find(|service| service["name"] == name).cloned().unwrap_or_default()
}

#[test]
fn a_user_without_a_name_runs_a_pod_where_nothing_can_be_written() {
    if unless_root() {
        return;
    }
    let read_only = "mount -o remount,ro /run; mount -o remount,ro /dev/shm; mount -o remount,bind,ro /";
    let setting = Setting { user: Some(54_321), before: read_only.to_owned(), ..Setting::default() };
    let said = "id -u; id -g; ls -d /run/podinit /dev/shm/podinit-* 2>/dev/null; touch /run/x 2>/dev/null || echo read-only; \
         exec sleep 1000";
    // Ready when it has said everything.
    let one = Service { ready: Ready::Log("read-only".to_owned()), ..shell(said) };
    let pod = Pod::start_in(setting, |_| pod([("one", one), ("three", as_user("54321", idle())), ("two", idle())]));
    wait_for("three services to be ready", || (healthcheck(&pod) == Some(0)).then_some(()));
    assert!(pod.enter(&["kill", "-KILL", &service(&pod, "two")["pid"].to_string()]).status().unwrap().success());
    let is_again = |service: serde_json::Value| service["restarts"] == 1 && service["state"] == "ready";
    wait_for("the one that was killed", || is_again(service(&pod, "two")).then_some(()));
    // The harness looks for sockets in folders only.
    pod.signal_paused(Signal::SIGTERM);
    let ended = pod.end();
    assert_eq!(ended.code, Some(0), "{} {}", ended.output, ended.errors);
    assert_eq!(ended.of("one"), ["54321", "54321", "read-only"], "{}", ended.output);
    assert!(!ended.output.contains("warning"), "{}", ended.output);
}

#[test]
fn what_others_have_put_in_the_place_of_the_socket_stays_there() {
    let places = [
        ("a file", "echo precious > /run/podinit/ctl.sock", "cat /run/podinit/ctl.sock", "precious\n"),
        ("a folder", "mkdir /run/podinit/ctl.sock", "stat -c %F /run/podinit/ctl.sock", "directory\n"),
        ("a link", "ln -s /run/elsewhere /run/podinit/ctl.sock", "readlink /run/podinit/ctl.sock", "/run/elsewhere\n"),
        ("a file in place of the folder", "rmdir /run/podinit; echo mine > /run/podinit", "cat /run/podinit", "mine\n"),
    ];
    for (what, before, look, want) in places {
        let mut pod = Pod::start_in(after_lines(&format!("mkdir /run/podinit; {before}")), |_| pod([("web", idle())]));
        // The client finds the next place.
        pod.wait_state("web", State::Ready);
        let seen = pod.enter(&["sh", "-c", look]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&seen.stdout), want, "{what}");
        assert_eq!(healthcheck(&pod), Some(0), "{what}");
        assert_eq!(pod.stop().code, Some(0));
    }
}

#[test]
fn a_socket_that_an_earlier_podinit_left_is_replaced() {
    let bind = "import socket; socket.socket(socket.AF_UNIX).bind('/run/podinit/ctl.sock')";
    if !Command::new("python3").args(["-c", "0"]).status().is_ok_and(|status| status.success()) {
        eprintln!("ignored: needs python3");
        return;
    }
    let before = format!("mkdir /run/podinit; python3 -c \"{bind}\"");
    let mut pod = Pod::start_in(after_lines(&before), |_| pod([("web", idle())]));
    pod.wait_state("web", State::Ready);
    assert!(Path::new(&format!("/proc/{}/root/run/podinit/ctl.sock", pod.pid())).exists());
    assert!(!pod.enter(&["sh", "-c", "ls -d /dev/shm/podinit-*"]).output().unwrap().status.success());
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn a_working_directory_that_is_not_there_is_named() {
    let in_folder = |folder: &str| no_retries(Service { working_dir: folder.to_owned(), ..oneshot("true") });
    let ended = Pod::start(|_| pod([("web", in_folder("app"))])).end();
    assert_eq!(ended.code, Some(100));
    assert!(ended.errors.contains("web: working_dir is `app`; it must begin with /"), "{}", ended.errors);
    let ended = Pod::start(|_| pod([("web", in_folder("/no/such/folder"))])).end();
    assert_eq!(ended.code, Some(111));
    assert!(ended.errors.contains("cannot enter /no/such/folder: No such file or directory"), "{}", ended.errors);
    // podinit's own does not matter.
    let gone = "mkdir /run/gone; cd /run/gone; rmdir /run/gone";
    assert_eq!(Pod::start_in(after_lines(gone), |_| pod([("web", in_folder("/"))])).end().code, Some(0));
}

#[test]
fn the_reason_of_an_end_is_where_kubernetes_looks_for_it() {
    if unless_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    // A /dev of the pod's own, as small as can be.
    let lines = format!(
        "mkdir /run/dev; cp -a /dev/null /run/dev/; touch /run/dev/termination-log; \
         mount --bind {} /run/dev/termination-log; mount --rbind /run/dev /dev",
        log.display()
    );
    let run = |plan: Plan| {
        // What is there is longer than any reason, so that it shows when it is not emptied.
        fs::write(&log, "an earlier end\n".repeat(100)).unwrap();
        let ended = Pod::start_in(after_lines(&lines), |_| plan).end();
        (fs::read_to_string(&log).unwrap(), ended)
    };
    let (reason, ended) = run(pod([("web", no_retries(oneshot("exit 7")))]));
    assert_eq!(ended.code, Some(7));
    assert_eq!(ended.errors.lines().last(), Some(&*format!("podinit: {reason}")));
    assert!(reason.contains("web") && reason.ends_with("(exit code 7)"), "{reason}");
    let (reason, ended) = run(pod([("web", as_user("no-such-user", oneshot("true")))]));
    assert_eq!(ended.code, Some(100));
    assert_eq!(reason, "web: there is no user no-such-user in /etc/passwd; declare it, or write a number");
}

#[test]
fn folders_are_made_for_their_users_and_those_that_are_there_stay_whose_they_are() {
    if unless_root() {
        return;
    }
    let script = |folder: &Path| format!("cd {}; stat -c '%u:%g %a' new new/deep old", folder.display());
    let ended = Pod::start(|folder| {
        fs::create_dir(folder.join("old")).unwrap();
        std::os::unix::fs::chown(folder.join("old"), Some(12), Some(13)).unwrap();
        let mut plan = pod([("web", as_user("4711:4712", no_retries(oneshot(&script(folder)))))]);
        let directory =
            |name: &str| Directory { path: folder.join(name).display().to_string(), user: Some("4711:4712".to_owned()) };
        plan.directories = vec![directory("new/deep"), directory("old")];
        plan
    })
    .end();
    assert_eq!(ended.of("web"), ["0:0 755", "4711:4712 755", "12:13 755"], "{} {}", ended.output, ended.errors);
    assert_eq!(ended.code, Some(0));
}
