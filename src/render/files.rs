//! `files` of pod.yaml: what the image has of them, and what podinit makes of them at start.

use super::Facts;
use super::dockerfile::syntax;
use super::users::{self, Ids};
use crate::spec::model::{File, FileSource, Pod, VolumeSource};
use podinit_plan::plan::{self, Content};
use std::collections::BTreeMap;

/// Where an image keeps what it puts into volumes that lack it.
const KEPT: &str = "/etc/podinit/files";

/// Texts of pod.yaml, by their name in the build context.
pub fn contents(pod: &Pod) -> BTreeMap<String, String> {
    let text = |(target, file): (&String, &File)| match (&file.source, file.template) {
        (FileSource::Content(text), false) => Some((name_of(target), text.clone())),
        _ => None,
    };
    pod.files.iter().filter_map(text).collect()
}

fn name_of(target: &str) -> String {
    format!("files{target}")
}

/// The arguments of `COPY` for the files of the image.
pub fn copies(pod: &Pod) -> Vec<String> {
    let mut copies = Vec::new();
    for (target, file) in pod.files.iter().filter(|(_, file)| !file.template) {
        let (from, source) = match &file.source {
            FileSource::Path(path) => (None, format!("pod/{path}")),
            FileSource::Content(_) => (None, name_of(target)),
            FileSource::Image { image, path } => (Some(image), path.clone()),
            FileSource::Folder => continue,
        };
        let from = from.map(|image| format!("--from={image} ")).unwrap_or_default();
        let owner = file.user.as_ref().map(|user| format!("--chown={} ", users::owner(pod, user))).unwrap_or_default();
        let kept = is_in_volume(pod, target).then(|| format!("{KEPT}{target}"));
        for target in [Some(target.clone()), kept].into_iter().flatten() {
            copies.push(format!("{from}{owner}{}", syntax::copy([source.as_str(), target.as_str()])));
        }
    }
    copies
}

/// Commands that give files what `COPY` cannot.
pub fn commands(pod: &Pod) -> Vec<String> {
    let image_user = users::of_image(pod);
    let mut commands = Vec::new();
    for (target, file) in &pod.files {
        let path = syntax::shell_word(target.trim_end_matches('/'));
        let mode = file.mode.map(|mode| format!("{mode:04o}"));
        match &file.source {
            FileSource::Folder => {
                let mode = mode.map(|mode| format!(" -m {mode}")).unwrap_or_default();
                commands.push(format!("install -d{mode}{} {path}", given_to(pod, file.user.as_deref())));
            }
            // Who PID 1 is has to write it, and may lack the right to make a file there.
            _ if file.template => {
                let owner = match image_user {
                    Ids::ROOT => given_to(pod, file.user.as_deref()),
                    Ids { uid, gid } => format!(" -o {uid} -g {gid}"),
                };
                let mode = mode.unwrap_or_else(|| "0644".to_owned());
                commands.push(format!("mkdir -p {}", syntax::shell_word(parent(target))));
                commands.push(format!("install -m {mode}{owner} /dev/null {path}"));
            }
            _ => {
                let kept = is_in_volume(pod, target).then(|| format!(" {}", syntax::shell_word(&format!("{KEPT}{target}"))));
                commands.extend(mode.map(|mode| format!("chmod {mode} {path}{}", kept.unwrap_or_default())));
            }
        }
    }
    commands
}

/// The options by which `install` gives something to a user.
pub fn given_to(pod: &Pod, user: Option<&str>) -> String {
    let owner = users::owner(pod, user.unwrap_or("root"));
    match owner.split_once(':') {
        Some((user, group)) => format!(" -o {user} -g {group}"),
        None => format!(" -o {owner}"),
    }
}

fn parent(path: &str) -> &str {
    match path.trim_end_matches('/').rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((parent, _)) => parent,
    }
}

/// What podinit makes at start: templates, and what a volume may lack.
pub fn planned(pod: &Pod, facts: &Facts) -> Vec<plan::File> {
    let planned = pod.files.iter().filter_map(|(target, file)| {
        let content = match &file.source {
            FileSource::Folder => Content::Folder,
            FileSource::Content(text) if file.template => Content::Text(text.clone()),
            // What is not there is said when the image is built.
            FileSource::Path(path) if file.template => Content::Text(facts.texts.get(path).cloned().unwrap_or_default()),
            _ if is_in_volume(pod, target) => Content::CopyOf(format!("{KEPT}{}", target.trim_end_matches('/'))),
            _ => return None,
        };
        let path = target.trim_end_matches('/').to_owned();
        Some(plan::File { path, content, user: file.user.clone(), mode: file.mode })
    });
    planned.collect()
}

/// Whether a file is at or below a place where something is mounted.
fn is_in_volume(pod: &Pod, target: &str) -> bool {
    pod.volumes.iter().any(|volume| is_below(target, &volume.target))
}

fn is_below(path: &str, folder: &str) -> bool {
    path.trim_end_matches('/').strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether PID 1 has to be root for the files: a folder of the host is root's when the engine makes it, and what is put
/// there is to be somebody's.
pub fn need_root(pod: &Pod) -> bool {
    let is_host = |source: &VolumeSource| matches!(source, VolumeSource::Bind(_));
    let hosts = || pod.volumes.iter().filter(|volume| is_host(&volume.source) && !volume.read_only);
    pod.files.keys().any(|target| hosts().any(|volume| is_below(target, &volume.target)))
}
