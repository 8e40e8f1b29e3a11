//! The pods whose files are looked at.

use podctl::render::Facts;
use podctl::spec::load::{Inputs, load};
use podctl::spec::model::Pod;
use podctl::spec::source::Source;

/// The pod of a pod.yaml, with no variable set.
pub fn pod(text: &str) -> Pod {
    let source = Source { name: "pod.yaml".to_owned(), text: text.to_owned() };
    let loaded = load(Inputs { sources: vec![source], folder: "/nowhere/pod".into(), variables: &|_| None });
    let loaded = loaded.unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert!(loaded.warnings.list().is_empty(), "{}", loaded.warnings);
    loaded.pod
}

pub fn core_pod() -> (Pod, Facts) {
    let dockerignore = include_str!("../../pods/core-pod/.dockerignore").to_owned();
    (pod(include_str!("../../pods/core-pod/pod.yaml")), Facts { dockerignore, ..Facts::default() })
}

pub fn odd_pod() -> (Pod, Facts) {
    let files = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let top_files = [
        ("api", files(&["app.py", "requirements.txt"])),
        (".", files(&["package-lock.json", "package.json", "pod.yaml", "yarn.lock"])),
    ];
    let facts = Facts {
        dockerignore: "node_modules\n!/api/keep\n".to_owned(),
        top_files: top_files.into_iter().map(|(context, files)| (context.to_owned(), files)).collect(),
        ..Facts::default()
    };
    (pod(include_str!("odd.yaml")), facts)
}

pub fn site_pod() -> (Pod, Facts) {
    let text = "user = ${POOL_USER:-web}\nlimit = ${LIMIT:?set the limit}\n".to_owned();
    let facts = Facts {
        texts: [("conf/pool.conf".to_owned(), text)].into_iter().collect(),
        base_dockerfile: "ARG VERSION=7\nFROM php:${VERSION}-fpm-alpine\n".to_owned(),
        ..Facts::default()
    };
    (pod(include_str!("site.yaml")), facts)
}

pub fn worker_pod() -> (Pod, Facts) {
    (pod(include_str!("worker.yaml")), Facts::default())
}

pub fn jobs_pod() -> (Pod, Facts) {
    (pod(include_str!("jobs.yaml")), Facts::default())
}
