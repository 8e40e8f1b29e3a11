//! From what a user calls a pod to the pod, its files, its image and its container.

use super::address::Address;
use super::load;
use super::plan;
use super::secrets;
use super::variables::Variables;
use crate::engine::Engine;
use crate::engine::container::Wanted;
use crate::engine::inspect::Found;
use crate::engine::secrets::SecretFile;
use crate::failure::{self, ExitCode, Failure};
use crate::image::{self, Built, facts};
use crate::render::{self, Files};
use crate::spec::instances;
use crate::spec::model::Pod;
use crate::ui::Ui;
use anyhow::{Context as _, Result, anyhow, bail};
use podinit_plan::plan::Plan;
use podinit_plan::protocol::Status;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// A pod that is loaded, and what is made of it.
pub struct Target {
    /// The pod.
    pub pod: Pod,
    /// What podinit runs.
    pub plan: Plan,
    /// The files of its image.
    pub files: Files,
    /// The variables on this side.
    pub variables: Variables,
}

/// Loads each of these pods; without any, that of `files`, or those of the project.
///
/// # Errors
/// A pod that cannot be found, is invalid or cannot be rendered.
pub fn load_each(files: &[PathBuf], pods: &[String]) -> Result<Vec<Target>> {
    let mut targets = Vec::new();
    for location in load::locate_each(files, pods)? {
        let (pod, variables) = load::pod(&location)?;
        let cannot = || format!("cannot render the pod {}", pod.name);
        let facts = facts::gather(&pod).with_context(cannot)?;
        let files = render::render(&pod, &facts).with_context(cannot)?;
        let plan = render::plan::compile(&pod, &facts).with_context(cannot)?;
        targets.push(Target { pod, plan, files, variables });
    }
    Ok(targets)
}

/// Loads one pod.
///
/// # Errors
/// As [`load_each`]; the project has several and none was named.
pub fn load_one(files: &[PathBuf], pod: Option<&str>) -> Result<Target> {
    let pods: Vec<String> = pod.iter().map(|pod| (*pod).to_owned()).collect();
    let mut targets = load_each(files, &pods)?;
    match (targets.pop(), targets.as_slice()) {
        (Some(target), []) => Ok(target),
        (last, others) => {
            let names = others.iter().chain(&last).map(|target| target.pod.name.clone());
            Err(several(&names.collect::<Vec<_>>()))
        }
    }
}

/// The names of the containers of these pods; without any, of those of the project. A container that is there needs no
/// pod.yaml.
///
/// # Errors
/// A pod that has to be loaded for its name cannot be; no engine answers.
pub async fn names(engine: &Engine, files: &[PathBuf], pods: &[String]) -> Result<Vec<String>> {
    if pods.is_empty() {
        return loaded_names(files, pods);
    }
    let mut names = Vec::new();
    for pod in pods {
        let is_name = !pod.contains('/') && !pod.starts_with('.');
        if is_name && engine.inspect(pod).await?.is_some() {
            names.push(pod.clone());
            continue;
        }
        match loaded_names(files, std::slice::from_ref(pod)) {
            Ok(loaded) => names.extend(loaded),
            // No pod.yaml is left of it, and maybe no container either: who uses the name will say so.
            Err(error) if files.is_empty() && is_name && failure::exit_code(&error) == ExitCode::Usage => names.push(pod.clone()),
            Err(error) => return Err(error),
        }
    }
    Ok(names)
}

/// The name of one pod's container, and the service that was named with it.
///
/// # Errors
/// As [`names`]; the project has several pods and none was named.
pub async fn one(engine: &Engine, files: &[PathBuf], address: Option<Address>) -> Result<(String, Option<String>)> {
    let (pod, service) = address.map_or((None, None), |address| (Some(address.pod), address.service));
    let names = names(engine, files, pod.as_slice()).await?;
    match names.as_slice() {
        [name] => Ok((name.clone(), service)),
        _ => Err(several(&names)),
    }
}

/// The container of a pod, which has to be there.
///
/// # Errors
/// It is not, or podctl did not make it.
pub async fn present(engine: &Engine, name: &str) -> Result<Found> {
    match engine.inspect(name).await? {
        Some(found) if found.is_pod() => Ok(found),
        Some(_) => bail!("cannot use the container {name} as a pod: podctl did not make it; `podctl ps` shows those it made"),
        None => bail!(
            "cannot find the pod {name}: the engine has no container of that name; \
             `podctl up` makes it, `podctl ps` shows those that are there"
        ),
    }
}

impl Target {
    /// Builds the image, when its inputs changed.
    ///
    /// # Errors
    /// [`ExitCode::BuildFailed`]
    pub async fn build(&self, engine: &Engine, ui: &Ui, options: &image::Options) -> Result<Built> {
        let secrets = self.build_secrets().with_context(|| format!("cannot build {}", self.pod.name))?;
        image::build(engine, ui, &self.pod, &self.files, &secrets, options).await
    }

