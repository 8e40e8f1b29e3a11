//! Making a base in the engine: packages laid out and imported, installed by their own dpkg, flattened to one layer.

use super::fetch::{self, Fetched};
use super::layout::{self, PACKAGES, Settings};
use super::mirror::Mirror;
use super::suite::Suite;
use super::web::Stop;
use crate::engine::Engine;
use crate::image::inputs::cache_folder;
use crate::image::outgoing;
use crate::ui::Ui;
use anyhow::{Context, Result, anyhow, bail};
use bollard::body_try_stream;
use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, CreateImageOptionsBuilder, LogsOptionsBuilder, RemoveContainerOptionsBuilder,
    RemoveImageOptionsBuilder,
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt};
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;

/// The label that says how a base was made.
pub(super) const RECIPE_LABEL: &str = "io.podctl.base.recipe";
/// To be raised when bases are made differently, so that older ones are made anew.
pub(super) const RECIPE: &str = "1";

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// How many of dpkg's last lines an error shows.
const LINES_SHOWN: usize = 20;

/// Makes the base of a suite and tags it [`Suite::tag`]. `mirror` is the address of an archive, if the user gave one.
pub(super) async fn make(engine: &Engine, ui: &Ui, suite: &Suite, mirror: Option<&str>) -> Result<()> {
    let _alone = lock().await?;
    if super::made(engine, suite).await?.is_some() {
        // Another podctl has made it while this one waited.
        return Ok(());
    }
    let version = engine.docker.version().await.context("cannot ask the engine for its architecture")?;
    let architecture = version.arch.context("cannot make a base: the engine does not say its architecture")?;
    let mirror = Mirror::find(mirror);

    let stop = Stop::default();
    let _stopped_when_dropped = stop.on_drop();
    let fetched = tokio::task::spawn_blocking({
        let (ui, suite, mirror, architecture) = (ui.clone(), suite.clone(), mirror.clone(), architecture.clone());
        move || fetch::fetch(&ui, &suite, &mirror, &architecture, stop)
    });
    let fetched = fetched.await??;

    let task = ui.task(format!("install {} packages", fetched.packages.len()));
    let unpacked = format!("{}-unpacked", suite.tag());
    let result = install(engine, suite, &mirror, architecture, fetched, &unpacked, &|line| task.message(line)).await;
    // Only tidying up: what it says can be no worse than what is reported anyway.
    let _ = remove_container(engine, &container_of(suite)).await;
    let force = RemoveImageOptionsBuilder::default().force(true).build();
    let _ = engine.docker.remove_image(&unpacked, Some(force), None).await;
    match result {
        Ok(()) => task.done(&suite.tag()),
        Err(_) => task.failed("not installed"),
    }
    result
}

async fn install(
    engine: &Engine,
    suite: &Suite,
    mirror: &Mirror,
    architecture: String,
    fetched: Fetched,
    unpacked: &str,
    show: &(dyn Fn(&str) + Sync),
) -> Result<()> {
    show("unpacking");
    let tar = outgoing::written_by({
        let (suite, mirror) = (suite.clone(), mirror.clone());
        move |writer| {
            let Fetched { packages, with_updates, with_security } = fetched;
            let settings = Settings { suite: &suite, mirror: &mirror, with_updates, with_security, architecture: &architecture };
            layout::write(writer, &packages, &settings).map_err(io::Error::other)
        }
    });
    import(engine, unpacked, Vec::new(), tar).await.context("cannot import the unpacked packages")?;

    let container = container_of(suite);
    // A podctl that was killed may have left one.
    remove_container(engine, &container).await?;
    run_dpkg(engine, &container, unpacked, show).await?;

    show("flattening");
    let changes = vec![format!("ENV PATH={PATH}"), "CMD [\"bash\"]".to_owned(), format!("LABEL {RECIPE_LABEL}={RECIPE}")];
    // Of a container's files there is one layer, without the packages that lay in those below.
    let files = engine.docker.export_container(&container).map_err(io::Error::other);
    import(engine, &suite.tag(), changes, files).await.context("cannot import the installed base")
}

