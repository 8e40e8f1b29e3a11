use super::*;
use futures_util::StreamExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

fn files(dockerignore: &str) -> Files {
    Files { dockerfile: "FROM scratch\n".into(), plan: "{}".into(), dockerignore: dockerignore.into(), ..Files::default() }
}

/// `path mode size`, or `path -> target`, of every entry of the context's tar.
fn listing(context: Context) -> Vec<String> {
    let bytes = tar_of(context);
    let mut archive = tar::Archive::new(&bytes[..]);
    let lines = archive.entries().unwrap().map(|entry| {
        let entry = entry.unwrap();
        let header = entry.header();
        assert_eq!((header.mtime().unwrap(), header.uid().unwrap(), header.gid().unwrap()), (0, 0, 0));
        let path = entry.path().unwrap().display().to_string();
        match entry.link_name().unwrap() {
            Some(target) => format!("{path} -> {}", target.display()),
            None => format!("{path} {:o} {}", header.mode().unwrap(), header.size().unwrap()),
        }
    });
    lines.collect()
}

fn tar_of(context: Context) -> Vec<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let chunks = runtime.block_on(async { context.into_stream().collect::<Vec<_>>().await });
    chunks.into_iter().flat_map(|chunk| chunk.unwrap()).collect()
}

#[test]
fn the_tar_has_the_rendered_files_and_the_pod_with_modes_and_links() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("services/auth")).unwrap();
    for name in ["services/auth/run.sh", "services/a.txt", "z"] {
        fs::write(at(name), "12345").unwrap();
        fs::set_permissions(at(name), fs::Permissions::from_mode(0o644)).unwrap();
    }
    fs::set_permissions(at("services/auth/run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    for name in ["", "services", "services/auth"] {
        fs::set_permissions(at(name), fs::Permissions::from_mode(0o750)).unwrap();
    }
    symlink("../nowhere", at("link")).unwrap();
    let context = Context::collect(folder.path(), &files(""), b"podinit", None).unwrap();
    let lines = listing(context);
    assert_eq!(
        lines,
        [
            ".dockerignore 644 0",
            "Dockerfile 644 13",
            "plan.json 644 2",
            "podinit 755 7",
            "pod 750 0",
            "pod/link -> ../nowhere",
            "pod/services 750 0",
            "pod/services/a.txt 644 5",
            "pod/services/auth 750 0",
            "pod/services/auth/run.sh 755 5",
            "pod/z 644 5",
        ]
    );
}

#[test]
fn what_is_ignored_is_not_sent_but_what_comes_back_is_with_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("logs/deep")).unwrap();
    fs::write(folder.path().join("logs/gone"), "").unwrap();
    fs::write(folder.path().join("logs/deep/keep"), "").unwrap();
    let paths = |dockerignore: &str| {
        let context = Context::collect(folder.path(), &files(dockerignore), b"", None).unwrap();
        let paths = context.entries.iter().map(|entry| entry.path.display().to_string());
        paths.filter(|path| path.starts_with("pod/")).collect::<Vec<_>>()
    };
    assert_eq!(paths("pod/logs"), Vec::<String>::new());
    assert_eq!(paths("pod/logs\n!pod/**/keep"), ["pod/logs", "pod/logs/deep", "pod/logs/deep/keep"]);
}

#[test]
fn secrets_and_special_files_never_go_in() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("sub")).unwrap();
    for name in [".env", "sub/.env", "ca.pem", "kept"] {
        fs::write(at(name), "secret").unwrap();
    }
    let _socket = UnixListener::bind(at("socket")).unwrap();
    let context = Context::collect(folder.path(), &files("!**/.env"), b"", Some(&at("ca.pem"))).unwrap();
    assert_eq!(context.skipped, [at("socket")]);
    let names: Vec<String> = listing(context).into_iter().filter(|line| line.starts_with("pod/")).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names[0].starts_with("pod/kept") && names[1].starts_with("pod/sub"), "{names:?}");
}

#[test]
fn the_same_content_gives_the_same_bytes_whenever_it_was_written() {
    let make = || {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b", "a", "c"] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let context = Context::collect(folder.path(), &files(""), b"", None).unwrap();
        // The names are read from the disk in another order on most file systems; here the times differ for certain.
        File::open(folder.path().join("a")).unwrap().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        tar_of(context)
    };
    assert_eq!(make(), make());
}

#[test]
fn long_paths_survive() {
    let folder = tempfile::tempdir().unwrap();
    let deep = ["a".repeat(90), "b".repeat(90), "c".repeat(90)].join("/");
    fs::create_dir_all(folder.path().join(&deep)).unwrap();
    fs::write(folder.path().join(&deep).join("file"), "x").unwrap();
    let lines = listing(Context::collect(folder.path(), &files(""), b"", None).unwrap());
    assert!(lines.last().unwrap().starts_with(&format!("pod/{deep}/file ")), "{lines:?}");
}

#[test]
fn a_file_that_changes_its_size_is_an_error_not_a_broken_tar() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("log"), "1").unwrap();
    let context = Context::collect(folder.path(), &files(""), b"", None).unwrap();
    fs::write(folder.path().join("log"), "12").unwrap();
    let error = context.write(io::sink()).unwrap_err().to_string();
    assert!(error.contains("pod/log") && error.contains("changed while it was read"), "{error}");
}

#[test]
fn a_ca_bundle_must_hold_certificates() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    fs::write(&file, "nothing").unwrap();
    assert!(read_ca_bundle(&file).unwrap_err().to_string().contains("no PEM certificate"));
    fs::write(&file, "x\n-----BEGIN CERTIFICATE-----\n").unwrap();
    assert!(read_ca_bundle(&file).is_ok());
}
