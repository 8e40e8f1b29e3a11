//! `podctl logs`: shows what a pod or one of its services wrote.

use super::Context;
use super::lines::Printer;
use crate::engine::Engine;
use crate::engine::logs::{Range, writer};
use crate::project::address::Address;
use crate::project::pods;
use crate::spec::instances;
use anyhow::{Context as _, Result};
use bytes::Bytes;
use futures_util::StreamExt;
use std::collections::VecDeque;
use std::pin::pin;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What PID 1 calls itself in logs.
const PODINIT: &str = "podinit";

/// What `podctl logs` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The pod, or one of its services; of one with replicas all
    #[arg(value_name = "POD[/SERVICE]")]
    pub address: Option<String>,
    /// Go on with what is written from now on
    #[arg(short, long)]
    pub follow: bool,
    /// Only the last N lines
    #[arg(short = 'n', long = "lines", value_name = "N")]
    pub lines: Option<usize>,
}

/// Runs it.
///
/// # Errors
/// There is no such pod, or no engine answers.
pub async fn run(context: &Context, args: &Args) -> Result<()> {
    let engine = Engine::connect().await?;
    let (name, wanted) = pods::one(&engine, &context.files, args.address.as_deref().map(Address::parse)).await?;
    let found = pods::present(&engine, &name).await?;
    let printer = Printer::new(context.ui.clone());
    let Some(wanted) = wanted else {
        let range = Range { follow: args.follow, last: args.lines, ..Range::default() };
        let mut lines = pin!(engine.logs(&name, &range));
        while let Some(line) = lines.next().await {
            printer.print(&line?.text)?;
        }
        return Ok(());
    };
    let called = if found.running { called(&engine, &name, &wanted).await? } else { None };
    let is_wanted = |text: &[u8]| {
        let Some(service) = writer(text) else { return false };
        let service = String::from_utf8_lossy(&service);
        match &called {
            Some(called) => called.iter().any(|name| *name == service),
            // A pod that cannot be asked: whoever may be meant.
            None => service == wanted || instances::replica_number(&service, &wanted).is_some(),
        }
    };

    // The engine counts lines of all services, so what is to be shown of the past is picked out here. Timestamps tell
    // where the past ended, so that following begins exactly there.
    let mut past = VecDeque::new();
    let mut newest = Bytes::new();
    let mut has_written = false;
    let mut lines = pin!(engine.logs(&name, &Range { timestamps: true, ..Range::default() }));
    while let Some(line) = lines.next().await {
        let (time, text) = split_timestamp(&line?.text);
        newest = time;
        if is_wanted(&text) {
            has_written = true;
            if args.lines.is_none() {
                printer.print(&text)?;
                continue;
            }
            past.push_back(text);
            if args.lines.is_some_and(|most| past.len() > most) {
                past.pop_front();
            }
        }
    }
    for text in past {
        printer.print(&text)?;
    }
    if !has_written && !found.running {
        context.ui.say(format!("{name} has no lines of {wanted}; `podctl logs {name}` shows those that it has"));
    }
    if !args.follow {
        return Ok(());
    }
    let range = Range { follow: true, since: seconds(&newest)?, timestamps: true, ..Range::default() };
    let mut lines = pin!(engine.logs(&name, &range));
    while let Some(line) = lines.next().await {
        let (time, text) = split_timestamp(&line?.text);
        // The engine writes them in UTC and with nine decimals: their order is that of their texts.
        if time > newest && is_wanted(&text) {
            printer.print(&text)?;
        }
    }
    Ok(())
}

/// The services of a running pod that are meant by a name: one, or all replicas of one. None when the pod does not answer.
///
/// # Errors
/// It has none of this name: nothing would ever come of it.
async fn called(engine: &Engine, name: &str, service: &str) -> Result<Option<Vec<String>>> {
    // A pod that is about to start or to end does not answer, and its lines are there all the same.
    let Ok(mut podinit) = engine.dial(name).await else { return Ok(None) };
    let Ok(status) = podinit.status().await else { return Ok(None) };
    let called = pods::services_called(service, &status);
    if service == PODINIT {
        return Ok(Some(vec![PODINIT.to_owned()]));
    }
    if called.is_empty() {
        return Err(pods::no_such_service("show the logs of", name, service, &status));
    }
    Ok(Some(called.into_iter().map(str::to_owned).collect()))
}

fn split_timestamp(line: &Bytes) -> (Bytes, Bytes) {
    match line.iter().position(|byte| *byte == b' ') {
        Some(end) => (line.slice(..end), line.slice(end + 1..)),
        None => (line.clone(), Bytes::new()),
    }
}

/// The second of a timestamp; none when there was no line yet.
fn seconds(timestamp: &[u8]) -> Result<Option<i64>> {
    if timestamp.is_empty() {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(timestamp);
    let time = OffsetDateTime::parse(&text, &Rfc3339);
    let time = time.with_context(|| format!("cannot follow the logs: the engine's timestamp {text} is none"))?;
    Ok(Some(time.unix_timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_told_from_lines() {
        let (time, text) = split_timestamp(&Bytes::from_static(b"2026-01-01T00:00:02.000000009Z api | a b"));
        assert_eq!(&text[..], b"api | a b");
        assert_eq!(seconds(&time).unwrap(), Some(1_767_225_602));
        assert_eq!(seconds(b"").unwrap(), None);
        assert!(seconds(b"yesterday").is_err());
    }
}
