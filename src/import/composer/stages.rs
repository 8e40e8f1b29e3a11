//! Stages that are builds of their own: one folder of sources, what is installed, what is run, what is kept.

use super::image::{Making, Obstacle};
use crate::import::account::{Fate, Place};
use crate::import::readers::dockerfile::{Stage, join};
use crate::import::secrets::{is_hidden, without_values};
use crate::import::yaml::Yaml;

impl Making<'_> {
    /// A stage that is a build of its own.
    pub(super) fn stage(&mut self, stage: &Stage, name: &str, source: &str, target: &str, place: Place) -> Result<(), Obstacle> {
        let name = name.to_lowercase();
        self.carried(place, &format!("stages.{name}.copy"));
        let mut folder = "/".to_owned();
        let (mut context, mut install, mut run): (Option<String>, Vec<String>, Vec<String>) = (None, Vec::new(), Vec::new());
        let mut has_sources = false;
        let mut environment = Vec::new();
        let mut fates = vec![(stage.place, Fate::Carried(format!("stages.{name}.image")))];
        for instruction in &stage.instructions {
            let refuse = |why: &str| Err(Obstacle { place: instruction.place, why: why.to_owned() });
            let key = match instruction.name.as_str() {
                "WORKDIR" => {
                    folder = join(&folder, instruction.text.trim());
                    "copy"
                }
                "ENV" if instruction.pairs().iter().all(|(name, value)| !is_hidden(name, value)) => {
                    environment.extend(instruction.pairs().into_iter().map(|(name, value)| (name, Yaml::text(value))));
                    "environment"
                }
                "COPY" if instruction.flag("from").is_none() => {
                    let words = instruction.words();
                    let Some((to, sources)) = words.split_last() else { return refuse("what is copied where cannot be told") };
                    let is_here = join(&folder, to) == folder;
                    let roots: Vec<&str> =
                        sources.iter().map(|source| source.trim_start_matches("./").trim_end_matches('/')).collect();
                    match roots.as_slice() {
                        [root] if is_here && !root.contains(['*', '.']) || *root == "." => {
                            let root = if root.is_empty() { "." } else { root };
                            context = Some(root.to_owned());
                            has_sources = true;
                        }
                        // Manifests come first by themselves.
                        roots if is_here && roots.iter().all(|root| is_manifest(root)) => {}
                        _ => return refuse("a stage with files at several places"),
                    }
                    "context"
                }
                "RUN" if !without_values(&instruction.text).1.is_empty() => return refuse("a secret seems to be in it"),
                "RUN" if instruction.flags.iter().all(|flag| flag.contains("type=cache")) && !instruction.text.contains("<<") => {
                    if has_sources {
                        run.push(instruction.text.clone())
                    } else {
                        install.push(instruction.text.clone())
                    }
                    if has_sources { "run" } else { "install" }
                }
                _ => return refuse("a stage that does more than `stages` can say"),
            };
            fates.push((instruction.place, Fate::Carried(format!("stages.{name}.{key}"))));
        }
        if folder == "/" && !stage.instructions.is_empty() {
            return Err(Obstacle { place: stage.place, why: "a stage without WORKDIR".to_owned() });
        }
        let source = join(&folder, source);
        let below = source.strip_prefix(&format!("{}/", folder.trim_end_matches('/'))).map(str::to_owned);
        let below = below.or_else(|| (source == folder).then(|| ".".to_owned()));
        let Some(below) = below.or_else(|| stage.instructions.is_empty().then(|| source.clone())) else {
            return Err(Obstacle { place, why: "what is kept of the stage lies elsewhere".to_owned() });
        };
        let mut keys: Vec<(String, Yaml)> = Vec::new();
        let context = self.path(&context.unwrap_or_default());
        if context != "." {
            keys.push(("context".to_owned(), Yaml::text(context)));
        }
        keys.push(("image".to_owned(), Yaml::text(stage.from.as_str())));
        if !environment.is_empty() {
            keys.push(("environment".to_owned(), Yaml::Map(environment)));
        }
        if !install.is_empty() {
            keys.push(("install".to_owned(), Yaml::texts(install)));
        }
        if !run.is_empty() {
            keys.push(("run".to_owned(), Yaml::texts(run)));
        }
        match self.stages.iter_mut().find(|(known, _)| *known == name) {
            Some((_, Yaml::Map(known))) => {
                if let Some((_, Yaml::Map(copy))) = known.iter_mut().find(|(key, _)| key == "copy") {
                    copy.push((below, Yaml::text(target)));
                }
            }
            _ => {
                keys.push(("copy".to_owned(), Yaml::map([(below, Yaml::text(target))])));
                self.stages.push((name, Yaml::Map(keys)));
            }
        }
        self.fates.extend(fates);
        Ok(())
    }
}

/// Files that lock files are read with.
pub(super) fn is_manifest(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let starts = [
        "package",
        "yarn.lock",
        "pnpm-lock",
        "requirements",
        "composer.",
        "go.mod",
        "go.sum",
        "Gemfile",
        "Cargo.",
        "pyproject",
        "uv.lock",
        "poetry.lock",
    ];
    starts.iter().any(|start| name.starts_with(start))
}
