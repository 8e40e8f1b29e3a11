//! Receivers that are not as they should be: nobody else waits for them, and what they are to be told arrives once.

use crate::receiver::{Answer, Receiver, answer};
use crate::{HOST, PATIENCE, listen, log, sinks, wait, within};
use podinit_plan::alert::{Alert, AlertKind};

pub fn run() {
    let away = listen();
    let away_at = away.local_addr().unwrap();
    drop(away);
    let ok = || answer("200 OK", "");
    let answers = vec![ok(), Answer::HangUp, answer("500 Internal Server Error", "out of order"), Answer::Silence, ok()];
    let troubled = Receiver::start(listen(), true, answers);
    let well = Receiver::start(listen(), false, vec![ok()]);
    let yaml = format!(
        r#"
    away: {{ webhook: "http://{HOST}:{}/", timeout: 2s }}
    troubled: {{ webhook: "https://{HOST}:{}/", ca: /etc/receivers.pem, timeout: 2s }}
    well: {{ webhook: "http://{HOST}:{}/" }}"#,
        away_at.port(),
        troubled.port,
        well.port
    );
    let pod = crate::pod("troubled", "", &yaml);
    let output = pod.podctl(["test", "alerts", &pod.name]);
    let said = crate::pod::text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let row = |sink: &str| said.lines().find(|line| line.starts_with(sink)).unwrap_or_else(|| panic!("{said}"));
    assert!(row("away").contains("failed") && row("away").ends_with(&format!("{HOST}: connection refused")), "{said}");
    assert!(row("well").contains("delivered") && row("troubled").contains("delivered"), "{said}");
    assert!(said.contains(&format!("the alert did not reach 1 of 4 sinks of {}: away", pod.name)), "{said}");
    assert_eq!((well.requests().len(), troubled.requests().len()), (1, 1));

    within(&pod, "touch /tmp/crash");
    let first = well.arriving.recv_timeout(PATIENCE).expect("those who are well are told");
    let alert: Alert = serde_json::from_str(&first.body).expect("an alert");
    assert_eq!(alert.kind, AlertKind::Exit);
    let id = alert.id.as_str();
    wait("the failure", || log(&pod).contains(&format!("alerts to away fail: {HOST}: connection refused; will be tried again")));
    let back = Receiver::start(std::net::TcpListener::bind(away_at).expect("its port"), false, vec![ok()]);
    // The answer 500 and silence, then one that it took; who hangs up reads nothing.
    for receiver in [&back, &troubled, &troubled, &troubled] {
        let request = receiver.arriving.recv_timeout(PATIENCE).expect("it is told");
        assert_eq!(request.headers["idempotency-key"], id, "{request:?}");
    }
    for sink in ["away", "troubled"] {
        wait("the word", || log(&pod).contains(&format!("alerts to {sink} are delivered again")));
        assert_eq!(log(&pod).matches(&format!("alerts to {sink} fail")).count(), 1, "it is said once: {}", log(&pod));
    }
    assert!(sinks(&pod).values().all(|sink| (sink.sent, sink.failed, sink.pending) == (1, 0, 0)), "{:?}", sinks(&pod));
    pod.must(["test", "alerts", &pod.name]);
    for (sink, receiver) in [("away", back), ("troubled", troubled), ("well", well)] {
        let rest = receiver.requests();
        assert!(rest.len() == 1 && rest[0].json()["kind"] == "test", "{sink}: {rest:?}");
    }
}
