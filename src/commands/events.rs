//! `podctl events`: what happened in a pod, and what happens.

mod line;

use super::{Context, Format, output};
use crate::engine::Engine;
use crate::engine::podinit::Podinit;
use crate::project::pods;
use crate::ui::Ui;
use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use futures_util::StreamExt;
use podinit_plan::protocol::Event;
use std::pin::pin;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What `podctl events` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The pod
    #[arg(value_name = "POD")]
    pub pod: Option<String>,
    /// Go on with what happens from now on, also when the container is started again
    #[arg(short, long)]
    pub follow: bool,
    /// Only what happened after the event of this number, or within this duration
    #[arg(long, value_name = "NUMBER|DURATION", value_parser = since)]
    pub since: Option<Since>,
    /// How they are shown; as JSON each as podinit sends it, one a line
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Where what is shown begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// After the event of this number.
    Number(u64),
    /// So many milliseconds ago.
    Ago(u64),
}

/// From one look for a container that is to come back to the next.
const REST: Duration = Duration::from_millis(500);

fn since(text: &str) -> Result<Since, podinit_plan::units::UnitError> {
    text.parse().map(Since::Number).or_else(|_| super::duration_ms(text).map(Since::Ago))
}

/// Runs it.
///
/// # Errors
/// There is no such pod, it does not run, or no engine answers.
pub async fn run(context: &Context, args: &Args) -> Result<()> {
    let engine = Engine::connect().await?;
    let names = pods::names(&engine, &context.files, args.pod.as_slice()).await?;
    let [name] = names.as_slice() else { return Err(pods::several(&names)) };
    let found = pods::present(&engine, name).await?;
    if !found.running && !args.follow {
        bail!("cannot ask {name} what happened: the pod is {}; `podctl logs {name}` shows what it wrote", found.state);
    }
    let mut shown = Shown::new(&context.ui, args)?;
    if !args.follow {
        let past = engine.dial(name).await?.past_events(shown.number).await?;
        return past.iter().try_for_each(|line| shown.take(line));
    }
    loop {
        // The connection ends with the container, and a new one has events of its own.
        if let Ok(podinit) = engine.dial(name).await {
            shown.follow(podinit).await?;
        }
        if engine.inspect(name).await?.is_none() {
            return Ok(());
        }
        tokio::time::sleep(REST).await;
    }
}

/// What was shown so far.
struct Shown {
    ui: Ui,
    format: Format,
    /// The number and the time of the last one; before the first, what was asked for.
    number: u64,
    time: String,
}

impl Shown {
    fn new(ui: &Ui, args: &Args) -> Result<Shown> {
        let (number, time) = match args.since {
            None => (0, String::new()),
            Some(Since::Number(number)) => (number, String::new()),
            Some(Since::Ago(ms)) => {
                let time = OffsetDateTime::now_utc() - Duration::from_millis(ms);
                (0, time.format(&Rfc3339).context("cannot write the time")?)
            }
        };
        Ok(Shown { ui: ui.clone(), format: args.format, number, time })
    }

    /// Shows what has happened since, and what happens until the connection ends. A failure of the connection is an end,
    /// too.
    async fn follow(&mut self, mut podinit: Podinit) -> Result<()> {
        let Ok(past) = podinit.past_events(0).await else { return Ok(()) };
        if !self.is_of_this_run(&past) {
            self.number = 0;
        }
        let Ok(lines) = podinit.event_lines(self.number).await else { return Ok(()) };
        let mut lines = pin!(lines);
        while let Some(line) = lines.next().await {
            self.take(&line)?;
        }
        Ok(())
    }

    /// Whether what was shown last is of the podinit whose events these are: another begins to count anew.
    fn is_of_this_run(&self, past: &[Bytes]) -> bool {
        let events = past.iter().filter_map(|line| serde_json::from_slice::<Event>(line).ok());
        let mut same = events.filter(|event| event.seq == self.number);
        // Of what was only asked for no time is known.
        self.number == 0 || self.time.is_empty() || same.any(|event| event.time == self.time)
    }

    fn take(&mut self, line: &Bytes) -> Result<()> {
        // A line that is no event comes from a newer podinit: not for this reader.
        let Ok(event) = serde_json::from_slice::<Event>(line) else { return Ok(()) };
        // RFC 3339 in UTC: the order of times is that of their texts, up to the fraction that one of them may lack.
        if self.number == 0 && event.time < self.time {
            return Ok(());
        }
        (self.number, self.time) = (event.seq, event.time.clone());
        let text = match self.format {
            Format::Json => line.clone(),
            Format::Text => line::of(&event).into(),
        };
        self.ui.suspend(|| output::print(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_no_duration() {
        assert_eq!(since("17"), Ok(Since::Number(17)));
        assert_eq!(since("5m"), Ok(Since::Ago(300_000)));
        assert!(since("yesterday").is_err());
    }

    #[test]
    fn a_podinit_that_counts_anew_is_told_from_one_that_goes_on() {
        let line = |seq: u64, time: &str| Bytes::from(format!(r#"{{"seq":{seq},"time":"{time}","event":"warning"}}"#));
        let shown = |number, time: &str| Shown {
            ui: Ui::to_writer(std::io::sink()),
            format: Format::Json,
            number,
            time: time.to_owned(),
        };
        let past = [line(1, "2026-01-01T00:00:00.000Z"), line(2, "2026-01-01T00:00:01.000Z")];
        assert!(shown(2, "2026-01-01T00:00:01.000Z").is_of_this_run(&past));
        assert!(!shown(2, "2026-01-01T00:00:00.500Z").is_of_this_run(&past));
        assert!(!shown(9, "2026-01-01T00:00:00.500Z").is_of_this_run(&past), "a new one has not come so far");
        assert!(shown(1, "").is_of_this_run(&past), "what the user asked for");
    }
}
