//! The Dockerfile: base, packages, stages and files where they can be told, else the Dockerfile itself as the base.

use super::{Pod, packages};
use crate::import::account::{Account, Fate, Place};
use crate::import::project::Project;
use crate::import::readers::dockerfile::{Dockerfile, Instruction, Stage, join};
use crate::import::yaml::Yaml;
use std::collections::BTreeMap;

/// What of a Dockerfile cannot be told.
pub struct Obstacle {
    /// Where.
    pub place: Place,
    /// Why.
    pub why: String,
}

/// What is known of the image's insides besides.
#[derive(Debug, Default)]
pub struct Image {
    /// Where the project's folder as a whole is copied to.
    pub project_at: Option<String>,
    /// Dependencies are installed by a lock file, as podctl does it.
    pub installs: bool,
}

/// Where the project's folder as a whole is copied to.
fn project_at(stage: &Stage) -> Option<String> {
    let mut folder = "/".to_owned();
    let mut found = None;
    for instruction in &stage.instructions {
        if instruction.name == "WORKDIR" {
            folder = join(&folder, instruction.text.trim());
        }
        let words = if matches!(instruction.name.as_str(), "COPY" | "ADD") { instruction.words() } else { Vec::new() };
        if let [source, target] = words.as_slice()
            && instruction.flag("from").is_none()
            && matches!(source.as_str(), "." | "./")
        {
            found = Some(join(&folder, target));
        }
    }
    found
}

/// What the Dockerfile says, until it is clear that all of it can be told.
pub(super) struct Making<'a> {
    /// Files in whose place podctl has its own.
    pub(super) is_replaced: &'a dyn Fn(&str) -> bool,
    /// The files of the project.
    pub(super) project: Option<&'a Project>,
    pub(super) packages: Vec<String>,
    pub(super) run: Vec<String>,
    pub(super) environment: Vec<(String, String)>,
    pub(super) files: BTreeMap<String, Vec<(String, Yaml)>>,
    /// The order of `files`.
    pub(super) order: Vec<String>,
    pub(super) users: Vec<(String, Yaml)>,
    pub(super) volumes: Vec<String>,
    pub(super) stages: Vec<(String, Yaml)>,
    pub(super) fates: Vec<(Place, Fate)>,
    pub(super) folder: String,
    pub(super) image: Image,
    pub(super) labels: Vec<(String, Yaml)>,
    /// Programs of the image's own Python are executed by their path.
    pub(super) has_pip: bool,
    /// The project's folder as a whole has been copied.
    pub(super) is_copied: bool,
    /// Files that podctl has something else for.
    pub(super) ignored: Vec<String>,
}

/// Takes the image apart.
///
/// # Errors
/// What of it cannot be told; nothing has been changed then.
pub fn compose(
    dockerfile: &Dockerfile,
    skip: &dyn Fn(&str) -> bool,
    is_replaced: &dyn Fn(&str) -> bool,
    project: &Project,
    pod: &mut Pod,
    account: &mut Account,
) -> Result<Image, Obstacle> {
    let Some(last) = dockerfile.last() else { return Ok(Image::default()) };
    let mut making = Making { is_replaced, project: Some(project), ..Making::new() };
    if let Some(argument) = dockerfile.above.first() {
        return Err(Obstacle { place: argument.place, why: "its value shapes the image".to_owned() });
    }
    making.carried(last.place, "base.image");
    let from = last.from.clone();
    if from.contains('$') || dockerfile.stages.iter().any(|stage| stage.name.as_deref() == Some(&from)) {
        return Err(Obstacle { place: last.place, why: "the image is made from another stage".to_owned() });
    }
    making.image.project_at = project_at(last);
    making.has_pip =
        pod.services.iter().any(|service| service.text("command").is_some_and(|command| command.contains("/usr/local/bin/")));
    for instruction in &last.instructions {
        making.instruction(instruction, dockerfile, skip)?;
    }
    for (place, fate) in std::mem::take(&mut making.fates) {
        account.settle(place, fate);
    }
    let mut base = vec![("image".to_owned(), Yaml::text(from))];
    making.packages.retain(|package| !skip(package));
    if !making.packages.is_empty() {
        base.push(("packages".to_owned(), Yaml::texts(making.packages)));
    }
    if !making.run.is_empty() {
        base.push(("run".to_owned(), Yaml::texts(making.run)));
    }
    pod.base = Some(Yaml::Map(base));
    pod.stages = making.stages;
    pod.users.extend(making.users);
    pod.labels = making.labels;
    for (name, value) in making.environment {
        pod.variables.of_pod(&name, Some(&value));
    }
    for target in making.order {
        let keys = making.files.remove(&target).unwrap_or_default();
        let value = match keys.as_slice() {
            [(key, source)] if key == "source" => source.clone(),
            _ => Yaml::Map(keys),
        };
        pod.files.push((target, value));
    }
    let target = |volume: &str| volume.split(':').nth(1).unwrap_or_default().to_owned();
    making.volumes.retain(|volume| !pod.volumes.iter().any(|known| target(known) == target(volume)));
    pod.volumes.extend(making.volumes);
    Ok(making.image)
}

