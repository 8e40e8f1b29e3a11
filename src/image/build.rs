//! Building a pod's image, if there is anything to build.

use super::base::{self, Base};
use super::context::{CA_BUNDLE, Context, read_ca_bundle};
use super::inputs::{self, Inputs};
use super::programs::Program;
use super::steps::Steps;
use super::{Options, dockerfile, own_base};
use crate::engine::{Engine, credentials};
use crate::failure::{ExitCode, Failure};
use crate::render::Files;
use crate::render::dockerfile::with_ca_bundle;
use crate::spec::model::Pod;
use crate::ui::Ui;
use anyhow::{Context as _, Result};
use bollard::auth::DockerCredentials;
use bollard::body_try_stream;
use bollard::errors::Error;
use bollard::models::ImageInspect;
use bollard::query_parameters::{BuildImageOptionsBuilder, BuilderVersion};
use futures_util::StreamExt;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// How many changes are named; the others are counted.
const CHANGES_SHOWN: usize = 4;

/// An image that is up to date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// Its id.
    pub id: String,
    /// The name it has been given.
    pub reference: String,
    /// Why it was built: what has changed. `None` when there was nothing to do.
    pub changed: Option<Vec<String>>,
}

/// Builds the image of a pod from its rendered files and the secrets that its steps read, unless the engine has one made of the same inputs.
///
/// When the future is dropped, the engine stops the build.
///
/// # Errors
/// [`Failure`] with [`ExitCode::BuildFailed`] when a step or the builder fails, with the step and its last lines, or when
/// a base can be neither pulled nor made. Other errors: the pod's folder cannot be read, the engine is lost.
pub async fn build(
    engine: &Engine,
    ui: &Ui,
    pod: &Pod,
    files: &Files,
    secrets: &BTreeMap<String, Vec<u8>>,
    options: &Options,
) -> Result<Built> {
    let cannot = || format!("cannot build {}", pod.name);
    let version = engine.docker.version().await.context("cannot ask the engine for its version").with_context(cannot)?;
    let architecture = version.arch.as_deref().unwrap_or_default();
    let context = gather(&pod.folder, files, architecture, options.ca_bundle.as_deref()).with_context(cannot)?;
    let mut bases = BTreeMap::new();
    let is_podman = version.components.unwrap_or_default().iter().any(|part| part.name.contains("Podman"));
    for image in dockerfile::images(&files.dockerfile) {
        let base = match &pod.base.build {
            Some(build) if image == pod.base.image => own_base::ensure(engine, ui, pod, build, options, is_podman).await,
            _ => base::ensure(engine, ui, &image, options).await,
        };
        let base = base.map_err(|error| Failure::new(ExitCode::BuildFailed, format!("{}: {error:#}", cannot())))?;
        bases.insert(image, base);
    }
    let mut inputs = Inputs::of(&context).with_context(cannot)?;
    for (image, base) in &bases {
        inputs.set(format!("base image {image}"), &base.id);
    }
    for (name, value) in labels(pod) {
        inputs.set(format!("label {name}"), value);
    }
    let digest = inputs.digest()?;

    let found = base::inspect(engine, &pod.image).await?;
    let changed = changes(&pod.image, found.as_ref(), &inputs, &digest, options);
    if changed.is_empty() {
        let id = found.and_then(|image| image.id).unwrap_or_default();
        return Ok(Built { id, reference: pod.image.clone(), changed: None });
    }
    ui.say(format!("build {}: {}", pod.image, shorten(&changed)));
    for file in &context.skipped {
        ui.warn(format!("{} is left out: an image can have no socket, pipe or device", file.display()));
    }
    let context = for_this_build(context, "Dockerfile", &files.dockerfile, &bases, secrets, options).with_context(cannot)?;
    let recipe = Recipe {
        what: pod.name.clone(),
        tag: pod.image.clone(),
        dockerfile: "Dockerfile".to_owned(),
        target: None,
        args: HashMap::new(),
        platform: pod.container.platform.clone(),
    };
    let mut build = Build { engine, ui, recipe, labels: labels(pod), context, options, credentials: HashMap::new() };
    build.labels.insert(inputs::LABEL.to_owned(), digest);
    build.credentials = credentials::for_build(bases.keys().map(String::as_str)).unwrap_or_else(|error| {
        ui.warn(format!("{error:#}; building without credentials"));
        HashMap::new()
    });
    build.run(is_podman).await?;
    let image = base::inspect(engine, &pod.image).await?.and_then(|image| image.id);
    let id = image.with_context(|| format!("cannot find {} after its build; build it again", pod.image))?;
    // Only to name changes next time; without it the next build says that something has changed.
    let _ = inputs.remember(&pod.image);
    Ok(Built { id, reference: pod.image.clone(), changed: Some(changed) })
}

