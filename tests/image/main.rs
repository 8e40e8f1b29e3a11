//! Building images with a real engine.

mod ignore;
mod keys;
#[path = "../support/mod.rs"]
mod support;

use anyhow::{Context, Result, ensure};
use bollard::query_parameters::{ListImagesOptionsBuilder, RemoveImageOptionsBuilder};
use futures_util::TryStreamExt;
use libtest_mimic::Arguments;
use podctl::engine::Engine;
use podctl::failure::{ExitCode, exit_code};
use podctl::image::{Built, Options, base, build};
use podctl::render::Files;
use podctl::spec::load::{Inputs, load};
use podctl::spec::model::Pod;
use podctl::spec::source::Source;
use podctl::ui::Ui;
use std::collections::BTreeMap;
use std::collections::HashMap;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::time::{Instant, SystemTime};
use support::with_engine;

/// The base that all these tests start from: the registry's, or the one made where there is none.
const BASE: &str = "debian:bookworm-slim";
const CANARY: &str = "canary-5b1f";
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\ncanary-5b1f\n-----END CERTIFICATE-----\n";

fn main() -> std::process::ExitCode {
    let engine = support::has_engine();
    let tests = vec![
        with_engine("a_base_is_there_or_pulled_or_made", engine, a_base_is_there_or_pulled_or_made),
        with_engine("a_build_does_what_has_changed_and_says_so", engine, a_build_does_what_has_changed_and_says_so),
        with_engine("a_failing_step_is_told_with_its_output", engine, a_failing_step_is_told_with_its_output),
        with_engine("secrets_and_certificates_stay_out", engine, secrets_and_certificates_stay_out),
        with_engine("what_the_engine_does_not_know_is_told", engine, what_the_engine_does_not_know_is_told),
        with_engine("a_pod_of_many_keys_is_built_and_made", engine, keys::a_pod_of_many_keys_is_built_and_made),
        with_engine(
            "patterns_mean_what_they_mean_to_docker",
            engine && ignore::has_docker_command(),
            ignore::patterns_mean_what_they_mean_to_docker,
        ),
    ];
    libtest_mimic::run(&Arguments::from_args(), tests).exit_code()
}

/// A small pod in a folder of its own, with a Dockerfile that a test has written.
struct Fixture {
    engine: Engine,
    folder: tempfile::TempDir,
    pod: Pod,
    files: Files,
    ui: Ui,
}

