//! `podctl test alerts`: whether what a pod has to say would reach a person.

use crate::commands::{Context, Format, output, table};
use crate::engine::Engine;
use crate::project::address::Address;
use crate::project::pods;
use anyhow::{Context as _, Result, bail};
use podinit_plan::protocol::Tested;
use podinit_plan::units::format_duration_ms;
use serde::Serialize;
use std::collections::BTreeMap;

/// What `podctl test alerts` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The pod
    pub pod: Option<String>,
    /// How the results are shown
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// The document that `--format json` prints.
#[derive(Debug, Serialize)]
struct Document<'a> {
    pod: &'a str,
    sinks: &'a BTreeMap<String, Tested>,
}

/// Runs it.
///
/// # Errors
/// The pod does not run or has no sinks, or one of them did not get it.
pub async fn run(context: &Context, args: &Args) -> Result<()> {
    let engine = Engine::connect().await?;
    let address = args.pod.as_deref().map(Address::parse);
    let (name, service) = pods::one(&engine, &context.files, address).await?;
    if let Some(service) = service {
        bail!("cannot test the alerts of {service}: sinks belong to the whole pod; `podctl test alerts {name}` tests them");
    }
    let found = pods::present(&engine, &name).await?;
    if !found.running {
        bail!("cannot test the alerts of {name}: the pod is {}; `podctl up {name}` starts it", found.state);
    }
    let task = context.ui.task(format!("send one alert through each sink of {name}"));
    let sinks = engine.dial(&found.id).await?.test_alerts().await;
    let sinks = sinks.with_context(|| format!("cannot test the alerts of {name}"))?;
    task.done("sent");
    let text = match args.format {
        Format::Json => serde_json::to_string_pretty(&Document { pod: &name, sinks: &sinks })?,
        Format::Text => shown(&sinks),
    };
    verdict(&name, &sinks, &text)
}

/// Prints the results, unless there are none.
fn verdict(pod: &str, sinks: &BTreeMap<String, Tested>, text: &str) -> Result<()> {
    if sinks.is_empty() {
        bail!("cannot test the alerts of {pod}: it has no sinks; `alerts: {{ sinks: … }}` in its pod.yaml gives it some");
    }
    output::print(text.as_bytes())?;
    let failed: Vec<&str> = sinks.iter().filter(|(_, tested)| !tested.ok).map(|(name, _)| name.as_str()).collect();
    if !failed.is_empty() {
        bail!("the alert did not reach {} of {} sinks of {pod}: {}", failed.len(), sinks.len(), failed.join(", "));
    }
    Ok(())
}

fn shown(sinks: &BTreeMap<String, Tested>) -> String {
    let row = |(name, tested): (&String, &Tested)| {
        let took = tested.took_ms.map(format_duration_ms).unwrap_or_default();
        let result = if tested.ok { "delivered" } else { "failed" };
        [name.clone(), result.to_owned(), took, tested.error.clone().unwrap_or_default()]
    };
    table::layout(["SINK", "RESULT", "TOOK", "WHY"], &sinks.iter().map(row).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sinks(text: &str) -> BTreeMap<String, Tested> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn each_sink_is_a_row_and_one_that_failed_is_an_error() {
        let both = sinks(r#"{"file":{"ok":true,"took_ms":12},"slack":{"error":"hooks.slack.com answered 404"}}"#);
        let table = "SINK   RESULT     TOOK  WHY\nfile   delivered  12ms\nslack  failed           hooks.slack.com answered 404";
        assert_eq!(shown(&both), table);
        let problem = verdict("shop", &both, "").unwrap_err().to_string();
        assert_eq!(problem, "the alert did not reach 1 of 2 sinks of shop: slack");
        verdict("shop", &sinks(r#"{"file":{"ok":true,"took_ms":12}}"#), "").unwrap();
        assert!(verdict("shop", &BTreeMap::new(), "").unwrap_err().to_string().contains("no sinks"));
        let document = Document { pod: "shop", sinks: &both };
        let want = serde_json::json!({"pod": "shop", "sinks": {
            "file": {"ok": true, "took_ms": 12}, "slack": {"error": "hooks.slack.com answered 404"}}});
        assert_eq!(serde_json::to_value(document).unwrap(), want);
    }
}
