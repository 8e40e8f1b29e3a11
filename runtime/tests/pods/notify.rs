//! Services that say themselves when they are ready.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a test's own means is a failure of the test")]

use crate::support::plans::{after, idle, no_retries, oneshot, pod, shell};
use crate::support::{Pod, Setting, is_root, wait_for};
use podinit_plan::plan::{Command, Directory, OnFailure, Ready, Service};
use podinit_plan::state::State;
use std::path::Path;
use std::time::{Duration, Instant};

/// A program that speaks systemd's language; `@` in the socket's name stands for a NUL.
const SPEAKER: &str = "
import os, socket, sys, time
def wait(path):
    while not os.path.exists(path): time.sleep(0.01)
def say(text, to=os.environ.get('NOTIFY_SOCKET')):
    speaker = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    speaker.connect('\\0' + to[1:])
    speaker.send(text.encode())
";

fn python(script: &str) -> Service {
    Service { command: Command::Words(vec!["python3".to_owned(), "-uc".to_owned(), format!("{SPEAKER}{script}")]), ..idle() }
}

fn ready(ready: Ready, service: Service) -> Service {
    Service { ready, ..service }
}

fn state(pod: &Pod, name: &str) -> State {
    pod.status().services.iter().find(|service| service.name == name).unwrap().state
}

fn go(pod: &Pod) {
    std::fs::write(pod.folder.path().join("go"), "").unwrap();
}

/// Waits in the shell until the test says go.
fn until_go(folder: &Path) -> String {
    format!("while ! test -e {}/go; do sleep 0.01; done", folder.display())
}

#[test]
fn a_newline_on_its_descriptor_makes_a_service_ready() {
    let mut pod = Pod::start(|folder| {
        let script = format!("ls -l /proc/self/fd; printf no >&7; {}; echo >&7; exec sleep 1000", until_go(folder));
        let web = ready(Ready::NotifyFd(7), shell(&script));
        pod([("app", after(&["web"], idle())), ("web", web)])
    });
    pod.wait_state("web", State::Starting);
    assert_eq!((state(&pod, "web"), state(&pod, "app")), (State::Starting, State::Waiting));
    go(&pod);
    pod.wait_state("web", State::Ready);
    pod.wait_state("app", State::Ready);
    let ended = pod.stop();
    // 0 to 2, its own, and what ls itself opened.
    let descriptors = ended.of("web").iter().filter(|line| line.contains(" -> ")).count();
    assert_eq!((ended.code, descriptors), (Some(0), 5), "{}", ended.output);
}

#[test]
fn a_descriptor_that_closes_without_a_newline_says_nothing() {
    let mut quiet = ready(Ready::NotifyFd(3), shell("exec 3>&-; exec sleep 1000"));
    quiet.start_timeout_ms = 300;
    let ended = Pod::start(|_| pod([("quiet", no_retries(quiet))])).end();
    assert_eq!(ended.code, Some(112), "{}", ended.errors);
}

#[test]
fn a_datagram_makes_a_service_ready() {
    let mut pod = Pod::start(|folder| {
        let wait = format!("wait('{}/go')", folder.display());
        let script = format!(
            "print(os.environ['WATCHDOG_USEC'], os.environ.get('WATCHDOG_PID'))\nsay('STATUS=soon')\n{wait}\n\
             say('READY=1\\nSTATUS=up')\ntime.sleep(1000)"
        );
        let mut web = ready(Ready::NotifySocket { watchdog_ms: 3_600_000 }, python(&script));
        web.environment.insert("WATCHDOG_PID".to_owned(), Some("1".to_owned().into()));
        let other = python("print(os.environ.get('NOTIFY_SOCKET'))\ntime.sleep(1000)");
        pod([("other", other), ("web", web)])
    });
    pod.wait_state("web", State::Starting);
    assert_eq!(state(&pod, "web"), State::Starting);
    go(&pod);
    pod.wait_state("web", State::Ready);
    let ended = pod.stop();
    assert_eq!((ended.code, ended.of("web")), (Some(0), vec!["3600000000 None"]), "{}", ended.errors);
    assert!(matches!(ended.of("other").as_slice(), [] | ["None"]), "{}", ended.output);
}

#[test]
fn only_the_service_itself_and_root_are_heard() {
    if !is_root() {
        eprintln!("ignored: other users can be had by root only");
        return;
    }
    let mut pod = Pod::start(|folder| {
        let folder = folder.display();
        let own = format!(
            "open('{folder}/name.new', 'w').write(os.environ['NOTIFY_SOCKET'])\n\
             os.rename('{folder}/name.new', '{folder}/name')\nwait('{folder}/go')\nsay('READY=1')\ntime.sleep(1000)"
        );
        let foreign = format!("wait('{folder}/name')\nsay('READY=1', open('{folder}/name').read())\nprint('said')");
        let mut web = ready(Ready::NotifySocket { watchdog_ms: 0 }, python(&own));
        web.user = Some("4711".to_owned());
        let mut intruder = Service { command: python(&foreign).command, ..oneshot("") };
        intruder.user = Some("4712".to_owned());
        pod([("intruder", intruder), ("web", web)])
    });
    pod.wait_state("intruder", State::Done);
    assert_eq!(state(&pod, "web"), State::Starting);
    go(&pod);
    pod.wait_state("web", State::Ready);
    let ended = pod.stop();
    assert_eq!((ended.code, ended.of("intruder")), (Some(0), vec!["said"]), "{}", ended.errors);
}

