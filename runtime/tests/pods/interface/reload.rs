//! Plans and configurations that change while the pod runs.

use super::{call, own, state, unix};
use crate::support::plans::{idle, pod};
use crate::support::{Pod, wait_for};
use nix::sys::signal::Signal;
use podinit::xmlrpc::Value;
use podinit_plan::plan::{Plan, Service};
use podinit_plan::protocol::EventKind;
use podinit_plan::state::State;

fn with(name: &str, service: Service) -> Service {
    let value = podinit_plan::plan::Value::Text("x".to_owned());
    Service { environment: [(name.to_owned(), Some(value))].into(), ..service }
}

fn write(pod: &Pod, plan: &Plan) {
    std::fs::write(pod.folder.path().join("pod"), serde_json::to_vec(plan).unwrap()).unwrap();
}

fn pid(pod: &Pod, name: &str) -> Option<i32> {
    pod.status().services.iter().find(|service| service.name == name).and_then(|service| service.pid)
}

#[test]
fn hup_makes_of_a_pod_what_its_plan_says_now_and_leaves_the_rest_alone() {
    let mut running = Pod::start(|_| pod([("kept", idle()), ("other", idle()), ("gone", idle())]));
    for name in ["gone", "kept", "other"] {
        running.wait_state(name, State::Ready);
    }
    let (kept, other) = (pid(&running, "kept"), pid(&running, "other"));
    let next = pod([("kept", idle()), ("other", with("A", idle())), ("new", idle())]);
    write(&running, &next);
    running.signal(Signal::SIGHUP);
    running.wait_state("new", State::Ready);
    running.wait("other once more", |event| {
        event.service.as_deref() == Some("other") && event.state == Some(State::Ready) && event.incarnation == Some(2)
    });
    wait_for("gone to go", || (!running.status().services.iter().any(|service| service.name == "gone")).then_some(()));
    assert_eq!(pid(&running, "kept"), kept, "what is the same goes on");
    assert_ne!(pid(&running, "other"), other);
    let names: Vec<String> = running.status().services.into_iter().map(|service| service.name).collect();
    assert_eq!(names, ["kept", "new", "other"]);
    let all = call(own(&running), "getAllProcessInfo", &[]).unwrap();
    assert_eq!(all.items().len(), 3);
    // Back again.
    write(&running, &pod([("kept", idle()), ("other", with("A", idle())), ("gone", idle())]));
    running.signal(Signal::SIGHUP);
    running.wait_state("gone", State::Ready);
    assert_eq!(pid(&running, "kept"), kept);
    assert_eq!(running.stop().code, Some(0));
}

#[test]
fn a_broken_plan_is_refused_and_the_old_one_goes_on() {
    let mut running = Pod::start(|_| pod([("web", idle())]));
    running.wait_state("web", State::Ready);
    let before = pid(&running, "web");
    let broken =
        Plan { services: [("web".to_owned(), Service { depends_on: vec!["db".to_owned()], ..idle() })].into(), ..pod([]) };
    write(&running, &broken);
    running.signal(Signal::SIGHUP);
    let warning = running.wait("a warning", |event| event.event == EventKind::Warning);
    assert!(warning.reason.as_deref().is_some_and(|reason| reason.contains("depends on db")), "{warning:?}");
    let fault = call(own(&running), "reloadConfig", &[]).unwrap_err();
    assert!(fault.code == 92 && fault.text.contains("depends on db"), "{fault:?}");
    assert_eq!(pid(&running, "web"), before);
}

fn configuration(folder: &std::path::Path, programs: &[(&str, &str)]) -> String {
    let mut text = format!("[supervisord]\n[unix_http_server]\nfile={}/s.sock\n", folder.display());
    for (name, command) in programs {
        text += &format!("[program:{name}]\ncommand={command}\nstartsecs=0\nautorestart=false\n");
    }
    text
}