/// The context with the programs that the image needs.
fn gather(folder: &Path, files: &Files, architecture: &str, ca_bundle: Option<&Path>) -> Result<Context> {
    let mut context = Context::collect(folder, files, Program::Podinit.binary(architecture)?, ca_bundle)?;
    if files.has_deliver {
        let deliver = Program::PodinitDeliver;
        context.set(deliver.name(), deliver.binary(architecture)?, 0o755);
    }
    Ok(context)
}

/// The labels of the image, less the digest of its inputs.
fn labels(pod: &Pod) -> HashMap<String, String> {
    let own = [
        ("org.opencontainers.image.title", &pod.name),
        ("org.opencontainers.image.base.name", &pod.base.image),
        ("io.podctl.pod", &pod.name),
    ];
    let own = own.into_iter().map(|(name, value)| (name.to_owned(), value.clone()));
    own.chain(pod.labels.iter().map(|(name, value)| (name.clone(), value.clone()))).collect()
}

/// Why there is something to build; empty when there is not.
pub(super) fn changes(
    reference: &str,
    found: Option<&ImageInspect>,
    inputs: &Inputs,
    digest: &str,
    options: &Options,
) -> Vec<String> {
    let Some(image) = found else { return vec!["there is no such image yet".to_owned()] };
    let labels = image.config.as_ref().and_then(|config| config.labels.as_ref());
    match labels.and_then(|labels| labels.get(inputs::LABEL)) {
        Some(known) if known == digest && options.no_cache => vec!["every step anew (--no-cache)".to_owned()],
        Some(known) if known == digest => Vec::new(),
        Some(known) => {
            let named = Inputs::recall(reference, known).map(|before| inputs.changes_since(&before)).unwrap_or_default();
            if named.is_empty() { vec!["its inputs have changed".to_owned()] } else { named }
        }
        None => vec!["the image of this name was not built by podctl".to_owned()],
    }
}

pub(super) fn shorten(changes: &[String]) -> String {
    let shown = changes.iter().take(CHANGES_SHOWN).cloned().collect::<Vec<_>>().join("; ");
    match changes.len().saturating_sub(CHANGES_SHOWN) {
        0 => shown,
        more => format!("{shown}; and {more} more"),
    }
}

/// What is sent differs from what is rendered: bases by the engine's names, and the certificates of `--ca-bundle`.
pub(super) fn for_this_build(
    mut context: Context,
    dockerfile: &str,
    text: &str,
    bases: &BTreeMap<String, Base>,
    secrets: &BTreeMap<String, Vec<u8>>,
    options: &Options,
) -> Result<Context> {
    let mut text = dockerfile::with_bases(text, bases);
    if !secrets.is_empty() {
        text = dockerfile::with_secrets(&text);
        for (name, value) in secrets {
            context.set(&format!("{}/{name}", dockerfile::SECRETS), value.clone(), 0o444);
        }
    }
    if let Some(file) = &options.ca_bundle {
        context.set(CA_BUNDLE, read_ca_bundle(file)?, 0o644);
        text = with_ca_bundle(&text);
    }
    context.set(dockerfile, text, 0o644);
    Ok(context)
}

/// What is built.
pub(super) struct Recipe {
    /// For errors.
    pub what: String,
    /// The name of the image.
    pub tag: String,
    /// The Dockerfile in the context.
    pub dockerfile: String,
    /// Its stage; none is the last.
    pub target: Option<String>,
    /// Build arguments.
    pub args: HashMap<String, String>,
    /// `linux/amd64`; none is the engine's.
    pub platform: Option<String>,
}

/// One build in the engine.
pub(super) struct Build<'a> {
    pub engine: &'a Engine,
    pub ui: &'a Ui,
    pub recipe: Recipe,
    pub labels: HashMap<String, String>,
    pub context: Context,
    pub options: &'a Options,
    pub credentials: HashMap<String, DockerCredentials>,
}

/// How an attempt with one builder ended.
enum Ended {
    Well,
    Failed(String),
    /// This engine has no BuildKit.
    NoBuildKit,
}

