//! Receivers get what they document.

use crate::certificates::ca;
use crate::deliveries::{PATIENCE, deliver, ended, file, http, odd, template, text};
use crate::receiver::{Receiver, Request, answer};
use podinit_plan::alert::{Alert, AlertStatus};
use podinit_plan::plan::{HttpTarget, Target};
use serde_json::Value;

/// What a receiver gets of an alert.
fn received(alert: &Alert, template_name: &str, change: impl Fn(&mut HttpTarget)) -> Request {
    let receiver = Receiver::https(answer("200 OK", "ok"));
    let mut target = http(&receiver.url("/services/T0/B0/XX"), &template(template_name), Some(&ca()));
    change(&mut target);
    deliver(Target::Http(target), alert, PATIENCE).expect_delivered();
    receiver.request()
}

fn resolved(alert: &Alert) -> Alert {
    Alert { id: "0197-4-18".into(), status: AlertStatus::Resolved, ..alert.clone() }
}

fn length(text: &Value) -> usize {
    text.as_str().unwrap_or_else(|| panic!("{text} is no text")).chars().count()
}

pub fn slack_gets_what_it_documents() {
    for alert in [ended(), resolved(&ended()), odd(), crate::deliveries::disk(AlertStatus::Firing)] {
        let request = received(&alert, "slack.json.j2", |_| {});
        assert_eq!(request.line, "POST /services/T0/B0/XX HTTP/1.1");
        assert_eq!(request.headers["content-type"], "application/json");
        assert_eq!(request.headers["idempotency-key"], alert.id);
        let json = request.json();
        assert!((1..=4_000).contains(&length(&json["text"])), "{json}");
        assert!(json["text"].as_str().unwrap().contains("Resolved: ") == (alert.status == AlertStatus::Resolved));
        let blocks = json["blocks"].as_array().unwrap();
        assert!((1..=50).contains(&blocks.len()));
        for block in blocks {
            assert_eq!(block["type"], "section");
            let fields = block["fields"].as_array().cloned().unwrap_or_default();
            assert!(fields.len() <= 10 && (block.get("text").is_some() || !fields.is_empty()), "{block}");
            let texts = block.get("text").map(|text| (text, 3_000)).into_iter();
            for (text, most) in texts.chain(fields.iter().map(|field| (field, 2_000))) {
                assert_eq!(text["type"], "mrkdwn");
                let markup = text["text"].as_str().unwrap();
                assert!((1..=most).contains(&markup.chars().count()), "{markup}");
                // Nothing that a service says is a link or a mention.
                assert!(!markup.contains(['<', '>']), "{markup}");
            }
        }
    }
}

pub fn pagerduty_gets_what_it_documents_and_resolves_by_the_same_key() {
    const KEY: &str = "0123456789abcdef0123456789abcdef";
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, format!("{KEY}\n")).unwrap();
    for alert in [ended(), odd(), crate::deliveries::disk(AlertStatus::Firing)] {
        let mut keys = Vec::new();
        for (alert, action) in [(alert.clone(), "trigger"), (resolved(&alert), "resolve")] {
            let request = received(&alert, "pagerduty.json.j2", |target| {
                target.values.insert("routing_key".into(), file(&key));
            });
            assert!(request.body.len() <= 512 * 1024);
            let json = request.json();
            assert_eq!(json["routing_key"], KEY);
            assert_eq!(json["event_action"], action);
            assert!((1..=255).contains(&length(&json["dedup_key"])));
            keys.push(json["dedup_key"].clone());
            let payload = &json["payload"];
            assert!((1..=1_024).contains(&length(&payload["summary"])));
            assert!(length(&payload["source"]) > 0);
            assert!(["critical", "error", "warning", "info"].contains(&payload["severity"].as_str().unwrap()));
            assert_eq!(payload["timestamp"], alert.time);
            assert_eq!(payload["group"], "shop");
            assert_eq!(payload.get("component").and_then(Value::as_str), alert.service.as_deref());
            assert!(payload["custom_details"].is_object());
        }
        assert_eq!(keys[0], keys[1]);
    }
}

pub fn a_webhook_gets_the_alert_with_headers_of_ones_own() {
    let request = received(&ended(), "webhook.json.j2", |target| {
        target.method = "PUT".into();
        target.headers.insert("Content-Type".into(), text("application/vnd.shop+json"));
        target.headers.insert("X-Team".into(), text("a b"));
    });
    assert_eq!(request.line, "PUT /services/T0/B0/XX HTTP/1.1");
    assert_eq!((&*request.headers["content-type"], &*request.headers["x-team"]), ("application/vnd.shop+json", "a b"));
    assert_eq!(serde_json::from_str::<Alert>(&request.body).unwrap(), ended());
    let bare = crate::deliveries::disk(AlertStatus::Resolved);
    assert_eq!(serde_json::from_str::<Alert>(&received(&bare, "webhook.json.j2", |_| {}).body).unwrap(), bare);
}
