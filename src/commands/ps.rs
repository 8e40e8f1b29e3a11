//! `podctl ps`: shows the pods of this engine and their services.
//!
//! Nothing is executed in a pod for it: what podinit's last health check printed is in the engine's health log. Only a pod
//! that was started a moment ago, before the engine's first check, is asked itself.

use super::{Context, Format, output, table};
use crate::engine::Engine;
use crate::engine::inspect::Found;
use crate::engine::labels;
use crate::project::pods;
use anyhow::Result;
use futures_util::future::{join_all, try_join_all};
use podinit_plan::protocol::{CheckStatus, PodMemory, ServiceStatus, Status, Usage};
use podinit_plan::units::{format_duration_ms, format_size};
use serde::Serialize;
use std::time::Duration;
use time::OffsetDateTime;

/// What `podctl ps` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The pods; without one, all that podctl made on this engine
    #[arg(value_name = "POD")]
    pub pods: Vec<String>,
    /// How they are shown
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// The document that `--format json` prints.
#[derive(Debug, Serialize)]
struct Document {
    pods: Vec<Pod>,
}

/// A pod as it was when the engine last checked its health.
#[derive(Debug, Serialize)]
struct Pod {
    name: String,
    /// The container's, in the engine's words.
    state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i64>,
    /// Whether every essential service is ready or done; none when nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    ready: Option<bool>,
    /// The container's, when it was measured last.
    #[serde(skip_serializing_if = "Option::is_none")]
    memory: Option<PodMemory>,
    image: String,
    folder: String,
    ports: Vec<String>,
    services: Vec<ServiceStatus>,
}

/// The longest that a pod may take to answer for itself.
const PATIENCE: Duration = Duration::from_secs(2);

/// Runs it.
///
/// # Errors
/// There is no such pod, or no engine answers.
pub async fn run(context: &Context, args: &Args) -> Result<()> {
    let engine = Engine::connect().await?;
    let found = if args.pods.is_empty() && context.files.is_empty() {
        engine.pods().await?
    } else {
        let names = pods::names(&engine, &context.files, &args.pods).await?;
        try_join_all(names.iter().map(|name| pods::present(&engine, name))).await?
    };
    let now = OffsetDateTime::now_utc();
    let pods: Vec<Pod> = join_all(found.iter().map(async |found| pod(found, status(&engine, found, now).await))).await;
    let text = match args.format {
        Format::Json => serde_json::to_string_pretty(&Document { pods })?,
        Format::Text => {
            let head = ["POD", "SERVICE", "STATE", "HEALTH", "MEMORY", "PID", "RESTARTS", "SINCE", "REASON"];
            table::layout(head, &pods.iter().flat_map(rows).collect::<Vec<_>>())
        }
    };
    output::print(text.as_bytes())
}

/// What is known of the services of a pod that runs.
async fn status(engine: &Engine, found: &Found, now: OffsetDateTime) -> Option<Status> {
    if !found.running {
        return None;
    }
    let asked = async { engine.dial(&found.id).await.ok()?.status().await.ok() };
    match last_status(found, now) {
        None => tokio::time::timeout(PATIENCE, asked).await.ok()?,
        status => status,
    }
}

fn pod(found: &Found, status: Option<Status>) -> Pod {
    Pod {
        name: found.name.clone(),
        state: found.state.clone(),
        exit_code: found.exit_code,
        ready: status.as_ref().map(|status| status.ready),
        memory: status.as_ref().and_then(|status| status.memory),
        image: found.image.clone(),
        folder: found.labels.get(labels::FOLDER).cloned().unwrap_or_default(),
        ports: found
            .ports
            .iter()
            .map(|port| format!("{}->{}/{}", std::net::SocketAddr::new(port.address, port.host), port.container, port.protocol))
            .collect(),
        services: status.map(|status| status.services).unwrap_or_default(),
    }
}

/// What podinit said at the last check of the present run, its durations prolonged until now.
fn last_status(found: &Found, now: OffsetDateTime) -> Option<Status> {
    let check = found.health.as_ref()?;
    // The engine keeps the checks of a container's former runs.
    if check.start.zip(found.started_at).is_some_and(|(check, started)| check < started) {
        return None;
    }
    let mut status: Status = serde_json::from_str(check.output.as_deref()?).ok()?;
    let passed = check.end.map_or(0, |end| u64::try_from((now - end).whole_milliseconds()).unwrap_or(0));
    status.services.iter_mut().for_each(|service| service.since_ms += passed);
    Some(status)
}

fn rows(pod: &Pod) -> Vec<[String; 9]> {
    let row = |service: &str, state: String, reason: &str| {
        let none = String::new;
        [pod.name.clone(), service.to_owned(), state, none(), none(), none(), none(), none(), reason.to_owned()]
    };
    match (pod.exit_code, pod.services.as_slice()) {
        (Some(code), _) => vec![row("", format!("{} ({code})", pod.state), "")],
        (None, []) if pod.state == "running" => vec![row("", "running".to_owned(), "podinit has not answered yet")],
        (None, []) => vec![row("", pod.state.clone(), "")],
        (None, services) => services.iter().map(|service| service_row(&pod.name, service)).collect(),
    }
}