/// The Dockerfile stays, and is the base.
pub fn keep(
    dockerfile: &Dockerfile,
    context: &str,
    obstacle: &Obstacle,
    project: &Project,
    pod: &mut Pod,
    account: &mut Account,
) {
    let mut build = vec![("context".to_owned(), Yaml::text(project.path(context)))];
    let name = dockerfile.name.strip_prefix(&format!("{context}/")).unwrap_or(&dockerfile.name);
    if name != "Dockerfile" {
        build.push(("dockerfile".to_owned(), Yaml::text(name)));
    }
    pod.base = Some(Yaml::map([("build", Yaml::Map(build))]));
    let place = obstacle.place;
    account.note(format!("{} is the base as it is: line {}: {}", dockerfile.name, place.line, obstacle.why));
    let all = dockerfile
        .stages
        .iter()
        .flat_map(|stage| std::iter::once(stage.place).chain(stage.instructions.iter().map(|instruction| instruction.place)));
    let all: Vec<Place> = all.chain(dockerfile.above.iter().map(|instruction| instruction.place)).collect();
    for instruction in dockerfile.last().map(|stage| stage.instructions.as_slice()).unwrap_or_default() {
        if let Some(why) = replaced(instruction) {
            account.implied(instruction.place, why);
        }
    }
    for place in all.into_iter().filter(|place| !account.is_settled(*place)).collect::<Vec<_>>() {
        account.carried(place, "base.build");
    }
}

/// Instructions in whose place podctl has its own.
fn replaced(instruction: &Instruction) -> Option<&'static str> {
    match instruction.name.as_str() {
        "CMD" | "ENTRYPOINT" => Some("podinit is the container's PID 1"),
        "STOPSIGNAL" => Some("podinit stops on SIGTERM"),
        "HEALTHCHECK" => Some("podinit answers the engine's check for all services"),
        "EXPOSE" => Some("what listens is known by `port`"),
        _ => None,
    }
}

impl Making<'static> {
    fn new() -> Making<'static> {
        Making {
            is_replaced: &|_| false,
            project: None,
            packages: Vec::new(),
            run: Vec::new(),
            environment: Vec::new(),
            files: BTreeMap::new(),
            order: Vec::new(),
            users: Vec::new(),
            volumes: Vec::new(),
            stages: Vec::new(),
            fates: Vec::new(),
            folder: "/".to_owned(),
            image: Image::default(),
            labels: Vec::new(),
            has_pip: false,
            is_copied: false,
            ignored: Vec::new(),
        }
    }
}

