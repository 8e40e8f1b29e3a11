//! A supervisord.conf run as it is.

use crate::support::{PODINIT, Pod, wait_for};
use podinit_plan::protocol::EventKind;
use podinit_plan::state::State;
use std::process::Command;

#[test]
fn programs_run_as_their_options_say() {
    let mut pod = Pod::supervisord(|folder| {
        format!(
            "[supervisord]\nnodaemon=true\nidentifier=box\nchildlogdir={0}\nenvironment=SHARED=\"yes\"\n\
             [program:web]\ncommand=sh -c \"echo '$SHARED $OWN '$SUPERVISOR_PROCESS_NAME $(umask) $(pwd); exec sleep 1000\"\n\
             environment=OWN=\"a b\"\numask=077\ndirectory={0}\nstartsecs=0\nstdout_logfile=/dev/stdout\nstdout_logfile_maxbytes=0\n\
             [program:worker]\ncommand=sh -c 'echo out; echo err >&2; exec sleep 1000'\nnumprocs=2\nstartsecs=0\n\
             process_name=%(program_name)s-%(process_num)d\nstderr_logfile={0}/%(process_num)d.err\n",
            folder.display()
        )
    });
    let folder = pod.folder.path().to_owned();
    for name in ["web", "worker:worker-0", "worker:worker-1"] {
        pod.wait_state(name, State::Ready);
    }
    for (file, said) in [("worker-0-stdout---box.log", "out\n"), ("worker-1-stdout---box.log", "out\n"), ("1.err", "err\n")] {
        wait_for(file, || (std::fs::read_to_string(folder.join(file)).ok()? == said).then_some(()));
    }
    wait_for("web's line", || pod.client().request("GET", "/v1/logs?service=web&lines=9").1.contains("0077").then_some(()));
    let ended = pod.stop();
    assert_eq!(ended.code, Some(0));
    // Raw, and in single quotes the shell fills nothing in: the dollar signs are the program's.
    let said: Vec<&str> = ended.output.lines().filter(|line| !line.starts_with("podinit | ")).collect();
    assert_eq!(said, [format!("$SHARED $OWN web 0077 {}", folder.display())]);
}

#[test]
fn a_program_that_dies_before_startsecs_is_given_up_and_one_that_had_been_up_never() {
    let mut pod = Pod::supervisord(|_| {
        "[supervisord]\n[program:crash]\ncommand=sh -c 'exit 0'\nstartsecs=5\nstartretries=1\n\
         [program:once]\ncommand=true\nstartsecs=0\nautorestart=unexpected\n\
         [program:again]\ncommand=true\nstartsecs=0\nautorestart=true\nstartretries=0\n"
            .to_owned()
    });
    let fatal = pod.wait_state("crash", State::Fatal);
    assert!(fatal.reason.as_deref().is_some_and(|reason| reason.contains("failed 2 times")), "{fatal:?}");
    let status = pod.status();
    let state = |name: &str| status.services.iter().find(|service| service.name == name).map(|service| service.state);
    assert_eq!(state("once"), Some(State::Done));
    assert_ne!(state("again"), Some(State::Fatal));
    // One that ends at once must not be all that the pod does.
    let mut starts = Vec::new();
    while starts.len() < 4 {
        starts.push(pod.wait("a start", |event| {
            event.event == EventKind::State && event.service.as_deref() == Some("again") && event.state == Some(State::Starting)
        }));
    }
    for pair in starts.windows(2) {
        assert!(pair[1].incarnation > pair[0].incarnation);
        let between = (of_the_day(&pair[1].time) - of_the_day(&pair[0].time)).rem_euclid(86_400_000);
        // 250 ms, less what the first was told of late.
        assert!(between >= 200, "{starts:?}");
    }
    // All programs may be gone: the daemon stays.
    assert_eq!(pod.stop().code, Some(0));
}

/// The milliseconds since midnight of `2026-01-01T12:34:56.789Z`.
fn of_the_day(time: &str) -> i64 {
    let parts = time[11..23].split([':', '.']).map(|part| part.parse::<i64>().unwrap_or_default());
    parts.zip([3_600_000, 60_000, 1_000, 1]).map(|(part, unit)| part * unit).sum()
}

#[test]
fn groups_stop_one_after_the_other_the_last_first() {
    let mut pod = Pod::supervisord(|folder| {
        let program = |name: &str, priority: i32| {
            let log = folder.join("log");
            format!(
                "[program:{name}]\npriority={priority}\nstartsecs=0\nstdout_logfile=/dev/stdout\ncommand=sh -c \"trap \
                 'echo {name} >> {}; exit' TERM; echo up; while :; do sleep 1000 & wait; done\"\n",
                log.display()
            )
        };
        format!("[supervisord]\n{}{}{}", program("b", 20), program("c", 10), program("a", 30))
    });
    for name in ["c", "b", "a"] {
        pod.wait_state(name, State::Ready);
    }
    let log = pod.folder.path().join("log");
    // All traps are set when all have said so.
    wait_for("the traps", || pod.processes().iter().filter(|line| line.ends_with(" sleep 1000")).count().ge(&3).then_some(()));
    pod.signal(nix::sys::signal::Signal::SIGTERM);
    pod.wait_state("c", State::Stopped);
    assert_eq!(std::fs::read_to_string(log).unwrap(), "a\nb\nc\n");
    assert_eq!(pod.end().code, Some(0));
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_lines_and_nothing_is_started() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.conf");
    std::fs::write(&file, "[supervisord]\n[program:a]\ncommand=touch started\nautorestart=maybe\nstartsecs=x\n").unwrap();
    let path = file.display();
    let wanted = [
        format!("podinit: {path}:4: [program:a] autorestart: `maybe`: expected true, false or unexpected"),
        format!("podinit: {path}:5: [program:a] startsecs: `x`: expected a whole number"),
    ];
    let supervisord = folder.path().join("supervisord");
    std::os::unix::fs::symlink(PODINIT, &supervisord).unwrap();
    for (program, code) in [(PODINIT.as_ref(), 100), (supervisord.as_path(), 2)] {
        let output = Command::new(program).arg("-c").arg(&file).current_dir(folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(code));
        assert_eq!(String::from_utf8(output.stderr).unwrap().lines().collect::<Vec<_>>(), wanted);
    }
    assert!(!folder.path().join("started").exists());
    let json = Command::new(PODINIT).args(["--check", "-c"]).arg(&file).args(["--format", "json"]).output().unwrap();
    let said: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&said["ok"], &said["errors"][0]["line"], &said["errors"][1]["line"]), (&false.into(), &4.into(), &5.into()));
}

#[test]
fn a_check_says_what_does_nothing_and_what_is_made_of_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.conf");
    std::fs::write(&file, "[supervisord]\n[program:a]\ncommand=sleep %(ENV_NAPS)s\nauto_start=no\n").unwrap();
    let check = |arguments: &[&str]| {
        let mut command = Command::new(PODINIT);
        command.args(["--check", "-c"]).arg(&file).args(arguments).env("NAPS", "7").output().unwrap()
    };
    let text = check(&[]);
    assert!(text.status.success(), "{text:?}");
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("x.conf:4: [program:a] auto_start: there is no such option"), "{text}");
    assert!(text.contains("1 service, nothing wrong"), "{text}");
    let said: serde_json::Value = serde_json::from_slice(&check(&["--format", "json"]).stdout).unwrap();
    let process = &said["groups"][0]["processes"][0];
    assert_eq!((&process["argv"][1], &process["startsecs"], &said["warnings"][0]["line"]), (&"7".into(), &1.into(), &4.into()));
}
