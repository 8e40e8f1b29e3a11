//! Every kind of sink, by its own name in pod.yaml, gets what it documents, once.

use crate::mailbox::{Mail, Mailbox, Offer};
use crate::pod::docker;
use crate::receiver::{Receiver, Request, answer};
use crate::{HOST, listen, log, secrets, sinks, wait, within};
use podinit_plan::alert::{Alert, AlertKind, AlertStatus};
use serde_json::{Value, json};

/// What is told, in this order: two trials surround what happens.
const TOLD: [(AlertKind, AlertStatus); 5] = [
    (AlertKind::Test, AlertStatus::Firing),
    (AlertKind::Exit, AlertStatus::Firing),
    (AlertKind::Unhealthy, AlertStatus::Firing),
    (AlertKind::Unhealthy, AlertStatus::Resolved),
    (AlertKind::Test, AlertStatus::Firing),
];

pub fn run() {
    let https = || Receiver::start(listen(), true, vec![answer("200 OK", "ok")]);
    let (slack, pager, hook) = (https(), https(), https());
    let mail = Mailbox::at(listen(), Offer { starttls: true, ..Offer::default() });
    let yaml = format!(
        r#"
    slack: {{ slack: "${{SLACK_URL:?}}", ca: /etc/receivers.pem, lines: true }}
    pager:
      pagerduty: {{ key: "${{PAGERDUTY_KEY:?}}", url: "https://{HOST}:{}/v2/enqueue" }}
      ca: /etc/receivers.pem
    hook:
      webhook: {{ url: "https://{HOST}:{}/hook", headers: {{ Authorization: "Bearer ${{TOKEN:?}}" }} }}
      ca: /etc/receivers.pem
    mail:
      email: {{ server: "${{SMTP_URL:?}}", from: pod@example.org, to: [ann@example.org, bob@example.org] }}
      ca: /etc/receivers.pem
    off: {{ slack: "${{NOBODY:-}}" }}
    page: {{ command: [sh, -c, cat >>/tmp/paged; echo >>/tmp/paged] }}"#,
        pager.port, hook.port
    );
    let variables = format!(
        "SLACK_URL=https://{HOST}:{}/services/T0/B0/{}\nPAGERDUTY_KEY={}\nTOKEN={}\nSMTP_URL=smtp://me:{}@{HOST}:{}\n",
        slack.port,
        secrets::SLACK,
        secrets::PAGERDUTY,
        secrets::TOKEN,
        secrets::PASSWORD,
        mail.port
    );
    let pod = crate::pod("everybody", &variables, &yaml);
    let try_out = || {
        let said = pod.must(["test", "alerts", &pod.name]);
        for sink in ["file", "slack", "pager", "hook", "mail", "page"] {
            let is_row = |line: &str| line.starts_with(sink) && line.contains("delivered");
            assert!(said.lines().any(is_row), "{sink} got none: {said}");
        }
        assert!(!said.lines().any(|line| line.starts_with("off")), "it has no address: {said}");
        said
    };
    let mut said = try_out();
    within(&pod, "touch /tmp/crash");
    let of_file = || alerts(&within(&pod, "cat /tmp/alerts.json"));
    let has = |kind, status| of_file().iter().any(|alert| (alert.kind, alert.status) == (kind, status));
    wait("the crash", || has(AlertKind::Exit, AlertStatus::Firing));
    within(&pod, "touch /tmp/ill");
    wait("the illness", || has(AlertKind::Unhealthy, AlertStatus::Firing));
    within(&pod, "rm /tmp/ill");
    wait("its end", || has(AlertKind::Unhealthy, AlertStatus::Resolved));
    wait("all of it everywhere", || sinks(&pod).values().all(|sink| sink.sent == 3));
    said += &try_out();
    assert!(sinks(&pod).values().all(|sink| (sink.failed, sink.pending, &sink.problem) == (0, 0, &None)));

    let file = of_file();
    assert_eq!(told(&file), TOLD, "{file:?}");
    let exit = &file[1];
    assert!(exit.summary.starts_with("flaky ended with exit code 7 after "), "{exit:?}");
    assert_eq!(exit.lines.last().map(String::as_str), Some("the last words: ***"));
    let hooked = hook.requests();
    assert!(hooked.iter().all(|request| request.headers["authorization"] == format!("Bearer {}", secrets::TOKEN)));
    let alerts_of_hook: Vec<Alert> = hooked.iter().flat_map(|request| alerts(&request.body)).collect();
    // No lines leave the container unless somebody asks for them.
    assert!(alerts_of_hook.iter().all(|alert| alert.lines.is_empty()));
    let paged = alerts(&within(&pod, "cat /tmp/paged"));
    for others in [&alerts_of_hook, &paged] {
        assert_eq!(told(others), TOLD);
        assert_eq!(ids(others)[1..4], ids(&file)[1..4], "an alert has one id, whoever gets it");
    }
    of_slack(&slack.requests(), &file);
    of_pagerduty(&pager.requests(), &file);
    of_mail(&mail.mails(), &file);

    let log = log(&pod);
    let of_alerts: Vec<&str> = log.lines().filter(|line| line.contains("alerts to ")).collect();
    assert!(of_alerts.len() == 1 && of_alerts[0].contains("alerts to off are off"), "nothing failed: {of_alerts:?}");
    secrets::are_nowhere(&pod, &said);
    // Nothing comes once more, not even when the pod is asked to stop.
    assert!(docker(["stop", &pod.name]).status.success());
    let more: Vec<Request> = [slack, pager, hook].iter().flat_map(Receiver::requests).collect();
    assert!(more.is_empty() && mail.mails().is_empty(), "{more:?}");
}

