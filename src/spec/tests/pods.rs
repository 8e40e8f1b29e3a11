//! What a file without mistakes says.

use super::{load_texts, pod};
use crate::spec::model::*;
use podinit_plan::plan::{Attributes, Backoff, Format, Get, Kind, OnFailure, RestartPolicy, Value};
use podinit_plan::units::{Rate, RatePeriod};
use std::collections::BTreeMap;

/// A service of the pod of a text.
fn service(text: &str, name: &str) -> Service {
    pod(text).services.swap_remove(name).expect("the service")
}

/// The text of a variable.
fn literal(value: &Option<Value>) -> Option<&str> {
    value.as_ref().and_then(Value::literal)
}

/// The only service of a pod whose service has these lines.
fn one(lines: &str) -> Service {
    let lines: String = lines.lines().map(|line| format!("    {line}\n")).collect();
    service(&format!("services:\n  a:\n    command: x\n{lines}"), "a")
}

#[test]
fn core_pod_is_what_its_file_says() {
    let loaded = load_texts(&[include_str!("core_pod.yaml")]).expect("no mistakes");
    assert_eq!(loaded.warnings.list(), []);
    insta::assert_debug_snapshot!(loaded.pod);
}

#[test]
fn a_service_that_says_nothing_has_the_defaults() {
    let pod = pod("services: {worker: {command: celery -A tasks worker}}");
    assert_eq!((pod.name.as_str(), pod.image.as_str(), pod.base.image.as_str()), ("shop", "shop:latest", "debian:bookworm-slim"));
    assert_eq!((pod.gateway, pod.ports.len(), pod.stop_grace_period_ms), (None, 0, 10_000));
    assert_eq!(
        pod.users.into_iter().collect::<Vec<_>>(),
        [("app".to_owned(), User { uid: 10001, gid: 10001, ..User::default() })]
    );
    let stage = Stage { context: ".".to_owned(), ..Stage::default() };
    let backoff = Backoff::default();
    let want = Service {
        command: Command::Line("celery -A tasks worker".to_owned()),
        pre_start: None,
        post_stop: None,
        working_dir: "/app".to_owned(),
        user: "app".to_owned(),
        groups: vec![],
        build: Some(stage),
        replicas: None,
        ports: vec![],
        socket: None,
        protocol: Protocol::Http,
        listener: None,
        healthcheck: None,
        memory: None,
        ready: None,
        ready_after_ms: 1_000,
        start_timeout_ms: 60_000,
        kind: Kind::Service,
        schedule: None,
        priority: 100,
        depends_on: vec![],
        depends_on_addresses: vec![],
        restart: Restart { policy: RestartPolicy::Always, retries: 5, stable_after_ms: 10_000, exit_codes: vec![0], backoff },
        essential: true,
        autostart: "true".to_owned(),
        stop_signal: "SIGTERM".to_owned(),
        stop_grace_period_ms: 10_000,
        stop_group: false,
        signals: BTreeMap::new(),
        attributes: Attributes::default(),
        logging: Logging { file: None, max_size_bytes: 50 << 20, max_files: 6, separate_stderr: false, format: Format::Prefix },
        environment: indexmap::IndexMap::new(),
        env_files: vec![],
        routes: vec![],
    };
    assert_eq!(pod.services["worker"], want);
}

#[test]
fn a_route_brings_a_gateway_on_the_loopback() {
    let pod = pod("services: {web: {command: x, port: 8000, route: /, priority: 7}}");
    let gateway = pod.gateway.expect("a gateway");
    assert_eq!((gateway.port, gateway.health.as_deref(), gateway.status), (8080, Some("/health"), None));
    assert_eq!((gateway.service.priority, gateway.service.stop_signal.as_str()), (6, "SIGQUIT"));
    assert_eq!(
        gateway.service.command,
        Command::Words(["nginx", "-e", "stderr", "-c", "/etc/nginx/nginx.conf"].map(str::to_owned).to_vec())
    );
    let check = gateway.service.healthcheck.expect("a check");
    assert_eq!(check.probe, Probe::Http(Get::new("/_podctl/nginx")));
    let [port] = pod.ports.as_slice() else { panic!("{:?}", pod.ports) };
    assert_eq!(
        (port.address.map(|a| a.to_string()).as_deref(), port.host, port.container),
        (Some("127.0.0.1"), Some(8080), 8080)
    );
    assert_eq!(pod.services["web"].healthcheck.as_ref().map(|check| &check.probe), Some(&Probe::Tcp));
}