    /// The secrets that steps of the build read.
    fn build_secrets(&self) -> Result<BTreeMap<String, Vec<u8>>> {
        let stages = self.pod.services.values().filter_map(|service| service.build.as_ref()).chain(self.pod.stages.values());
        let names: BTreeSet<&String> = stages.flat_map(|stage| &stage.secrets).collect();
        let value = |name: &String| {
            let secret =
                self.pod.secrets.get(name).ok_or_else(|| anyhow!("there is no secret {name}; add it under `secrets`"))?;
            let value = secrets::value(&self.pod, &self.variables, &secret.source);
            Ok((name.clone(), value.with_context(|| format!("cannot read the secret {name}"))?))
        };
        names.into_iter().map(value).collect()
    }

    /// The id of the image as it is.
    ///
    /// # Errors
    /// It was not built yet.
    pub async fn existing_image(&self, engine: &Engine) -> Result<String> {
        let (name, image) = (&self.pod.name, &self.pod.image);
        let id = engine.image_id(image).await?;
        id.with_context(|| format!("cannot bring up {name}: its image {image} is not there; `podctl build {name}` makes it"))
    }

    /// The container that the pod wants, made from this image.
    ///
    /// # Errors
    /// A secret or a file of variables cannot be read.
    pub fn wanted(&self, image_id: &str) -> Result<Wanted> {
        Ok(plan::wanted(&self.pod, image_id, self.environment()?, self.secrets()?))
    }

    /// The secrets that the container is given.
    ///
    /// # Errors
    /// One of them cannot be read.
    pub fn secrets(&self) -> Result<Vec<SecretFile>> {
        secrets::read(&self.pod, &self.variables).with_context(|| format!("cannot bring up {}", self.pod.name))
    }

    /// The variables that the container is given: those of the pod's `env_file`, and those that the plan refers to and
    /// that are set on this side, which go before them.
    ///
    /// # Errors
    /// A file of variables is not there or is none.
    pub fn environment(&self) -> Result<BTreeMap<String, String>> {
        let mut environment = BTreeMap::new();
        for file in &self.pod.env_files {
            environment.extend(self.variables.read(&file.path, file.required)?);
        }
        let set = |name: String| self.variables.get(&name).map(str::to_owned).map(|value| (name, value));
        environment.extend(self.plan.variables().into_iter().filter_map(set));
        Ok(environment)
    }
}

fn loaded_names(files: &[PathBuf], pods: &[String]) -> Result<Vec<String>> {
    load::locate_each(files, pods)?.iter().map(|location| Ok(load::pod(location)?.0.name)).collect()
}

/// The services that somebody means by a name: the one that has it, or its replicas in their order.
#[must_use]
pub fn services_called<'s>(service: &str, status: &'s Status) -> Vec<&'s str> {
    let names = || status.services.iter().map(|known| known.name.as_str());
    if let Some(known) = names().find(|name| *name == service) {
        return vec![known];
    }
    let number = |name: &'s str| Some((instances::replica_number(name, service)?, name));
    let mut replicas: Vec<_> = names().filter_map(number).collect();
    replicas.sort_unstable();
    replicas.into_iter().map(|(_, name)| name).collect()
}

/// The error when a pod has no service of this name; `what` was to be done to it.
#[must_use]
pub fn no_such_service(what: &str, pod: &str, service: &str, status: &Status) -> anyhow::Error {
    let known: Vec<_> = status.services.iter().map(|service| service.name.as_str()).collect();
    anyhow!("cannot {what} {service} of {pod}: there is no such service; there are {}", known.join(", "))
}

/// The error when one pod is wanted, and there are several.
#[must_use]
pub fn several(names: &[String]) -> anyhow::Error {
    Failure::new(ExitCode::Usage, format!("cannot choose a pod: there are {}; name one of them", names.join(", "))).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_one_service_or_all_its_replicas() {
        let status = |names: &[&str]| -> Status {
            let services: Vec<_> = names.iter().map(|name| serde_json::json!({ "name": name, "state": "ready" })).collect();
            serde_json::from_value(serde_json::json!({ "pod": "shop", "ready": true, "services": services })).unwrap()
        };
        let shop = status(&["api-0", "web-0", "web-1", "web-10", "web-2", "web-admin"]);
        assert_eq!(services_called("web", &shop), ["web-0", "web-1", "web-2", "web-10"]);
        assert_eq!(services_called("web-1", &shop), ["web-1"]);
        assert_eq!(services_called("we", &shop), [""; 0]);
        assert_eq!(services_called("web", &status(&["web", "web-1"])), ["web"]);
    }
}