#[test]
fn groups_are_reread_added_and_removed_as_under_supervisord() {
    let mut running = Pod::supervisord(|folder| configuration(folder, &[("a", "sleep 1000"), ("b", "sleep 1000")]));
    running.wait_state("b", State::Ready);
    let socket = running.folder.path().join("s.sock");
    let rpc = |method: &str, params: &[Value]| call(unix(&socket), method, params);
    let changes = |lists: [&[&str]; 3]| {
        let list = |names: &[&str]| Value::Array(names.iter().map(|name| Value::from(*name)).collect());
        Ok(Value::Array(vec![Value::Array(lists.map(list).into())]))
    };
    assert_eq!(rpc("reloadConfig", &[]), changes([&[], &[], &[]]));
    let path = running.folder.path().join("pod");
    std::fs::write(&path, configuration(running.folder.path(), &[("b", "sleep 2000"), ("c", "sleep 1000")])).unwrap();
    assert_eq!(rpc("reloadConfig", &[]), changes([&["c"], &["b"], &["a"]]));
    assert_eq!(rpc("addProcessGroup", &["b".into()]).unwrap_err().text, "ALREADY_ADDED: b");
    assert_eq!(rpc("addProcessGroup", &["z".into()]).unwrap_err().text, "BAD_NAME: z");
    assert_eq!(rpc("removeProcessGroup", &["a".into()]).unwrap_err().text, "STILL_RUNNING: a");
    assert_eq!(rpc("stopProcessGroup", &["a".into()]).unwrap().items().len(), 1);
    assert_eq!(rpc("removeProcessGroup", &["a".into()]), Ok(Value::Bool(true)));
    assert_eq!(rpc("getProcessInfo", &["a".into()]).unwrap_err().text, "BAD_NAME: a");
    assert_eq!(rpc("addProcessGroup", &["c".into()]), Ok(Value::Bool(true)));
    running.wait_state("c", State::Ready);
    // A broken file says where, and changes nothing.
    std::fs::write(&path, "[supervisord]\n[program:b]\ncommand=sleep 1000\nnumprocs=many\n").unwrap();
    let fault = rpc("reloadConfig", &[]).unwrap_err();
    assert!(fault.code == 92 && fault.text.contains("pod:4:"), "{fault:?}");
    assert_eq!((state(&running, "b"), state(&running, "c")), ("RUNNING".into(), "RUNNING".into()));
}

#[test]
fn a_restart_stops_everything_and_begins_anew_with_what_the_file_says_now() {
    let mut running = Pod::supervisord(|folder| configuration(folder, &[("a", "sleep 1000")]));
    running.wait_state("a", State::Ready);
    let (podinit, before) = (running.pid(), pid(&running, "a").unwrap());
    let path = running.folder.path().join("pod");
    let socket = running.folder.path().join("s.sock");
    // A broken file first: everything goes on.
    std::fs::write(&path, "[supervisord]\n[program:a]\n").unwrap();
    assert_eq!(call(unix(&socket), "restart", &[]), Ok(Value::Bool(true)));
    running.wait("a warning", |event| event.event == EventKind::Warning);
    assert_eq!(pid(&running, "a"), Some(before));
    std::fs::write(&path, configuration(running.folder.path(), &[("a", "sleep 1000"), ("d", "sleep 1000")])).unwrap();
    running.signal(Signal::SIGHUP);
    wait_for("the new ones", || {
        // Between the two there is a moment in which nobody answers.
        let answer = running.client().raw(b"GET /v1/status HTTP/1.1\r\nConnection: close\r\n\r\n");
        let status: podinit_plan::protocol::Status = serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()?;
        let runs = |name: &str| status.services.iter().any(|service| service.name == name && service.state == State::Ready);
        (runs("a") && runs("d")).then_some(())
    });
    assert_eq!(running.pid(), podinit, "the same process");
    assert_ne!(pid(&running, "a"), Some(before));
    assert_eq!(running.stop().code, Some(0));
}