fn service_row(pod: &str, service: &ServiceStatus) -> [String; 9] {
    // Whole seconds are enough for a person.
    let since = format_duration_ms(service.since_ms / 1_000 * 1_000);
    [
        pod.to_owned(),
        service.name.clone(),
        service.state.to_string(),
        service.check.as_ref().map(health).unwrap_or_default(),
        service.usage.as_ref().map(memory).unwrap_or_default(),
        service.pid.map(|pid| pid.to_string()).unwrap_or_default(),
        service.restarts.to_string(),
        since,
        reason(service),
    ]
}

/// How its checks go: how long the last one took, or how many have failed in a row.
fn health(check: &CheckStatus) -> String {
    match (check.failures, check.last_us) {
        (1, _) => "failing".to_owned(),
        (2.., _) => format!("failing, {} in a row", check.failures),
        (0, Some(us)) => format!("{:.1} ms", us as f64 / 1_000.0),
        (0, None) => String::new(),
    }
}

/// What it uses, and what it may.
fn memory(usage: &Usage) -> String {
    let used = format_size(usage.memory_bytes);
    usage.limit_bytes.map_or(used.clone(), |limit| format!("{used} / {}", format_size(limit)))
}

/// Why a service is as it is, and when the clock starts it next.
fn reason(service: &ServiceStatus) -> String {
    let next = service.next_run.as_ref().map(|time| format!("next run {time}"));
    service.reason.iter().chain(&next).map(String::as_str).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use bollard::models::HealthcheckResult;

    const OUTPUT: &str = r#"{"pod":"shop","ready":false,"services":[
        {"name":"api","state":"ready","pid":7,"restarts":1,"since_ms":60000,
         "usage":{"memory_bytes":52428800,"limit_bytes":104857600},"check":{"last_us":1240,"checks":9,"failed":1}},
        {"name":"web","state":"waiting","since_ms":500,"reason":"waits for api (starting)","of_the_future":1}]}"#;

    fn found(state: &str, exit_code: Option<i64>, checked: Option<OffsetDateTime>) -> Found {
        Found {
            name: "shop".to_owned(),
            state: state.to_owned(),
            running: state == "running",
            exit_code,
            health: checked.map(|end| HealthcheckResult {
                start: Some(end),
                end: Some(end),
                exit_code: Some(1),
                output: Some(OUTPUT.to_owned()),
            }),
            ..Found::default()
        }
    }

    fn shown(found: &Found, now: OffsetDateTime) -> String {
        rows(&pod(found, last_status(found, now))).iter().map(|row| row.join("|")).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn services_are_shown_as_of_the_last_check() {
        let now = OffsetDateTime::UNIX_EPOCH + time::Duration::hours(1);
        let checked = found("running", None, Some(now - time::Duration::seconds(4)));
        assert_eq!(
            shown(&checked, now),
            "shop|api|ready|1.2 ms|50MB / 100MB|7|1|1m4s|\nshop|web|waiting||||0|4s|waits for api (starting)"
        );
    }

    #[test]
    fn checks_that_fail_say_how_often() {
        let shown = |failures, last_us| health(&CheckStatus { failures, last_us, ..CheckStatus::default() });
        assert_eq!([shown(0, None), shown(1, Some(1)), shown(3, Some(1))], ["", "failing", "failing, 3 in a row"]);
        assert_eq!(memory(&Usage { memory_bytes: 1 << 20, ..Usage::default() }), "1MB");
    }

    #[test]
    fn what_the_clock_starts_shows_its_next_run() {
        let service = |rest: &str| -> ServiceStatus {
            serde_json::from_str(&format!(r#"{{"name":"tidy","state":"done","next_run":"2026-01-01T00:00:30Z"{rest}}}"#)).unwrap()
        };
        assert_eq!(reason(&service("")), "next run 2026-01-01T00:00:30Z");
        let failed = service(r#","reason":"ended with exit code 1""#);
        assert_eq!(reason(&failed), "ended with exit code 1; next run 2026-01-01T00:00:30Z");
    }

    #[test]
    fn a_pod_without_a_check_or_without_processes_is_shown_too() {
        let now = OffsetDateTime::UNIX_EPOCH;
        assert_eq!(shown(&found("running", None, None), now), "shop||running||||||podinit has not answered yet");
        assert_eq!(shown(&found("exited", Some(137), None), now), "shop||exited (137)||||||");
        let former = Found { started_at: Some(now + Duration::from_millis(1_500)), ..found("running", None, Some(now)) };
        assert_eq!(shown(&former, now), "shop||running||||||podinit has not answered yet");
        assert_eq!(shown(&found("created", None, None), now), "shop||created||||||");
    }
}
