//! The methods, with the names and states of a plan.

use super::{call, own, state};
use crate::support::plans::{after, idle, no_retries, pod, shell};
use crate::support::{Pod, wait_for};
use podinit::xmlrpc::Value;
use podinit_plan::plan::{Container, Format, Logging, Output, Ready, Service, Stream};
use podinit_plan::state::State;

fn to_stdout(service: Service) -> Service {
    let container = Some(Container { stream: Stream::Stdout, format: Format::Prefix });
    let stdout = Output { container, ..Output::default() };
    Service { logging: Logging { stdout, ..Logging::default() }, ..service }
}

#[test]
fn a_plan_has_groups_of_its_services_names_and_a_start_is_over_when_the_service_is_ready() {
    let mut pod = Pod::start(|_| {
        let replica = Service { group: Some("web".to_owned()), ..idle() };
        let slow = Service { ready: Ready::AliveMs(300), autostart: "false".to_owned(), ..idle() };
        pod([("web-0", replica.clone()), ("web-1", replica), ("slow", slow), ("late", after(&["slow"], idle()))])
    });
    pod.wait_state("web-1", State::Ready);
    let names = |value: Value| {
        let text = |item: &Value, key: &str| item.get(key).and_then(Value::as_str).unwrap().to_owned();
        let all = value.items().iter().map(|item| format!("{}:{}", text(item, "group"), text(item, "name")));
        all.collect::<Vec<_>>()
    };
    let all = names(call(own(&pod), "getAllProcessInfo", &[]).unwrap());
    assert_eq!(all, ["late:late", "slow:slow", "web:web-0", "web:web-1"]);
    assert_eq!(
        (state(&pod, "late"), state(&pod, "web:web-1"), state(&pod, "web-1")),
        ("STARTING".into(), "RUNNING".into(), "RUNNING".into())
    );
    let fault = call(own(&pod), "getProcessInfo", &[Value::from("web")]).unwrap_err();
    assert_eq!((fault.code, fault.text.as_str()), (10, "BAD_NAME: web"));

    assert_eq!(call(own(&pod), "startProcess", &[Value::from("slow")]), Ok(Value::Bool(true)));
    assert_eq!(state(&pod, "slow"), "RUNNING", "what is answered is so");
    pod.wait_state("late", State::Ready);
    let stopped = call(own(&pod), "stopProcess", &[Value::from("web:*")]).unwrap();
    let mut stopped = names(stopped);
    // They are told of as they stop.
    stopped.sort();
    assert_eq!(stopped, ["web:web-0", "web:web-1"]);
    assert_eq!(state(&pod, "web:web-0"), "STOPPED");
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn a_start_that_fails_says_how() {
    let mut pod = Pod::start(|_| {
        let by_hand = |service: Service| Service { autostart: "false".to_owned(), essential: false, ..service };
        let crasher = Service { ready: Ready::AliveMs(10_000), ..by_hand(no_retries(shell("exit 3"))) };
        let mut missing = by_hand(idle());
        missing.command = podinit_plan::plan::Command::Words(vec!["no-such-program".to_owned()]);
        let mut folder = by_hand(idle());
        folder.command = podinit_plan::plan::Command::Words(vec!["/etc".to_owned()]);
        pod([("crasher", crasher), ("missing", missing), ("folder", folder), ("idle", idle())])
    });
    pod.wait_state("idle", State::Ready);
    for (name, code, text) in [
        ("crasher", 50, "SPAWN_ERROR: crasher"),
        ("missing", 20, "NO_FILE: can't find command 'no-such-program'"),
        ("folder", 21, "NOT_EXECUTABLE: command at '/etc' is not executable"),
        ("idle", 60, "ALREADY_STARTED: idle"),
        ("nobody", 10, "BAD_NAME: nobody"),
    ] {
        let fault = call(own(&pod), "startProcess", &[Value::from(name)]).unwrap_err();
        assert_eq!((fault.code, fault.text.as_str()), (code, text));
    }
    assert_eq!(state(&pod, "missing"), "STOPPED", "what cannot be started was not started");
    let status = call(own(&pod), "startAllProcesses", &[]).unwrap();
    assert_eq!(status.items().len(), 3, "all that do not run, and idle does: {status:?}");
}

#[test]
fn output_that_has_no_file_can_be_read_and_followed_all_the_same() {
    use std::io::{BufRead, BufReader, Write};
    let mut pod = Pod::start(|folder| {
        let script = format!("echo one; until [ -e {0}/go ]; do sleep 0.02; done; echo two; exec sleep 1000", folder.display());
        pod([("web", to_stdout(shell(&script)))])
    });
    pod.wait_state("web", State::Ready);
    let read = |pod: &Pod| call(own(pod), "readProcessStdoutLog", &["web".into(), Value::Int(0), Value::Int(0)]);
    wait_for("the first line", || (read(&pod) == Ok(Value::from("one\n"))).then_some(()));
    let mut stream = pod.client().0;
    stream.write_all(b"GET /logtail/web HTTP/1.0\r\n\r\n").unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap).skip_while(|line| !line.is_empty());
    assert_eq!((lines.next().as_deref(), lines.next().as_deref()), (Some(""), Some("one")));
    std::fs::write(pod.folder.path().join("go"), "").unwrap();
    assert_eq!(lines.next().as_deref(), Some("two"));
    let tail = call(own(&pod), "tailProcessStdoutLog", &["web".into(), Value::Int(0), Value::Int(4)]).unwrap();
    assert_eq!(tail, Value::Array(vec!["two\n".into(), Value::Int(8), Value::Bool(true)]));
    assert_eq!(call(own(&pod), "clearProcessLogs", &["web".into()]), Ok(Value::Bool(true)));
    assert_eq!(read(&pod), Ok(Value::from("")));
    // What podinit itself says is its own log.
    let own_log = call(own(&pod), "readLog", &[Value::Int(-2_000), Value::Int(0)]).unwrap();
    assert!(own_log.as_str().unwrap().contains("web is ready"), "{own_log:?}");
}
