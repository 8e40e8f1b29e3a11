//! Bodies and subjects: minijinja templates with `alert` and, in bodies of requests, `values`.
//!
//! Strict: a name that is not there is a mistake, and said. Fields of an alert that it does not have are there, as `none`,
//! so that a template can ask for them.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, context};
use podinit_plan::alert::Alert;
use podinit_plan::calendar;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Fields that not every alert has.
const OPTIONAL: [&str; 10] = [
    "service",
    "incarnation",
    "exit",
    "uptime_ms",
    "restarts",
    "memory_bytes",
    "peak_memory_bytes",
    "limit_bytes",
    "lines",
    "suppressed",
];

/// Fills a template in.
///
/// # Errors
/// What is wrong with the template, in words.
pub fn body(template: &str, alert: &Alert, values: &BTreeMap<String, String>) -> Result<String, String> {
    let wrong = |error: Error| format!("the template is wrong: {error}");
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().map_err(wrong)?);
    environment.add_filter("truncate", truncate);
    environment.add_filter("later", later);
    environment.add_filter("duration", podinit_plan::units::format_duration_ms);
    environment.add_filter("size", podinit_plan::units::format_size);
    environment.add_filter("ending", ending);
    let alert = Serde(fields(alert).map_err(|error| error.to_string())?);
    environment.render_str(template, context! { alert, values }).map_err(wrong)
}

/// The same for a line: line breaks become spaces.
///
/// # Errors
/// As [`body`].
pub fn subject(template: &str, alert: &Alert) -> Result<String, String> {
    Ok(crate::failure::line(&body(template, alert, &BTreeMap::new())?, 250))
}

/// All fields of an alert.
fn fields(alert: &Alert) -> serde_json::Result<Value> {
    let Value::Object(mut fields) = serde_json::to_value(alert)? else { return Ok(Value::Object(Map::new())) };
    for name in OPTIONAL {
        let without = match name {
            "lines" => Value::Array(Vec::new()),
            "suppressed" => 0.into(),
            _ => Value::Null,
        };
        fields.entry(name).or_insert(without);
    }
    Ok(Value::Object(fields))
}

/// A text of so many characters at most; one that was cut ends with `…`.
fn truncate(text: &str, length: usize) -> String {
    match text.char_indices().nth(length) {
        None => text.to_owned(),
        Some(_) => text.chars().take(length.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// An alert's time so many days later.
fn later(time: &str, days: u64) -> Result<String, Error> {
    let wrong = || Error::new(ErrorKind::InvalidOperation, "later: this is no time of an alert");
    let (date, clock) = time.split_once('T').ok_or_else(wrong)?;
    let numbers: Vec<u64> = date.split('-').map_while(|number| number.parse().ok()).collect();
    let &[year @ 1970..=9999, month @ 1..=12, day @ 1..=31] = &numbers[..] else { return Err(wrong()) };
    // A year and a month have at least so many days; the rest is counted.
    let mut at = (year - 1970) * 365 + (month - 1) * 28 + day - 1;
    while calendar::civil(at) < (year, month, day) {
        at += 1;
    }
    let (year, month, day) = calendar::civil(at + days);
    Ok(format!("{year:04}-{month:02}-{day:02}T{clock}"))
}

/// How an incarnation ended, in words: `exit code 1`, `SIGKILL`.
fn ending(exit: minijinja::Value) -> Result<String, Error> {
    let exit: podinit_plan::protocol::Exit = serde_json::to_value(&exit)
        .and_then(serde_json::from_value)
        .map_err(|_| Error::new(ErrorKind::InvalidOperation, "ending: this is no alert.exit"))?;
    Ok(exit.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use podinit_plan::alert::{AlertKind, AlertStatus, Severity};

    fn alert() -> Alert {
        Alert {
            id: "1".into(),
            key: "shop/web/exit".into(),
            time: "2026-02-28T23:00:00.000Z".into(),
            summary: "web ended".into(),
            pod: "shop".into(),
            host: "h".into(),
            ..Alert::new(AlertKind::Exit, AlertStatus::Firing, Severity::Warning)
        }
    }

    fn filled(template: &str) -> Result<String, String> {
        body(template, &alert(), &BTreeMap::from([("key".to_owned(), "k\"1".to_owned())]))
    }

    #[test]
    fn what_an_alert_does_not_have_can_be_asked_for_and_what_nobody_has_is_a_mistake() {
        let template = "{% if alert.service %}{{ alert.service }}{% else %}pod{% endif %} {{ alert.lines | length }}";
        assert_eq!(filled(template).unwrap(), "pod 0");
        for mistake in ["{{ alert.servise }}", "{{ values.nothing }}", "{{ other }}", "{% if alert.x %}{% endif %}", "{{ alert"] {
            let problem = filled(mistake).unwrap_err();
            assert!(problem.starts_with("the template is wrong: "), "{mistake}: {problem}");
        }
        // Whatever an alert may have is a field.
        let Value::Object(all) = fields(&alert()).unwrap() else { panic!() };
        let debug = format!("{:?}", alert());
        let names = debug.split([' ', '{']).filter_map(|word| word.strip_suffix(':')).filter(|word| *word != "Alert");
        assert_eq!(names.filter(|name| !all.contains_key(*name)).collect::<Vec<_>>(), [] as [&str; 0]);
    }

    #[test]
    fn texts_are_quoted_for_json_and_cut() {
        assert_eq!(filled("{{ values.key | tojson }}").unwrap(), r#""k\"1""#);
        assert_eq!(filled("{{ 'äöü' | truncate(2) }} {{ 'äöü' | truncate(3) }}").unwrap(), "ä… äöü");
        assert_eq!(subject("a\n {{ alert.pod }}", &alert()).unwrap(), "a shop");
    }

    #[test]
    fn a_day_later_is_in_the_calendar() {
        assert_eq!(filled("{{ alert.time | later(1) }}").unwrap(), "2026-03-01T23:00:00.000Z");
        assert_eq!(filled("{{ '2024-02-28T01:02:03Z' | later(1) }}").unwrap(), "2024-02-29T01:02:03Z");
        assert_eq!(filled("{{ '2026-12-31T01:02:03Z' | later(1) }}").unwrap(), "2027-01-01T01:02:03Z");
        assert!(filled("{{ 'soon' | later(1) }}").is_err());
    }
}
