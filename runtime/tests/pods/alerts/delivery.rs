//! How alerts are delivered by processes: those that fail, hang, die, and those that others must not be kept by.

use super::*;
use podinit_plan::alert::Delivery;

/// A script in the place of podinit-deliver, which gets the delivery in `$0.in`, and a setting that has it.
pub(super) fn stand_in(script: &str) -> (tempfile::TempDir, Setting) {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deliver");
    std::fs::write(&path, format!("#!/bin/sh\ncd \"${{0%/*}}\"\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path: &'static str = Box::leak(path.to_str().unwrap().to_owned().into_boxed_str());
    let environment = vec![(podinit_plan::plan::DELIVER_VARIABLE, path), ("WEBHOOK", "http://hook.example/T0PSECRET")];
    (folder, Setting { environment, ..Setting::default() })
}

/// What a stand-in was given, one a line.
pub(super) fn deliveries(folder: &tempfile::TempDir) -> Vec<Delivery> {
    let text = std::fs::read_to_string(folder.path().join("delivered")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Keeps what it is given.
pub(super) const KEEP: &str = "input=$(cat); printf '%s\\n' \"$input\" >> delivered";

#[test]
fn an_address_is_filled_in_and_nothing_of_it_is_in_arguments_or_the_log() {
    let (folder, setting) = stand_in(&format!("tr '\\0' ' ' < /proc/$$/cmdline > line\n{KEEP}"));
    let pod = Pod::start_in(setting, |_| {
        let secrets = vec!["WEBHOOK".to_owned()];
        with(Alerts { secrets, ..alerts([("hook", http("${WEBHOOK}"))]) }, pod([("web", crashes_once("true"))]))
    });
    let told = wait_for("the delivery", || Some(deliveries(&folder)).filter(|told| !told.is_empty()));
    let Target::Http(target) = &told[0].to else { panic!("{told:?}") };
    assert_eq!(target.url, Value::Text("http://hook.example/T0PSECRET".to_owned()));
    assert_eq!((told[0].alert.kind, told[0].timeout_ms), (AlertKind::Exit, 10_000));
    let line = std::fs::read_to_string(folder.path().join("line")).unwrap();
    assert!(line.contains("deliver") && !line.contains("T0PSECRET"), "{line}");
    let ended = pod.stop();
    assert!(!ended.output.contains("T0PSECRET") && !ended.errors.contains("T0PSECRET"), "{ended:?}");
}

#[test]
fn a_sink_whose_address_is_empty_is_left_out() {
    let (folder, setting) = stand_in(KEEP);
    let pod = Pod::start_in(setting, |_| {
        let sinks = [("off", http("${NOBODY:-}")), ("am", http("${NOBODY:-}/api/v2/alerts")), ("hook", http("${WEBHOOK}"))];
        with(alerts(sinks), pod([("web", crashes_once("true"))]))
    });
    wait_for("the delivery", || (deliveries(&folder).len() == 1).then_some(()));
    assert_eq!(Vec::from_iter(pod.status().alerts.into_keys()), ["hook"]);
    let ended = pod.stop();
    for name in ["off", "am"] {
        let said = format!("alerts to {name} are off: its address, or a key, is empty");
        assert_eq!(ended.of("podinit").iter().filter(|line| line.contains(&said)).count(), 1, "{}", ended.output);
        assert!(!ended.output.contains(&format!("alerts to {name} fail")), "{}", ended.output);
    }
}

#[test]
fn alerts_that_are_off_are_in_the_file_alone() {
    let (folder, mut setting) = stand_in(KEEP);
    setting.environment.push((podinit_plan::plan::ALERTS_VARIABLE, "off"));
    let pod = Pod::start_in(setting, |own| {
        let paged = command(&format!("cat > {}", own.join("paged").display()));
        with(alerts([("file", file(own)), ("hook", http("${WEBHOOK}")), ("page", paged)]), pod([("web", crashes_once("true"))]))
    });
    assert_eq!(Vec::from_iter(pod.status().alerts.into_keys()), ["file"]);
    assert_eq!(wait_alerts(&pod, 1)[0].kind, AlertKind::Exit);
    let paged = pod.folder.path().join("paged").exists();
    let ended = pod.stop();
    assert!(!paged && deliveries(&folder).is_empty(), "{}", ended.output);
    assert!(ended.output.contains("alerts to hook are off: PODINIT_ALERTS is off"), "{}", ended.output);
}

#[test]
fn one_that_fails_is_tried_again_until_it_is_delivered_once_and_in_order() {
    // The first two attempts fail; what is said of it has a secret.
    let script = format!(
        "echo x >> tries; test $(wc -l < tries) -le 2 && {{ echo 503 from http://hook.example/T0PSECRET >&2; exit 75; }}\n{KEEP}"
    );
    let (folder, setting) = stand_in(&script);
    let pod = Pod::start_in(setting, |_| {
        let secrets = vec!["WEBHOOK".to_owned()];
        let job = podinit_plan::plan::Service { essential: false, ..no_retries(oneshot("exit 1")) };
        let services = pod([("job", job), ("web", crashes_once("true"))]);
        with(Alerts { secrets, ..alerts([("hook", http("${WEBHOOK}"))]) }, services)
    });
    let told = wait_for("the deliveries", || Some(deliveries(&folder)).filter(|told| told.len() >= 2));
    let status = wait_for("both counted", || Some(pod.status().alerts["hook"].clone()).filter(|sink| sink.sent == 2));
    assert_eq!((status.failed, status.pending, status.problem), (0, 0, None));
    let ids: Vec<&str> = told.iter().map(|delivery| delivery.alert.id.as_str()).collect();
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1]);
    assert!(told[0].alert.time <= told[1].alert.time);
    let ended = pod.stop();
    let said: Vec<&str> = ended.of("podinit").into_iter().filter(|line| line.contains("alerts to hook")).collect();
    let fails = "alerts to hook fail: 503 from ***; will be tried again";
    assert_eq!(said, [fails, "alerts to hook are delivered again"], "{}", ended.output);
}

#[test]
fn one_that_is_refused_is_given_up_and_the_next_is_delivered() {
    let script = format!("test -e refused || {{ touch refused; echo 404 >&2; exit 65; }}\n{KEEP}");
    let (folder, setting) = stand_in(&script);
    let pod = Pod::start_in(setting, |_| {
        let job = podinit_plan::plan::Service { essential: false, ..no_retries(oneshot("exit 1")) };
        with(alerts([("hook", http("http://x"))]), pod([("job", job), ("web", crashes_once("true"))]))
    });
    wait_for("the second one", || (deliveries(&folder).len() == 1).then_some(()));
    let status = wait_for("it to be counted", || Some(pod.status().alerts["hook"].clone()).filter(|sink| sink.sent == 1));
    assert_eq!((status.failed, status.pending), (1, 0));
    pod.stop();
}

#[test]
fn one_that_hangs_is_killed_with_what_it_started_and_keeps_nobody_else() {
    let (folder, setting) = stand_in("cat > /dev/null; setsid sleep 999 & sleep 998");
    let pod = Pod::start_in(setting, |folder| {
        let hangs = Sink { timeout_ms: 100, ..http("http://x") };
        let slow = Sink { timeout_ms: 100, ..command("sleep 997") };
        let sinks = alerts([("file", file(folder)), ("hangs", hangs), ("slow", slow)]);
        with(sinks, pod([("web", crashes_once("true"))]))
    });
    assert_eq!(wait_alerts(&pod, 1)[0].kind, AlertKind::Exit);
    let problem = |name: &str| pod.status().alerts[name].problem.clone();
    assert_eq!(wait_for("its time to be over", || problem("slow")), "not done within 100ms");
    assert_eq!(wait_for("its time to be over", || problem("hangs")), "not done within 1.1s");
    wait_for("the process to be gone", || {
        (!pod.processes().iter().any(|line| line.contains("sleep 998") || line.contains("sleep 997"))).then_some(())
    });
    assert_eq!(pod.stop().code, Some(0));
    drop(folder);
}

#[test]
fn one_that_dies_or_is_not_there_is_tried_again() {
    let script = format!("test -e died || {{ touch died; kill -9 $$; }}\n{KEEP}");
    let (folder, setting) = stand_in(&script);
    let pod = Pod::start_in(setting, |_| {
        let none = Sink { to: Target::Command { command: Command::Words(vec!["/none".to_owned()]), user: None }, ..command("") };
        with(alerts([("hook", http("http://x")), ("none", none)]), pod([("web", crashes_once("true"))]))
    });
    wait_for("the second attempt", || (deliveries(&folder).len() == 1).then_some(()));
    let problem = wait_for("a problem", || pod.status().alerts["none"].problem.clone());
    assert_eq!(problem, "cannot execute /none: it, or its interpreter, is not there");
    assert_eq!(pod.status().alerts["none"].pending, 1);
    pod.stop();
}

#[test]
fn sinks_are_tried_by_request() {
    let (folder, setting) = stand_in("cat > /dev/null; echo no such host >&2; exit 75");
    let pod = Pod::start_in(setting, |folder| {
        let place = folder.display();
        let sinks = [("file", file(folder)), ("hook", http("http://x")), ("page", command(&format!("cat > {place}/page")))];
        with(alerts(sinks), pod([("web", idle())]))
    });
    let (code, body) = pod.client().request("POST", "/v1/alerts/test");
    assert_eq!(code, 200, "{body}");
    let answers: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert!(answers["file"]["ok"] == true && answers["page"]["took_ms"].is_u64(), "{body}");
    assert_eq!(answers["hook"], serde_json::json!({"error": "no such host"}));
    let page: Alert = serde_json::from_slice(&std::fs::read(pod.folder.path().join("page")).unwrap()).unwrap();
    assert_eq!((page.kind, page.key.as_str()), (AlertKind::Test, "pod/test"));
    assert_eq!(wait_alerts(&pod, 1)[0].kind, AlertKind::Test);
    let (code, body) = pod.client().request("POST", "/v1/alerts/test?sink=page");
    assert!(code == 200 && body.contains("page") && !body.contains("file"), "{body}");
    let (code, body) = pod.client().request("POST", "/v1/alerts/test?sink=nobody");
    assert!(code == 409 && body.contains("no such sink"), "{code} {body}");
    assert_eq!(pod.client().request("GET", "/v1/alerts/test").0, 405);
    // A trial that fails is nothing that waits, or that anybody is warned of.
    assert_eq!(pod.status().alerts["hook"].pending, 0);
    assert!(!pod.stop().output.contains("alerts to hook"));
    drop(folder);
}
