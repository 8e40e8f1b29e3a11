//! A pod with a base of its own, stages, files, users, volumes and secrets: the image is built, a container made of it.

use super::{BASE, CANARY, remove_images};
use anyhow::{Context, Result};
use bollard::query_parameters::{DownloadFromContainerOptionsBuilder, RemoveImageOptionsBuilder};
use futures_util::TryStreamExt;
use podctl::engine::Engine;
use podctl::engine::container::Wanted;
use podctl::engine::secrets::SecretFile;
use podctl::image::{Options, build, facts};
use podctl::project::plan;
use podctl::render;
use podctl::spec::load::{Inputs, load};
use podctl::spec::model::Pod;
use podctl::spec::source::Source;
use podctl::ui::Ui;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

const NAME: &str = "image-test-keys";

fn pod(folder: &Path) -> Result<Pod> {
    let text = format!(
        "name: {NAME}\nimage: podctl-image-test/keys\nbase: {{ build: {{ context: ., dockerfile: docker/Dockerfile, target: final, args: {{ WORD: given }} }} }}\n\
         users: {{ web: {{ uid: 1500, groups: [staff, extra], home: /srv, shell: /bin/sh }}, www-data: 1600 }}\n\
         secrets: {{ token: {{ environment: TOKEN, user: web, mode: \"0400\" }} }}\n\
         stages:\n  tool: {{ secrets: [token], environment: {{ WHO: me }}, run: ['sha256sum </run/secrets/token >sum; echo $WHO >who'], copy: {{ sum: /opt/sum, who: /opt/who }} }}\n  \
           copied: {{ image: '{BASE}', copy: {{ /etc/debian_version: /opt/version }} }}\n\
         files:\n  /etc/app.conf: {{ source: conf/app.conf, user: www-data, mode: \"0640\" }}\n  /etc/text.conf: {{ content: \"a ${{b}} \\\"c\\\"\" }}\n  \
           /etc/filled.conf: {{ source: conf/filled.conf, template: true }}\n  /data/seed: conf\n  /srv/empty/: {{ user: web, mode: \"0750\" }}\n  \
           /opt/release: {{ image: '{BASE}', source: /etc/os-release }}\n\
         volumes: [./host:/data, named:/named:ro]\nhostname: keys\nextra_hosts: ['db:192.0.2.1']\nshm_size: 32MB\nrestart: on-failure:3\n\
         deploy: {{ resources: {{ limits: {{ memory: 64MB, pids: 50 }} }} }}\n\
         services: {{ a: {{ command: sleep 1, user: web }} }}\n"
    );
    let sources = vec![Source { name: "pod.yaml".into(), text }];
    let inputs = Inputs { sources, folder: folder.to_owned(), variables: &|_| None };
    Ok(load(inputs).map_err(|diagnostics| anyhow::anyhow!("{diagnostics}"))?.pod)
}

/// A file of a container that does not run, with its owner and mode.
async fn file(engine: &Engine, container: &str, path: &str) -> Result<(String, u64, u32)> {
    let download = DownloadFromContainerOptionsBuilder::new().path(path).build();
    let archive: Vec<u8> = engine
        .docker
        .download_from_container(container, Some(download))
        .try_fold(Vec::new(), |mut all, bytes| async move {
            all.extend_from_slice(&bytes);
            Ok(all)
        })
        .await
        .with_context(|| format!("there is no {path}"))?;
    let mut archive = tar::Archive::new(&archive[..]);
    let mut entry = archive.entries()?.next().context("empty")??;
    let (uid, mode) = (entry.header().uid()?, entry.header().mode()?);
    let mut text = String::new();
    entry.read_to_string(&mut text)?;
    Ok((text, uid, mode & 0o7777))
}