impl Fixture {
    fn new(engine: Engine, name: &str, steps: &str) -> Result<Fixture> {
        let folder = tempfile::tempdir()?;
        let yaml =
            format!("name: image-test-{name}\nimage: podctl-image-test/{name}\nservices:\n  web: {{ command: sleep 1 }}\n");
        let sources = vec![Source { name: "pod.yaml".into(), text: yaml }];
        let inputs = Inputs { sources, folder: folder.path().to_owned(), variables: &|_| None };
        let pod = load(inputs).map_err(|diagnostics| anyhow::anyhow!("{diagnostics:?}"))?.pod;
        let dockerfile = format!("FROM {BASE}\n{steps}\nCOPY podinit plan.json /\n");
        let files = Files { dockerfile, plan: "{}".into(), ..Files::default() };
        Ok(Fixture { engine, folder, pod, files, ui: Ui::to_writer(std::io::sink()) })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn build(&self, options: &Options) -> Result<Built> {
        build(&self.engine, &self.ui, &self.pod, &self.files, &BTreeMap::new(), options).await
    }

    /// Why a build builds; nothing when it does not.
    async fn changes(&self) -> Result<Vec<String>> {
        Ok(self.build(&Options::default()).await?.changed.unwrap_or_default())
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let (engine, pod) = (self.engine.clone(), self.pod.name.clone());
        let _ = std::thread::spawn(move || support::block_on(remove_images(&engine, &pod))).join();
    }
}

/// Removes all images that were built for a pod, those without a name among them.
async fn remove_images(engine: &Engine, pod: &str) -> Result<()> {
    let filters = HashMap::from([("label", vec![format!("io.podctl.pod={pod}")])]);
    let ours = ListImagesOptionsBuilder::default().filters(&filters).build();
    let force = RemoveImageOptionsBuilder::default().force(true).build();
    for image in engine.docker.list_images(Some(ours)).await? {
        let _ = engine.docker.remove_image(&image.id, Some(force.clone()), None).await;
    }
    Ok(())
}

async fn a_base_is_there_or_pulled_or_made(engine: Engine) -> Result<()> {
    let ui = Ui::to_writer(std::io::sink());
    let first = base::ensure(&engine, &ui, BASE, &Options::default()).await?;
    let again = base::ensure(&engine, &ui, BASE, &Options::default()).await?;
    assert_eq!(first, again);
    Ok(())
}

async fn a_build_does_what_has_changed_and_says_so(engine: Engine) -> Result<()> {
    let pod = Fixture::new(engine, "changes", "COPY pod/ /app/")?;
    remove_images(&pod.engine, &pod.pod.name).await?;
    for (name, text) in [("server.js", "1"), ("run.sh", "2"), (".env", "SECRET=1")] {
        fs::write(pod.path(name), text)?;
        fs::set_permissions(pod.path(name), Permissions::from_mode(0o644))?;
    }
    symlink("run.sh", pod.path("link"))?;
    assert_eq!(pod.changes().await?, ["there is no such image yet"]);

    let started = Instant::now();
    assert_eq!(pod.build(&Options::default()).await?.changed, None);
    println!("a build with nothing to do took {:?}", started.elapsed());

    for name in ["server.js", "run.sh"] {
        File::open(pod.path(name))?.set_modified(SystemTime::UNIX_EPOCH)?;
    }
    fs::write(pod.path(".env"), "SECRET=2")?;
    assert_eq!(pod.changes().await?, Vec::<String>::new());

    let before = pod.build(&Options::default()).await?.id;
    fs::write(pod.path("server.js"), "2")?;
    assert_eq!(pod.changes().await?, ["pod/server.js changed"]);
    assert_ne!(pod.build(&Options::default()).await?.id, before);
    fs::set_permissions(pod.path("run.sh"), Permissions::from_mode(0o755))?;
    assert_eq!(pod.changes().await?, ["the mode of pod/run.sh changed"]);
    fs::remove_file(pod.path("link"))?;
    symlink("server.js", pod.path("link"))?;
    assert_eq!(pod.changes().await?, ["the target of pod/link changed"]);
    let anew = Options { no_cache: true, ..Options::default() };
    assert_eq!(pod.build(&anew).await?.changed, Some(vec!["every step anew (--no-cache)".to_owned()]));
    assert_eq!(pod.changes().await?, Vec::<String>::new());
    Ok(())
}

async fn a_failing_step_is_told_with_its_output(engine: Engine) -> Result<()> {
    let pod = Fixture::new(engine, "failing", "RUN echo the reason; exit 3")?;
    let error = pod.build(&Options::default()).await.err().context("exit 3 must fail the build")?;
    assert_eq!(exit_code(&error), ExitCode::BuildFailed);
    let text = error.to_string();
    for part in ["cannot build image-test-failing: the step [", "RUN echo the reason; exit 3", "exit code 3\n  the reason\n"] {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
    Ok(())
}

async fn secrets_and_certificates_stay_out(engine: Engine) -> Result<()> {
    let steps = format!("COPY pod/ /app/\nRUN grep -q {CANARY} \"$SSL_CERT_FILE\" && echo trusted >/app/proof");
    let mut pod = Fixture::new(engine, "secrets", &steps.replace(CANARY, "canary"))?;
    pod.files.dockerignore = "pod/**/.env.*\n".to_owned();
    fs::write(pod.path(".env"), format!("TOKEN={CANARY}"))?;
    fs::write(pod.path("ca.pem"), CERTIFICATE)?;
    fs::write(pod.path("kept"), "what-is-kept-5b1f")?;
    let options = Options { ca_bundle: Some(pod.path("ca.pem")), ..Options::default() };
    let built = pod.build(&options).await?;

    let image: Vec<u8> = pod.engine.docker.export_image(&pod.pod.image).map_ok(Vec::from).try_concat().await?;
    let holds = |text: &str| image.windows(text.len()).any(|window| window == text.as_bytes());
    // What is there must be found; where layers are packed this search would find nothing and prove nothing.
    ensure!(holds("what-is-kept-5b1f") && holds("trusted"), "the saved image cannot be searched");
    assert!(!holds(CANARY), "a secret is in the image");

    fs::write(pod.path("ca.pem"), CERTIFICATE.replace("5b1f", "another"))?;
    let again = pod.build(&options).await?;
    assert_eq!((again.id, again.changed), (built.id, None), "certificates are no input");
    Ok(())
}

async fn what_the_engine_does_not_know_is_told(engine: Engine) -> Result<()> {
    let ui = Ui::to_writer(std::io::sink());
    let error = base::ensure(&engine, &ui, "localhost:1/nothing:1", &Options::default()).await;
    let text = format!("{:#}", error.err().context("there is no such registry")?);
    assert!(text.contains("cannot pull localhost:1/nothing:1") && text.contains("make its registry reachable"), "{text}");
    Ok(())
}
