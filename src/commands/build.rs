//! `podctl build`: builds the images of pods; an image whose inputs are unchanged is left as it is.

use super::Context;
use crate::engine::Engine;
use crate::image;
use crate::project::pods;
use anyhow::Result;
use std::path::PathBuf;

/// What `podctl build` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The pods; without one, all of the project
    #[arg(value_name = "POD")]
    pub pods: Vec<String>,
    /// How they are built.
    #[command(flatten)]
    pub options: Options,
}

/// How an image is built.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Build options")]
pub struct Options {
    /// Run every step anew
    #[arg(long)]
    pub no_cache: bool,
    /// Look for a newer base in its registry
    #[arg(long)]
    pub pull: bool,
    /// Certificates, PEM, that the steps of the build trust; for networks whose proxy opens TLS. Stays out of the image
    #[arg(long, env = "PODCTL_CA_BUNDLE", value_name = "FILE")]
    pub ca_bundle: Option<PathBuf>,
    /// Where Debian's packages come from when no registry can be reached and the base is made of them
    #[arg(long, env = "PODCTL_DEBIAN_MIRROR", value_name = "URL")]
    pub mirror: Option<String>,
}

impl Options {
    /// The same, as the room that builds wants it.
    #[must_use]
    pub fn to_image(&self) -> image::Options {
        let Options { no_cache, pull, ca_bundle, mirror } = self.clone();
        image::Options { no_cache, pull, ca_bundle, mirror }
    }
}

/// Runs it.
///
/// # Errors
/// pod.yaml is invalid, no engine answers, or a build fails.
pub async fn run(context: &Context, args: &Args) -> Result<()> {
    let targets = pods::load_each(&context.files, &args.pods)?;
    let engine = Engine::connect().await?;
    for target in &targets {
        let image = target.build(&engine, &context.ui, &args.options.to_image()).await?;
        if image.changed.is_none() {
            context.ui.say(format!("{} is up to date", image.reference));
        }
        super::output::print(image.reference.as_bytes())?;
    }
    Ok(())
}
