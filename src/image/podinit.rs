//! The podinit that podctl carries.

use anyhow::{Result, bail};

// What build.rs embedded: one constant per architecture.
include!(concat!(env!("OUT_DIR"), "/podinit.rs"));

/// The bytes of podinit for an engine's architecture, `amd64` or `arm64` (also by their other names).
///
/// # Errors
/// This podctl carries none for it.
pub fn binary(architecture: &str) -> Result<&'static [u8]> {
    let (binary, variable) = match architecture {
        "amd64" | "x86_64" => (X86_64, "PODCTL_PODINIT_X86_64"),
        "arm64" | "aarch64" => (AARCH64, "PODCTL_PODINIT_AARCH64"),
        other => bail!("cannot build for an engine on {other}: podinit exists for amd64 and arm64 only; use another engine"),
    };
    match binary {
        Some(bytes) => Ok(bytes),
        None => bail!(
            "cannot build for an engine on {architecture}: this podctl carries no podinit for it; \
             build podctl with {variable}=FILE, or use a released one"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn podinit_is_carried_for_the_architecture_podctl_is_built_on() {
        let bytes = binary(std::env::consts::ARCH).unwrap();
        assert_eq!(&bytes[..4], b"\x7fELF");
    }

    #[test]
    fn an_unknown_architecture_is_an_error_that_says_so() {
        assert!(binary("riscv64").unwrap_err().to_string().contains("riscv64"));
    }
}
