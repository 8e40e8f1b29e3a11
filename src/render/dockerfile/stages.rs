//! One stage per build, and what the final image takes from each.

use super::{Family, syntax};
use crate::render::Facts;
use crate::render::lockfiles::{self, Lockfile};
use crate::spec::model::{self, Pod};
use anyhow::{Context, Result, anyhow};
use podinit_plan::template::Template;
use serde::Serialize;

/// Where a stage is built that no service has.
const OWN_FOLDER: &str = "/app";

/// All builds of a pod.
#[derive(Default)]
pub struct Builds {
    /// The stages that are needed.
    pub stages: Vec<Stage>,
    /// Arguments of `COPY` in the final image.
    pub copies: Vec<String>,
    /// Folders of installed programs, for PATH.
    pub programs: Vec<String>,
}

/// A stage; its texts are arguments of the instructions.
#[derive(Serialize)]
pub struct Stage {
    name: String,
    from: String,
    own_image: bool,
    family: Family,
    packages: Option<String>,
    environment: Vec<String>,
    workdir: String,
    manifests: Option<String>,
    install: Vec<String>,
    sources: String,
    run: Vec<String>,
    /// What each step has mounted.
    mounts: Vec<String>,
}

impl Builds {
    /// The builds of a pod's services, and those that no service has; services with the same build into the same folder
    /// share it.
    pub fn of(pod: &Pod, facts: &Facts, base: Family) -> Result<Builds> {
        let mut builds = Builds::default();
        let mut seen: Vec<(&model::Stage, String)> = Vec::new();
        for (name, service) in &pod.services {
            let Some(build) = &service.build else { continue };
            let folder = target_folder(service).with_context(|| format!("cannot build service {name}"))?;
            if !seen.iter().any(|(other, other_folder)| *other == build && *other_folder == folder) {
                let is_first = !seen.iter().any(|(other, _)| other.name.is_some() && other.name == build.name);
                let name = match &build.name {
                    Some(stage) if is_first => format!("stage-{stage}"),
                    Some(stage) => format!("stage-{stage}-{name}"),
                    None => format!("build-{name}"),
                };
                builds.add(name, build, &folder, base, facts);
                seen.push((build, folder));
            }
        }
        let is_used = |name: &String| seen.iter().any(|(build, _)| build.name.as_ref() == Some(name));
        for (name, stage) in pod.stages.iter().filter(|(name, _)| !is_used(name)) {
            builds.add(format!("stage-{name}"), stage, OWN_FOLDER, base, facts);
        }
        Ok(builds)
    }

    fn add(&mut self, name: String, build: &model::Stage, folder: &str, base: Family, facts: &Facts) {
        if let (true, Some(image)) = (build.only_copies, &build.image) {
            let from_image = |(from, to): (String, String)| {
                let from = format!("/{}", from.trim_start_matches('/'));
                format!("--from={image} {}", syntax::copy([&*from, &to]))
            };
            self.copies.extend(kept(build, folder).map(from_image));
            return;
        }
        let none = Vec::new();
        let files = facts.top_files.get(&build.context).unwrap_or(&none);
        let lockfiles = if build.install.is_none() { lockfiles::found_in(files) } else { vec![] };
        let runs_nothing = lockfiles.is_empty() && build.run.is_empty() && build.install.as_ref().is_none_or(Vec::is_empty);
        let context = in_context(&build.context);

        if runs_nothing && build.packages.is_empty() && build.image.is_none() {
            for (from, to) in kept(build, folder) {
                // Services may share some of what they keep.
                let copy = syntax::copy([&*below(&context, &from), &to]);
                if !self.copies.contains(&copy) {
                    self.copies.push(copy);
                }
            }
            return;
        }
        let from_stage = |(from, to): (String, String)| {
            format!("--from={name} {}", syntax::copy([&*below(&format!("{folder}/"), &from), &to]))
        };
        self.copies.extend(kept(build, folder).map(from_stage));
        // A build that says what it keeps may not keep its tools.
        let tools = lockfiles.iter().filter(|_| build.copy.is_none());
        for programs in tools.filter_map(|lockfile| lockfile.programs) {
            self.programs.push(below(&format!("{folder}/"), programs));
        }
        let family = build.image.as_ref().map_or(base, |image| Family::of(image));
        self.stages.push(stage(name, build, family, folder, files, &lockfiles));
    }
}

