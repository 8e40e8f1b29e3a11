//! `podctl top`: what services use, again and again.
//!
//! One connection to each pod is kept open. A share of a processor needs two looks, so that the first table comes after one
//! interval.

mod rows;
mod screen;

use super::interrupt::Interrupts;
use super::{Context, Format, output};
use crate::engine::Engine;
use crate::engine::podinit::Podinit;
use crate::project::pods;
use crate::ui::Keys;
use anyhow::{Context as _, Result};
use futures_util::future::join_all;
use podinit_plan::protocol::Status;
use rows::{Row, Sort};
use screen::Screen;
use serde::Serialize;
use std::io::IsTerminal;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What `podctl top` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The pods; without one, all that podctl made on this engine
    #[arg(value_name = "POD")]
    pub pods: Vec<String>,
    /// From one look to the next
    #[arg(short, long, value_name = "DURATION", default_value = "2s", value_parser = super::duration_ms)]
    pub interval: u64,
    /// What the services of a pod are sorted by
    #[arg(long, value_enum, default_value_t)]
    pub sort: Sort,
    /// One table, after one interval; as where there is no terminal
    #[arg(long)]
    pub once: bool,
    /// How it is shown; as JSON a document a line for each look
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// The document that `--format json` prints for each look.
#[derive(Debug, Serialize)]
struct Document<'a> {
    /// When, RFC 3339 in UTC.
    time: String,
    services: &'a [Row],
}

/// The longest that a pod may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Less would only show how the looks themselves are paid for.
const SHORTEST_MS: u64 = 100;

/// Runs it, until it is interrupted, or `q` is pressed.
///
/// # Errors
/// There is no such pod, or no engine answers.
pub async fn run(context: &Context, args: &Args) -> Result<()> {
    let engine = Engine::connect().await?;
    let names = if args.pods.is_empty() && context.files.is_empty() {
        engine.pods().await?.into_iter().map(|found| found.name).collect()
    } else {
        pods::names(&engine, &context.files, &args.pods).await?
    };
    for name in &names {
        pods::present(&engine, name).await?;
    }
    let mut interrupts = Interrupts::catch()?;
    let is_live = args.format == Format::Text && !args.once && std::io::stdout().is_terminal();
    let mut keys = if is_live { Keys::read() } else { None };
    let pressed = async {
        match &mut keys {
            Some(keys) => while !matches!(keys.next().await, b'q' | b'Q') {},
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        result = watch(&engine, names, args, is_live) => result,
        () = pressed => Ok(()),
        // To interrupt it is how it ends.
        () = interrupts.next() => Ok(()),
    }
}

async fn watch(engine: &Engine, names: Vec<String>, args: &Args, is_live: bool) -> Result<()> {
    let mut watched: Vec<Watched> = names.into_iter().map(Watched::new).collect();
    let mut clock = tokio::time::interval(Duration::from_millis(args.interval.max(SHORTEST_MS)));
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut screen = Screen::default();
    clock.tick().await;
    join_all(watched.iter_mut().map(|pod| pod.look(engine))).await;
    loop {
        clock.tick().await;
        let rows: Vec<Vec<Row>> = join_all(watched.iter_mut().map(|pod| pod.look(engine))).await;
        let rows: Vec<Row> = rows.into_iter().flat_map(|pod| rows::sorted(pod, args.sort)).collect();
        match args.format {
            Format::Json => {
                let time = OffsetDateTime::now_utc().format(&Rfc3339).context("cannot write the time")?;
                output::print(&serde_json::to_vec(&Document { time, services: &rows })?)?;
            }
            Format::Text if is_live => screen.draw(&rows::table(&rows))?,
            Format::Text => return output::print(rows::table(&rows).as_bytes()),
        }
        if args.once {
            return Ok(());
        }
    }
}

/// A pod that is looked at.
struct Watched {
    name: String,
    podinit: Option<Podinit>,
    /// What it said last.
    before: Option<Status>,
}

impl Watched {
    fn new(name: String) -> Watched {
        Watched { name, podinit: None, before: None }
    }

    /// Looks at it; one that does not answer has a row that says so.
    async fn look(&mut self, engine: &Engine) -> Vec<Row> {
        let asked = tokio::time::timeout(PATIENCE, self.ask(engine)).await;
        match asked {
            Ok(Ok(status)) => {
                let rows = rows::of(&self.name, self.before.as_ref(), &status);
                self.before = Some(status);
                rows
            }
            // Stopped, starting, or gone: the next look may find it again.
            _ => {
                (self.podinit, self.before) = (None, None);
                let state =
                    engine.inspect(&self.name).await.ok().flatten().map_or("gone".to_owned(), |found| match found.running {
                        true => "no answer".to_owned(),
                        false => found.state,
                    });
                vec![Row::without_services(&self.name, state)]
            }
        }
    }

    async fn ask(&mut self, engine: &Engine) -> Result<Status> {
        // podinit may have closed a connection that was idle for long, or may be another one since.
        if let Some(podinit) = &mut self.podinit
            && let Ok(status) = podinit.fresh_status().await
        {
            return Ok(status);
        }
        self.podinit = None;
        let podinit = self.podinit.insert(engine.dial(&self.name).await?);
        podinit.fresh_status().await
    }
}
