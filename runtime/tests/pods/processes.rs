//! What a PID 1 owes its children: a clean start, the right user, and a grave.

use crate::support::plans::{idle, no_retries, oneshot, pod, shell};
use crate::support::{Pod, Setting, is_root, wait_for};
use nix::sys::signal::Signal;
use podinit_plan::plan::Directory;
use podinit_plan::protocol::EventKind;
use podinit_plan::state::State;

#[test]
fn children_start_with_clean_signals_descriptors_and_a_session() {
    // SIGHUP is ignored by who starts podinit, as under nohup; descriptor 9 is open.
    let setting = Setting { before: "trap '' HUP; exec 9< /dev/zero".to_owned(), ..Setting::default() };
    let ended = Pod::start_in(setting, |_| {
        pod([
            (
                "web",
                oneshot(
                    "exec awk '/^Sig(Blk|Ign)|^ShdPnd/ { print $1 $2 } END { print \"end\" }' /proc/self/status && \
                 echo never",
                ),
            ),
            (
                "fds",
                oneshot(
                    "for fd in /proc/$$$$/fd/*; do readlink $fd; done; ps -o pid=,pgid=,sid= -p $$$$ | tr -s ' ' '\\n' | sort -u",
                ),
            ),
        ])
    })
    .end();
    let clean = ["ShdPnd:0000000000000000", "SigBlk:0000000000000000", "SigIgn:0000000000000000", "end"];
    let mut signals = ended.of("web");
    signals.sort_unstable();
    assert_eq!(signals, clean);
    let fds = ended.of("fds");
    assert_eq!(fds[0], "/dev/null");
    assert_eq!(fds.iter().filter(|line| line.starts_with("pipe:")).count(), 2, "stdout, stderr, and nothing else: {fds:?}");
    assert!(!fds.contains(&"/dev/zero"), "{fds:?}");
    let ids = fds.iter().filter(|line| line.parse::<i32>().is_ok()).count();
    assert_eq!(ids, 1, "leader of its group and session: {fds:?}");
}

#[test]
fn what_somebody_executes_in_the_container_is_left_alone() {
    // The service's leader leaves a process of its session and one that left it, and both are to be killed.
    let script = "setsid sleep 2000 & sleep 2000 & exec sleep 1000";
    let mut pod = Pod::start(|_| pod([("web", shell(script))]));
    let count = |pod: &Pod, what: &str| pod.processes().iter().filter(|line| line.ends_with(what)).count();
    let first = pod.wait_state("web", State::Ready).pid.unwrap();
    wait_for("its children", || (count(&pod, "sleep 2000") == 2).then_some(()));
    // As the engine's exec does it; the second one is an orphan at once, and podinit's.
    let mut shell = pod.enter(&["sleep", "3000"]).spawn().unwrap();
    assert!(pod.enter(&["sh", "-c", "setsid sleep 4000 & exit"]).status().unwrap().success());
    assert!(pod.enter(&["kill", "-9", &first.to_string()]).status().unwrap().success());
    pod.wait("the leftovers", |event| event.event == EventKind::Leftovers);
    pod.wait_state("web", State::Ready);
    wait_for("its successor's children", || (count(&pod, "sleep 2000") == 2).then_some(()));
    assert_eq!((count(&pod, "sleep 3000"), count(&pod, "sleep 4000")), (1, 1), "{:?}", pod.processes());
    assert_eq!(pod.ask("web", "stop").0, 200);
    let left = ["sleep 2000", "sleep 3000", "sleep 4000"].map(|what| count(&pod, what));
    assert_eq!(left, [0, 1, 1], "{:?}", pod.processes());
    assert_eq!(pod.stop().code, Some(0));
    // Killed by the kernel with the rest of the namespace, or by nobody when it was podinit's child.
    shell.wait().unwrap();
}

#[test]
fn what_a_done_service_leaves_lives_on_until_the_pod_stops() {
    let mut pod = Pod::start(|_| pod([("once", oneshot("setsid sleep 2000 &")), ("other", idle())]));
    let left = pod.wait("leftovers", |event| event.event == EventKind::Leftovers);
    assert_eq!(left.reason.as_deref(), Some("1 process that it left behind lives on"));
    wait_for("what is left", || pod.processes().iter().any(|line| line.ends_with("sleep 2000")).then_some(()));
    let begun = std::time::Instant::now();
    assert_eq!(pod.stop().code, Some(0));
    assert!(begun.elapsed() < crate::support::PATIENCE);
}

#[test]
fn a_stop_that_is_asked_for_during_boot_starts_nothing() {
    let setting = Setting { signal_in_boot: Some(Signal::SIGTERM), ..Setting::default() };
    let ended = Pod::start_in(setting, |_| pod([("web", shell("echo started; exec sleep 1000"))])).end();
    assert_eq!((ended.code, ended.of("web")), (Some(0), vec![]), "{}", ended.errors);
    assert!(ended.errors.contains("asked to stop"), "{}", ended.errors);
}

