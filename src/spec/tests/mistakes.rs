//! Every mistake is found, at its place, and nothing that only follows from it.

use super::{load_texts, mistakes};

/// A service of these lines; they begin in line 4.
fn service(lines: &str) -> String {
    let lines: String = lines.lines().map(|line| format!("    {line}\n")).collect();
    format!("services:\n  a:\n    command: x\n{lines}")
}

#[track_caller]
fn assert_mistakes(text: &str, want: &[&str]) {
    assert_eq!(mistakes(text), want, "{text}");
}

#[test]
fn ten_mistakes_are_ten_diagnostics() {
    let diagnostics = load_texts(&[include_str!("ten_mistakes.yaml")]).expect_err("mistakes");
    assert_eq!(diagnostics.list().len(), 10, "{diagnostics}");
    insta::assert_snapshot!(diagnostics.render(false));
}

#[test]
fn syntax_errors_hide_nothing_else() {
    let broken = [
        "command: \"x",
        "command: [x, y",
        "command: {shell: x",
        "command: 'it's'",
        "command: x: y",
        "command: x\n    port 3001",
        "command: x\n    \tport: 3001",
        "command: @x",
        "command: \"\\q\"",
        "command: x\n    environment:\n      A: 1\n     B: 2",
        "command: x\n    route: ]",
    ];
    for lines in broken {
        let text = format!(
            "services:\n  before: {{ command: x, wrong_before: 1 }}\n  a:\n    port: 5\n    {lines}\n    priority: 10\n  \
             after:\n    command: x\n    wrong_after: 1\n    depends_on: [a]\n  web: {{ command: x, port: 80, depends_on: [a] }}\n\
             ports: [\"80:80\"]\n"
        );
        let found = mistakes(&text);
        let (syntax, others): (Vec<_>, Vec<_>) = found.iter().partition(|mistake| mistake.contains("not YAML"));
        assert_eq!(syntax.len(), 1, "{text}\n{found:#?}");
        assert_eq!(others.len(), 2, "{text}\n{found:#?}");
        assert!(others[0].contains("`wrong_before`") && others[1].contains("`wrong_after`"), "{text}\n{found:#?}");
    }
}

#[test]
fn two_broken_services_are_two_errors() {
    let text = "services:\n  a:\n    command: \"x\n    port: 1\n  b:\n    command: [x\n    port: 2\n  c:\n    comand: x\n";
    let found = mistakes(text);
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found[2].starts_with("9: unknown key `comand`"), "{found:#?}");
}

#[test]
fn what_is_no_pod_at_all_is_one_error() {
    assert_mistakes("", &["1: `services` is missing; add `services:` with the processes of this pod"]);
    assert_mistakes("services:", &["1: expected a map of services, found nothing"]);
    assert_mistakes("- a", &["1: expected a map with the keys of a pod, `services` above all, found a list"]);
    assert_mistakes("services: {}", &["1: a pod needs a service; add one below `services:`"]);
    assert_mistakes("services:\n  a:\n", &["2: expected a map with the keys of a service, `command` above all, found nothing"]);
    let two = "services: {a: {command: x}}\n---\nservices: {}\n";
    assert_mistakes(two, &["2: a second document begins here; a file describes one pod: remove the `---` or use a second file"]);
}

#[test]
fn unknown_keys_get_the_nearest_or_what_they_are_called_here() {
    let text = service("comandd: y\nstartsecs: 1\nvolumes: []\nx-mine: 1\nhealthcheck: { exec: [x], intervall: 1s }");
    assert_mistakes(
        &text,
        &[
            "4: unknown key `comandd`; did you mean `command`?",
            "5: unknown key `startsecs`; in pod.yaml this is `ready_after: 1s`",
            "6: `volumes` is not supported yet; remove it",
            "8: unknown key `intervall`; did you mean `interval`?",
        ],
    );
    assert_mistakes(
        &service("build: { zzz: 1 }"),
        &["4: unknown key `zzz`; the keys here are context, image, packages, environment, secrets, install, run, copy"],
    );
    assert_mistakes("servces: {a: {command: x}}", &["1: unknown key `servces`; did you mean `services`?"]);
}

