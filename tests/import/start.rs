//! `podctl init`: from what a folder shows to a pod.yaml that is valid and short.

use super::support::pod;
use podctl::spec::model::Pod;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn init(folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_podctl")).arg("init").arg(folder).output().unwrap()
}

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("shop").rand_bytes(3).tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn made(files: &[(&str, &str)]) -> (String, Pod) {
    let folder = folder(files);
    let output = init(folder.path());
    assert!(output.status.success(), "{output:?}");
    let text = fs::read_to_string(folder.path().join("pod.yaml")).unwrap();
    assert!(text.lines().count() <= 10, "{text}");
    let check = Command::new(env!("CARGO_BIN_EXE_podctl")).arg("check").arg(folder.path().join("pod.yaml")).output().unwrap();
    assert!(check.status.success(), "{check:?}\n{text}");
    let pod = pod(&text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    (text, pod)
}

fn services(pod: &Pod) -> Vec<&str> {
    pod.services.keys().map(String::as_str).collect()
}

#[test]
fn every_kind_of_project_gets_a_valid_pod() {
    for (files, base, names) in [
        (
            &[("manage.py", ""), ("shop/wsgi.py", ""), ("requirements.txt", "gunicorn\ncelery\n")][..],
            "python:3.12-slim",
            &["migrate", "web", "worker"][..],
        ),
        (&[("requirements.txt", "FastAPI\n"), ("main.py", "")], "python:3.12-slim", &["web"]),
        (&[("composer.json", "{}"), ("public/index.php", ""), ("artisan", "")], "php:8.3-fpm", &["php", "queue", "scheduler"]),
        (
            &[("package.json", "{\"scripts\":{\"start\":\"node server.js\",\"worker\":\"tsx x && y\",\"build\":\"tsc\"}}")],
            "node:22-slim",
            &["web", "worker"],
        ),
        (&[("go.mod", "module x\n")], "debian:bookworm-slim", &["web"]),
        (&[("Gemfile", "gem 'sidekiq'\n")], "ruby:3.3-slim", &["web", "worker"]),
        (
            &[("Procfile", "web: node x.js --port $PORT\nrelease: a && b\nclock: sh -c 'x $Y'\n"), ("package.json", "{}")],
            "node:22-slim",
            &["web", "release", "clock"],
        ),
        (&[("README.md", "")], "debian:bookworm-slim", &["app"]),
    ] {
        let (text, pod) = made(files);
        assert_eq!((pod.base.image.as_str(), services(&pod)), (base, names.to_vec()), "{text}");
    }
}

#[test]
fn a_dockerfile_of_ones_own_is_the_base_and_its_command_the_first_process() {
    let (text, pod) = made(&[("Dockerfile", "FROM x\nWORKDIR /srv\nEXPOSE 5000\nCMD [\"serve\", \"${HOME}\"]\n")]);
    assert!(pod.base.build.is_some(), "{text}");
    let app = &pod.services["app"];
    assert_eq!((app.working_dir.as_str(), app.ports.as_slice()), ("/srv", &[5000][..]));
    assert!(text.contains("$${HOME}"), "{text}");
}

#[test]
fn what_is_there_is_never_written_over_and_supervisord_is_imported() {
    let there = folder(&[("pod.yaml", "mine"), ("go.mod", "")]);
    assert!(!init(there.path()).status.success());
    assert_eq!(fs::read_to_string(there.path().join("pod.yaml")).unwrap(), "mine");

    let supervised = folder(&[("docker/supervisord.conf", "[supervisord]\n[program:a]\ncommand=a\n"), ("go.mod", "")]);
    let output = init(supervised.path());
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("podctl import"), "{output:?}");
    assert!(!supervised.path().join("pod.yaml").exists());
}
