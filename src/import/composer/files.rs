//! What a Dockerfile copies, and the folders that it makes.

use super::image::{Making, Obstacle};
use super::stages::is_manifest;
use crate::import::readers::dockerfile::{Dockerfile, Instruction, join};
use crate::import::yaml::Yaml;

impl Making<'_> {
    pub(super) fn copy(&mut self, instruction: &Instruction, dockerfile: &Dockerfile) -> Result<(), Obstacle> {
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

    fn file(&mut self, target: &str, keys: Vec<(String, Yaml)>) {
        if !self.files.contains_key(target) {
            self.order.push(target.to_owned());
        }
        self.files.insert(target.to_owned(), keys);
    }

    /// An empty folder.
    pub(super) fn folder(&mut self, folder: &str) {
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

    pub(super) fn knows(&self, path: &str) -> bool {
        // Of the project as a whole services have what they may have.
        let is_whole = self.image.project_at.as_deref().is_some_and(|at| path.trim_end_matches('/') == at);
        self.key(path).is_some() || is_whole || self.ignored.iter().any(|ignored| ignored == path)
    }

    pub(super) fn owner(&mut self, path: &str, user: &str) {
        self.set(path, "user", user);
    }

    pub(super) fn set(&mut self, path: &str, key: &str, value: &str) {
        if let Some(keys) = self.key(path).and_then(|target| self.files.get_mut(&target)) {
            keys.retain(|(known, _)| known != key);
            keys.push((key.to_owned(), Yaml::text(value)));
        }
    }
}

/// Whether a file configures what podctl has in its own way.
fn is_replaced(target: &str, name: &str) -> bool {
    target.starts_with("/etc/supervisor") || name.contains("supervisord") || target.contains("/supervisor.d/")
}