impl Making<'_> {
    pub(super) fn path(&self, path: &str) -> String {
        self.project.map_or_else(|| path.to_owned(), |project| project.path(path))
    }

    pub(super) fn carried(&mut self, place: Place, key: &str) {
        self.fates.push((place, Fate::Carried(key.to_owned())));
    }

    pub(super) fn implied(&mut self, place: Place, why: &str) {
        self.fates.push((place, Fate::Implied(why.to_owned())));
    }

    fn instruction(
        &mut self,
        instruction: &Instruction,
        dockerfile: &Dockerfile,
        skip: &dyn Fn(&str) -> bool,
    ) -> Result<(), Obstacle> {
        let place = instruction.place;
        let refuse = |why: &str| Err(Obstacle { place, why: why.to_owned() });
        if let Some(why) = replaced(instruction) {
            self.implied(place, why);
            return Ok(());
        }
        match instruction.name.as_str() {
            "RUN" => return self.run(instruction, skip),
            "COPY" | "ADD" => return self.copy(instruction, dockerfile),
            "ENV" => {
                for (name, value) in instruction.pairs() {
                    if name == "DEBIAN_FRONTEND" {
                        continue;
                    }
                    let value = braced(&value);
                    self.environment.retain(|(known, _)| *known != name);
                    self.environment.push((name, value));
                }
                self.carried(place, "environment");
            }
            "WORKDIR" => {
                self.folder = join(&self.folder, instruction.text.trim());
                self.carried(place, "services: working_dir");
            }
            "USER" => self.carried(place, "services: user"),
            "VOLUME" => {
                for path in instruction.words() {
                    let name = path.trim_matches('/').replace(|c: char| !c.is_ascii_alphanumeric(), "-").to_lowercase();
                    self.volumes.push(format!("{name}:{path}"));
                }
                self.carried(place, "volumes");
            }
            "LABEL" => {
                self.labels.extend(instruction.pairs().into_iter().map(|(name, value)| (name, Yaml::text(value))));
                self.carried(place, "labels");
            }
            "MAINTAINER" => {
                let label = ("org.opencontainers.image.authors".to_owned(), Yaml::text(instruction.text.trim_matches('"')));
                self.labels.push(label);
                self.carried(place, "labels");
            }
            "ARG" if instruction.text.starts_with("DEBIAN_FRONTEND") => {
                self.implied(place, "packages are installed without questions")
            }
            "ARG" => return refuse("its value shapes the image"),
            _ => return refuse("it has no key in pod.yaml"),
        }
        Ok(())
    }

    /// Packages are told apart; what else is run before the project's files are there is `base.run`.
    fn run(&mut self, instruction: &Instruction, skip: &dyn Fn(&str) -> bool) -> Result<(), Obstacle> {
        let place = instruction.place;
        if instruction.flags.iter().any(|flag| !flag.contains("type=cache")) || instruction.text.starts_with('[') {
            return Err(Obstacle { place, why: "how it is run has no key in pod.yaml".to_owned() });
        }
        let mut rest: Vec<String> = Vec::new();
        for line in packages::lines(&instruction.text) {
            match packages::line(&line) {
                packages::Line::Packages(names) => self.packages.extend(names),
                packages::Line::Nothing => {}
                packages::Line::Folders(folders) => folders.into_iter().for_each(|folder| self.folder(&folder)),
                packages::Line::Owner(user, paths) if paths.iter().all(|path| self.knows(path)) => {
                    paths.iter().for_each(|path| self.owner(path, &user));
                }
                packages::Line::Mode(mode, paths) if paths.iter().all(|path| self.knows(path)) => {
                    paths.iter().for_each(|path| self.set(path, "mode", &mode));
                }
                packages::Line::Supervisor => {}
                packages::Line::User(name, uid) => {
                    self.users.push((name, uid.map_or_else(|| Yaml::map::<&str>([]), Yaml::plain)));
                }
                packages::Line::Owner(..) | packages::Line::Mode(..) | packages::Line::Other => rest.push(line),
            }
        }
        self.packages.retain(|package| package != "supervisor" && !skip(package));
        if rest.is_empty() {
            let key = if instruction.text.contains("install") || instruction.text.contains("apk add") {
                "base.packages"
            } else {
                "files"
            };
            self.carried(place, key);
            return Ok(());
        }
        if self.image.project_at.is_some() && rest.iter().all(|line| is_install(line)) {
            // podctl gives a project an environment of its own, in which nothing of the image's is found.
            if text_is_pip(&rest) && (self.has_pip || self.run.iter().any(|line| line.contains("pip"))) {
                return Err(Obstacle { place, why: "it installs for the image's own Python, as other lines do".to_owned() });
            }
            self.image.installs = true;
            self.implied(place, "dependencies are installed by their lock file");
            return Ok(());
        }
        let text = rest.join(" && ");
        if !self.order.is_empty() || self.is_copied {
            return Err(Obstacle { place, why: "it works on files that were copied before".to_owned() });
        }
        if self.environment.iter().any(|(name, _)| text.contains(&format!("${name}")) || text.contains(&format!("${{{name}"))) {
            return Err(Obstacle { place, why: "it uses what ENV says".to_owned() });
        }
        if self.folder != "/" {
            return Err(Obstacle { place, why: format!("it runs in {}", self.folder) });
        }
        if !crate::import::secrets::without_values(&text).1.is_empty() {
            return Err(Obstacle { place, why: "a secret seems to be in it".to_owned() });
        }
        self.run.push(text);
        self.carried(place, "base.run");
        Ok(())
    }
}

/// Whether a line installs what a lock file says.
fn is_install(line: &str) -> bool {
    let starts = [
        "npm ci",
        "npm install",
        "yarn install",
        "pnpm install",
        "composer install",
        "bundle install",
        "uv sync",
        "go mod download",
    ];
    let is_pip = line.starts_with("pip") && line.contains("install") && line.contains("-r") && line.contains("requirements.txt");
    is_pip || starts.iter().any(|start| line.starts_with(start))
}

fn text_is_pip(lines: &[String]) -> bool {
    lines.iter().any(|line| line.starts_with("pip"))
}

/// `$X` as `${X}`, the only form that pod.yaml has.
fn braced(value: &str) -> String {
    let mut out = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let name: String = after.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        if name.is_empty() {
            out.push('$');
            rest = after;
        } else {
            out.push_str(&format!("${{{name}}}"));
            rest = &after[name.len()..];
        }
    }
    out.push_str(rest);
    out
}