/// Those that stand one after the other in a text.
fn alerts(text: &str) -> Vec<Alert> {
    let alerts = serde_json::Deserializer::from_str(text).into_iter();
    alerts.map(|alert| alert.unwrap_or_else(|error| panic!("{error}: {text}"))).collect()
}

fn told(alerts: &[Alert]) -> Vec<(AlertKind, AlertStatus)> {
    alerts.iter().map(|alert| (alert.kind, alert.status)).collect()
}

fn ids(alerts: &[Alert]) -> Vec<&str> {
    alerts.iter().map(|alert| alert.id.as_str()).collect()
}

fn of_slack(requests: &[Request], file: &[Alert]) {
    let (ids, texts): (Vec<&str>, Vec<String>) = requests
        .iter()
        .map(|request| {
            assert_eq!(request.line, format!("POST /services/T0/B0/{} HTTP/1.1", secrets::SLACK));
            (request.headers["idempotency-key"].as_str(), request.json()["text"].as_str().expect("a text").to_owned())
        })
        .unzip();
    assert_eq!(ids[1..4], self::ids(file)[1..4], "{texts:?}");
    assert_eq!(texts.len(), TOLD.len(), "{texts:?}");
    assert!(texts[1].contains(&file[1].summary) && texts[3].contains("Resolved: "), "{texts:?}");
    assert!(requests[1].body.contains("the last words: ***"), "it asked for lines: {}", requests[1].body);
}

fn of_pagerduty(requests: &[Request], file: &[Alert]) {
    let events: Vec<Value> = requests.iter().map(Request::json).collect();
    assert!(requests.iter().all(|request| request.line == "POST /v2/enqueue HTTP/1.1"));
    assert!(events.iter().all(|event| event["routing_key"] == secrets::PAGERDUTY), "{events:?}");
    let actions: Vec<&Value> = events.iter().map(|event| &event["event_action"]).collect();
    assert_eq!(actions, ["trigger", "trigger", "trigger", "resolve", "trigger"]);
    for (event, alert) in events.iter().zip(file).take(4).skip(1) {
        assert_eq!((&event["dedup_key"], &event["payload"]["summary"]), (&json!(alert.key), &json!(alert.summary)));
    }
    assert_eq!(events[2]["dedup_key"], events[3]["dedup_key"]);
}

fn of_mail(mails: &[Mail], file: &[Alert]) {
    assert_eq!(mails.len(), TOLD.len(), "{mails:?}");
    for mail in mails {
        assert!(mail.was_encrypted, "{mail:?}");
        assert_eq!(mail.to, [" TO:<ann@example.org>", " TO:<bob@example.org>"]);
    }
    assert!(mails[1].text.contains(&file[1].summary), "{:?}", mails[1]);
}
