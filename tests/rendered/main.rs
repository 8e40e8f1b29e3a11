//! The files of an image: what they say, and what nginx, gixy and hadolint say of them.
//!
//! The tools are looked for on PATH, or where NGINX, GIXY and HADOLINT say; a test of one that is not there is listed as
//! ignored.

#![expect(clippy::expect_used, reason = "a test fails by its panic")]

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

const PODS: [(&str, MakePod); 4] =
    [("core-pod", pods::core_pod), ("odd", pods::odd_pod), ("worker", pods::worker_pod), ("jobs", pods::jobs_pod)];

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
    trials.extend(live::trials());
    trials.extend(web::trials());
    trials.extend(programs::trials());
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
    let blocked = podctl(&out.join("plan.json"))?;
    assert_eq!(blocked.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&blocked.stderr).contains("choose another one with -o"), "{blocked:?}");
    Ok(())
}
