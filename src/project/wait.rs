//! Waits until a pod is ready, and says why when it does not get there.

use super::readiness::Board;
use crate::engine::Engine;
use crate::engine::logs::{Range, writer};
use crate::failure::{ExitCode, Failure};
use crate::ui::{Task, Ui};
use anyhow::{Context, Result};
use futures_util::{FutureExt, StreamExt};
use podinit_plan::state::State;
use podinit_plan::units::format_duration_ms;
use std::collections::{BTreeMap, VecDeque};
use std::pin::pin;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::time::timeout;

/// How long after a failed attempt podinit is talked to again; its socket is there some milliseconds after its start.
const RETRY: Duration = Duration::from_millis(50);
/// The longest that podinit may take to answer; then it is called again.
const ANSWER: Duration = Duration::from_secs(10);
/// Without an event for this long podinit is asked all the same, so that one that got lost costs little.
const QUIET: Duration = Duration::from_secs(5);
/// How long a pod that is ready waits for the events that say so.
const LAST_EVENTS: Duration = Duration::from_secs(1);
/// How many of the last lines of a service a report shows.
const REPORT_LINES: usize = 20;
/// How many of a container's last lines are searched for them.
const SEARCHED_LINES: usize = 5_000;

/// How it went.
enum Outcome {
    Ready,
    /// The container ended, with this code.
    Ended(i64),
}

/// Waits until every essential service of the pod in the container `name` is ready or done, and shows how they get
/// there: from `news_from` on, which for a pod that was just started is [`OffsetDateTime::UNIX_EPOCH`].
///
/// # Errors
/// [`Failure`] with [`ExitCode::NotReady`], with each service that is not ready, why, and its last lines: the pod ended
/// with another code than 0, or the time passed.
pub async fn until_ready(engine: &Engine, ui: &Ui, name: &str, wait_ms: u64, news_from: OffsetDateTime) -> Result<()> {
    let task = ui.task(format!("wait for {name}"));
    let mut board = Board::new(news_from);
    // Borrowed by the loop, so that what was seen and what failed last survive the timeout.
    let mut trouble = None;
    let outcome = timeout(Duration::from_millis(wait_ms), watch(engine, ui, &task, name, &mut board, &mut trouble)).await;
    let ended = matches!(outcome, Ok(Ok(Outcome::Ended(_))));
    let why = match outcome {
        Ok(Ok(Outcome::Ready)) => {
            task.done("ready");
            return Ok(());
        }
        Ok(Ok(Outcome::Ended(0))) => {
            task.done("all services are done");
            return Ok(());
        }
        Ok(Ok(Outcome::Ended(code))) => format!("it ended with exit code {code} before it was ready"),
        Ok(Err(error)) => return Err(error),
        Err(_) => {
            let waited = format_duration_ms(wait_ms);
            match trouble {
                Some(error) if board.services().is_empty() => format!("not ready within {waited}: {error:#}"),
                _ => format!("not ready within {waited}"),
            }
        }
    };
    task.failed("not ready");
    let details = report(engine, name, &board, ended).await.context("cannot read the logs of what is not ready")?;
    let next = format!("`podctl logs {name}` shows all that it wrote; mend it and run `podctl up` again");
    Err(Failure::new(ExitCode::NotReady, format!("cannot bring up {name}: {why}\n{details}{next}")).into())
}

