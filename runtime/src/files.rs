//! Files and folders that the plan asks for: those that are filled in at start, and what a volume does not bring.

use crate::boot::Failure;
use crate::users::Accounts;
use podinit_plan::plan::{Content, File};
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown, lchown, symlink};
use std::path::Path;

/// How deep a folder that is copied may be.
const DEEPEST: u32 = 64;

/// Makes a file as the plan says, and gives it to its user where podinit may.
///
/// # Errors
/// It cannot be made, or there is no such user.
pub fn make(file: &File, accounts: &Accounts, own_uid: u32, warnings: &mut Vec<String>) -> Result<(), Failure> {
    let problem = |error: &io::Error| Failure::system(&format!("make {}", file.path), error);
    let owner = match &file.user {
        None => None,
        Some(user) => {
            let wrong = |error| Failure::wrong(vec![format!("cannot make {}: {error}", file.path)]);
            Some(accounts.find(user).map_err(wrong)?.credentials)
        }
    };
    let owner = owner.map(|credentials| (credentials.uid, credentials.gid));
    let may_give = own_uid == 0;
    let path = Path::new(&file.path);
    let made = match &file.content {
        Content::Text(text) => write(path, text, owner.filter(|_| may_give), file.mode.unwrap_or(0o644)),
        Content::Folder => folder(path, owner.filter(|_| may_give), file.mode),
        Content::CopyOf(source) => seed(Path::new(source), path, may_give),
    };
    let made = made.map_err(|error| problem(&error))?;
    if let (true, false, Some((uid, _)), Some(user)) = (made, may_give, owner, &file.user)
        && uid != own_uid
    {
        warnings.push(format!("podinit is not root: {} belongs to uid {own_uid}, not to {user}", file.path));
    }
    Ok(())
}

/// Writes a text; a link in its place is not followed, as whoever put it there may not be who podinit is.
fn write(path: &Path, text: &str, owner: Option<(u32, u32)>, mode: u32) -> io::Result<bool> {
    make_parent(path)?;
    let open = || {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600).custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC).open(path)
    };
    let mut file = match open() {
        // It is podinit's own, and nobody was to write it.
        Err(error) if error.kind() == ErrorKind::PermissionDenied && path.exists() => {
            fs::set_permissions(path, Permissions::from_mode(0o600))?;
            open()?
        }
        other => other?,
    };
    file.write_all(text.as_bytes())?;
    if let Some((uid, gid)) = owner {
        fchown(&file, Some(uid), Some(gid))?;
    }
    file.set_permissions(Permissions::from_mode(mode))?;
    Ok(true)
}

/// Makes a folder, or takes one that is there and empty, as a fresh volume is.
fn folder(path: &Path, owner: Option<(u32, u32)>, mode: Option<u32>) -> io::Result<bool> {
    let is_new = match is_empty(path) {
        Ok(is_empty) => is_empty,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).mode(0o755).create(path)?;
            true
        }
        // Somebody's own, and in use.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => return Ok(false),
        Err(error) => return Err(error),
    };
    if !is_new {
        return Ok(false);
    }
    let metadata = fs::metadata(path)?;
    if let Some((uid, gid)) = owner {
        std::os::unix::fs::chown(path, Some(uid), Some(gid))?;
    }
    if let Some(mode) = mode.filter(|mode| metadata.mode() & 0o7777 != *mode) {
        fs::set_permissions(path, Permissions::from_mode(mode))?;
    }
    Ok(false)
}

fn is_empty(path: &Path) -> io::Result<bool> {
    Ok(fs::read_dir(path)?.next().is_none())
}

/// Copies what is missing.
fn seed(source: &Path, path: &Path, may_give: bool) -> io::Result<bool> {
    let is_there = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() && fs::metadata(source)?.is_dir() => !is_empty(path)?,
        Ok(_) => true,
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => return Err(error),
    };
    if !is_there {
        make_parent(path)?;
        copy(source, path, may_give, DEEPEST)?;
    }
    Ok(false)
}

fn copy(source: &Path, path: &Path, may_give: bool, deepest: u32) -> io::Result<()> {
    let metadata = fs::symlink_metadata(source)?;
    let mode = Permissions::from_mode(metadata.mode() & 0o7777);
    if metadata.is_symlink() {
        symlink(fs::read_link(source)?, path)?;
    } else if metadata.is_dir() {
        if deepest == 0 {
            return Err(io::Error::other("it is too deep"));
        }
        match fs::create_dir(path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        for entry in fs::read_dir(source)? {
            let name = entry?.file_name();
            copy(&source.join(&name), &path.join(&name), may_give, deepest - 1)?;
        }
        // A mount of a host that does not know modes is no reason to stop.
        let _ = fs::set_permissions(path, mode);
    } else {
        fs::copy(source, path)?;
    }
    if may_give {
        lchown(path, Some(metadata.uid()), Some(metadata.gid()))?;
    }
    Ok(())
}

fn make_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.is_dir() => DirBuilder::new().recursive(true).mode(0o755).create(parent),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make(path: &Path, content: Content, mode: Option<u32>) -> Result<(), Failure> {
        let file = File { path: path.display().to_string(), content, user: None, mode };
        super::make(&file, &Accounts::default(), nix::unistd::geteuid().as_raw(), &mut Vec::new())
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn a_text_is_written_anew_with_its_mode_and_no_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b.conf");
        for text in ["a longer one", "short"] {
            make(&path, Content::Text(text.to_owned()), Some(0o440)).unwrap();
            assert_eq!((fs::read_to_string(&path).unwrap().as_str(), mode(&path)), (text, 0o440));
        }
        let (link, precious) = (folder.path().join("link"), folder.path().join("precious"));
        fs::write(&precious, "kept").unwrap();
        symlink(&precious, &link).unwrap();
        let failure = make(&link, Content::Text("x".to_owned()), None).unwrap_err();
        assert!(failure.messages[0].contains("link"), "{failure:?}");
        assert_eq!(fs::read_to_string(&precious).unwrap(), "kept");
    }

    #[test]
    fn what_a_volume_lacks_is_copied_and_what_it_has_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (source, volume) = (folder.path().join("source"), folder.path().join("volume"));
        fs::create_dir_all(source.join("in/ner")).unwrap();
        fs::write(source.join("in/ner/x"), "image").unwrap();
        fs::set_permissions(source.join("in/ner/x"), Permissions::from_mode(0o640)).unwrap();
        symlink("in", source.join("link")).unwrap();
        let copy = || Content::CopyOf(source.display().to_string());
        // A volume that was just mounted is an empty folder.
        fs::create_dir(&volume).unwrap();
        make(&volume, copy(), None).unwrap();
        assert_eq!(fs::read_to_string(volume.join("link/ner/x")).unwrap(), "image");
        assert_eq!(mode(&volume.join("in/ner/x")), 0o640);
        fs::write(volume.join("in/ner/x"), "own").unwrap();
        make(&volume, copy(), None).unwrap();
        assert_eq!(fs::read_to_string(volume.join("in/ner/x")).unwrap(), "own");
    }

    #[test]
    fn an_empty_folder_is_taken_and_a_full_one_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        make(&path, Content::Folder, Some(0o750)).unwrap();
        assert_eq!(mode(&path), 0o750);
        make(&path, Content::Folder, Some(0o700)).unwrap();
        assert_eq!(mode(&path), 0o700, "it is empty");
        fs::write(path.join("x"), "").unwrap();
        make(&path, Content::Folder, Some(0o755)).unwrap();
        assert_eq!(mode(&path), 0o700, "it is in use");
    }
}
