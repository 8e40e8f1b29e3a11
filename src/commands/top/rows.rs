//! From what podinit says to the rows of the table. Pure.

use crate::commands::table;
use crate::ui;
use podinit_plan::protocol::{ServiceStatus, Status};
use podinit_plan::state::State;
use podinit_plan::units::format_size;
use serde::Serialize;
use std::cmp::Reverse;

/// What the services of a pod are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Sort {
    /// Who uses the processor most.
    #[default]
    Cpu,
    /// Who has most memory.
    Memory,
    /// From A to Z.
    Name,
}

/// A service, or a container as a whole.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The pod.
    pub pod: String,
    /// The service; none for the container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Its state; the container's in the engine's words when podinit does not answer.
    pub state: String,
    /// 100 is one processor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_percent: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restarts: Option<u64>,
    /// How long its last check took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_ms: Option<f64>,
    #[serde(skip)]
    known: Option<State>,
}

impl Row {
    /// A pod of which nothing more is known.
    #[must_use]
    pub fn without_services(pod: &str, state: String) -> Row {
        let (pod, service, known) = (pod.to_owned(), None, None);
        Row {
            pod,
            service,
            state,
            cpu_percent: None,
            memory_bytes: None,
            limit_bytes: None,
            restarts: None,
            response_ms: None,
            known,
        }
    }
}

/// The rows of a pod: its container's where its memory is known, then its services'.
#[must_use]
pub fn of(pod: &str, before: Option<&Status>, now: &Status) -> Vec<Row> {
    let services = now.services.iter().map(|service| {
        let former = before.and_then(|before| Some((before, before.services.iter().find(|old| old.name == service.name)?)));
        Row {
            service: Some(service.name.clone()),
            cpu_percent: former.and_then(|(before, old)| share((before, old), (now, service))),
            memory_bytes: service.usage.map(|usage| usage.memory_bytes),
            limit_bytes: service.usage.and_then(|usage| usage.limit_bytes),
            restarts: Some(service.restarts),
            response_ms: service.check.as_ref().and_then(|check| check.last_us).map(|us| us as f64 / 1_000.0),
            known: Some(service.state),
            ..Row::without_services(pod, service.state.to_string())
        }
    });
    let services: Vec<Row> = services.collect();
    let container = now.memory.map(|memory| {
        let shares: Vec<f64> = services.iter().filter_map(|row| row.cpu_percent).collect();
        Row {
            cpu_percent: (!shares.is_empty()).then(|| rounded(shares.iter().sum())),
            memory_bytes: Some(memory.bytes),
            limit_bytes: memory.limit_bytes,
            known: Some(if now.ready { State::Ready } else { State::Unready }),
            ..Row::without_services(pod, if now.ready { "ready" } else { "unready" }.to_owned())
        }
    });
    container.into_iter().chain(services).collect()
}

/// How much of a processor a service used between two looks. podinit measures at times of its own, and says how long ago
/// that was. What a new process has used, it has used since it was started.
fn share((before, old): (&Status, &ServiceStatus), (now, new): (&Status, &ServiceStatus)) -> Option<f64> {
    let (first, last) = (old.usage?, new.usage?);
    let measured = |status: &Status, age: u64| status.uptime_ms.saturating_sub(age);
    let passed = measured(now, last.age_ms).checked_sub(measured(before, first.age_ms)).filter(|passed| *passed > 0)?;
    let used = match old.incarnation == new.incarnation {
        true => last.cpu_ms.saturating_sub(first.cpu_ms),
        false => last.cpu_ms,
    };
    Some(rounded(used as f64 * 100.0 / passed as f64))
}

fn rounded(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

/// The services of a pod in the order that was asked for, after the container.
#[must_use]
pub fn sorted(mut rows: Vec<Row>, by: Sort) -> Vec<Row> {
    match by {
        Sort::Cpu => rows.sort_by_key(|row| (row.service.is_some(), Reverse((row.cpu_percent.unwrap_or(0.0) * 10.0) as u64))),
        Sort::Memory => rows.sort_by_key(|row| (row.service.is_some(), Reverse(row.memory_bytes))),
        Sort::Name => rows.sort_by(|one, other| one.service.cmp(&other.service)),
    }
    rows
}

/// The table.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    let head = ["POD", "SERVICE", "STATE", "CPU %", "MEMORY", "LIMIT", "%", "RESTARTS", "RESPONSE"];
    table::layout(head, &rows.iter().map(cells).collect::<Vec<_>>())
}

