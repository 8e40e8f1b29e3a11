//! The files of an image: what they say, and what nginx, gixy and hadolint say of them.
//!
//! The tools are looked for on PATH, or where NGINX, GIXY and HADOLINT say; a test of one that is not there is listed as
//! ignored.

#![expect(clippy::expect_used, reason = "a test fails by its panic")]

mod grpc;
mod http;
mod live;
mod nginx;
mod pods;
#[path = "../support/ports.rs"]
mod ports;
mod programs;
mod tools;
mod web;

use libtest_mimic::{Arguments, Failed, Trial};
use podctl::render::{Facts, Files, render};
use podctl::spec::model::Pod;
use std::path::Path;
use std::process::Command;

/// A pod, made anew each time.
type MakePod = fn() -> (Pod, Facts);

const PODS: [(&str, MakePod); 5] = [
    ("core-pod", pods::core_pod),
    ("odd", pods::odd_pod),
    ("worker", pods::worker_pod),
    ("jobs", pods::jobs_pod),
    ("site", pods::site_pod),
];

fn main() {
    let mut trials = Vec::new();
    for (name, make) in PODS {
        trials.push(Trial::test(format!("snapshots of {name}"), move || snapshots(name, make)));
        trials.push(Trial::test(format!("{name} has the same bytes each time"), move || same_bytes(make)));
        trials.extend(tools::trials(name, make));
    }
    trials.push(Trial::test("a CA bundle is in every step and nothing else changes", ca_bundle));
    trials.push(Trial::test("what cannot be rendered says why and what to do", refusals));
    trials.push(Trial::test("podctl render writes each file under its name", written_files));
    trials.push(Trial::test("a template of one's own takes the place of podctl's", own_templates));
    trials.extend(live::trials());
    trials.extend(web::trials());
    trials.extend(programs::trials());
    trials.extend(grpc::trials());
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn files(make: MakePod) -> Files {
    let (pod, facts) = make();
    render(&pod, &facts).expect("the pod renders")
}

fn snapshots(name: &str, make: MakePod) -> Result<(), Failed> {
    for (file, text) in files(make).entries() {
        insta::assert_snapshot!(format!("{name}.{}", file.trim_start_matches('.')), text);
    }
    Ok(())
}

fn same_bytes(make: MakePod) -> Result<(), Failed> {
    assert_eq!(files(make), files(make));
    Ok(())
}

fn ca_bundle() -> Result<(), Failed> {
    for (_, make) in PODS {
        let plain = files(make).dockerfile;
        let with = podctl::render::dockerfile::with_ca_bundle(&plain);
        let mount = "--mount=type=bind,source=ca-bundle.crt,target=/dev/shm/ca-bundle.crt ";
        let steps = |text: &str| text.lines().filter(|line| line.starts_with("RUN ")).count();
        assert_eq!(with.matches(mount).count(), steps(&plain));
        let without: String =
            with.replace(mount, "").lines().filter(|line| !line.starts_with("ARG ")).map(|line| format!("{line}\n")).collect();
        assert_eq!(without, plain);
    }
    Ok(())
}

fn refusals() -> Result<(), Failed> {
    let (mut pod, facts) = pods::core_pod();
    pod.services["auth-service"].working_dir = "/app/${WHERE}".to_owned();
    assert_refused(&pod, &facts, &["auth-service", "/app/${WHERE}", "write the folder out"]);

    let (mut pod, facts) = pods::core_pod();
    pod.services["auth-service"].ports.clear();
    assert_refused(&pod, &facts, &["auth-service", "port"]);

    let (mut pod, facts) = pods::odd_pod();
    pod.services["api"].routes[3].strip_prefix = true;
    assert_refused(&pod, &facts, &["api", "strip_prefix", "route a plain path"]);
    Ok(())
}

fn assert_refused(pod: &Pod, facts: &Facts, words: &[&str]) {
    let error = format!("{:#}", render(pod, facts).expect_err("cannot be rendered"));
    for word in words {
        assert!(error.contains(word), "{error:?} does not say {word:?}");
    }
}

/// `--check` says in which lines files differ, and writes nothing.
fn differences(pod: &Path, out: &Path) -> Result<(), Failed> {
    let podctl = |check: bool| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_podctl"));
        command.arg("render").arg(pod).arg("-o").arg(out).args(check.then_some("--check")).output()
    };
    let missing = podctl(true)?;
    assert!(missing.status.code() == Some(1) && !out.exists(), "{missing:?}");
    assert!(podctl(false)?.status.success());
    let same = podctl(true)?;
    assert!(same.status.success() && same.stdout.is_empty(), "{same:?}");
    let changed = std::fs::read_to_string(out.join("nginx.conf"))?.replace("worker_processes 2;", "worker_processes 9;");
    std::fs::write(out.join("nginx.conf"), &changed)?;
    let different = podctl(true)?;
    let said = String::from_utf8_lossy(&different.stdout);
    assert_eq!(different.status.code(), Some(1));
    assert!(said.contains("-worker_processes 9;\n+worker_processes 2;") && !said.contains("Dockerfile"), "{said}");
    assert_eq!(std::fs::read_to_string(out.join("nginx.conf"))?, changed);
    Ok(())
}

