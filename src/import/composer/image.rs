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
struct Making<'a> {
    /// Files in whose place podctl has its own.
    is_replaced: &'a dyn Fn(&str) -> bool,
    /// The files of the project.
    project: Option<&'a Project>,
    packages: Vec<String>,
    run: Vec<String>,
    environment: Vec<(String, String)>,
    files: BTreeMap<String, Vec<(String, Yaml)>>,
    /// The order of `files`.
    order: Vec<String>,
    users: Vec<(String, Yaml)>,
    volumes: Vec<String>,
    stages: Vec<(String, Yaml)>,
    fates: Vec<(Place, Fate)>,
    folder: String,
    image: Image,
    labels: Vec<(String, Yaml)>,
    /// Programs of the image's own Python are executed by their path.
    has_pip: bool,
    /// The project's folder as a whole has been copied.
    is_copied: bool,
    /// Files that podctl has something else for.
    ignored: Vec<String>,
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
    fn path(&self, path: &str) -> String {
        self.project.map_or_else(|| path.to_owned(), |project| project.path(path))
    }

    fn carried(&mut self, place: Place, key: &str) {
        self.fates.push((place, Fate::Carried(key.to_owned())));
    }

    fn implied(&mut self, place: Place, why: &str) {
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

    fn copy(&mut self, instruction: &Instruction, dockerfile: &Dockerfile) -> Result<(), Obstacle> {
        let place = instruction.place;
        let refuse = |why: &str| Err(Obstacle { place, why: why.to_owned() });
        let words = instruction.words();
        let Some((target, sources)) = words.split_last().filter(|(_, sources)| !sources.is_empty()) else {
            return refuse("what is copied where cannot be told");
        };
        if instruction.text.contains("<<")
            || words.iter().any(|word| word.contains('$'))
            || sources.iter().any(|source| source.contains("://"))
        {
            return refuse("what is copied where cannot be told");
        }
        let is_folder = target.ends_with('/') || sources.len() > 1;
        let target = join(&self.folder, target);
        if let Some(from) = instruction.flag("from") {
            let [source] = sources else { return refuse("several files of another stage") };
            if let Some(stage) = dockerfile.stages.iter().find(|stage| stage.name.as_deref() == Some(from)) {
                return self.stage(stage, from, source, &target, place);
            }
            if from.parse::<usize>().is_ok() {
                return refuse("a stage without a name");
            }
            let target = if is_folder { join(&target, source.rsplit('/').next().unwrap_or_default()) } else { target };
            self.file(
                &target,
                vec![("image".to_owned(), Yaml::text(from)), ("source".to_owned(), Yaml::text(join("/", source)))],
            );
            self.carried(place, "files");
            return Ok(());
        }
        for source in sources {
            let plain = source.trim_start_matches("./").trim_end_matches('/');
            if plain.is_empty() || plain == "." {
                if self.image.project_at.as_ref() != Some(&target) {
                    return refuse("the project is copied twice");
                }
                self.is_copied = true;
                self.carried(place, "services: build");
                continue;
            }
            if plain.contains(['*', '?', '[']) {
                return refuse("files by a pattern");
            }
            if plain.starts_with('/') || plain.split('/').any(|part| part == "..") || plain.ends_with(".tar.gz") {
                return refuse("what is copied where cannot be told");
            }
            let name = plain.rsplit('/').next().unwrap_or_default();
            // The content of a folder is copied, and a file as it is.
            let is_dir = self.project.is_some_and(|project| project.has_folder(plain));
            let target = if is_folder && !is_dir { join(&target, name) } else { target.clone() };
            // supervisord and nginx are not there any more.
            if is_replaced(&target, name) || (self.is_replaced)(plain) {
                self.implied(place, "podctl writes what is in its place");
                self.ignored.push(target);
                continue;
            }
            let project_at = self.image.project_at.as_deref();
            if project_at.is_some_and(|at| target == join(at, plain) || (is_manifest(plain) && target == join(at, name))) {
                self.implied(place, "the project is copied as a whole");
                continue;
            }
            let mut keys = vec![("source".to_owned(), Yaml::text(self.path(plain)))];
            if let Some(user) = instruction.flag("chown") {
                keys.push(("user".to_owned(), Yaml::text(user)));
            }
            if let Some(mode) = instruction.flag("chmod") {
                keys.push(("mode".to_owned(), Yaml::text(format!("{mode:0>4}"))));
            }
            self.file(&target, keys);
            self.carried(place, "files");
        }
        Ok(())
    }

    /// A stage that is a build of its own.
    fn stage(&mut self, stage: &Stage, name: &str, source: &str, target: &str, place: Place) -> Result<(), Obstacle> {
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
                "ENV" if instruction.pairs().iter().all(|(name, value)| !crate::import::secrets::is_hidden(name, value)) => {
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

    fn file(&mut self, target: &str, keys: Vec<(String, Yaml)>) {
        if !self.files.contains_key(target) {
            self.order.push(target.to_owned());
        }
        self.files.insert(target.to_owned(), keys);
    }

    /// An empty folder.
    fn folder(&mut self, folder: &str) {
        let target = format!("{}/", folder.trim_end_matches('/'));
        if !self.knows(folder) && target != "/" {
            self.file(&target, Vec::new());
        }
    }

    /// The target of a file or folder, as it is in `files`.
    fn key(&self, path: &str) -> Option<String> {
        let bare = path.trim_end_matches('/');
        [bare.to_owned(), format!("{bare}/")].into_iter().find(|key| self.files.contains_key(key))
    }

    fn knows(&self, path: &str) -> bool {
        // Of the project as a whole services have what they may have.
        let is_whole = self.image.project_at.as_deref().is_some_and(|at| path.trim_end_matches('/') == at);
        self.key(path).is_some() || is_whole || self.ignored.iter().any(|ignored| ignored == path)
    }

    fn owner(&mut self, path: &str, user: &str) {
        self.set(path, "user", user);
    }

    fn set(&mut self, path: &str, key: &str, value: &str) {
        if let Some(keys) = self.key(path).and_then(|target| self.files.get_mut(&target)) {
            keys.retain(|(known, _)| known != key);
            keys.push((key.to_owned(), Yaml::text(value)));
        }
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

/// Files that lock files are read with.
fn is_manifest(path: &str) -> bool {
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

/// Whether a file configures what podctl has in its own way.
fn is_replaced(target: &str, name: &str) -> bool {
    target.starts_with("/etc/supervisor") || name.contains("supervisord") || target.contains("/supervisor.d/")
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