#[test]
fn services_run_as_their_users() {
    if !is_root() {
        eprintln!("ignored: other users can be had by root only");
        return;
    }
    let mut named = oneshot("id -u; id -g; echo $HOME $USER $LOGNAME; echo again > /dev/stdout; stat -c %u made");
    named.user = Some("nobody".to_owned());
    let mut numbers = oneshot("id -u; id -g; id -G; echo $HOME $USER");
    numbers.user = Some("4711:4712".to_owned());
    let mut bound = oneshot("grep CapAmb /proc/self/status; grep CapPrm /proc/self/status");
    bound.user = Some("4711".to_owned());
    bound.ports = vec![80];
    let mut unbound = bound.clone();
    unbound.ports = vec![8080];
    let ended = Pod::start(|folder| {
        let made = folder.join("new/made");
        named.working_dir = folder.join("new").display().to_string();
        let mut plan = pod([("bound", bound), ("named", named), ("numbers", numbers), ("unbound", unbound)]);
        plan.directories = vec![Directory { path: made.display().to_string(), user: Some("nobody".to_owned()) }];
        plan
    })
    .end();
    let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
    let (uid, gid) = (nobody.uid.to_string(), nobody.gid.to_string());
    let home = format!("{} nobody nobody", nobody.dir.display());
    assert_eq!(ended.of("named"), [&uid, &gid, &home, "again", &uid], "{}", ended.output);
    assert_eq!(ended.of("numbers"), ["4711", "4712", "4712", "/ 4711"]);
    assert_eq!(ended.of("bound"), ["CapAmb:\t0000000000000400", "CapPrm:\t0000000000000400"], "{}", ended.output);
    assert_eq!(ended.of("unbound"), ["CapAmb:\t0000000000000000", "CapPrm:\t0000000000000000"]);
    assert_eq!(ended.code, Some(0));
}

#[test]
fn root_without_capabilities_runs_what_is_root_s() {
    if !is_root() {
        eprintln!("ignored: to give capabilities up takes root");
        return;
    }
    // As in a container that drops all of them.
    let before = "exec setpriv --inh-caps=-all --bounding-set=-all \"$0\" --plan \"$1\"".to_owned();
    let mut service = no_retries(oneshot("id -u; grep CapEff /proc/self/status"));
    service.user = Some("root".to_owned());
    let ended = Pod::start_in(Setting { before, ..Setting::default() }, |_| pod([("web", service)])).end();
    assert_eq!(ended.of("web"), ["0", "CapEff:\t0000000000000000"], "{}", ended.output);
    assert_eq!(ended.code, Some(0));
}

#[test]
fn leftovers_of_other_users_are_found_without_the_right_to_trace() {
    if !is_root() {
        eprintln!("ignored: other users can be had by root only");
        return;
    }
    // A daemon that has left everything of its service's but the mark.
    let mut service = shell("setsid sh -c 'sleep 1000 & exec sleep 0' ; echo up; exec sleep 1001");
    service.user = Some("4711".to_owned());
    let setting = Setting { few_capabilities: true, ..Setting::default() };
    let mut pod = Pod::start_in(setting, |_| pod([("web", service)]));
    let first = pod.wait_state("web", State::Ready);
    wait_for("the daemon", || (pod.processes().len() == 2).then_some(()));
    wait_for("its adoption", || {
        pod.processes()
            .iter()
            .any(|line| line.contains("sleep 1000") && line.split_whitespace().nth(1) == Some("1"))
            .then_some(())
    });
    pod.enter(&["kill", "-9", &first.pid.unwrap().to_string()]).status().unwrap();
    let leftovers = pod.wait("leftovers", |event| event.event == EventKind::Leftovers);
    assert_eq!(leftovers.reason.as_deref(), Some("killed 1 process that was left of it"));
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn a_user_that_does_not_exist_ends_the_pod_with_100() {
    let mut service = idle();
    service.user = Some("no-such-user".to_owned());
    let ended = Pod::start(|_| pod([("web", service)])).end();
    assert_eq!(ended.code, Some(100));
    assert!(ended.errors.contains("web: there is no user no-such-user in /etc/passwd"), "{}", ended.errors);
}

#[test]
fn a_podinit_that_is_not_root_runs_everything_as_itself_and_says_so_once() {
    if !is_root() {
        eprintln!("ignored: to be somebody else takes root");
        return;
    }
    let setting = Setting { user: Some(4711), ..Setting::default() };
    let mut pod = Pod::start_in(setting, |_| {
        let as_user = |user: &str| {
            let mut service = shell("id -u; exec sleep 1000");
            service.user = Some(user.to_owned());
            service
        };
        pod([("other", as_user("nobody")), ("root", as_user("root")), ("self", as_user("4711"))])
    });
    for service in ["other", "root", "self"] {
        pod.wait_state(service, State::Ready);
        let log = format!("/v1/logs?service={service}&lines=1");
        wait_for("its uid", || pod.client().request("GET", &log).1.contains("4711").then_some(()));
    }
    let ended = pod.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    // Its stderr is a pipe of root's, which it may write to and not open anew.
    assert_eq!(ended.errors, "podinit: asked to stop (exit code 0)\n");
    let warnings: Vec<&str> = ended.of("podinit").into_iter().filter(|line| line.starts_with("warning")).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("other, root run as uid 4711"), "{warnings:?}");
}

#[test]
fn a_service_inherits_the_environment_with_the_plan_s_over_it() {
    let setting =
        Setting { environment: vec![("FROM", "container"), ("OVER", "container"), ("NAME", "x y")], ..Setting::default() };
    let ended = Pod::start_in(setting, |_| {
        let mut service = no_retries(oneshot("env"));
        service.environment.insert("OVER".to_owned(), Some("service ${NAME:-}".to_owned().into()));
        let mut plan = pod([("web", service)]);
        plan.environment.insert("OVER".to_owned(), Some("plan".to_owned().into()));
        plan.environment.insert("PLAN".to_owned(), Some("${NONE:-default} $$".to_owned().into()));
        plan
    })
    .end();
    let environment = ended.of("web");
    for want in ["FROM=container", "OVER=service x y", "PLAN=default $", "PODINIT_SERVICE=web:1"] {
        assert!(environment.contains(&want), "{want}: {environment:?}");
    }
    assert!(!environment.contains(&"OVER=container") && !environment.contains(&"OVER=plan"), "{environment:?}");
}
