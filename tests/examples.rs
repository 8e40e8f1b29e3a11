//! Every pod of this repository is valid.

use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn every_pod_in_pods_and_examples_is_valid() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut checked = 0;
    for folder in ["pods", "examples"] {
        for entry in fs::read_dir(root.join(folder)).expect("the folder") {
            let file = entry.expect("an entry").path().join("pod.yaml");
            let output = Command::new(env!("CARGO_BIN_EXE_podctl")).arg("check").arg(&file).output().expect("podctl runs");
            assert!(output.status.success(), "{}: {output:?}", file.display());
            checked += 1;
        }
    }
    assert!(checked >= 4);
}
