//! A base that is built from a Dockerfile of the pod's own, before the pod's image and upon which that is built.

use super::base::{self, Base};
use super::build::{Build, Recipe, changes, for_this_build, shorten};
use super::context::Context;
use super::inputs::{self, Inputs};
use super::{Options, dockerfile};
use crate::engine::{Engine, credentials};
use crate::spec::model::{BaseBuild, Pod};
use crate::ui::Ui;
use anyhow::{Context as _, Result};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// Sees to it that the engine has the base, made of what is there now.
///
/// # Errors
/// Its context cannot be read, or its build fails.
pub async fn ensure(engine: &Engine, ui: &Ui, pod: &Pod, build: &BaseBuild, options: &Options, is_podman: bool) -> Result<Base> {
    let tag = &pod.base.image;
    let folder = pod.folder.join(&build.context);
    let private = crate::render::dockerignore::private(pod);
    let below = |path: &String| match build.context.as_str() {
        "." => Some(path.clone()),
        context => path.strip_prefix(&format!("{context}/")).map(str::to_owned),
    };
    let private: Vec<String> = private.iter().filter_map(below).collect();
    let context = Context::of_folder(&folder, Path::new(&build.dockerfile), &private, options.ca_bundle.as_deref())?;
    let text = context.text(&build.dockerfile).unwrap_or_default().to_owned();
    let mut bases = BTreeMap::new();
    // What a build argument names is for the builder to find.
    for image in dockerfile::images(&text).into_iter().filter(|image| !image.contains('$')) {
        bases.insert(image.clone(), Box::pin(base::ensure(engine, ui, &image, options)).await?);
    }
    let mut inputs = Inputs::of(&context)?;
    for (image, base) in &bases {
        inputs.set(format!("base image {image}"), &base.id);
    }
    inputs.set("target", build.target.clone().unwrap_or_default());
    for (name, value) in &build.args {
        inputs.set(format!("build argument {name}"), value);
    }
    let digest = inputs.digest()?;
    let found = base::inspect(engine, tag).await?;
    let changed = changes(tag, found.as_ref(), &inputs, &digest, options);
    if !changed.is_empty() {
        ui.say(format!("build {tag}: {}", shorten(&changed)));
        let context = for_this_build(context, &build.dockerfile, &text, &bases, &BTreeMap::new(), options)?;
        let labels = HashMap::from([(inputs::LABEL.to_owned(), digest)]);
        let recipe = Recipe {
            what: format!("{}'s base", pod.name),
            tag: tag.clone(),
            dockerfile: build.dockerfile.clone(),
            target: build.target.clone(),
            args: build.args.clone().into_iter().collect(),
            platform: pod.container.platform.clone(),
        };
        let credentials = credentials::for_build(bases.keys().map(String::as_str)).unwrap_or_default();
        Build { engine, ui, recipe, labels, context, options, credentials }.run(is_podman).await?;
        // Only to name changes next time.
        let _ = inputs.remember(tag);
    }
    let image = base::inspect(engine, tag).await?.and_then(|image| image.id);
    let id = image.with_context(|| format!("cannot find {tag} after its build; build it again"))?;
    Ok(Base { reference: tag.clone(), id })
}
