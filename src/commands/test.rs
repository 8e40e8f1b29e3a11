//! `podctl test`: proves a pod.

mod alerts;

use super::Context;
use super::{build, output};
use crate::acceptance;
use crate::engine::Engine;
use crate::project::pods;
use anyhow::Result;
use std::path::PathBuf;

/// What `podctl test` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What is tested.
    #[command(subcommand)]
    pub kind: Kind,
}

/// What is tested.
#[derive(Debug, clap::Subcommand)]
pub enum Kind {
    /// Run the pod in a container of its own, on free ports, and hold it to what its pod.yaml promises
    Acceptance(Acceptance),
    /// Send one alert through each sink of a running pod, and say what became of it
    Alerts(alerts::Args),
}

/// What `podctl test acceptance` is told.
#[derive(Debug, clap::Args)]
pub struct Acceptance {
    /// The pod
    pub pod: Option<String>,
    /// Test this image instead of building one
    #[arg(long, value_name = "REF")]
    pub image: Option<String>,
    /// Also write the results to a file
    #[arg(long, value_name = "json=FILE", value_parser = report)]
    pub report: Option<PathBuf>,
    /// Only these criteria
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub only: Vec<String>,
    /// How the image is built.
    #[command(flatten)]
    pub build: build::Options,
}

/// Runs it.
///
/// # Errors
/// What was tested does not hold.
pub async fn run(context: &Context, args: &Args) -> Result<()> {
    match &args.kind {
        Kind::Acceptance(args) => accept(context, args).await,
        Kind::Alerts(args) => alerts::run(context, args).await,
    }
}

/// Fails with a [`crate::failure::Failure`] of [`crate::failure::ExitCode::AcceptanceFailed`].
async fn accept(context: &Context, args: &Acceptance) -> Result<()> {
    let target = pods::load_one(&context.files, args.pod.as_deref())?;
    let engine = Engine::connect().await?;
    let image = match &args.image {
        Some(reference) => reference.clone(),
        None => target.build(&engine, &context.ui, &args.build.to_image()).await?.id,
    };
    let variables = target.environment()?;
    let secrets = target.secrets()?;
    let (pod, plan) = (&target.pod, &target.plan);
    let subject = acceptance::Subject { pod, plan, image: &image, variables: &variables, secrets: &secrets };
    let options = acceptance::Options { only: args.only.clone(), report: args.report.clone() };
    let report = acceptance::run(&engine, &context.ui, &subject, &options).await?;
    output::print(report.to_string().as_bytes())?;
    report.verdict()
}

fn report(text: &str) -> Result<PathBuf, String> {
    match text.split_once('=') {
        Some(("json", file)) if !file.is_empty() => Ok(file.into()),
        _ => Err("expected json=FILE".to_owned()),
    }
}