pub async fn a_pod_of_many_keys_is_built_and_made(engine: Engine) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);
    for (name, text) in [
        (
            "docker/Dockerfile",
            "ARG WORD=default\nFROM debian:bookworm-slim AS final\nARG WORD\nRUN echo $WORD >/word\nCOPY own.txt /own.txt\nFROM final AS other\nRUN false\n",
        ),
        ("own.txt", "own"),
        ("conf/app.conf", "app"),
        ("conf/filled.conf", "word ${WORD:?set it}\n"),
        (".env", CANARY),
    ] {
        fs::create_dir_all(path(name).parent().context("a parent")?)?;
        fs::write(path(name), text)?;
    }
    let pod = pod(folder.path())?;
    let files = render::render(&pod, &facts::gather(&pod)?)?;
    let ui = Ui::to_writer(std::io::sink());
    let secrets = BTreeMap::from([("token".to_owned(), CANARY.as_bytes().to_vec())]);
    let result = async {
        let built = build(&engine, &ui, &pod, &files, &secrets, &Options::default()).await?;
        let again = build(&engine, &ui, &pod, &files, &secrets, &Options::default()).await?;
        assert_eq!((again.id, again.changed), (built.id.clone(), None), "neither the base nor the pod has changed");
        let secret = SecretFile { name: "token".into(), value: CANARY.into(), uid: 1500, gid: 1500, mode: 0o400 };
        let wanted = plan::wanted(&pod, &built.id, BTreeMap::new(), vec![secret]);
        looks_right(&engine, &Wanted { network: None, ..wanted }).await
    };
    let result = result.await;
    engine.remove(NAME).await?;
    remove_images(&engine, NAME).await?;
    let force = RemoveImageOptionsBuilder::default().force(true).build();
    let _ = engine.docker.remove_image(&pod.base.image, Some(force), None).await;
    let _ = engine.docker.remove_volume(&format!("{NAME}_named"), None::<bollard::query_parameters::RemoveVolumeOptions>).await;
    result
}

async fn looks_right(engine: &Engine, wanted: &Wanted) -> Result<()> {
    engine.remove(NAME).await?;
    engine.create(wanted).await?;
    let read = |path: &'static str| file(engine, NAME, path);
    assert_eq!(read("/word").await?.0, "given\n", "an argument of the base's build");
    assert_eq!(read("/own.txt").await?.0, "own");
    assert_eq!(read("/etc/app.conf").await?, ("app".to_owned(), 1600, 0o640));
    assert_eq!(read("/etc/text.conf").await?.0, "a ${b} \"c\"");
    assert_eq!(read("/etc/filled.conf").await?.0, "", "it is filled in at start");
    assert_eq!(read("/etc/podinit/files/data/seed/app.conf").await?.0, "app", "kept for a volume that lacks it");
    assert_eq!(read("/opt/who").await?.0, "me\n");
    assert!(read("/opt/release").await?.0.contains("Debian") && read("/opt/version").await?.0.starts_with("12"));
    assert_eq!(read("/srv/empty").await?.2, 0o750);
    let passwd = read("/etc/passwd").await?.0;
    assert!(passwd.contains("web:x:1500:1500::/srv:/bin/sh") && passwd.contains("www-data:x:1600:1600:"), "{passwd}");
    let groups = read("/etc/group").await?.0;
    let has = |group: &str| groups.lines().any(|line| line.starts_with(group) && line.ends_with(":web"));
    assert!(has("staff:") && has("extra:"), "{groups}");
    assert_eq!(read("/run/secrets/token").await?, (CANARY.to_owned(), 1500, 0o400));
    let sum = read("/opt/sum").await?.0;
    assert!(sum.len() > 64 && !sum.starts_with("e3b0c442"), "the step has read the secret: {sum}");

    let inspected = engine.docker.inspect_container(NAME, None).await?;
    let host = inspected.host_config.clone().unwrap_or_default();
    assert_eq!(inspected.config.as_ref().and_then(|config| config.hostname.as_deref()), Some("keys"));
    assert_eq!((host.memory, host.pids_limit, host.shm_size), (Some(64 << 20), Some(50), Some(32 << 20)));
    assert_eq!(host.restart_policy.and_then(|policy| policy.maximum_retry_count), Some(3));
    let mounts = inspected.mounts.clone().unwrap_or_default();
    let mounted = |target: &str| mounts.iter().find(|mount| mount.destination.as_deref() == Some(target));
    assert_eq!(mounted("/named").and_then(|mount| mount.name.clone()).as_deref(), Some("image-test-keys_named"));
    assert_eq!(
        (mounted("/named").and_then(|mount| mount.rw), mounted("/data").and_then(|mount| mount.rw)),
        (Some(false), Some(true))
    );
    let history = engine.docker.image_history(&wanted.image).await?;
    let shown = format!("{inspected:?}{history:?}{wanted:?}");
    assert!(!shown.contains(CANARY), "the secret shows");
    Ok(())
}