#[test]
fn floods_hold_nobody_up() {
    let mut pod = Pod::start(|_| {
        let datagrams = "say('READY=1')\nwhile True: say('WATCHDOG=1\\nSTATUS=' + 'x' * 3000)";
        pod([
            ("datagrams", ready(Ready::NotifySocket { watchdog_ms: 0 }, python(datagrams))),
            ("lines", ready(Ready::NotifyFd(3), shell("exec yes >&3"))),
            ("web", after(&["datagrams", "lines"], idle())),
        ])
    });
    pod.wait_state("web", State::Ready);
    for _ in 0..10 {
        let asked = Instant::now();
        assert!(pod.status().ready);
        assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    }
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn a_service_that_does_not_say_that_it_is_alive_is_started_again() {
    let mut pod = Pod::start(|_| {
        let script = "say('READY=1')\ntime.sleep(1000)";
        pod([("web", ready(Ready::NotifySocket { watchdog_ms: 200 }, python(script)))])
    });
    pod.wait_state("web", State::Ready);
    let again = pod.wait("another incarnation of web that is ready", |event| {
        event.service.as_deref() == Some("web") && event.state == Some(State::Ready) && event.incarnation == Some(2)
    });
    assert_eq!(again.incarnation, Some(2));
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn a_line_of_its_log_makes_a_service_ready() {
    let mut pod = Pod::start(|folder| {
        let script = format!("echo it will be ready; {}; echo 'now: listening on 80' >&2; exec sleep 1000", until_go(folder));
        pod([("web", ready(Ready::Log("listening on".to_owned()), shell(&script)))])
    });
    pod.wait_state("web", State::Starting);
    assert_eq!(state(&pod, "web"), State::Starting);
    go(&pod);
    pod.wait_state("web", State::Ready);
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn a_file_makes_a_service_ready_and_what_an_earlier_start_left_does_not() {
    let user = is_root().then(|| "4711".to_owned());
    // As in a container, podinit may not look into folders that it does not own.
    let setting = Setting { few_capabilities: is_root(), ..Setting::default() };
    let mut pod = Pod::start_in(setting, |folder| {
        let own = folder.join("own");
        let file = own.join("ready");
        let go_on = format!("{}; rm ../go", until_go(folder));
        // A second start must not find what the first was told to go on by, hence it is removed by the first.
        let script = format!("chmod 700 .; ls; touch started; {}; touch ready; rm ../go; {go_on}; exit 1", until_go(folder));
        let mut web = ready(Ready::File(file.display().to_string()), shell(&script));
        web.working_dir = own.display().to_string();
        web.user.clone_from(&user);
        let mut plan = pod([("web", web)]);
        plan.directories = vec![Directory { path: own.display().to_string(), user }];
        plan
    });
    for incarnation in [1, 2] {
        pod.wait("a start of web", |event| event.state == Some(State::Starting) && event.incarnation == Some(incarnation));
        // The second finds no file `ready`, which the first has made.
        wait_for("web", || state_file(&pod, "started").then_some(()));
        assert_eq!(state(&pod, "web"), State::Starting);
        std::fs::remove_file(pod.folder.path().join("own/started")).unwrap();
        go(&pod);
        pod.wait("web is ready", |event| event.state == Some(State::Ready) && event.incarnation == Some(incarnation));
        wait_for("web to see that it may go", || (!pod.folder.path().join("go").exists()).then_some(()));
        if incarnation == 1 {
            go(&pod);
        }
    }
    let ended = pod.stop();
    assert_eq!((ended.code, ended.of("web")), (Some(0), vec![]), "{}", ended.errors);
}

fn state_file(pod: &Pod, name: &str) -> bool {
    pod.folder.path().join("own").join(name).exists()
}

#[test]
fn what_an_earlier_start_left_and_cannot_be_removed_is_named() {
    let ended = Pod::start(|folder| {
        let file = folder.join("ready");
        std::fs::create_dir(&file).unwrap();
        pod([("web", no_retries(ready(Ready::File(file.display().to_string()), idle())))])
    })
    .end();
    assert_eq!(ended.code, Some(111), "{}", ended.errors);
    assert!(ended.errors.contains("cannot remove ") && ended.errors.contains("an earlier start"), "{}", ended.errors);
}

#[test]
fn a_check_beside_it_begins_when_the_service_is_ready() {
    let mut pod = Pod::start(|folder| {
        let script = format!("{}; echo up; exec sleep 1000", until_go(folder));
        let check = crate::support::plans::checked("echo checked; exit 1", idle()).healthcheck.unwrap();
        let mut web = ready(Ready::Log("up".to_owned()), shell(&script));
        web.healthcheck = Some(podinit_plan::plan::HealthCheck { on_failure: vec![OnFailure::Unready], ..check });
        pod([("web", web)])
    });
    pod.wait_state("web", State::Starting);
    go(&pod);
    pod.wait_state("web", State::Ready);
    pod.wait_state("web", State::Unready);
    assert_eq!(pod.stop().code, Some(0));
}