impl Build<'_> {
    /// Podman speaks the classic builder's protocol, and has cache mounts all the same.
    pub async fn run(mut self, is_podman: bool) -> Result<()> {
        let mut ended = self.attempt(!is_podman).await;
        if let Ended::NoBuildKit = ended {
            self.ui.warn(
                "this engine has no BuildKit: its classic builder is used, which keeps no caches of packages between builds",
            );
            self.leave_mounts_out()?;
            ended = self.attempt(false).await;
        }
        match ended {
            Ended::Well => Ok(()),
            Ended::NoBuildKit => Err(self.failure("the engine has no builder that is known here; use another engine")),
            Ended::Failed(text) => Err(self.failure(&text)),
        }
    }

    fn failure(&self, text: &str) -> anyhow::Error {
        Failure::new(ExitCode::BuildFailed, format!("cannot build {}: {text}", self.recipe.what)).into()
    }

    fn leave_mounts_out(&mut self) -> Result<()> {
        if self.options.ca_bundle.is_some() {
            return Err(self.failure("--ca-bundle takes BuildKit, which this engine has not; use a newer engine"));
        }
        let name = self.recipe.dockerfile.clone();
        if let Some(text) = self.context.text(&name) {
            let text = dockerfile::without_mounts(text);
            self.context.set(&name, text, 0o644);
        }
        Ok(())
    }

    async fn attempt(&self, with_buildkit: bool) -> Ended {
        let options = BuildImageOptionsBuilder::default()
            .t(&self.recipe.tag)
            .dockerfile(&self.recipe.dockerfile)
            .buildargs(&self.recipe.args)
            .target(self.recipe.target.as_deref().unwrap_or_default())
            .platform(self.recipe.platform.as_deref().unwrap_or_default())
            .labels(&self.labels)
            .nocache(self.options.no_cache)
            .rm(true)
            .forcerm(true);
        let options = match with_buildkit {
            true => options.version(BuilderVersion::BuilderBuildKit).session(&session()),
            false => options,
        };
        let credentials = Some(self.credentials.clone());
        let body = body_try_stream(self.context.clone().into_stream());
        let mut events = self.engine.docker.build_image(options.build(), credentials, Some(body));
        let mut steps = Steps::new(self.ui);
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => steps.take(&event),
                Err(error) if with_buildkit && !steps.have_begun() && says_no_buildkit(&error) => return Ended::NoBuildKit,
                Err(Error::DockerStreamError { error } | Error::DockerResponseServerError { message: error, .. }) => {
                    return Ended::Failed(steps.fail(&error));
                }
                // The stream of events may break at its very end, when the image is there already.
                Err(_) if self.is_there().await => break,
                Err(error) => return Ended::Failed(steps.fail(&error.to_string())),
            }
        }
        steps.end();
        Ended::Well
    }

    /// Whether the engine has the image that is being built.
    async fn is_there(&self) -> bool {
        let image = base::inspect(self.engine, &self.recipe.tag).await.ok().flatten();
        let labels = image.and_then(|image| image.config?.labels).unwrap_or_default();
        labels.get(inputs::LABEL).is_some_and(|digest| self.labels.get(inputs::LABEL) == Some(digest))
    }
}

fn says_no_buildkit(error: &Error) -> bool {
    let text = error.to_string().to_lowercase();
    text.contains("buildkit")
        && ["not supported", "not enabled", "unsupported", "disabled"].iter().any(|words| text.contains(words))
}

/// Every build needs a session id of its own.
fn session() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("podctl-{}-{}", std::process::id(), now.as_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::load;
    use crate::spec::source::Source;

    #[test]
    fn an_image_gets_podinit_deliver_only_when_a_sink_needs_it_and_is_built_anew_then() {
        let folder = tempfile::tempdir().unwrap();
        let inputs = |has_deliver| {
            let files = Files { has_deliver, ..Files::default() };
            Inputs::of(&gather(folder.path(), &files, std::env::consts::ARCH, None).unwrap()).unwrap()
        };
        assert_eq!(inputs(true).changes_since(&inputs(false)), ["podinit-deliver is new"]);
        let source = Source { name: "pod.yaml".to_owned(), text: "services: { web: { command: web } }".to_owned() };
        let inputs = load::Inputs { sources: vec![source], folder: "/x/pod".into(), variables: &|_| None };
        let pod = load::load(inputs).unwrap_or_else(|mistakes| panic!("{mistakes}")).pod;
        let copies = |has_deliver| {
            let text = crate::render::dockerfile::render(&pod, &Default::default(), has_deliver).unwrap();
            text.lines().filter(|line| line.contains("podinit-deliver")).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(copies(false), [] as [&str; 0]);
        assert_eq!(copies(true), ["COPY podinit-deliver /usr/local/bin/podinit-deliver"]);
    }

    #[test]
    fn many_changes_are_counted() {
        let changes: Vec<String> = ["a", "b", "c", "d", "e", "f"].map(str::to_owned).to_vec();
        assert_eq!(shorten(&changes[..1]), "a");
        assert_eq!(shorten(&changes), "a; b; c; d; and 2 more");
    }

    #[test]
    fn only_an_engine_without_buildkit_is_given_to_the_classic_builder() {
        let error = |text: &str| Error::DockerResponseServerError { status_code: 500, message: text.to_owned() };
        assert!(says_no_buildkit(&error("BuildKit is not enabled on this daemon")));
        assert!(!says_no_buildkit(&error("failed to solve with frontend dockerfile.v0")));
    }
}