fn stage(name: String, build: &model::Stage, family: Family, folder: &str, files: &[String], lockfiles: &[&Lockfile]) -> Stage {
    let context = in_context(&build.context);
    // A build with lines of its own needs the tools of development; what only installs does not.
    let for_production = build.run.is_empty();
    let install: Vec<String> = match &build.install {
        Some(lines) => lines.clone(),
        None => lockfiles.iter().flat_map(|lockfile| lines_of(lockfile, lockfile.install, for_production)).collect(),
    };
    let manifests = if install.is_empty() { vec![] } else { lockfiles::manifests_in(files) };
    let manifests: Vec<String> = manifests.iter().map(|file| format!("{context}{file}")).collect();
    let finish = lockfiles.iter().flat_map(|lockfile| lines_of(lockfile, lockfile.finish, for_production));
    let run = finish.chain(build.run.iter().cloned());
    let caches = lockfiles.iter().flat_map(|lockfile| lockfile.caches).map(|cache| format!("type=cache,target={cache}"));
    // With the classic way to say it a rendered Dockerfile can be built by hand, too.
    let secrets = build.secrets.iter().map(|secret| format!("type=secret,id={secret},required=true"));
    Stage {
        name,
        from: build.image.clone().unwrap_or_else(|| "base".to_owned()),
        own_image: build.image.is_some(),
        family,
        packages: (!build.packages.is_empty()).then(|| syntax::shell_words(&build.packages)),
        environment: build.environment.iter().map(|(name, value)| syntax::variable(name, value)).collect(),
        workdir: syntax::path(folder),
        manifests: (!manifests.is_empty()).then(|| syntax::copy(manifests.iter().map(String::as_str).chain(["./"]))),
        install: install.iter().map(|line| syntax::run(line)).collect(),
        sources: syntax::copy([context.as_str(), "./"]),
        run: run.map(|line| syntax::run(&line)).collect(),
        mounts: secrets.chain(caches).collect(),
    }
}

fn lines_of(lockfile: &Lockfile, lines: &[&str], for_production: bool) -> Vec<String> {
    let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    if let (Some(last), true) = (lines.last_mut(), for_production) {
        last.push_str(lockfile.production);
    }
    lines
}

/// Where a service's files go; that has to be known when the image is built.
fn target_folder(service: &model::Service) -> Result<String> {
    let folder = Template::parse(&service.working_dir).ok().and_then(|template| template.literal().map(str::to_owned));
    let folder = folder.ok_or_else(|| {
        anyhow!(
            "its working_dir `{}` is known at run time only; write the folder out, or `build: false` and fill it in `base.run`",
            service.working_dir
        )
    })?;
    Ok(folder.trim_end_matches('/').to_owned())
}

/// What a build keeps: where it is below the build's folder, and where it goes in the image.
fn kept<'a>(build: &'a model::Stage, folder: &'a str) -> impl Iterator<Item = (String, String)> + 'a {
    let everything = [(".".to_owned(), "./".to_owned())];
    let pairs = build.copy.clone().unwrap_or_else(|| everything.into());
    pairs.into_iter().map(move |(from, to)| {
        // Several files need a folder as their target; a name with a wildcard stands for several.
        let to = match to.rsplit_once('/') {
            _ if !to.contains(['*', '?']) => to,
            Some((parent, _)) => format!("{parent}/"),
            None => "./".to_owned(),
        };
        // Another place of the image than the service's.
        if to.starts_with('/') { (from, to) } else { (from, below(&format!("{folder}/"), &to)) }
    })
}

/// The pod's folder, or one below it, in the build context.
fn in_context(context: &str) -> String {
    below("pod/", context.trim_end_matches('/')).trim_end_matches('/').to_owned() + "/"
}

/// `path` below `folder`, which ends in a slash; an absolute path stays as it is.
fn below(folder: &str, path: &str) -> String {
    match path.trim_start_matches("./") {
        "." | "" => folder.to_owned(),
        absolute if absolute.starts_with('/') && folder.starts_with('/') => absolute.to_owned(),
        relative => format!("{folder}{}", relative.trim_start_matches('/')),
    }
}