/// A template of the user's takes the place of podctl's, and can have podctl's in it.
fn own_templates() -> Result<(), Failed> {
    let pod = pods::pod("templates: t\nservices: { a: { command: x, port: 1, route: / } }");
    let with = |name: &str, text: &str| {
        let templates = [(name.to_owned(), text.to_owned())].into_iter().collect();
        render(&pod, &Facts { templates, ..Facts::default() })
    };
    let own =
        with("nginx.conf", "# {{ servers[0].port }} {{ upstreams[0].name }}\n{% include 'builtin/nginx.conf' %}")?.nginx_conf;
    let builtin = render(&pod, &Facts::default())?.nginx_conf.unwrap_or_default();
    assert_eq!(
        own.unwrap_or_default(),
        format!("# Rendered by podctl from pod.yaml and nginx.conf of its templates: change it there.\n# 8080 a\n{builtin}")
    );
    assert!(with("Dockerfile", "FROM {{ image }}\n")?.dockerfile.ends_with("\nFROM debian:bookworm-slim\n"));
    for (text, words) in [("{{ nothing }}", "undefined"), ("a\n{% if %}", "2")] {
        let error = with("nginx.conf", text).err().map(|error| format!("{error:#}")).unwrap_or_default();
        assert!(error.contains("of your own") && error.contains(words), "{error}");
    }
    Ok(())
}

fn written_files() -> Result<(), Failed> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("a/b");
    let podctl = |out: &Path| {
        // What the caller has in its environment must not show in the files.
        let mut command = Command::new(env!("CARGO_BIN_EXE_podctl"));
        command.arg("render").arg(root.join("pods/core-pod")).arg("-o").arg(out).env("JWT_SECRET", "canary").output()
    };
    let output = podctl(&out)?;
    assert!(output.status.success(), "{output:?}");
    for (name, text) in files(pods::core_pod).entries() {
        assert_eq!(std::fs::read_to_string(out.join(name))?, text, "{name}");
    }
    assert!(podctl(&out)?.status.success(), "what podctl rendered is rendered anew");
    std::fs::write(out.join("Dockerfile"), "FROM scratch\n")?;
    let spared = podctl(&out)?;
    assert_eq!(spared.status.code(), Some(1), "{spared:?}");
    assert_eq!(std::fs::read_to_string(out.join("Dockerfile"))?, "FROM scratch\n");
    let own = podctl(&root.join("pods/core-pod"))?;
    assert!(String::from_utf8_lossy(&own.stderr).contains("the pod's own folder"), "{own:?}");
    differences(&root.join("pods/core-pod"), &folder.path().join("c"))?;
    let blocked = podctl(&out.join("plan.json"))?;
    assert_eq!(blocked.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&blocked.stderr).contains("choose another one with -o"), "{blocked:?}");
    Ok(())
}
