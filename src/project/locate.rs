//! Finding pods: by name, by folder, by file, or from where the user is.

use crate::failure::{ExitCode, Failure};
use crate::spec::source::Source;
use std::path::{Path, PathBuf};

/// The file that describes a pod.
pub const FILE: &str = "pod.yaml";
/// What lies over it when it is there, and nobody names files.
pub const OVERRIDE: &str = "pod.override.yaml";
/// The folder in which a project keeps its pods.
pub const PODS: &str = "pods";

/// Where a pod is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// Its files; each lies over those before it.
    pub files: Vec<PathBuf>,
    /// Its folder, absolute: that of the first file.
    pub folder: PathBuf,
    /// The project's folder: that which holds `pods/`; the pod's own without one.
    pub project: PathBuf,
}

impl Location {
    fn of_folder(folder: &Path) -> Location {
        let over = folder.join(OVERRIDE);
        let over = over.is_file().then_some(over);
        Location::of_files(std::iter::once(folder.join(FILE)).chain(over).collect(), folder)
    }

    fn of_files(files: Vec<PathBuf>, folder: &Path) -> Location {
        let in_pods = folder.parent().filter(|parent| parent.file_name().is_some_and(|name| name == PODS));
        let project = in_pods.and_then(Path::parent).unwrap_or(folder);
        Location { files, folder: folder.to_owned(), project: project.to_owned() }
    }

    /// The texts of the files; named as they are seen from `from`.
    ///
    /// # Errors
    /// A file that cannot be read ([`ExitCode::Invalid`]).
    pub fn sources(&self, from: &Path) -> anyhow::Result<Vec<Source>> {
        let read = |file: &PathBuf| {
            let name = file.strip_prefix(from).unwrap_or(file).display().to_string();
            let text = std::fs::read_to_string(file);
            let cannot = |error| format!("cannot read {name}: {error}; make it a readable file of UTF-8 text");
            let text = text.map_err(|error| Failure::new(ExitCode::Invalid, cannot(error)))?;
            Ok(Source { name, text })
        };
        self.files.iter().map(read).collect()
    }
}

/// Finds pods. `from` is the folder the user is in, absolute.
///
/// With `files` (`-f`) it is the pod of these files. Else `pod` is a pod's name (`pods/NAME` of the nearest folder upward
/// that has it), a folder or a file. Without either it is the pod.yaml of the nearest folder upward, or all pods below the
/// nearest `pods/`: at least one, sorted by name.
///
/// # Errors
/// Nothing found: what was looked for and where. Both `pod` and `files`.
pub fn locate(pod: Option<&str>, files: &[PathBuf], from: &Path) -> anyhow::Result<Vec<Location>> {
    match (pod, files) {
        (Some(_), [_, ..]) => {
            Err(Failure::new(ExitCode::Usage, "cannot use both a pod and -f: the files are the pod; leave one of them out")
                .into())
        }
        (None, [first, ..]) => {
            let first = from.join(first);
            let folder = first.parent().unwrap_or(from).to_owned();
            if let Some(missing) = files.iter().find(|file| !from.join(file).is_file()) {
                let message = format!(
                    "cannot find the file {}: there is none, seen from {}; correct -f",
                    missing.display(),
                    from.display()
                );
                return Err(Failure::new(ExitCode::Usage, message).into());
            }
            let files: Vec<PathBuf> = files.iter().map(|file| from.join(file)).collect();
            Ok(vec![Location::of_files(files, &absolute(&folder))])
        }
        (Some(pod), []) => named(pod, from).map(|location| vec![location]),
        (None, []) => nearest(from),
    }
}

fn absolute(folder: &Path) -> PathBuf {
    std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()).components().collect()
}

fn named(pod: &str, from: &Path) -> anyhow::Result<Location> {
    let is_name = !pod.is_empty() && !pod.contains('/') && !matches!(pod, "." | "..");
    if is_name {
        for folder in from.ancestors() {
            let by_name = folder.join(PODS).join(pod);
            if by_name.join(FILE).is_file() {
                return Ok(Location::of_folder(&by_name));
            }
            if folder.file_name().is_some_and(|name| name == pod) && folder.join(FILE).is_file() {
                return Ok(Location::of_folder(folder));
            }
        }
    }
    let path = from.join(pod);
    if path.is_dir() && path.join(FILE).is_file() {
        return Ok(Location::of_folder(&canonical(&path)));
    }
    if path.is_file() {
        let path = canonical(&path);
        let folder = path.parent().unwrap_or(from).to_owned();
        // The usual file brings its override, however it is named on the command line.
        let usual = path.file_name().is_some_and(|name| name == FILE);
        return Ok(if usual { Location::of_folder(&folder) } else { Location::of_files(vec![path], &folder) });
    }
    let known = known_pods(from);
    let known = if known.is_empty() { String::new() } else { format!("; the pods here are {}", known.join(", ")) };
    let places =
        if is_name { format!("{PODS}/{pod}/{FILE} here or above, {pod}/{FILE}, {pod}") } else { format!("{pod}/{FILE}, {pod}") };
    Err(Failure::new(ExitCode::Usage, format!("cannot find the pod {pod}: looked for {places} from {}{known}", from.display()))
        .into())
}

