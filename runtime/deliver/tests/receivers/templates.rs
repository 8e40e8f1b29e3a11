//! Each template, as its text.

use crate::deliveries::{disk, ended, template};
use podinit_deliver::text;
use podinit_plan::alert::AlertStatus;
use std::collections::BTreeMap;

pub fn each_template_for_alerts_that_fire_and_resolve() {
    let values = BTreeMap::from([("routing_key".to_owned(), "KEY".to_owned())]);
    let alerts = [("exit", ended()), ("disk", disk(AlertStatus::Firing)), ("disk.resolved", disk(AlertStatus::Resolved))];
    for name in ["alertmanager.json", "mail.body.txt", "pagerduty.json", "slack.json", "webhook.json"] {
        let (kind, format) = name.rsplit_once('.').unwrap();
        for (alert_name, alert) in &alerts {
            let filled = text::body(&template(&format!("{name}.j2")), alert, &values).unwrap();
            if format == "json" {
                serde_json::from_str::<serde_json::Value>(&filled).unwrap_or_else(|error| panic!("{name}: {error}: {filled}"));
            }
            insta::assert_snapshot!(format!("{kind}.{alert_name}"), filled);
        }
    }
    for (alert_name, alert) in &alerts {
        let subject = text::subject(&template("mail.subject.txt.j2"), alert).unwrap();
        insta::assert_snapshot!(format!("mail.subject.{alert_name}"), subject);
    }
}
