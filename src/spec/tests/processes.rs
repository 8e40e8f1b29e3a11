//! What a service says of its processes: when they start, how many there are, when they are ready, what they are given.

use super::{load_texts, mistakes, pod};
use crate::spec::model::{Command, Service};
use podinit_plan::plan::{Attributes, Format, FromFile, Kind, Ready, RestartPolicy, Schedule, Ulimit, Value};

/// The only service of a pod whose service has these lines.
#[track_caller]
fn one(lines: &str) -> Service {
    pod(&text(lines)).services.swap_remove("a").expect("the service")
}

/// They begin in line 4.
fn text(lines: &str) -> String {
    let lines: String = lines.lines().map(|line| format!("    {line}\n")).collect();
    format!("services:\n  a:\n    command: x\n{lines}")
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn readiness_has_its_forms() {
    let ready = |lines: &str| one(lines).ready;
    assert_eq!(ready("port: 1"), None);
    assert_eq!(ready("ready: { log: listening on }"), Some(Ready::Log("listening on".to_owned())));
    assert_eq!(ready("ready: { file: '${RUN:-/run}/up' }"), Some(Ready::File("${RUN:-/run}/up".to_owned())));
    assert_eq!(ready("ready: { notify: 3 }"), Some(Ready::NotifyFd(3)));
    assert_eq!(ready("ready: { notify: systemd }"), Some(Ready::NotifySocket { watchdog_ms: 0 }));
    assert_eq!(ready("ready: { notify: systemd, watchdog: 30s }"), Some(Ready::NotifySocket { watchdog_ms: 30_000 }));
    assert!(one("port: 1\nready: { log: up }").healthcheck.is_some(), "readiness does not replace the check");
}

#[test]
fn what_the_clock_starts_runs_to_completion_and_may_fail() {
    let nightly = one("schedule: '30  2 * * *'");
    assert_eq!(nightly.schedule, Some(Schedule::Cron("30 2 * * *".to_owned())));
    assert_eq!((nightly.kind, nightly.essential, nightly.restart.policy), (Kind::Oneshot, false, RestartPolicy::Never));
    assert_eq!(nightly.restart.retries, 0);
    let often = one("schedule: every 1m30s\nessential: true\nrestart: on-failure");
    assert_eq!(often.schedule, Some(Schedule::EveryMs(90_000)));
    assert_eq!((often.essential, often.restart.policy, often.restart.retries), (true, RestartPolicy::OnFailure, 5));
    assert_eq!(one("schedule: every 60s\nrestart: always").restart.policy, RestartPolicy::OnFailure);
}

#[test]
fn replicas_have_names_and_ports_and_files_of_their_own() {
    for port in ["3000", "3000-3002"] {
        let service = one(&format!("replicas: 3\nport: {port}\nlogging: {{ file: /var/log/ }}"));
        let replicas: Vec<_> = service.instances("web").map(|one| (one.name, one.index, one.ports)).collect();
        let replica = |index: u16| (format!("web-{index}"), Some(index), vec![3000 + index]);
        assert_eq!(replicas, [replica(0), replica(1), replica(2)], "{port}");
        assert_eq!(service.logging.files("web-2").map(|files| files.stdout).as_deref(), Some("/var/log/web-2.log"));
    }
    let two = one("replicas: 2\nport: [3000, 9000-9001]");
    assert_eq!(two.instances("web").map(|one| one.ports).collect::<Vec<_>>(), [[3000, 9000], [3001, 9001]]);
    let names = |lines: &str| one(lines).instances("web").map(|one| one.name).collect::<Vec<_>>();
    assert_eq!(names("port: 1"), ["web"]);
    assert_eq!(names("replicas: 1"), ["web-0"]);
    // The number is known when the image is built.
    assert_eq!(names("replicas: ${COPIES:-2}"), ["web-0", "web-1"]);
}

#[test]
fn hooks_are_commands() {
    let service = one("pre_start: ./migrate --all\npost_stop: { shell: rm -f x }");
    assert_eq!(service.pre_start, Some(Command::Line("./migrate --all".to_owned())));
    assert_eq!(service.post_stop, Some(Command::Shell("rm -f x".to_owned())));
}

#[test]
fn addresses_are_waited_for_beside_services() {
    let text = "services:\n  db: { command: x }\n  a:\n    command: x\n    depends_on: [db, 'tcp://${PG:-pg}:5432', 'tcp://[::1]:80/', db]\n  \
                b:\n    command: x\n    depends_on: { db: { condition: service_healthy }, tcp://pg:5432: }\n";
    let pod = pod(text);
    assert_eq!(pod.services["a"].depends_on, ["db"]);
    assert_eq!(pod.services["a"].depends_on_addresses, ["${PG:-pg}:5432", "[::1]:80"]);
    assert_eq!(
        (&pod.services["b"].depends_on, &pod.services["b"].depends_on_addresses),
        (&strings(&["db"]), &strings(&["pg:5432"]))
    );
}

#[test]
fn variables_come_from_files_too() {
    let service = one("env_file: /run/app.env\nenvironment: { A: { file: /run/secrets/a }, B: b }");
    assert_eq!(service.env_files, ["/run/app.env"]);
    assert_eq!(service.environment["A"], Some(Value::File(FromFile { file: "/run/secrets/a".to_owned() })));
    assert_eq!(service.environment["B"], Some(Value::Text("b".to_owned())));
    assert_eq!(one("env_file: [/a, { path: '${B}/b' }]").env_files, ["/a", "${B}/b"]);
    // A second file adds to the list, as in compose.
    let loaded = load_texts(&[&text("env_file: /a"), "services: { a: { env_file: [/b] } }"]).expect("no mistakes");
    assert_eq!(loaded.pod.services["a"].env_files, ["/a", "/b"]);
}

#[test]
fn processes_are_given_limits_and_rights() {
    let service = one("group_add: [audio, 44]\numask: \"0027\"\nnice: 5\noom_score_adj: 500\nno_new_privileges: true\n\
                       cap_add: [CAP_NET_RAW]\ncap_drop: [all]\nulimits: { nofile: 1024, core: { soft: 0, hard: -1 } }");
    assert_eq!(service.groups, ["audio", "44"]);
    let want = Attributes {
        umask: Some(0o27),
        nice: Some(5),
        oom_score_adj: Some(500),
        ulimits: [
            ("nofile".to_owned(), Ulimit { soft: Some(1024), hard: Some(1024) }),
            ("core".to_owned(), Ulimit { soft: Some(0), hard: None }),
        ]
        .into(),
        no_new_privileges: true,
        cap_add: strings(&["NET_RAW"]),
        cap_drop: strings(&["ALL"]),
    };
    assert_eq!(service.attributes, want);
}

#[test]
fn signals_have_their_full_names() {
    let signals = one("signals: { usr2: HUP, SIGWINCH: quit }").signals;
    let pairs: Vec<_> = signals.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
    assert_eq!(pairs, [("SIGUSR2", "SIGHUP"), ("SIGWINCH", "SIGQUIT")]);
}

#[test]
fn streams_may_be_apart_and_lines_have_formats() {
    let logging = one("logging: { stderr: separate, format: json }").logging;
    assert_eq!((logging.separate_stderr, logging.format, logging.file), (true, Format::Json, None));
    let text =
        "defaults: { logging: { file: /l/, stderr: separate } }\nservices: { a: { command: x, logging: { stderr: together } } }";
    let logging = &pod(text).services["a"].logging;
    assert_eq!((logging.separate_stderr, logging.file.as_deref()), (false, Some("/l/")));
}

#[test]
fn the_container_is_asked_for_what_compose_asks() {
    let container = pod("services: { a: { command: x } }\ncap_add: [sys_nice]\ncap_drop: [ALL]\nread_only: true\n\
                         ulimits: { nofile: { soft: 1, hard: 2 } }\nsecurity_opt: [no-new-privileges:true]")
    .container;
    assert_eq!((container.cap_add, container.cap_drop), (strings(&["SYS_NICE"]), strings(&["ALL"])));
    assert_eq!(container.ulimits["nofile"], Ulimit { soft: Some(1), hard: Some(2) });
    assert!(container.read_only);
    assert_eq!(container.security_opt, ["no-new-privileges:true"]);
}

#[test]
fn the_gateway_has_processes_of_its_own_kind() {
    let text = "defaults: { umask: '0027', no_new_privileges: true, pre_start: migrate, replicas: 2 }\n\
                services: { a: { command: x, port: 1, route: / } }\n\
                gateway: { pre_start: nginx -t, signals: { HUP: HUP } }";
    let gateway = pod(text).gateway.expect("a gateway").service;
    assert_eq!(gateway.pre_start, Some(Command::Line("nginx -t".to_owned())));
    assert_eq!(gateway.signals.get("SIGHUP").map(String::as_str), Some("SIGHUP"));
    assert_eq!((gateway.attributes.umask, gateway.attributes.no_new_privileges, gateway.replicas), (Some(0o27), true, None));
}

#[test]
fn wrong_values_say_what_is_expected() {
    let cases = [
        ("ready: /up", "expected a map with log, file or notify, found text"),
        ("ready: {}", "expected a map with log, file or notify, found a map"),
        ("ready: { log: x, file: /y }", "a service is ready by one thing; keep one of log, file and notify"),
        ("ready: { log: '' }", "no line holds this text alone; write a part of one line, such as `listening on`"),
        ("ready: { file: up }", "this path must be absolute: it is one in the container; begin it with `/`"),
        ("ready: { notify: 2 }", "0, 1 and 2 are stdin, stdout and stderr; write 3 or more"),
        ("ready: { notify: 9000 }", "expected a whole number from 3 to 255, found the number 9000"),
        ("ready: { notify: sytemd }", "expected the number of a descriptor, or `systemd`, found text"),
        (
            "ready: { log: x, watchdog: 3s }",
            "only a service with `notify: systemd` has a watchdog; write `notify: systemd`, or remove it",
        ),
        (
            "type: oneshot\nready: { log: x }",
            "`a` runs to completion: it is ready when it has succeeded; remove `ready`, or `type: oneshot`",
        ),
        ("replicas: 0", "expected a whole number from 1 to 1000, found the number 0"),
        ("replicas: 2\nport: 65535", "the ports of the last replicas would be beyond 65535; begin with a lower port"),
        (
            "replicas: 2\nport: 3000-3003",
            "4 ports are not one for each of 2 replicas; write `3000` alone: the ports are counted up from there",
        ),
        (
            "replicas: 2\nport: [3000, 3001]",
            "port 3001 is used twice; give each service ports of its own; those of replicas are counted up",
        ),
        (
            "replicas: 2\nlogging: { file: /a.log }",
            "`a-0` and `a-1` write the same log file; end the path with `/`: every service then has a file of its own in that folder",
        ),
        (
            "pre_start: a && b",
            "`&&` means nothing here: there is no shell; write `{ shell: ... }` when a shell is meant, or a list of words",
        ),
        (
            "signals: { TERM: HUP }",
            "SIGTERM is not handed on: SIGTERM stops the pod; `stop_signal` says by which signal a service stops",
        ),
        ("signals: { KILL: HUP }", "SIGKILL is not handed on: SIGKILL cannot be caught; use another signal, such as USR2"),
        ("signals: { USR1: USRR1 }", "`USRR1` is no signal; did you mean `SIGUSR1`?"),
        ("signals: { HUP: HUP, SIGHUP: HUP }", "SIGHUP is here twice; remove one of them"),
        (
            "depends_on: ['http://db/health']",
            "only `tcp://` can be waited for; write tcp://host:port: the service starts when a connection is accepted there",
        ),
        (
            "depends_on: ['tcp://db']",
            "this is no address; write tcp://host:port: the service starts when a connection is accepted there",
        ),
        (
            "env_file: .env",
            "`.env` is not in the container: an env_file is read there; write its absolute path in the container, where each start reads it; \
             or put its variables under `environment`, without values, and into the `.env` beside pod.yaml",
        ),
        ("environment: { A: [b] }", "expected text, a number, a boolean, or { file: PATH }, found a list"),
        ("environment: { A: { file: b } }", "this path must be absolute: it is one in the container; begin it with `/`"),
        ("umask: 0027", "this may be taken for a decimal number; put it in quotes: `umask: \"0027\"`"),
        ("umask: \"0089\"", "`0089` is no umask; write an octal number from \"0000\" to \"0777\""),
        ("nice: 20", "expected a whole number from -20 to 19, found the number 20"),
        ("oom_score_adj: -1001", "expected a whole number from -1000 to 1000, found the number -1001"),
        ("ulimits: { nofiles: 1 }", "`nofiles` is no limit; did you mean `nofile`?"),
        ("ulimits: { nofile: { soft: 2, hard: 1 } }", "the soft limit is above the hard one; lower it, or raise the other"),
        ("ulimits: { nofile: { soft: 2 } }", "a limit has both soft and hard; add the other one, or write a number for both"),
        ("cap_drop: [NET_ROW]", "`NET_ROW` is no capability; did you mean `NET_RAW`?"),
        ("cap_add: [ALL]", "a service does not get every capability there is; name those that it needs, such as NET_RAW"),
        ("logging: { format: text }", "expected one of prefix, json, raw, found `text`"),
        ("schedule: every 5", "`every 5` is no schedule: "),
        ("schedule: '* * *'", "`* * *` is no schedule: "),
    ];
    for (lines, want) in cases {
        let found = mistakes(&text(lines));
        let [found] = found.as_slice() else { panic!("{lines}: {found:#?}") };
        let found = found.split_once(": ").map_or("", |(_, found)| found);
        // What is wrong with a schedule is for its parser to say.
        let matches = if want.ends_with(": ") { found.starts_with(want) } else { found == want };
        assert!(matches, "{lines}\nfound: {found}\nwant:  {want}");
    }
}

#[test]
fn nobody_reaches_or_waits_for_what_the_clock_starts() {
    let text = "services:\n  job: { command: x, schedule: every 60s, port: 80 }\n  a: { command: x, depends_on: [job] }\n  \
                b: { command: x, schedule: every 60s, type: service }\n";
    let want = [
        "2: `job` runs by schedule: between its runs nobody would answer; remove `port`, or make it a service that runs for good",
        "3: `a` would wait for `job`, which the clock starts; wait for a oneshot that does the same, or remove the dependency",
        "4: what runs by schedule runs to completion; remove `type`, or `schedule`",
    ];
    assert_eq!(mistakes(text), want);
}

#[test]
fn replicas_do_not_meet_other_services() {
    let text = "services:\n  web: { command: x, replicas: 3, port: 3000 }\n  other: { command: x, port: 3002 }\n  \
                web-1: { command: x, depends_on: [web-2] }\ngateway: { replicas: 2 }\n";
    let want = [
        "3: port 3002 is used twice; give each service ports of its own; those of replicas are counted up",
        "4: a replica of `web` is called `web-1`, too; rename one of the services",
        "4: `web-1` depends on `web-2`, which does not exist; write `web`: that waits for all of its replicas",
        "5: a pod has one gateway; remove it: nginx has processes of its own for many requests at a time",
    ];
    assert_eq!(mistakes(text), want);
}

#[test]
fn published_ports_may_be_those_of_replicas() {
    assert_eq!(mistakes("services: { web: { command: x, replicas: 3, port: 3000-3002 } }\nports: [\"3002:3002\"]"), [""; 0]);
}

#[test]
fn rights_that_the_container_lacks_are_a_warning() {
    let service = "services: { a: { command: x, nice: -5, oom_score_adj: -1, cap_add: [NET_ADMIN, CHOWN] } }";
    let want = [
        "1: a `nice` below 0 needs SYS_NICE, which the container does not have; write `cap_add: [SYS_NICE]` at the top level",
        "1: an `oom_score_adj` below 0 needs SYS_RESOURCE, which the container does not have; write `cap_add: [SYS_RESOURCE]` at the top level",
        "1: `a` needs NET_ADMIN, which the container does not have; write `cap_add: [NET_ADMIN]` at the top level",
    ];
    assert_eq!(mistakes(service), want);
    assert_eq!(mistakes(&format!("{service}\ncap_add: [NET_ADMIN, SYS_NICE, SYS_RESOURCE]")), [""; 0]);
    assert_eq!(mistakes(&format!("{service}\ncap_add: [ALL]\ncap_drop: [CHOWN]")).len(), 1);
}

#[test]
fn services_of_several_users_need_a_pid_1_that_can_become_them() {
    let text = "services: { a: { command: x }, b: { command: x, user: root } }\ncap_drop: [ALL]\n";
    let want = "2: services of several users need SETUID, SETGID, KILL, which the container does not have; \
                write `cap_add: [SETUID, SETGID, KILL]` at the top level, or give all one `user`";
    assert_eq!(mistakes(text), [want]);
    assert_eq!(mistakes(&text.replace("root", "app")), [""; 0]);
    assert_eq!(mistakes(&format!("{text}cap_add: [SETUID, SETGID, KILL]")), [""; 0]);
}

#[test]
fn a_read_only_container_has_no_log_files_but_in_memory() {
    let text = "read_only: true\nservices: { a: { command: x, logging: { file: /var/log/ } }, b: { command: x, logging: { file: /run/b } } }\n";
    let want = "2: `/var/log/` cannot be written: the container is read-only; \
                use a folder below /run or /tmp, which are in memory, or leave the log to the engine";
    assert_eq!(mistakes(text), [want]);
}