fn container_of(suite: &Suite) -> String {
    format!("{}-install", suite.tag().replace(['/', ':'], "-"))
}

/// The packages' own scripts expect a passwd and the top folders: those two come first.
fn script() -> String {
    format!(
        "set -e; export DEBIAN_FRONTEND=noninteractive PATH={PATH}; cd /{PACKAGES}\n\
         dpkg --force-depends --install base-passwd.deb base-files.deb\n\
         dpkg --force-depends --install *.deb\n\
         rm -f *.deb /var/log/dpkg.log /var/log/bootstrap.log /var/log/alternatives.log /var/lib/dpkg/*-old /var/cache/debconf/*-old\n\
         : > /etc/machine-id\n\
         audit=$(dpkg --audit); if [ -n \"$audit\" ]; then echo \"$audit\"; exit 1; fi\n"
    )
}

async fn run_dpkg(engine: &Engine, container: &str, image: &str, show: &(dyn Fn(&str) + Sync)) -> Result<()> {
    let options = CreateContainerOptionsBuilder::default().name(container).build();
    let body = ContainerCreateBody {
        image: Some(image.to_owned()),
        entrypoint: Some(vec!["/bin/sh".into(), "-c".into()]),
        cmd: Some(vec![script()]),
        host_config: Some(HostConfig { network_mode: Some("none".into()), ..HostConfig::default() }),
        ..ContainerCreateBody::default()
    };
    engine.docker.create_container(Some(options), body).await.context("cannot create a container to install packages in")?;
    engine.docker.start_container(container, None).await.context("cannot start a container to install packages in")?;
    let follow = LogsOptionsBuilder::default().follow(true).stdout(true).stderr(true).build();
    let mut output = engine.docker.logs(container, Some(follow));
    let mut last = VecDeque::new();
    while let Some(chunk) = output.next().await {
        let (LogOutput::StdOut { message } | LogOutput::StdErr { message } | LogOutput::Console { message }) = chunk? else {
            continue;
        };
        for line in String::from_utf8_lossy(&message).lines().filter(|line| !line.trim().is_empty()) {
            show(line);
            last.push_back(line.to_owned());
            if last.len() > LINES_SHOWN {
                last.pop_front();
            }
        }
    }
    let ended = engine.docker.wait_container(container, None).next().await.context("the engine lost the container")?;
    match ended {
        Ok(_) => Ok(()),
        Err(Error::DockerContainerWaitError { code, .. }) => {
            let last = last.make_contiguous().join("\n");
            bail!("cannot install the packages: dpkg's step ended with {code}; is the mirror complete? Its last lines:\n{last}")
        }
        Err(error) => Err(error.into()),
    }
}

async fn import(
    engine: &Engine,
    tag: &str,
    changes: Vec<String>,
    tar: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
) -> Result<()> {
    let (repository, version) = tag.split_once(':').unwrap_or((tag, "latest"));
    let mut options = CreateImageOptionsBuilder::default().from_src("-").repo(repository).tag(version).build();
    options.changes = changes;
    let mut events = engine.docker.create_image(Some(options), Some(body_try_stream(tar)), None);
    while let Some(event) = events.next().await {
        event?;
    }
    Ok(())
}

async fn remove_container(engine: &Engine, name: &str) -> Result<()> {
    let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
    match engine.docker.remove_container(name, Some(options)).await {
        Ok(()) | Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(()),
        Err(error) => Err(anyhow!(error)).with_context(|| format!("cannot remove the container {name}")),
    }
}

/// Two podctls must not make the same base at the same time; the second waits and finds it made.
async fn lock() -> Result<File> {
    let folder = cache_folder().unwrap_or_else(|| std::env::temp_dir().join("podctl"));
    let file = folder.join("base.lock");
    let locked = tokio::task::spawn_blocking(move || -> io::Result<File> {
        fs::create_dir_all(&folder)?;
        let lock = File::create(folder.join("base.lock"))?;
        lock.lock()?;
        Ok(lock)
    });
    locked.await?.with_context(|| format!("cannot lock {}", file.display()))
}
