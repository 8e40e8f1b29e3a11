//! Base images: the local one, else the registry's; and where no registry can be reached, Debian's own packages.

mod deb;
mod fetch;
mod layout;
mod make;
mod mirror;
mod packages;
mod pull;
mod release;
mod suite;
mod version;
mod web;

use super::Options;
use crate::engine::Engine;
use crate::ui::Ui;
use anyhow::{Context, Result, bail};
use bollard::errors::Error;
use bollard::models::ImageInspect;
use pull::Pull;
use suite::Suite;

/// An image that a build starts from or copies from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// The name under which the engine has it; another one than the Dockerfile's when podctl made it.
    pub reference: String,
    /// Its id.
    pub id: String,
}

/// Sees to it that the engine has an image: it is there, or it is pulled, or, `debian:*` where the registry cannot be
/// reached, it is made of Debian's packages.
///
/// # Errors
/// The registry refuses it, or it can be neither pulled nor made.
pub async fn ensure(engine: &Engine, ui: &Ui, reference: &str, options: &Options) -> Result<Base> {
    if !options.pull
        && let Some(image) = inspect(engine, reference).await?
    {
        return base(reference, image);
    }
    let suite = Suite::of(reference);
    if let Some(suite) = suite.as_ref().filter(|_| !options.pull)
        && let Some(image) = made(engine, suite).await?
    {
        return base(&suite.tag(), image);
    }
    let why = match pull::pull(engine, ui, reference).await? {
        Pull::Done => {
            let image = inspect(engine, reference).await?;
            return base(reference, image.with_context(|| format!("cannot find {reference} after its pull; pull it again"))?);
        }
        Pull::Unreachable(why) => why,
    };
    if let Some(image) = inspect(engine, reference).await? {
        ui.warn(format!("cannot look for a newer {reference}: {why}; the local one is used"));
        return base(reference, image);
    }
    let Some(suite) = suite else {
        bail!(
            "cannot pull {reference}: {why}; make its registry reachable, `docker load` the image, \
             or take a base of Debian's, which podctl can make from packages"
        );
    };
    if made(engine, &suite).await?.is_none() {
        ui.say(format!("no registry can be reached ({why}): {reference} is made from Debian's packages"));
        make::make(engine, ui, &suite, options.mirror.as_deref()).await.with_context(|| format!("cannot make {reference}"))?;
    }
    let image = made(engine, &suite).await?;
    base(&suite.tag(), image.with_context(|| format!("cannot find {} after it was made; build again", suite.tag()))?)
}

/// The image that podctl made of a suite, if this podctl would make the same.
async fn made(engine: &Engine, suite: &Suite) -> Result<Option<ImageInspect>> {
    let image = inspect(engine, &suite.tag()).await?;
    Ok(image.filter(|image| {
        let labels = image.config.as_ref().and_then(|config| config.labels.as_ref());
        labels.and_then(|labels| labels.get(make::RECIPE_LABEL)).is_some_and(|recipe| recipe == make::RECIPE)
    }))
}

/// An image that the engine has; none when it has no such image.
pub(super) async fn inspect(engine: &Engine, reference: &str) -> Result<Option<ImageInspect>> {
    match engine.docker.inspect_image(reference).await {
        Ok(image) => Ok(Some(image)),
        Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot ask the engine for {reference}")),
    }
}

fn base(reference: &str, image: ImageInspect) -> Result<Base> {
    let id = image.id.with_context(|| format!("cannot use {reference}: the engine names no id of it"))?;
    Ok(Base { reference: reference.to_owned(), id })
}