fn cells(row: &Row) -> [String; 9] {
    let size = |bytes: Option<u64>| bytes.map(format_size).unwrap_or_default();
    let percent = row.memory_bytes.zip(row.limit_bytes.filter(|limit| *limit > 0));
    [
        row.pod.clone(),
        row.service.clone().unwrap_or_default(),
        row.known.map_or_else(|| row.state.clone(), ui::state),
        row.cpu_percent.map(|percent| format!("{percent:.1}")).unwrap_or_default(),
        size(row.memory_bytes),
        size(row.limit_bytes),
        percent.map(|(bytes, limit)| format!("{:.0}", bytes as f64 * 100.0 / limit as f64)).unwrap_or_default(),
        row.restarts.map(|restarts| restarts.to_string()).unwrap_or_default(),
        row.response_ms.map(|ms| format!("{ms:.1} ms")).unwrap_or_default(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use anstream::adapter::strip_str;

    fn status(uptime_ms: u64, services: &[&str]) -> Status {
        let text = format!(r#"{{"pod":"shop","ready":true,"uptime_ms":{uptime_ms},"services":[{}]}}"#, services.join(","));
        serde_json::from_str(&text).expect("a status")
    }

    fn service(name: &str, incarnation: u64, cpu_ms: u64, age_ms: u64) -> String {
        format!(
            r#"{{"name":"{name}","state":"ready","incarnation":{incarnation},"restarts":{},"check":{{"last_us":1240}},
             "usage":{{"memory_bytes":52428800,"limit_bytes":104857600,"cpu_ms":{cpu_ms},"age_ms":{age_ms}}}}}"#,
            incarnation - 1
        )
    }

    #[test]
    fn a_share_is_of_the_time_between_two_measurements() {
        let before = status(10_000, &[&service("a", 1, 500, 800), &service("b", 1, 500, 0), &service("c", 1, 9_000, 0)]);
        // Measured 2 s apart although the looks were 1.2 s apart; the other after 1.2 s; the third is a new process.
        let now = status(11_200, &[&service("a", 1, 1_500, 0), &service("b", 1, 2_900, 0), &service("c", 2, 60, 0)]);
        let shares: Vec<_> = of("shop", Some(&before), &now).iter().map(|row| row.cpu_percent).collect();
        assert_eq!(shares, [Some(50.0), Some(200.0), Some(5.0)]);
        assert_eq!(of("shop", None, &now)[0].cpu_percent, None, "one look is none");
        assert_eq!(of("shop", Some(&now), &now)[0].cpu_percent, None, "nothing was measured since");
    }

    #[test]
    fn the_container_comes_first_and_its_services_as_asked_for() {
        let mut now = status(11_000, &[&service("a", 1, 100, 0), &service("b", 2, 900, 0)]);
        let before = status(10_000, &[&service("a", 1, 0, 0), &service("b", 2, 0, 0)]);
        now.memory = serde_json::from_str(r#"{"bytes":64,"limit_bytes":128}"#).expect("memory");
        let names = |by| {
            let rows = sorted(of("shop", Some(&before), &now), by);
            rows.into_iter().map(|row| row.service.unwrap_or_default()).collect::<Vec<_>>()
        };
        assert_eq!(names(Sort::Cpu), ["", "b", "a"]);
        assert_eq!(names(Sort::Name), ["", "a", "b"]);
        let text = strip_str(&table(&sorted(of("shop", Some(&before), &now), Sort::Name))).to_string();
        let cells =
            |line: &str| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect::<Vec<_>>();
        let lines: Vec<_> = text.lines().map(cells).collect();
        assert_eq!(lines[1], ["shop", "ready", "100.0", "64B", "128B", "50"]);
        assert_eq!(lines[2], ["shop", "a", "ready", "10.0", "50MB", "100MB", "50", "0", "1.2 ms"]);
    }

    #[test]
    fn a_pod_that_does_not_measure_is_shown_without_figures() {
        let now = status(11_000, &[r#"{"name":"a","state":"backoff","restarts":3}"#]);
        let text = strip_str(&table(&of("shop", Some(&now), &now))).to_string();
        assert_eq!(
            text.lines().nth(1).map(|line| line.split_whitespace().collect::<Vec<_>>()),
            Some(vec!["shop", "a", "backoff", "3"])
        );
    }
}
