//! Compiles podinit and podinit-deliver, small and static, and embeds them: `podctl` is one file that needs nothing
//! beside it.
//!
//! They get a build of their own, because they have another profile and other flags than podctl; the folder of that build
//! is shared by clippy, debug and release builds of podctl, so it is made once for all of them.

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A program that podctl carries.
struct Program {
    /// As its package is called.
    name: &'static str,
    /// What it is made from, beside its Cargo.toml and src.
    beside: &'static [&'static str],
}

const PROGRAMS: [Program; 2] = [
    Program { name: "podinit", beside: &["plan", "resolver", "../Cargo.lock"] },
    Program { name: "podinit-deliver", beside: &["../plan", "../resolver", "../../Cargo.lock"] },
];

/// Nothing unwinds where a panic aborts, so the tables for it, an eighth of podinit, are left out. INSERT has the linker
/// keep its own layout for everything else.
const LEAN: &str = "SECTIONS { /DISCARD/ : { *(.eh_frame) *(.gcc_except_table .gcc_except_table.*) } } INSERT AFTER .text;";

/// Rust's names of architectures.
const ARCHITECTURES: [&str; 2] = ["x86_64", "aarch64"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for program in PROGRAMS {
        if let Err(error) = embed(&program) {
            println!("cargo::error=cannot embed {}: {error}", program.name);
            exit(1);
        }
    }
}

/// Writes `PROGRAM.rs`, which has one constant for each architecture: the binary's bytes, or none.
fn embed(program: &Program) -> Result<()> {
    let out_dir = PathBuf::from(env::var("OUT_DIR")?);
    let mut source = String::new();
    for architecture in ARCHITECTURES {
        let value = match binary(program, architecture, &out_dir)? {
            Some(file) => {
                refuse_dynamic(&file)?;
                let copy = out_dir.join(format!("{}-{architecture}", program.name));
                fs::copy(&file, &copy)?;
                format!("Some(include_bytes!({copy:?}))")
            }
            None => "None".to_owned(),
        };
        source += &format!("pub const {}: Option<&[u8]> = {value};\n", architecture.to_uppercase());
    }
    fs::write(out_dir.join(format!("{}.rs", program.name)), source)?;
    Ok(())
}

/// The file to embed: the given one, else one built here when podctl itself is built for that architecture.
fn binary(program: &Program, architecture: &str, out_dir: &Path) -> Result<Option<PathBuf>> {
    let name = program.name;
    let variable = format!("PODCTL_{}_{}", as_variable(name), as_variable(architecture));
    println!("cargo::rerun-if-env-changed={variable}");
    if let Some(file) = env::var_os(&variable).filter(|file| !file.is_empty()) {
        let file = PathBuf::from(file);
        if !file.is_file() {
            return Err(format!("{variable} names {}, which is no file; set it to a static {name}", file.display()).into());
        }
        println!("cargo::rerun-if-changed={}", file.display());
        return Ok(Some(file));
    }
    let is_here = env::var("CARGO_CFG_TARGET_ARCH")? == architecture && env::var("CARGO_CFG_TARGET_OS")? == "linux";
    if is_here { compile(program, out_dir, &variable).map(Some) } else { Ok(None) }
}

fn as_variable(name: &str) -> String {
    name.to_uppercase().replace('-', "_")
}

fn compile(program: &Program, out_dir: &Path, variable: &str) -> Result<PathBuf> {
    let Program { name, beside } = program;
    let target = env::var("TARGET")?;
    // Set by the program's own build.rs: cargo leaves nested crates out of a package, so its source may be anywhere.
    let source = PathBuf::from(env::var(format!("DEP_{}_MANIFEST_DIR", as_variable(name)))?);
    for input in ["Cargo.toml", "src"].iter().chain(*beside) {
        let input = source.join(input);
        if input.exists() {
            println!("cargo::rerun-if-changed={}", input.display());
        }
    }
    // cargo marks the top of a target folder with this file.
    let target_dir = out_dir.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists()).unwrap_or(out_dir);
    let target_dir = target_dir.join("podinit");

    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--release", "--bin", name, "--target", &target]);
    cargo.arg("--manifest-path").arg(source.join("Cargo.toml"));
    cargo.arg("--target-dir").arg(&target_dir);
    // What the outer build was told is not meant for this one.
    for outer in ["RUSTC_WORKSPACE_WRAPPER", "RUSTFLAGS", "CARGO_BUILD_TARGET", "CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR"] {
        cargo.env_remove(outer);
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags(&target_dir, &target)?.join("\u{1f}"));
    for (setting, value) in [("OPT_LEVEL", "z"), ("LTO", "fat"), ("CODEGEN_UNITS", "1"), ("PANIC", "abort"), ("STRIP", "true")] {
        cargo.env(format!("CARGO_PROFILE_RELEASE_{setting}"), value);
    }
    let status = cargo.status()?;
    if !status.success() {
        return Err(format!(
            "its build failed, see above; it is linked statically, which takes the C library's libc.a (Debian: libc6-dev, \
             Fedora: glibc-static); or set {variable} to a static {name}"
        )
        .into());
    }
    Ok(target_dir.join(target).join("release").join(name))
}

/// Static, and small.
fn flags(target_dir: &Path, target: &str) -> Result<Vec<String>> {
    let mut flags = vec!["-Ctarget-feature=+crt-static".to_owned(), "-Crelocation-model=static".to_owned()];
    // Rust brings the linker for this target, so it is known to understand what follows. podinit's own definitions come
    // before those of the C library (runtime/src/lean.rs).
    if target == "x86_64-unknown-linux-gnu" {
        // Here, for it is named to the compiler: a path of its own for each build would be a build of its own.
        fs::create_dir_all(target_dir)?;
        let script = target_dir.join("lean.ld");
        fs::write(&script, LEAN)?;
        let script = script.to_str().ok_or("the path of the target folder is not UTF-8")?;
        flags.push("-Cllvm-args=--enable-machine-outliner=always".to_owned());
        flags.extend(
            ["--icf=all", "--no-eh-frame-hdr", "-z,muldefs", "-T", script].map(|argument| format!("-Clink-arg=-Wl,{argument}")),
        );
    }
    Ok(flags)
}

/// A program that asks for a dynamic loader would start in no image but one like the builder's.
fn refuse_dynamic(file: &Path) -> Result<()> {
    const PT_INTERP: u32 = 3;
    let elf = fs::read(file)?;
    let bytes = |at: usize, length: usize| elf.get(at..at + length).ok_or("it is cut short");
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
