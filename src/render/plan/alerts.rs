//! Who is told when something is wrong: every receiver that podctl knows is a request or a mail with templates.

use super::service::command_alone;
use crate::spec::model::{AlertSink, AlertTarget, Pod};
use anyhow::{Context, Result};
use podinit_plan::plan::{Alerts, HttpTarget, Plan, Sink, SmtpTarget, Target, Value};
use podinit_plan::template::Template;
use std::collections::{BTreeMap, BTreeSet};

const SLACK: &str = include_str!("../../../templates/alerts/slack.json.j2");
const PAGERDUTY: &str = include_str!("../../../templates/alerts/pagerduty.json.j2");
const ALERTMANAGER: &str = include_str!("../../../templates/alerts/alertmanager.json.j2");
const WEBHOOK: &str = include_str!("../../../templates/alerts/webhook.json.j2");
const MAIL_SUBJECT: &str = include_str!("../../../templates/alerts/mail.subject.txt.j2");
const MAIL_BODY: &str = include_str!("../../../templates/alerts/mail.body.txt.j2");

/// What Alertmanager's address is followed by.
const ALERTMANAGER_PATH: &str = "/api/v2/alerts";

/// The alerts of a pod; their secrets come with [`add_secrets`].
///
/// # Errors
/// A command that does not split into words.
pub fn alerts(pod: &Pod) -> Result<Option<Alerts>> {
    let Some(alerts) = &pod.alerts else { return Ok(None) };
    let sinks = alerts.sinks.iter().map(|(name, sink)| {
        let to = target(sink).with_context(|| format!("cannot plan the alerts to {name}"))?;
        Ok((name.clone(), Sink { to, on: sink.on.clone(), lines: sink.lines, timeout_ms: sink.timeout_ms }))
    });
    Ok(Some(Alerts {
        sinks: sinks.collect::<Result<_>>()?,
        repeat_ms: alerts.repeat_ms,
        rate: alerts.rate,
        rate_ms: alerts.rate_ms,
        queue: alerts.queue.clone(),
        secrets: alerts.secrets.clone(),
    }))
}

/// The names of the variables whose values no alert shows: those that sinks use, those that are secret by how the plan
/// uses them, and those that pod.yaml names.
pub fn add_secrets(plan: &mut Plan) {
    let secret = secret_variables(plan);
    let Some(alerts) = &mut plan.alerts else { return };
    let of_sinks = alerts.sinks.values().flat_map(|sink| sink.to.values()).map(Value::text);
    let parsed: Vec<Template> = of_sinks.filter_map(|text| Template::parse(text).ok()).collect();
    let named = alerts.secrets.iter().cloned();
    let all: BTreeSet<String> = parsed.iter().flat_map(Template::names).chain(secret).chain(named).collect();
    alerts.secrets = all.into_iter().collect();
}

/// The variables of environments that are secrets: those without a default, which are settings.
pub fn secret_variables(plan: &Plan) -> BTreeSet<String> {
    let names = environment_variables(plan);
    names.into_iter().filter(|name| !plan.templates().iter().any(|text| has_default(text, name))).collect()
}

/// The variables that values in an environment refer to; those of commands and paths are no secrets.
pub fn environment_variables(plan: &Plan) -> BTreeSet<String> {
    let environments = std::iter::once(&plan.environment).chain(plan.services.values().map(|service| &service.environment));
    environments
        .flatten()
        .flat_map(|(name, value)| match value.as_ref().map(|value| Template::parse(value.text())) {
            Some(Ok(template)) => template.names(),
            Some(Err(_)) => BTreeSet::new(),
            None => BTreeSet::from([name.clone()]),
        })
        .collect()
}

/// Whether a text gives a variable a default that is not empty.
fn has_default(text: &str, name: &str) -> bool {
    [":-", "-"].iter().any(|operator| {
        let reference = format!("${{{name}{operator}");
        text.split(&reference).skip(1).any(|rest| !rest.starts_with('}'))
    })
}

/// Whether the image needs what delivers alerts over networks.
pub fn needs_deliver(plan: &Plan) -> bool {
    let sinks = plan.alerts.iter().flat_map(|alerts| alerts.sinks.values());
    sinks.into_iter().any(|sink| matches!(sink.to, Target::Http(_) | Target::Smtp(_)))
}

fn target(sink: &AlertSink) -> Result<Target> {
    let request = |url: &Value, body: &str| HttpTarget {
        method: "POST".to_owned(),
        url: url.clone(),
        headers: BTreeMap::from([("Content-Type".to_owned(), "application/json".to_owned().into())]),
        values: BTreeMap::new(),
        body: body.to_owned(),
        resolves: sink.resolved,
        ca: sink.ca.clone(),
    };
    Ok(match &sink.to {
        AlertTarget::File { path, max_size_bytes, max_files } => {
            Target::File { path: path.clone(), max_size_bytes: *max_size_bytes, max_files: *max_files }
        }
        AlertTarget::Slack(url) => Target::Http(request(url, SLACK)),
        AlertTarget::PagerDuty { key, url } => {
            let values = BTreeMap::from([("routing_key".to_owned(), key.clone())]);
            Target::Http(HttpTarget { values, ..request(url, PAGERDUTY) })
        }
        AlertTarget::Alertmanager(url) => {
            let url = match url {
                Value::Text(text) => Value::Text(format!("{}{ALERTMANAGER_PATH}", text.trim_end_matches('/'))),
                // What is in a file is taken as it is.
                Value::File(_) => url.clone(),
            };
            Target::Http(request(&url, ALERTMANAGER))
        }
        AlertTarget::Webhook { url, method, headers, body } => {
            let mut request = request(url, body.as_deref().unwrap_or(WEBHOOK));
            let names_type = headers.keys().any(|name| name.eq_ignore_ascii_case("content-type"));
            if names_type {
                request.headers.clear();
            }
            request.headers.extend(headers.clone());
            Target::Http(HttpTarget { method: method.clone(), ..request })
        }
        AlertTarget::Email { server, from, to } => Target::Smtp(SmtpTarget {
            server: server.clone(),
            from: from.clone(),
            to: to.clone(),
            subject: MAIL_SUBJECT.trim_end().to_owned(),
            body: MAIL_BODY.to_owned(),
            resolves: sink.resolved,
            ca: sink.ca.clone(),
        }),
        AlertTarget::Command { command, user } => Target::Command { command: command_alone(command)?, user: Some(user.clone()) },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_with_a_default_is_a_setting() {
        assert!(has_default("a ${DELAY:-7s}", "DELAY") && has_default("${DELAY-0}", "DELAY"));
        assert!(!has_default("${SECRET:-}", "SECRET") && !has_default("${SECRET:?needed}", "SECRET"));
        assert!(!has_default("${SECRET} ${OTHER:-x}", "SECRET"));
    }
}