async fn watch(
    engine: &Engine,
    ui: &Ui,
    task: &Task,
    name: &str,
    board: &mut Board,
    trouble: &mut Option<anyhow::Error>,
) -> Result<Outcome> {
    loop {
        match observe(engine, ui, task, name, board).await {
            Ok(true) => return Ok(Outcome::Ready),
            Ok(false) => {}
            Err(error) => *trouble = Some(error),
        }
        let found = engine.inspect(name).await?.with_context(|| format!("cannot wait for {name}: its container was removed"))?;
        if !found.running {
            return Ok(Outcome::Ended(found.exit_code.unwrap_or(-1)));
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// Follows a pod until it is ready, true, or its podinit hangs up, false.
async fn observe(engine: &Engine, ui: &Ui, task: &Task, name: &str, board: &mut Board) -> Result<bool> {
    let since = board.seq();
    let connect = async {
        let (events, podinit) = tokio::try_join!(engine.dial(name), engine.dial(name))?;
        Ok::<_, anyhow::Error>((events.events(since).await?, podinit))
    };
    let (events, mut podinit) = timeout(ANSWER, connect).await.context("podinit does not answer")??;
    let mut events = pin!(events);
    loop {
        let asked = timeout(ANSWER, podinit.status()).await.context("podinit does not answer")?;
        if let Ok(status) = &asked {
            board.status(status).iter().for_each(|line| ui.say(line));
            let missing: Vec<_> = board.unsettled().into_iter().map(|(name, _)| name).collect();
            task.message(missing.join(", "));
            if status.ready {
                let told = async {
                    while !board.has_told(status) {
                        let Some(event) = events.next().await else { break };
                        board.event(&event).iter().for_each(|line| ui.say(line));
                    }
                };
                // One that does not come is none of the user's trouble: it is ready.
                drop(timeout(LAST_EVENTS, told).await);
                return Ok(true);
            }
        }
        // The next event, and those that came with it; a pod that ends says so in its last ones.
        let event = match timeout(QUIET, events.next()).await {
            Ok(Some(event)) => event,
            Ok(None) => return asked.map(|_| false),
            Err(_) => continue,
        };
        board.event(&event).iter().for_each(|line| ui.say(line));
        while let Some(Some(event)) = events.next().now_or_never() {
            board.event(&event).iter().for_each(|line| ui.say(line));
        }
    }
}

/// For each service that is not ready: its state, why, and its last lines; then podinit's own. Of a pod that ended and
/// took what it would have said of the reason with it: the last lines of all.
async fn report(engine: &Engine, name: &str, board: &Board, ended: bool) -> Result<String> {
    let unsettled = board.unsettled();
    let unexplained = ended && !unsettled.iter().any(|(_, service)| service.state == Some(State::Fatal));
    let unsettled = if unexplained { Vec::new() } else { unsettled };
    let mut last: BTreeMap<&str, VecDeque<String>> = unsettled.iter().map(|(name, _)| (*name, VecDeque::new())).collect();
    let (everything, own) = ("its last lines:", "podinit:");
    last.insert(if unexplained { everything } else { own }, VecDeque::new());
    // Of this run alone: what the container wrote in a former one explains nothing.
    let started = engine.inspect(name).await?.and_then(|found| found.started_at);
    let since = started.map(OffsetDateTime::unix_timestamp);
    let mut lines = pin!(engine.logs(name, &Range { last: Some(SEARCHED_LINES), since, ..Range::default() }));
    while let Some(line) = lines.next().await {
        let line = line?.text;
        let service = writer(&line).map(|service| String::from_utf8_lossy(&service).into_owned());
        let section = match service.as_deref() {
            _ if unexplained => everything,
            Some("podinit") => own,
            Some(service) => service,
            None => continue,
        };
        if let Some(kept) = last.get_mut(section) {
            if kept.len() == REPORT_LINES {
                kept.pop_front();
            }
            kept.push_back(String::from_utf8_lossy(&line).into_owned());
        }
    }
    let mut report = String::new();
    let mut section = |title: &str, lines: Option<&VecDeque<String>>| {
        report.push_str(&format!("\n{title}\n"));
        for line in lines.into_iter().flatten() {
            report.push_str(&format!("    {line}\n"));
        }
    };
    for (name, service) in &unsettled {
        let title = match (service.state, &service.reason) {
            // What it waits for says that it waits.
            (Some(State::Waiting), Some(reason)) => format!("{name} {reason}"),
            (Some(state), Some(reason)) => format!("{name}: {state}, {reason}"),
            (Some(state), None) => format!("{name}: {state}"),
            (None, _) => format!("{name}: not started"),
        };
        section(&title, last.get(*name));
    }
    for title in [everything, own] {
        if last.get(title).is_some_and(|lines| !lines.is_empty()) {
            section(title, last.get(title));
        }
    }
    report.push('\n');
    Ok(report)
}
