//! The sabotage matrix: for each criterion an image of a pod that is right but for one thing. It has to fail that
//! criterion and no other: so each criterion sees what it is there for, and none sees what is not its matter.

use crate::fixture::{Pod, Tested};
use crate::support::block_on;
use anyhow::{Context, Result};
use bollard::models::{ContainerConfig, ContainerCreateBody};
use bollard::query_parameters::{
    CommitContainerOptions, CreateContainerOptions, DownloadFromContainerOptionsBuilder, RemoveContainerOptionsBuilder,
    RemoveImageOptionsBuilder, UploadToContainerOptionsBuilder,
};
use futures_util::TryStreamExt;
use podctl::engine::Engine;
use serde_json::{Value, json};
use std::io::Read;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many pods are tested at once. Each starts up to five containers.
const AT_ONCE: usize = 2;
const PLAN: &str = "/etc/podinit/plan.json";
const NGINX: &str = "/etc/nginx/nginx.conf";
/// A value that the test hands over as the variable TOKEN; one of the broken images has it inside.
const TOKEN: &str = "token-7d41c0e9a2b35f68";

/// What is done to the image.
enum Break {
    /// Its plan is changed, so that it is not what pod.yaml says.
    Plan(fn(&mut Value)),
    /// A file is replaced by what this makes of it; an absent one is empty.
    File(&'static str, fn(&str) -> String),
    /// Its configuration is changed, in the words of a Dockerfile.
    Configuration(&'static str),
}

fn breaks() -> Vec<(&'static str, &'static str, Break)> {
    vec![
        (
            "services-running",
            "beta runs another command",
            Break::Plan(|plan| {
                plan["services"]["beta"]["command"] = json!(["tail", "-f", "/dev/null"]);
            }),
        ),
        (
            "start-order",
            "alpha and beta have changed places",
            Break::Plan(|plan| {
                plan["services"]["alpha"]["priority"] = json!(6);
                plan["services"]["beta"]["priority"] = json!(5);
            }),
        ),
        (
            "readiness-gates",
            "api is ready before it answers",
            Break::Plan(|plan| {
                plan["services"]["api"]["ready"] = json!({"alive_ms": 0});
                plan["services"]["api"].as_object_mut().expect("a service").remove("healthcheck");
            }),
        ),
        (
            "restart-on-crash",
            "beta is not restarted",
            Break::Plan(|plan| {
                plan["services"]["beta"]["restart"]["policy"] = json!("never");
                plan["services"]["beta"]["essential"] = json!(false);
            }),
        ),
        (
            "crash-loop-ends-pod",
            "the pod lives on without api",
            Break::Plan(|plan| {
                // What an essential service depends on is essential, too.
                plan["services"]["api"]["essential"] = json!(false);
                plan["services"]["web"]["essential"] = json!(false);
            }),
        ),
        (
            "graceful-stop",
            "worker is stopped by SIGKILL",
            Break::Plan(|plan| {
                plan["services"]["worker"]["stop"]["signal"] = json!("SIGKILL");
            }),
        ),
        (
            "logs-attributed",
            "api has no log file",
            Break::Plan(|plan| {
                plan["services"]["api"]["logging"]["stdout"].as_object_mut().expect("an output").remove("file");
            }),
        ),
        (
            "health-in-time",
            "web begins to run too late",
            Break::Plan(|plan| {
                plan["services"]["web"]["command"] = json!(["/bin/sh", "-c", "sleep 21; exec node server.js web 3002"]);
            }),
        ),
        ("no-zombies", "alpha leaves a zombie", Break::File("/app/idle.sh", |text| text.replace("read ", "sleep 0 &\nread "))),
        ("image-size", "the image is too large", Break::File("/padding", |_| "x".repeat(100 << 20))),
        (
            "routes",
            "the gateway asks the wrong service",
            Break::File(NGINX, |text| text.replace("127.0.0.1:3002", "127.0.0.1:3001")),
        ),
        ("rate-limit", "the gateway allows a larger burst", Break::File(NGINX, |text| text.replace("burst=5 ", "burst=500 "))),
        ("not-root", "PID 1 is root without need", Break::Configuration("USER 0:0")),
        ("secrets-stay-out", "the image has the value of TOKEN", Break::File("/app/notes.txt", |_| format!("it is {TOKEN}\n"))),
    ]
}

pub fn run() -> anyhow::Result<()> {
    let files = [
        ("pod.yaml", include_str!("small/pod.yaml")),
        ("server.js", include_str!("small/server.js")),
        ("idle.sh", include_str!("small/idle.sh")),
    ];
    let pod = Pod::write("acceptance-small", &files);
    pod.build();
    let breaks = breaks();
    let next = AtomicUsize::new(0);
    let rows: Mutex<Vec<Option<Tested>>> = Mutex::new((0..=breaks.len()).map(|_| None).collect());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at > breaks.len() {
                        return;
                    }
                    // The first row is the pod as it is.
                    let tested = match at.checked_sub(1).map(|nth| &breaks[nth]) {
                        None => pod.test(Some("acceptance-small"), &[], &[("TOKEN", TOKEN)]),
                        Some((id, _, how)) => {
                            let image = Broken::make(id, how).expect("the broken image can be made");
                            pod.test(Some(&image.0), &[], &[("TOKEN", TOKEN)])
                        }
                    };
                    rows.lock().expect("no test has panicked")[at] = Some(tested);
                }
            });
        }
    });
    let rows: Vec<Tested> = rows.into_inner().expect("no test has panicked").into_iter().flatten().collect();
    judge(&rows, &breaks)
}

