//! The variables of a pod on this side: the shell's, then `.env` of the pod's folder, then `.env` of the project's.

use super::locate::Location;
use anyhow::anyhow;
use podinit_plan::dotenv;
use std::collections::BTreeMap;
use std::fmt;
use std::io::ErrorKind;
use std::path::Path;

/// Variables by name. Their values are never shown: neither by `Debug` nor in an error.
#[derive(Clone, Default)]
pub struct Variables {
    values: BTreeMap<String, String>,
}

impl Variables {
    /// The variables for a pod.
    ///
    /// # Errors
    /// A .env file that cannot be read or is none.
    pub fn of(location: &Location) -> anyhow::Result<Variables> {
        let shell = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let shell: BTreeMap<String, String> = shell.collect();
        Variables::over(&shell, &[&location.project, &location.folder])
    }

    /// The `.env` files of some folders, each over those before it, and the shell's variables over all of them.
    fn over(shell: &BTreeMap<String, String>, folders: &[&Path]) -> anyhow::Result<Variables> {
        let mut values: BTreeMap<String, String> = BTreeMap::new();
        for folder in folders {
            let file = folder.join(".env");
            let cannot = |why: &dyn fmt::Display, next| anyhow!("cannot read {}: {why}; {next}", file.display());
            match std::fs::read_to_string(&file) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(cannot(&error, "make it a readable file of UTF-8 text")),
                Ok(text) => {
                    // The file's own lines come before those of the files below it.
                    let known = |name: &str| shell.get(name).cloned();
                    values.extend(dotenv::parse(&text, &known).map_err(|error| cannot(&error, "correct that line"))?);
                }
            }
        }
        values.extend(shell.iter().map(|(name, value)| (name.clone(), value.clone())));
        Ok(Variables { values })
    }

    /// The variables of one more file, in which these are known; none when the file need not be there and is not.
    ///
    /// # Errors
    /// It cannot be read, or is no file of variables.
    pub fn read(&self, file: &Path, required: bool) -> anyhow::Result<BTreeMap<String, String>> {
        let cannot = |why: &dyn fmt::Display, next| anyhow!("cannot read the env_file {}: {why}; {next}", file.display());
        match std::fs::read_to_string(file) {
            Err(error) if error.kind() == ErrorKind::NotFound && !required => Ok(BTreeMap::new()),
            Err(error) => Err(cannot(&error, "make it a readable file of UTF-8 text")),
            Ok(text) => {
                let variables = dotenv::parse(&text, &|name| self.values.get(name).cloned());
                Ok(variables.map_err(|error| cannot(&error, "correct that line"))?.into_iter().collect())
            }
        }
    }

    /// The value of a variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Variables({} names)", self.values.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shell_wins_over_the_pod_and_the_pod_over_the_project() {
        let project = tempfile::tempdir().expect("a folder");
        let pod = tempfile::tempdir().expect("a folder");
        std::fs::write(project.path().join(".env"), "A=project\nB=project\nC=project\n").expect("a file");
        std::fs::write(pod.path().join(".env"), "B=pod\nC=pod\nD=from $C\n").expect("a file");
        let shell = BTreeMap::from([("C".to_owned(), "shell".to_owned())]);
        let variables = Variables::over(&shell, &[project.path(), pod.path()]).expect("variables");
        let got: Vec<_> = ["A", "B", "C", "D", "E"].into_iter().map(|name| variables.get(name)).collect();
        assert_eq!(got, [Some("project"), Some("pod"), Some("shell"), Some("from shell"), None]);
        assert!(!format!("{variables:?}").contains("shell"));
    }

    #[test]
    fn a_broken_file_is_named_and_not_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(".env"), "A=1\nPASSWORD='secret\n").expect("a file");
        let error = format!("{:#}", Variables::over(&BTreeMap::new(), &[folder.path()]).expect_err("an open quote"));
        assert!(error.contains(".env") && error.contains("line 2") && !error.contains("secret"), "{error}");
    }
}