#[test]
fn wrong_values_say_what_is_expected() {
    let cases = [
        ("port: many", "expected a whole number from 1 to 65535, found text"),
        ("port: 70000", "expected a whole number from 1 to 65535, found the number 70000"),
        ("port: \"3001\"", "expected a whole number from 1 to 65535, found text; remove the quotes"),
        (
            "port: 3000-3005",
            "a range of ports goes with replicas; add `replicas: 6`, each on a port of its own, or write a list of ports",
        ),
        ("port: ${PORT}", "this key takes no reference to a variable; write the value itself"),
        ("ready_after: 5", "the duration `5` has no unit; write 10s or 500ms"),
        ("ready_after: soon", "`soon` is no duration; write 10s, 500ms or 1m30s"),
        ("essential: maybe", "expected true or false, found text"),
        ("restart: allways", "expected one of always, on-failure, no, found `allways`; did you mean `always`?"),
        ("restart: on-failure:3", "the number of retries is a key of its own; write `{ policy: on-failure, retries: 3 }`"),
        ("stop_signal: SIGTREM", "`SIGTREM` is no signal; did you mean `SIGTERM`?"),
        ("working_dir: app", "this path must be absolute: it is one in the container; begin it with `/`"),
        (
            "build: { context: ../other }",
            "this path leads elsewhere: the folder of a build lies below the pod's; write a path such as services/auth",
        ),
        (
            "build: front",
            "there is no stage `front`; add it under `stages` at the top level, or write `build: { context: FOLDER }`",
        ),
        ("user: nobdy", "the user `nobdy` is not declared; declare it: `users: { nobdy: 1001 }`"),
        ("user: aap", "the user `aap` is not declared; declare it: `users: { aap: 1001 }`"),
        ("healthcheck: /health", "`a` has no port to check; add `port:` or `socket:`, or check with `exec: COMMAND`"),
        ("environment: { A-B: 1 }", "`A-B` is no name of a variable; use letters, digits and `_`"),
        (
            "environment: { A: \"${B\" }",
            "this is no reference to a variable: `${B` is not closed: a `}` is missing; write `${NAME}`, or `$$` for a dollar sign",
        ),
        ("logging: { max_size: 1MB }", "`file` is missing: without it nothing is written; add `file: /var/log/pod/`"),
        ("autostart: sometimes", "expected true or false, found text"),
        ("route: { path: /x, rate: 10 }\nport: 1", "the rate `10` has no unit; write 10r/s or 90r/m"),
    ];
    for (lines, want) in cases {
        let found = mistakes(&service(lines));
        assert_eq!(found, [format!("4: {want}")], "{lines}");
    }
}

#[test]
fn a_line_for_a_shell_is_not_split_silently() {
    let text = "services: {a: {command: \"a && b\"}, b: {command: {shell: \"a && b\"}}}";
    assert_mistakes(
        text,
        &["1: `&&` means nothing here: there is no shell; write `{ shell: ... }` when a shell is meant, or a list of words"],
    );
}

#[test]
fn dependencies_must_exist_and_not_turn_in_circles() {
    let text = "services:\n  a: { command: x, depends_on: [b] }\n  b: { command: x, depends_on: { c: {} } }\n  \
                c: { command: x, depends_on: [a] }\n  d: { command: x, depends_on: [d, e] }\n";
    assert_mistakes(
        text,
        &[
            "2: services wait for each other: `a` -> `b` -> `c` -> `a`; remove one of these dependencies: none of them could ever start",
            "5: services wait for each other: `d` -> `d`; remove one of these dependencies: none of them could ever start",
            "5: `d` depends on `e`, which does not exist; did you mean `a`?",
        ],
    );
}

