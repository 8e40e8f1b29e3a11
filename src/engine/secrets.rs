//! Secrets: files that are put into a container and nowhere else.

use super::Engine;
use anyhow::{Context, Result};
use bollard::query_parameters::UploadToContainerOptionsBuilder;
use std::fmt;

/// Where a container has them.
pub const FOLDER: &str = "/run/secrets";

/// A secret to be put into a container.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretFile {
    /// The name of its file.
    pub name: String,
    /// What is in it.
    pub value: Vec<u8>,
    /// Whose it is.
    pub uid: u32,
    /// Whose group's.
    pub gid: u32,
    /// Its mode.
    pub mode: u32,
}

impl fmt::Debug for SecretFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretFile({})", self.name)
    }
}

impl Engine {
    /// Puts secrets into a container, running or not; those that are there are replaced.
    ///
    /// # Errors
    /// The engine cannot copy into it.
    pub async fn hand_over(&self, container: &str, secrets: &[SecretFile]) -> Result<()> {
        if secrets.is_empty() {
            return Ok(());
        }
        let failed = || format!("cannot hand the secrets to the container {container}");
        let archive = pack(secrets).with_context(failed)?;
        let upload = UploadToContainerOptionsBuilder::new().path("/").build();
        self.docker.upload_to_container(container, Some(upload), bollard::body_full(archive.into())).await.with_context(failed)
    }
}

/// The files and their folder; the folders above it are the image's.
fn pack(secrets: &[SecretFile]) -> Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    let folder = FOLDER.trim_start_matches('/');
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Directory);
    header.set_mode(0o755);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    tar.append_data(&mut header, folder, std::io::empty())?;
    for secret in secrets {
        let mut header = tar::Header::new_gnu();
        header.set_mode(secret.mode);
        header.set_uid(secret.uid.into());
        header.set_gid(secret.gid.into());
        header.set_size(secret.value.len() as u64);
        tar.append_data(&mut header, format!("{folder}/{}", secret.name), secret.value.as_slice())?;
    }
    Ok(tar.into_inner()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_packed_for_its_owner_and_never_printed() {
        let secret = SecretFile { name: "token".into(), value: b"canary".to_vec(), uid: 7, gid: 8, mode: 0o400 };
        assert!(!format!("{:?}", vec![secret.clone()]).contains("canary"));
        let archive = pack(&[secret]).unwrap();
        let mut archive = tar::Archive::new(&archive[..]);
        let entry = archive.entries().unwrap().nth(1).unwrap().unwrap();
        let header = entry.header();
        assert_eq!((header.uid().unwrap(), header.gid().unwrap(), header.mode().unwrap()), (7, 8, 0o400));
        assert_eq!(entry.path().unwrap().display().to_string(), "run/secrets/token");
    }
}