#[test]
fn the_gateways_settings_are_those_of_its_routes() {
    let pod = pod("services: {a: {command: x, port: 1, route: [/x, {path: = /y, rate: 90r/m}, {path: ~ ^/z/, timeout: 5s}]}}\n\
         gateway: {rate: 10r/s, burst: 3, timeout: 30s, max_body: 1MB, buffering: false, health: false, status: /status}");
    let routes = &pod.services["a"].routes;
    let per = |requests, per| Some(Rate { requests, per });
    assert_eq!(routes[0].path, RoutePath::Prefix("/x".to_owned()));
    assert_eq!((routes[0].rate, routes[0].burst, routes[0].timeout_ms), (per(10, RatePeriod::Second), 3, 30_000));
    assert_eq!((routes[0].max_body_bytes, routes[0].buffering), (1 << 20, false));
    assert_eq!(routes[1].path, RoutePath::Exact("/y".to_owned()));
    assert_eq!((routes[1].rate, routes[1].burst), (per(90, RatePeriod::Minute), 4));
    assert_eq!((&routes[2].path, routes[2].timeout_ms), (&RoutePath::Regex("^/z/".to_owned()), 5_000));
    let gateway = pod.gateway.expect("a gateway");
    assert_eq!((gateway.health, gateway.status.as_deref()), (None, Some("/status")));
}

#[test]
fn commands_have_three_forms() {
    assert_eq!(
        service("services: {a: {command: [x, \"${Y} z\"]}}", "a").command,
        Command::Words(vec!["x".into(), "${Y} z".into()])
    );
    assert_eq!(service("services: {a: {command: \"x ${Y}\"}}", "a").command, Command::Line("x ${Y}".into()));
    let shell = service("services: {a: {command: {shell: \"echo ${BASH_ONLY%%x} $$\"}}}", "a");
    assert_eq!((shell.command, shell.stop_group), (Command::Shell("echo ${BASH_ONLY%%x} $$".into()), true));
}

#[test]
fn checks_have_their_forms() {
    let probe = |lines: &str| one(lines).healthcheck.map(|check| check.probe);
    assert_eq!(probe("port: 1\nhealthcheck: /up"), Some(Probe::Http(Get::new("/up"))));
    assert_eq!(probe("port: 1\nhealthcheck: { interval: 1s }"), Some(Probe::Tcp));
    assert_eq!(probe("healthcheck: { exec: [a, b] }"), Some(Probe::Exec(Command::Words(vec!["a".into(), "b".into()]))));
    assert_eq!(probe("healthcheck: { test: [CMD, a] }"), Some(Probe::Exec(Command::Words(vec!["a".into()]))));
    assert_eq!(probe("healthcheck: { test: a | b }"), Some(Probe::Exec(Command::Shell("a | b".into()))));
    assert_eq!(probe("port: 1\nhealthcheck: { test: [NONE] }"), None);
    let check = one("port: 1\nhealthcheck: { tcp: true, retries: 9, start_period: 0, on_failure: stop_pod }").healthcheck;
    let check = check.expect("a check");
    assert_eq!((check.retries, check.start_period_ms, check.on_failure), (9, 0, vec![OnFailure::StopPod]));
    assert_eq!((check.interval_ms, check.timeout_ms), (10_000, 5_000));
}

#[test]
fn restart_has_a_short_and_a_long_form() {
    for (lines, want) in [
        ("restart: no", RestartPolicy::Never),
        ("restart: false", RestartPolicy::Never),
        ("restart: \"no\"", RestartPolicy::Never),
        ("restart: on-failure", RestartPolicy::OnFailure),
        ("restart: always", RestartPolicy::Always),
        ("type: oneshot", RestartPolicy::OnFailure),
        ("type: oneshot\nrestart: always", RestartPolicy::OnFailure),
    ] {
        assert_eq!(one(lines).restart.policy, want, "{lines}");
    }
    let restart = one("restart: { policy: on-failure, retries: 0, stable_after: 1m, exit_codes: [0, 3] }").restart;
    assert_eq!((restart.retries, restart.stable_after_ms, restart.exit_codes), (0, 60_000, vec![0, 3]));
}

#[test]
fn published_ports_have_composes_forms() {
    let pod =
        pod("services: {a: {command: x, port: [80, 81]}}\nports:\n  - 80\n  - \"${HOST_PORT}:80\"\n  - \"[::1]:9:81/tcp\"\n  \
         - { target: 81, published: \"82\", host_ip: 10.0.0.1, protocol: udp }\n  - \"127.0.0.1::81\"\n");
    let shown: Vec<String> = pod
        .ports
        .iter()
        .map(|port| format!("{:?} {:?} {} {}", port.address.map(|a| a.to_string()), port.host, port.container, port.protocol))
        .collect();
    assert_eq!(
        shown,
        [
            "None None 80 tcp",
            "None Some(8088) 80 tcp",
            "Some(\"::1\") Some(9) 81 tcp",
            "Some(\"10.0.0.1\") Some(82) 81 udp",
            "Some(\"127.0.0.1\") None 81 tcp"
        ]
    );
}