#[test]
fn two_names_are_taken() {
    let text = "services:\n  gateway: { command: x }\n  podinit: { command: x }\n";
    assert_mistakes(
        text,
        &[
            "2: no service can be called `gateway`; write `gateway:` at the top level, or rename the service",
            "3: no service can be called `podinit`; rename the service",
        ],
    );
}

#[test]
fn an_essential_service_needs_essential_ones() {
    let text = "services:\n  a: { command: x, depends_on: [b] }\n  b: { command: x, essential: false }\n";
    assert_mistakes(
        text,
        &["2: `a` is essential and needs `b`, which is not; remove `essential: false` there, or add it to `a`"],
    );
}

#[test]
fn routes_must_not_meet() {
    let text = "services:\n  a: { command: x, port: 1, route: [/x, /health] }\n  b: { command: x, port: 2, route: /x/ }\n";
    assert_mistakes(
        text,
        &[
            "2: /health is where the gateway answers for the pod's health; use another path here, or write `gateway: { health: /other }` or `health: false`",
            "3: `/x` is routed twice; give each route a path of its own",
        ],
    );
}

#[test]
fn host_ports_are_published_once() {
    let text = "services: {a: {command: x, port: 80}}\nports:\n  - 8080:80\n  - 127.0.0.1:8080:80\n  - 8080:80/udp\n";
    assert_mistakes(text, &["4: port 8080 of the host is published twice; publish it on another port, or remove one of them"]);
}

#[test]
fn grace_periods_beyond_the_pods_are_a_warning() {
    let text = "stop_grace_period: 10s\nservices:\n  a: { command: x, priority: 1, stop_grace_period: 8s }\n  \
                b: { command: x, priority: 2, stop_grace_period: 8s }\n  c: { command: x, priority: 2, stop_grace_period: 2s }\n";
    let loaded = load_texts(&[text]).expect("warnings do not keep a pod from being used");
    assert_eq!(loaded.warnings.list().len(), 1, "{}", loaded.warnings);
    assert!(loaded.warnings.to_string().starts_with("warning: services may take 16s to stop"), "{}", loaded.warnings);
}

#[test]
fn a_variable_that_the_image_needs_is_asked_for() {
    let text = "base: \"debian:${RELEASE:?which release}\"\nservices: {a: {command: \"${LATER:?at start}\"}}\n";
    assert_mistakes(
        text,
        &["1: the variable RELEASE is required: which release; set RELEASE in the environment of this command or in .env"],
    );
}

#[test]
fn a_mistake_in_defaults_is_one_mistake() {
    let text = "defaults: { usr: x, ready_after: 1 }\nservices: { a: { command: x }, b: { command: x } }\n";
    assert_mistakes(text, &["1: unknown key `usr`; did you mean `user`?", "1: the duration `1` has no unit; write 10s or 500ms"]);
}

#[test]
fn keys_and_anchors_that_do_not_fit_are_found() {
    assert_mistakes(
        "services: {a: {command: x, command: y}, b: *b}\n",
        &[
            "1: the key `command` is here twice; remove one of them",
            "1: no anchor `&b` stands above this; define the anchor before its first alias",
        ],
    );
}

#[test]
fn each_file_is_named() {
    let diagnostics = load_texts(&["services: {a: {command: x}}\n", "\nservices: {a: {prt: 1}}\n"]).expect_err("a mistake");
    assert!(diagnostics.to_string().contains("--> pod.1.yaml:2:16"), "{diagnostics}");
}

#[test]
fn a_log_file_has_one_writer() {
    let text = "defaults: { logging: { file: /var/log/all.log } }\nservices: { a: { command: x }, b: { command: x } }\n";
    assert_mistakes(
        text,
        &[
            "1: `a` and `b` write the same log file; end the path with `/`: every service then has a file of its own in that folder",
        ],
    );
}

#[test]
fn a_file_that_cannot_be_read_at_all_leads_to_no_other_mistake() {
    let diagnostics = load_texts(&["services: {a: {port: 1}}\n", "{{{\n"]).expect_err("a syntax error");
    assert_eq!(diagnostics.list().len(), 1, "{diagnostics}");
}
