//! Values in `.env` and in a CA bundle reach the processes that need them, and nothing that lasts.

use crate::pod::{Pod, text};
use std::fs;

const CANARY: &str = "canary-4f1d9c7be2a8";

pub fn run() -> anyhow::Result<()> {
    let pod = Pod::copy("core-pod-secrets", &[]);
    let bundle = pod.folder().join("../bundle.crt");
    fs::write(pod.folder().join(".env"), format!("JWT_SECRET={CANARY}\n")).expect(".env can be written");
    fs::write(&bundle, certificate(CANARY)).expect("the bundle can be written");
    let bundle = bundle.to_str().expect("a path");
    pod.must(["up", "-d", &pod.name, "--ca-bundle", bundle]);

    let image = format!("{}:latest", pod.name);
    let rendered = pod.folder().join("../rendered");
    pod.must(["render", &pod.name, "-o", rendered.to_str().expect("a path")]);
    let mut places = vec![
        ("history", pod.docker(["history", "--no-trunc", &image]).stdout),
        ("inspect", pod.docker(["image", "inspect", &image]).stdout),
        ("save", pod.docker(["save", &image]).stdout),
        ("/status", pod.get("/status").body.into_bytes()),
        ("logs", pod.docker(["logs", &pod.name]).stdout),
        ("labels of the container", pod.docker(["inspect", "--format", "{{json .Config.Labels}}", &pod.name]).stdout),
    ];
    for file in fs::read_dir(&rendered).expect("rendered files") {
        places.push(("a rendered file", fs::read(file.expect("a file").path()).expect("a file")));
    }
    for (place, bytes) in places {
        assert!(!bytes.is_empty(), "{place} is empty");
        assert!(!bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes()), "the canary is in {place}");
    }
    // The proof that the search would have found it: where it has to be, it is.
    let environment = pod.docker(["inspect", "--format", "{{json .Config.Env}}", &pod.name]);
    assert!(text(&environment).contains(CANARY));

    // Another secret and another bundle make no other image.
    fs::write(pod.folder().join(".env"), "JWT_SECRET=another\n").expect(".env can be written");
    fs::write(bundle, certificate("another")).expect("the bundle can be written");
    let id = |pod: &Pod| text(&pod.docker(["image", "inspect", "--format", "{{.Id}}", &image]));
    let before = id(&pod);
    pod.must(["build", &pod.name, "--ca-bundle", bundle]);
    assert_eq!(before, id(&pod), "the digest of the inputs changed with a secret");
    Ok(())
}

/// No real certificate, but a file that has the look of one and `mark` in it.
fn certificate(mark: &str) -> String {
    format!("# {mark}\n-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
}