/// `..` and links resolved, so that a pod has the name of the folder it lies in.
fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| absolute(path))
}

fn nearest(from: &Path) -> anyhow::Result<Vec<Location>> {
    for folder in from.ancestors() {
        if folder.join(FILE).is_file() {
            return Ok(vec![Location::of_folder(folder)]);
        }
        let pods = pods_of(folder);
        if !pods.is_empty() {
            return Ok(pods.iter().map(|pod| Location::of_folder(pod)).collect());
        }
    }
    let message = format!(
        "cannot find a pod: there is neither {FILE} nor {PODS}/NAME/{FILE} in {} or above; go to a project's folder, or name a file with -f",
        from.display()
    );
    Err(Failure::new(ExitCode::Usage, message).into())
}

/// The folders of the pods below a project's `pods/`, sorted. What cannot be read holds no pod.
fn pods_of(project: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(project.join(PODS)).into_iter().flatten().flatten();
    let mut pods: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|folder| folder.join(FILE).is_file()).collect();
    pods.sort();
    pods
}

fn known_pods(from: &Path) -> Vec<String> {
    let pods = from.ancestors().map(pods_of).find(|pods| !pods.is_empty()).unwrap_or_default();
    pods.iter().filter_map(|pod| pod.file_name()).map(|name| name.to_string_lossy().into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::exit_code;

    /// A project with these files.
    fn project(files: &[&str]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("a path");
        for file in files {
            let path = root.join(file);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(path, "").expect("a file");
        }
        (folder, root)
    }

    fn found(pod: Option<&str>, files: &[&str], root: &Path, from: &str) -> Vec<String> {
        let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
        let locations = locate(pod, &files, &root.join(from)).expect("a pod");
        let shown = |path: &Path| path.strip_prefix(root).expect("below the root").display().to_string();
        let file = |location: &Location| {
            let files: Vec<String> = location.files.iter().map(|file| shown(file)).collect();
            format!("{} in {} of {}", files.join("+"), shown(&location.folder), shown(&location.project))
        };
        locations.iter().map(file).collect()
    }

    #[test]
    fn a_pod_is_found_by_name_folder_and_file_from_everywhere() {
        let (_keep, root) =
            project(&["pods/a/pod.yaml", "pods/a/src/x", "pods/b/pod.yaml", "pods/b/pod.override.yaml", "pods/b/other.yaml"]);
        let (a, b) = ("pods/a/pod.yaml in pods/a of ", "pods/b/pod.yaml+pods/b/pod.override.yaml in pods/b of ");
        assert_eq!(found(Some("a"), &[], &root, ""), [a]);
        assert_eq!(found(Some("b"), &[], &root, "pods/a/src"), [b]);
        assert_eq!(found(Some("../b"), &[], &root, "pods/a"), [b]);
        assert_eq!(found(Some("pods/b/pod.yaml"), &[], &root, ""), [b]);
        assert_eq!(found(Some("."), &[], &root, "pods/a"), [a]);
        assert_eq!(found(Some("pods/b/other.yaml"), &[], &root, ""), ["pods/b/other.yaml in pods/b of "]);
        assert_eq!(found(None, &[], &root, "pods/a/src"), [a]);
        assert_eq!(found(None, &[], &root, ""), [a, b]);
        assert_eq!(found(None, &["pods/b/pod.yaml"], &root, ""), ["pods/b/pod.yaml in pods/b of "]);
    }

    #[test]
    fn a_single_pod_needs_no_folder_of_pods() {
        let (_keep, root) = project(&["shop/pod.yaml", "shop/src/x"]);
        assert_eq!(found(None, &[], &root, "shop/src"), ["shop/pod.yaml in shop of shop"]);
        assert_eq!(found(Some("shop"), &[], &root, "shop/src"), ["shop/pod.yaml in shop of shop"]);
    }

    #[test]
    fn an_error_says_what_was_looked_for() {
        let (_keep, root) = project(&["pods/a/pod.yaml"]);
        let error = locate(Some("z"), &[], &root).expect_err("no pod");
        assert_eq!(exit_code(&error), ExitCode::Usage);
        assert!(error.to_string().contains("pods/z/pod.yaml") && error.to_string().ends_with("the pods here are a"), "{error}");
        assert!(locate(Some("a"), &[PathBuf::from("x")], &root).is_err());
        let error = locate(None, &[PathBuf::from("pods/a/pod.yaml"), PathBuf::from("over.yaml")], &root).expect_err("no file");
        assert_eq!(exit_code(&error), ExitCode::Usage);
        assert!(error.to_string().starts_with("cannot find the file over.yaml"), "{error}");
    }
}
