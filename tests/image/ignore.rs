//! .dockerignore against the one who knows: the same patterns over the same files, judged by the docker command.

use anyhow::{Context, Result, bail, ensure};
use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{CreateContainerOptions, RemoveContainerOptions, RemoveImageOptionsBuilder};
use futures_util::TryStreamExt;
use podctl::engine::Engine;
use podctl::image::dockerignore::DockerIgnore;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// How many random files of patterns are tried.
const CASES: usize = 20;
const NAMES: [&str; 5] = ["a", "b", "ab", "a.md", ".a"];

/// Whether the docker command is here.
pub fn has_docker_command() -> bool {
    Command::new("docker").arg("--version").output().is_ok_and(|output| output.status.success())
}

pub async fn patterns_mean_what_they_mean_to_docker(engine: Engine) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let context = folder.path().join("context");
    let files = files();
    for file in &files {
        let file = context.join(file);
        fs::create_dir_all(file.parent().context("a file is in a folder")?)?;
        fs::write(file, "")?;
    }
    fs::write(folder.path().join("Dockerfile"), "FROM scratch\nCOPY . /context/\n")?;
    let mut runner = TestRunner::deterministic();
    let strategy = prop::collection::vec(pattern(), 1..5);
    for _ in 0..CASES {
        let patterns = strategy.new_tree(&mut runner).map_err(|reason| anyhow::anyhow!("{reason}"))?.current().join("\n");
        fs::write(context.join(".dockerignore"), &patterns)?;
        let ignore = DockerIgnore::parse(&patterns)?;
        let ours: BTreeSet<String> = files.iter().filter(|file| !ignore.ignores(file)).cloned().collect();
        let dockers = kept_by_docker(&engine, folder.path()).await?;
        ensure!(ours == dockers, "{patterns:?} keeps {ours:?}, in Docker {dockers:?}");
    }
    Ok(())
}

/// Every name at the top, in each folder named like it, and once more below.
fn files() -> Vec<String> {
    let mut files = Vec::new();
    for name in NAMES {
        for file in NAMES {
            files.push(format!("d{name}/{file}"));
            files.push(format!("d{name}/d/{file}"));
        }
        files.push(name.to_owned());
    }
    files
}

fn pattern() -> impl Strategy<Value = String> {
    let literal = || prop::sample::select(vec!["a", "b", "ab", "a.md", ".a", "d", "da", "dab"]).prop_map(str::to_owned);
    let wild = prop::sample::select(vec!["*", "**", "?", "d*", "a*", "*.md", "d?", "[ab]", "d[^a]", "*b", "a\\.md"])
        .prop_map(str::to_owned);
    let path = prop::collection::vec(prop_oneof![literal(), wild], 1..4).prop_map(|names| names.join("/"));
    // Older clients do not look into a folder that is left out for what a pattern with wildcards would bring back.
    let back = prop::collection::vec(literal(), 1..4).prop_map(|names| format!("!{}", names.join("/")));
    prop_oneof![3 => path, 1 => back]
}

/// The files that the docker command sends for a build in `folder/context`.
async fn kept_by_docker(engine: &Engine, folder: &Path) -> Result<BTreeSet<String>> {
    let output = Command::new("docker")
        .args(["build", "--quiet", "--file"])
        .arg(folder.join("Dockerfile"))
        .arg(folder.join("context"))
        // The classic builder's client: it sends a tar like podctl, and every docker command has it.
        .env("DOCKER_BUILDKIT", "0")
        .output()?;
    if !output.status.success() {
        bail!("docker build: {}", String::from_utf8_lossy(&output.stderr));
    }
    let image = String::from_utf8(output.stdout)?.trim().to_owned();
    let body = ContainerCreateBody { image: Some(image.clone()), cmd: Some(vec!["-".into()]), ..Default::default() };
    let container = engine.docker.create_container(None::<CreateContainerOptions>, body).await?.id;
    let tar: Vec<u8> = engine.docker.export_container(&container).map_ok(Vec::from).try_concat().await?;
    engine.docker.remove_container(&container, None::<RemoveContainerOptions>).await?;
    engine.docker.remove_image(&image, Some(RemoveImageOptionsBuilder::default().force(true).build()), None).await?;
    let mut kept = BTreeSet::new();
    for entry in tar::Archive::new(&tar[..]).entries()? {
        let entry = entry?;
        let path = entry.path()?.to_string_lossy().into_owned();
        if let Some(path) = path.strip_prefix("context/").filter(|_| entry.header().entry_type().is_file()) {
            kept.insert(path.to_owned());
        }
    }
    // The client always sends this one.
    kept.remove(".dockerignore");
    Ok(kept)
}