#[test]
fn what_shapes_the_image_is_filled_in_and_the_rest_is_kept() {
    let pod = pod(
        "image: \"shop:${TAG}\"\nlabels: [\"version=${TAG}\"]\nbase: { image: \"debian:${NONE:-12}\", run: [\"echo ${TAG} $X\"] }\n\
         environment: [\"A=${TAG}\", B]\nservices: {a: {command: \"x ${TAG}\", user: \"${U:-app}\", autostart: \"${ON:-true}\",\
         priority: \"${NONE:-5}\", build: {run: [\"make ${TAG}\"]}}}",
    );
    assert_eq!((pod.image.as_str(), pod.labels["version"].as_str(), pod.base.image.as_str()), ("shop:1.2", "1.2", "debian:12"));
    assert_eq!(pod.base.run, ["echo ${TAG} $X"]);
    assert_eq!((literal(&pod.environment["A"]), literal(&pod.environment["B"])), (Some("${TAG}"), None));
    let service = &pod.services["a"];
    assert_eq!(service.command, Command::Line("x ${TAG}".into()));
    assert_eq!((service.user.as_str(), service.autostart.as_str(), service.priority), ("${U:-app}", "${ON:-true}", 5));
    assert_eq!(service.build.as_ref().map(|stage| stage.run.clone()), Some(vec!["make ${TAG}".to_owned()]));
}

#[test]
fn anchors_merge_keys_and_extensions_are_accepted() {
    let text = "x-common: &common\n  environment: &env { A: \"1\", B: \"2\" }\n  user: root\nx-list: [1]\nservices:\n  \
                a:\n    <<: *common\n    command: x\n  b:\n    <<: [{ user: app }, *common]\n    command: y\n    \
                environment: { <<: *env, B: \"3\", x-note: z }\n    x-mine: true\n  x-template: { command: z }\n";
    let pod = pod(text);
    assert_eq!(pod.services.keys().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!((pod.services["a"].user.as_str(), pod.services["b"].user.as_str()), ("root", "app"));
    let environment = &pod.services["b"].environment;
    assert_eq!((literal(&environment["A"]), literal(&environment["B"]), environment.len()), (Some("1"), Some("3"), 2));
}

#[test]
fn a_second_file_lies_over_the_first() {
    let over = "services: {a: {healthcheck: {interval: 1s}, environment: [B=2]}, b: {command: y}}";
    let base = "services: {a: {command: x, port: 1, healthcheck: /up, environment: {A: \"1\"}}}";
    let pod = load_texts(&[base, over]).expect("no mistakes").pod;
    let check = pod.services["a"].healthcheck.as_ref().expect("a check");
    assert_eq!((&check.probe, check.interval_ms), (&Probe::Http(Get::new("/up")), 1_000));
    assert_eq!(pod.services["a"].environment.len(), 2);
    assert_eq!(pod.services.len(), 2);
}

#[test]
fn defaults_are_what_a_service_does_not_say() {
    let pod = pod("defaults: {environment: {A: \"1\", B: \"1\"}, restart: {retries: 9}, logging: {file: /var/log/pod/}}\n\
         services: {a: {command: x, environment: {B: \"2\"}, restart: on-failure, port: 1, route: /}}");
    let service = &pod.services["a"];
    assert_eq!((literal(&service.environment["A"]), literal(&service.environment["B"])), (Some("1"), Some("2")));
    assert_eq!((service.restart.policy, service.restart.retries), (RestartPolicy::OnFailure, 9));
    let file = |name: &str, service: &Service| service.logging.files(name).map(|files| files.stdout);
    assert_eq!(file("a", service).as_deref(), Some("/var/log/pod/a.log"));
    assert_eq!(pod.gateway.and_then(|gateway| file(GATEWAY, &gateway.service)).as_deref(), Some("/var/log/pod/gateway.log"));
}

#[test]
fn builds_have_their_forms() {
    assert_eq!(one("build: false").build, None);
    let stage = one("build: { context: ./services//auth/, image: \"node:${TAG}\", install: [], copy: { dist/: public } }").build;
    let stage = stage.expect("a build");
    assert_eq!(
        (stage.context.as_str(), stage.image.as_deref(), stage.install),
        ("services/auth", Some("node:1.2"), Some(vec![]))
    );
    assert_eq!(stage.copy, Some(vec![("dist".to_owned(), "public".to_owned())]));
    let stage = one("build: { copy: [a, b/c] }").build.expect("a build");
    assert_eq!(stage.copy, Some(vec![("a".into(), "a".into()), ("b/c".into(), "b/c".into())]));
}
