//! Signals to podinit that services want to know of.

use crate::support::plans::{oneshot, pod, shell};
use crate::support::{Pod, Setting, wait_for};
use nix::sys::signal::Signal;
use podinit_plan::plan::{LogFile, Logging, Output, Service};
use podinit_plan::state::State;
use std::collections::BTreeMap;

fn passing(signals: &[(&str, &str)], service: Service) -> Service {
    let signals = signals.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect::<BTreeMap<_, _>>();
    Service { signals, ..service }
}

/// Says every signal that it gets by a file of that name.
fn listener(folder: &std::path::Path, name: &str) -> Service {
    let traps = ["HUP", "USR1", "USR2", "WINCH", "ALRM"]
        .map(|signal| format!("trap 'touch {}/{name}-{signal}' {signal}; ", folder.display()));
    shell(&format!("{}touch {}/{name}; while :; do sleep 0.01; done", traps.concat(), folder.display()))
}

#[test]
fn signals_are_passed_on_as_the_plan_says() {
    let mut pod = Pod::start(|folder| {
        let web = passing(&[("SIGHUP", "SIGUSR2"), ("SIGWINCH", "WINCH"), ("40", "SIGALRM")], listener(folder, "web"));
        pod([("other", listener(folder, "other")), ("web", web)])
    });
    pod.wait_state("web", State::Ready);
    let folder = pod.folder.path().to_owned();
    let appears = |name: &str| wait_for(name, || folder.join(name).exists().then_some(()));
    appears("web");
    appears("other");
    for (signal, file) in [(Signal::SIGHUP, "web-USR2"), (Signal::SIGWINCH, "web-WINCH")] {
        pod.signal(signal);
        appears(file);
    }
    // One without a name.
    // SAFETY: touches no memory.
    assert_eq!(unsafe { libc::kill(pod.pid(), 40) }, 0);
    appears("web-ALRM");
    // Not one that only the other maps, nor any to those that map none.
    for file in ["web-HUP", "other-HUP", "other-USR2", "other-WINCH", "other-ALRM"] {
        assert!(!folder.join(file).exists(), "{file}");
    }
    let ended = pod.stop();
    assert_eq!(ended.code, Some(0));
    assert!(!ended.output.contains("cannot read the plan again"), "{}", ended.output);
}

#[test]
fn usr1_opens_log_files_anew_all_the_same() {
    let mut pod = Pod::start(|folder| {
        let file = LogFile { path: folder.join("log").display().to_string(), max_size_bytes: 0, max_files: 1, strip_ansi: false };
        let script = format!("trap 'echo again' USR1; touch {}/web; while :; do sleep 0.01; done", folder.display());
        let mut web = passing(&[("SIGUSR1", "SIGUSR1")], shell(&script));
        web.logging = Logging { stdout: Output { file: Some(file), ..Output::default() }, stderr: None };
        pod([("web", web)])
    });
    pod.wait_state("web", State::Ready);
    let (log, moved) = (pod.folder.path().join("log"), pod.folder.path().join("moved"));
    wait_for("web", || pod.folder.path().join("web").exists().then_some(()));
    wait_for("the log", || log.exists().then_some(()));
    std::fs::rename(&log, moved).unwrap();
    pod.signal(Signal::SIGUSR1);
    wait_for("the new log", || std::fs::read_to_string(&log).is_ok_and(|text| text == "again\n").then_some(()));
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn a_signal_that_podinit_needs_for_itself_cannot_be_passed_on() {
    let ended = Pod::start(|folder| pod([("web", passing(&[("SIGTERM", "SIGHUP")], listener(folder, "web")))])).end();
    assert_eq!(ended.code, Some(100));
    assert!(ended.errors.contains("web: SIGTERM cannot be passed on: it stops the pod"), "{}", ended.errors);
}

#[test]
fn podinit_sees_processes_end_though_its_starter_ignores_that() {
    let before = "exec env --ignore-signal=CHLD \"$0\" --plan \"$1\"".to_owned();
    let ended = Pod::start_in(Setting { before, ..Setting::default() }, |_| pod([("web", oneshot("exit 0"))])).end();
    assert_eq!(ended.code, Some(0));
}
