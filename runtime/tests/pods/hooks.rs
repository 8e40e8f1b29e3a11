//! Commands before and after the command of a service.

use crate::support::plans::{no_retries, oneshot, pod, shell};
use crate::support::{Pod, is_root};
use podinit_plan::plan::{Command, Ready, Service};
use podinit_plan::state::State;

fn script(text: &str) -> Option<Command> {
    Some(Command::Words(["/bin/sh", "-c", text].map(str::to_owned).to_vec()))
}

/// Says who and where it is.
const WHO: &str = "echo $0 $PODINIT_SERVICE $GREETING $(id -u) $PWD";

#[test]
fn what_comes_before_and_after_is_in_the_place_of_the_command() {
    let uid = if is_root() { "4711" } else { "0" };
    let hooked = |role: &str| script(&format!("{}; echo {role} >&2", WHO.replace("$0", role)));
    let mut web = shell(&format!("{}; exec sleep 1000", WHO.replace("$0", "command")));
    web = Service { pre_start: hooked("before"), post_stop: hooked("after"), working_dir: "/tmp".to_owned(), ..web };
    web.ready = Ready::Log("command".to_owned());
    web.user = is_root().then(|| uid.to_owned());
    web.environment.insert("GREETING".to_owned(), Some("hello".to_owned().into()));
    let mut pod = Pod::start(|_| pod([("web", web)]));
    let ready = pod.wait_state("web", State::Ready);
    assert_eq!(ready.incarnation, Some(1));
    let ended = pod.stop();
    let said = |role: &str| format!("{role} web:1 hello {uid} /tmp");
    let want = [said("before"), "before".to_owned(), said("command"), said("after"), "after".to_owned()];
    assert_eq!((ended.code, ended.of("web")), (Some(0), want.iter().map(String::as_str).collect()), "{}", ended.errors);
}

#[test]
fn a_start_whose_beginning_fails_has_failed_and_runs_nothing_else() {
    let web = Service { pre_start: script("exit 3"), post_stop: script("echo after"), ..no_retries(shell("echo command")) };
    let ended = Pod::start(|_| pod([("web", web)])).end();
    assert_eq!((ended.code, ended.of("web")), (Some(3), vec![]), "{}", ended.errors);
    assert!(ended.errors.contains("pre_start ended with exit code 3"), "{}", ended.errors);
}

#[test]
fn a_beginning_that_cannot_be_executed_is_named() {
    let missing = Some(Command::Words(vec!["no-such-program".to_owned()]));
    let web = Service { pre_start: missing, ..no_retries(shell("echo command")) };
    let ended = Pod::start(|_| pod([("web", web)])).end();
    assert_eq!((ended.code, ended.of("web")), (Some(127), vec![]), "{}", ended.errors);
    assert!(ended.errors.contains("pre_start: cannot execute no-such-program: it is not in PATH"), "{}", ended.errors);
}

#[test]
fn what_comes_after_finds_nothing_of_the_command_left_and_comes_before_the_next_start() {
    let ended = Pod::start(|folder| {
        let pid = folder.join("pid");
        // A process that the command left behind is gone when the next one looks.
        let command = format!(
            "echo run; if test $PODINIT_SERVICE = job:2; then exit 0; fi; sleep 1000 & echo $! > {}; exit 1",
            pid.display()
        );
        let after = format!("test -d /proc/$(cat {}) || echo nothing left", pid.display());
        pod([("job", Service { post_stop: script(&after), ..oneshot(&command) })])
    })
    .end();
    let want = ["run", "nothing left", "run", "nothing left"];
    assert_eq!((ended.code, ended.of("job")), (Some(0), want.to_vec()), "{}", ended.errors);
}
