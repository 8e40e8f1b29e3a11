//! Compiles podinit, small and static, and embeds it: `podctl` is one file that needs nothing beside it.
//!
//! podinit gets a build of its own, because it has another profile and other flags than podctl; the folder of that
//! build is shared by clippy, debug and release builds of podctl, so it is made once for all of them.

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Rust's name of an architecture, and the variable that names a ready podinit for it.
const ARCHITECTURES: [(&str, &str); 2] = [("x86_64", "PODCTL_PODINIT_X86_64"), ("aarch64", "PODCTL_PODINIT_AARCH64")];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if let Err(error) = embed() {
        println!("cargo::error=cannot embed podinit: {error}");
        exit(1);
    }
}

/// Writes `podinit.rs`, which has one constant for each architecture: the binary's bytes, or none.
fn embed() -> Result<()> {
    let out_dir = PathBuf::from(env::var("OUT_DIR")?);
    let mut source = String::new();
    for (architecture, variable) in ARCHITECTURES {
        println!("cargo::rerun-if-env-changed={variable}");
        let value = match binary(architecture, variable, &out_dir)? {
            Some(file) => {
                refuse_dynamic(&file)?;
                let copy = out_dir.join(format!("podinit-{architecture}"));
                fs::copy(&file, &copy)?;
                format!("Some(include_bytes!({copy:?}))")
            }
            None => "None".to_owned(),
        };
        source += &format!("const {}: Option<&[u8]> = {value};\n", architecture.to_uppercase());
    }
    fs::write(out_dir.join("podinit.rs"), source)?;
    Ok(())
}

/// The file to embed: the given one, else one built here when podctl itself is built for that architecture.
fn binary(architecture: &str, variable: &str, out_dir: &Path) -> Result<Option<PathBuf>> {
    if let Some(file) = env::var_os(variable).filter(|file| !file.is_empty()) {
        let file = PathBuf::from(file);
        if !file.is_file() {
            return Err(format!("{variable} names {}, which is no file; set it to a static podinit", file.display()).into());
        }
        println!("cargo::rerun-if-changed={}", file.display());
        return Ok(Some(file));
    }
    let is_here = env::var("CARGO_CFG_TARGET_ARCH")? == architecture && env::var("CARGO_CFG_TARGET_OS")? == "linux";
    if is_here { compile(out_dir, variable).map(Some) } else { Ok(None) }
}

fn compile(out_dir: &Path, variable: &str) -> Result<PathBuf> {
    let target = env::var("TARGET")?;
    // Set by runtime/build.rs: cargo leaves nested crates out of a package, so podinit may be anywhere.
    let source = PathBuf::from(env::var("DEP_PODINIT_MANIFEST_DIR")?);
    for input in ["Cargo.toml", "src", "plan/Cargo.toml", "plan/src", "../Cargo.lock"] {
        let input = source.join(input);
        if input.exists() {
            println!("cargo::rerun-if-changed={}", input.display());
        }
    }
    // cargo marks the top of a target folder with this file.
    let target_dir = out_dir.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists()).unwrap_or(out_dir);
    let target_dir = target_dir.join("podinit");

    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--release", "--bin", "podinit", "--target", &target]);
    cargo.arg("--manifest-path").arg(source.join("Cargo.toml"));
    cargo.arg("--target-dir").arg(&target_dir);
    // What the outer build was told is not meant for this one.
    for outer in ["RUSTC_WORKSPACE_WRAPPER", "RUSTFLAGS", "CARGO_BUILD_TARGET", "CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR"] {
        cargo.env_remove(outer);
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", "-Ctarget-feature=+crt-static\u{1f}-Crelocation-model=static");
    for (setting, value) in [("OPT_LEVEL", "z"), ("LTO", "fat"), ("CODEGEN_UNITS", "1"), ("PANIC", "abort"), ("STRIP", "true")] {
        cargo.env(format!("CARGO_PROFILE_RELEASE_{setting}"), value);
    }
    let status = cargo.status()?;
    if !status.success() {
        return Err(format!(
            "its build failed, see above; it is linked statically, which takes the C library's libc.a (Debian: libc6-dev, \
             Fedora: glibc-static); or set {variable} to a static podinit"
        )
        .into());
    }
    Ok(target_dir.join(target).join("release/podinit"))
}

/// A podinit that asks for a dynamic loader would start in no image but one like the builder's.
fn refuse_dynamic(file: &Path) -> Result<()> {
    const PT_INTERP: u32 = 3;
    let elf = fs::read(file)?;
    let bytes = |at: usize, length: usize| elf.get(at..at + length).ok_or("podinit is cut short");
    if bytes(0, 6)? != b"\x7fELF\x02\x01" {
        return Err(format!("{} is no 64-bit little-endian ELF file", file.display()).into());
    }
    // The ELF header's e_phoff, e_phentsize and e_phnum.
    let table = u64::from_le_bytes(bytes(32, 8)?.try_into()?) as usize;
    let size = usize::from(u16::from_le_bytes(bytes(54, 2)?.try_into()?));
    let count = usize::from(u16::from_le_bytes(bytes(56, 2)?.try_into()?));
    for index in 0..count {
        if u32::from_le_bytes(bytes(table + index * size, 4)?.try_into()?) == PT_INTERP {
            return Err(format!("{} is not linked statically; it would need the loader of its image", file.display()).into());
        }
    }
    Ok(())
}
