//! Tells podctl's build script where podinit-deliver's source is, wherever cargo has unpacked it.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::metadata=manifest_dir={}", env!("CARGO_MANIFEST_DIR"));
}
