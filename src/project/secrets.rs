//! The secrets of a pod on this side: read when a container is to have them, kept nowhere.

use super::variables::Variables;
use crate::engine::secrets::SecretFile;
use crate::render;
use crate::spec::model::{Pod, Secret, SecretSource};
use anyhow::{Result, anyhow, bail};
use std::process::{Command, Stdio};

/// The mode of a secret that says none, as in compose: every service may read it.
const MODE: u32 = 0o444;

/// Reads all secrets of a pod.
///
/// # Errors
/// A file cannot be read, a variable is not set, a command fails. Never a value.
pub fn read(pod: &Pod, variables: &Variables) -> Result<Vec<SecretFile>> {
    let secret = |(name, secret): (&String, &Secret)| {
        let cannot = |why: String| anyhow!("cannot read the secret {name}: {why}");
        let (uid, gid) = match &secret.user {
            None => (0, 0),
            Some(user) => render::ids(pod, user).ok_or_else(|| {
                cannot(format!("its user {user} is known in the image only; write its numbers, `user: \"33:33\"`"))
            })?,
        };
        let value = value(pod, variables, &secret.source).map_err(|error| cannot(format!("{error:#}")))?;
        Ok(SecretFile { name: name.clone(), value, uid, gid, mode: secret.mode.unwrap_or(MODE) })
    };
    pod.secrets.iter().map(secret).collect()
}

/// The value of one of them, for who needs no other.
///
/// # Errors
/// As [`read`].
pub fn value(pod: &Pod, variables: &Variables, source: &SecretSource) -> Result<Vec<u8>> {
    match source {
        SecretSource::File(path) => {
            std::fs::read(path).map_err(|error| anyhow!("cannot read {}: {error}; make it a readable file", path.display()))
        }
        SecretSource::Environment(name) => match variables.get(name) {
            Some(value) => Ok(value.as_bytes().to_vec()),
            None => bail!("the variable {name} is not set; set it in the environment of this command or in .env"),
        },
        SecretSource::Command(words) => {
            let (program, arguments) = words.split_first().ok_or_else(|| anyhow!("its command is empty"))?;
            // What it says of a failure is for the user; what it prints is the secret.
            let mut command = Command::new(program);
            command.args(arguments).current_dir(&pod.folder).stdin(Stdio::null()).stderr(Stdio::inherit());
            let output =
                command.output().map_err(|error| anyhow!("cannot run {program}: {error}; install it or correct its name"))?;
            if !output.status.success() {
                bail!("{program} ended with {}; correct what it complains of", output.status);
            }
            Ok(output.stdout)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{load, source::Source};

    fn read_in(folder: &std::path::Path, secrets: &str) -> Result<Vec<SecretFile>> {
        let text = format!("users: {{ w: 7 }}\nsecrets: {{ {secrets} }}\nservices: {{ a: {{ command: x }} }}");
        let source = Source { name: "pod.yaml".to_owned(), text };
        let inputs = load::Inputs { sources: vec![source], folder: folder.join("pod"), variables: &|_| None };
        let mut pod = load::load(inputs).unwrap_or_else(|mistakes| panic!("{mistakes}")).pod;
        pod.folder = folder.to_owned();
        read(&pod, &Variables::default())
    }

    #[test]
    fn secrets_are_files_and_what_commands_print() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("pod")).unwrap();
        std::fs::write(folder.path().join("pod/a.txt"), "from a file\n").unwrap();
        let found = read_in(
            folder.path(),
            "a: { file: ./a.txt, user: w, mode: \"0400\" }, b: { command: 'printf %s canary' }, c: { command: { shell: 'echo $PWD' } }",
        );
        let found = found.unwrap();
        let of = |index: usize| String::from_utf8(found[index].value.clone()).unwrap();
        assert_eq!((of(0).as_str(), found[0].uid, found[0].mode), ("from a file\n", 7, 0o400));
        assert_eq!((of(1).as_str(), found[1].uid, found[1].mode), ("canary", 0, 0o444));
        assert_eq!(of(2).trim(), folder.path().display().to_string(), "a command runs in the pod's folder");
    }

    #[test]
    fn what_cannot_be_read_is_named_without_a_value() {
        let folder = tempfile::tempdir().unwrap();
        for (secret, want) in [
            ("a: { file: none.txt }", "cannot read the secret a: cannot read "),
            ("a: { environment: NOT_SET }", "the variable NOT_SET is not set"),
            ("a: { command: { shell: 'echo canary; exit 3' } }", "exit status: 3"),
            ("a: { command: no-such-program }", "cannot run no-such-program"),
            ("a: { environment: X, user: www-data }", "known in the image only"),
        ] {
            let error = format!("{:#}", read_in(folder.path(), secret).unwrap_err());
            assert!(error.contains(want) && !error.contains("canary"), "{error}");
        }
    }
}