fn judge(rows: &[Tested], breaks: &[(&str, &str, Break)]) -> anyhow::Result<()> {
    println!("{:<22}{:<38}failed", "to fail", "sabotage");
    println!("{:<22}{:<38}{}", "-", "none", rows[0].with_status("failed").join(", "));
    let mut wrong = Vec::new();
    if rows[0].code != Some(0) || !rows[0].with_status("skipped").is_empty() {
        wrong.push(format!("the pod as it is:\n{}", rows[0].text));
    }
    for (row, (id, what, _)) in rows[1..].iter().zip(breaks) {
        let failed = row.with_status("failed");
        println!("{id:<22}{what:<38}{}", failed.join(", "));
        if failed != [*id] || row.code != Some(7) {
            wrong.push(format!("{id}, {what}, exit code {:?}:\n{}", row.code, row.text));
        }
    }
    anyhow::ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// A broken image; removed when it goes.
struct Broken(String);

impl Broken {
    fn make(id: &str, how: &Break) -> Result<Broken> {
        let image = format!("acceptance-small-broken:{id}");
        block_on(async {
            let engine = Engine::connect().await?;
            let name = format!("acceptance-small-breaking-{id}");
            let body = ContainerCreateBody { image: Some("acceptance-small".to_owned()), ..ContainerCreateBody::default() };
            let options = CreateContainerOptions { name: Some(name.clone()), ..CreateContainerOptions::default() };
            engine.docker.create_container(Some(options), body).await?;
            let made = commit(&engine, &name, &image, how).await;
            let force = RemoveContainerOptionsBuilder::new().force(true).build();
            engine.docker.remove_container(&name, Some(force)).await?;
            made.with_context(|| format!("cannot break {id}"))
        })?;
        Ok(Broken(image))
    }
}

impl Drop for Broken {
    fn drop(&mut self) {
        let force = RemoveImageOptionsBuilder::new().force(true).build();
        // What cannot be removed now shows in `docker images`.
        drop(block_on(async {
            Engine::connect().await?.docker.remove_image(&self.0, Some(force), None).await.map_err(anyhow::Error::from)
        }));
    }
}

async fn commit(engine: &Engine, container: &str, image: &str, how: &Break) -> Result<()> {
    let mut changes = None;
    match how {
        Break::Plan(change) => {
            let mut plan: Value = serde_json::from_str(&read(engine, container, PLAN).await?)?;
            change(&mut plan);
            write(engine, container, PLAN, &plan.to_string()).await?;
        }
        Break::File(path, change) => {
            let before = read(engine, container, path).await.unwrap_or_default();
            let after = change(&before);
            anyhow::ensure!(after != before, "{path} has nothing to change");
            write(engine, container, path, &after).await?;
        }
        Break::Configuration(change) => changes = Some((*change).to_owned()),
    }
    let (repo, tag) = image.split_once(':').context("a tag")?;
    let options = CommitContainerOptions {
        container: Some(container.to_owned()),
        repo: Some(repo.to_owned()),
        tag: Some(tag.to_owned()),
        changes,
        ..CommitContainerOptions::default()
    };
    engine.docker.commit_container(options, ContainerConfig::default()).await?;
    Ok(())
}

async fn read(engine: &Engine, container: &str, path: &str) -> Result<String> {
    let options = DownloadFromContainerOptionsBuilder::new().path(path).build();
    let chunks: Vec<_> = engine.docker.download_from_container(container, Some(options)).try_collect().await?;
    let bytes = chunks.concat();
    let mut archive = tar::Archive::new(bytes.as_slice());
    let mut text = String::new();
    archive.entries()?.next().context("no file")??.read_to_string(&mut text)?;
    Ok(text)
}

async fn write(engine: &Engine, container: &str, path: &str, text: &str) -> Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    // Some storage drivers see by time and size whether a file has changed; those of the image are from 1970.
    header.set_mtime(1_000_000_000);
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_data(&mut header, path.trim_start_matches('/'), text.as_bytes())?;
    let options = UploadToContainerOptionsBuilder::new().path("/").build();
    let archive = bollard::body_full(archive.into_inner()?.into());
    Ok(engine.docker.upload_to_container(container, Some(options), archive).await?)
}
