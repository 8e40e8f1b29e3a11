//! `alerts`.

use super::{mistakes, pod};
use crate::spec::model::{AlertTarget, Alerts};
use podinit_plan::alert::AlertKind;
use podinit_plan::plan::{FromFile, Value};

fn alerts(text: &str) -> Option<Alerts> {
    pod(&format!("services: {{ a: {{ command: x }} }}\nalerts: {text}\n")).alerts
}

#[test]
fn the_file_alone_is_the_default() {
    for text in ["true", "{}", "", "{ file: true }"] {
        let alerts = alerts(text).expect(text);
        let sinks: Vec<&str> = alerts.sinks.keys().map(String::as_str).collect();
        assert_eq!(sinks, ["file"], "{text}");
        let AlertTarget::File { path, .. } = &alerts.sinks["file"].to else { panic!("{alerts:?}") };
        assert_eq!((path.as_str(), alerts.sinks["file"].lines), ("/tmp/alerts.json", true));
        assert_eq!((alerts.repeat_ms, alerts.rate, alerts.rate_ms), (300_000, 20, 3_600_000));
    }
    assert_eq!(alerts("false"), None);
    assert_eq!(pod("services: { a: { command: x } }").alerts, None);
}

#[test]
fn every_sink_is_read() {
    let text = r#"{ file: { path: /var/log/alerts.json, max_size: 1MB, max_file: 2 }, repeat: 1m, rate: 3/m, queue: /var/lib/podinit/alerts,
        secrets: [TOKEN], sinks: {
          ops: { slack: "${SLACK_WEBHOOK_URL}", on: [fatal, oom_kill], lines: true, timeout: 3s },
          pager: { pagerduty: { key: { file: /run/secrets/key } }, ca: /etc/ca.pem },
          am: { alertmanager: "http://alertmanager:9093" },
          hook: { webhook: { url: "${HOOK}", method: PUT, headers: { X-From: "${HOSTNAME}" }, body: "{{ alert.summary }}" } },
          mail: { email: { server: "${SMTP_URL}", from: pod@example.org, to: [ops@example.org] }, resolved: false },
          page: { command: [/usr/local/bin/page, now] } } }"#;
    let alerts = alerts(text).expect("there are some");
    assert_eq!(alerts.sinks.len(), 7);
    assert_eq!((alerts.repeat_ms, alerts.rate, alerts.rate_ms), (60_000, 3, 60_000));
    let ops = &alerts.sinks["ops"];
    assert_eq!(ops.to, AlertTarget::Slack(Value::Text("${SLACK_WEBHOOK_URL}".to_owned())));
    assert_eq!((ops.on.as_slice(), ops.lines, ops.timeout_ms), ([AlertKind::Fatal, AlertKind::OomKill].as_slice(), true, 3_000));
    let AlertTarget::PagerDuty { key, .. } = &alerts.sinks["pager"].to else { panic!() };
    assert_eq!(*key, Value::File(FromFile { file: "/run/secrets/key".to_owned() }));
    let AlertTarget::Command { user, .. } = &alerts.sinks["page"].to else { panic!() };
    assert_eq!(user, "app");
    assert!(!alerts.sinks["mail"].resolved && alerts.sinks["am"].resolved);
}

#[test]
fn what_is_secret_must_not_be_in_the_file() {
    let with =
        |sink: &str| mistakes(&format!("services: {{ a: {{ command: x }} }}\nalerts: {{ sinks: {{ s: {{ {sink} }} }} }}\n"));
    let help = |name: &str| {
        format!(
            "2: a secret in the file would be in the image; write `\"${{{name}:?}}\"`, and give the container that variable; or \
             `{{ file: /run/secrets/NAME }}`"
        )
    };
    assert_eq!(with("slack: https://hooks.slack.com/services/T/B/X"), [help("SLACK_WEBHOOK_URL")]);
    assert_eq!(with("pagerduty: 0123456789abcdef"), [help("PAGERDUTY_KEY")]);
    assert_eq!(with("webhook: { url: http://h, headers: { authorization: Bearer x } }"), [help("TOKEN")]);
    assert_eq!(with("email: { server: 'smtp://me:pass@mail:25', from: a@b, to: c@d }"), [help("SMTP_URL")]);
    assert!(with("email: { server: 'smtp://mail:25', from: a@b, to: c@d }").is_empty());
    assert!(with("webhook: http://hook:8080/x").is_empty());
}

#[test]
fn mistakes_are_told_with_their_place() {
    let with = |alerts: &str| mistakes(&format!("services: {{ a: {{ command: x }} }}\nalerts: {alerts}\n"));
    for (text, said) in [
        ("{ file: false }", "2: nobody would be told; add `sinks:`, or remove `file: false`"),
        ("{ rate: 20 }", "2: `20` is no rate; write 20/h, 5/m or 1/s"),
        ("{ queue: alerts }", "2: this path must be absolute: it is one in the container; begin it with `/`"),
        ("{ sink: {} }", "2: unknown key `sink`; did you mean `sinks`?"),
        ("{ sinks: { file: { command: x } } }", "2: `file` is the name of the file's sink; write `file:` beside `sinks`"),
        (
            "{ sinks: { s: { on: [fatal] } } }",
            "2: it says nobody who is told; add one of slack, pagerduty, alertmanager, webhook, email and command",
        ),
        ("{ sinks: { s: { slack: '${A}', command: x } } }", "2: a sink is of one kind; make two sinks of it"),
        ("{ sinks: { s: { alertmanager: 'alertmanager:9093' } } }", "2: this is no address; begin it with http:// or https://"),
        ("{ sinks: { s: { slack: '${A}', user: me } } }", "2: only a command has a user; remove it"),
        ("{ sinks: { s: { command: x, user: apq } } }", "2: the user `apq` is not declared; did you mean `app`?"),
    ] {
        assert_eq!(with(text), [said], "{text}");
    }
    let kinds = "exit, fatal, unhealthy, memory_limit, memory_warning, memory_critical, oom_kill, disk, pod_stopping";
    assert_eq!(with("{ sinks: { s: { slack: '${A}', on: [oom] } } }"), [format!("2: expected one of {kinds}, found `oom`")]);
}

#[test]
fn what_is_kept_must_be_on_a_volume_to_be_kept() {
    let with = |rest: &str| mistakes(&format!("services: {{ a: {{ command: x }} }}\n{rest}\n"));
    let queue = "alerts: { queue: /var/lib/podinit/alerts }";
    let help = "2: no volume is mounted at `/var/lib/podinit/alerts`; add `volumes: [alerts:/var/lib/podinit/alerts]`";
    assert_eq!(with(queue), [help]);
    assert!(with(&format!("{queue}\nvolumes: [data:/var/lib/podinit]")).is_empty());
    assert_eq!(with("alerts: { file: /var/log/alerts.json }\nread_only: true").len(), 1);
    assert!(with("alerts: true\nread_only: true").is_empty());
}
