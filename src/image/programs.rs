//! The programs that podctl carries for images.

use anyhow::{Result, bail};

// What build.rs embedded: one constant per architecture.
mod podinit {
    include!(concat!(env!("OUT_DIR"), "/podinit.rs"));
}
mod deliver {
    include!(concat!(env!("OUT_DIR"), "/podinit-deliver.rs"));
}

/// A program that podctl carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Program {
    /// PID 1
    Podinit,
    /// Delivers podinit's alerts by HTTP, HTTPS and mail
    PodinitDeliver,
}

impl Program {
    /// Its name in a build context.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Program::Podinit => "podinit",
            Program::PodinitDeliver => "podinit-deliver",
        }
    }

    /// Its bytes for an engine's architecture, `amd64` or `arm64` (also by their other names).
    ///
    /// # Errors
    /// This podctl carries none for it.
    pub fn binary(self, architecture: &str) -> Result<&'static [u8]> {
        let name = self.name();
        let (x86_64, aarch64) = match self {
            Program::Podinit => (podinit::X86_64, podinit::AARCH64),
            Program::PodinitDeliver => (deliver::X86_64, deliver::AARCH64),
        };
        let (binary, suffix) = match architecture {
            "amd64" | "x86_64" => (x86_64, "X86_64"),
            "arm64" | "aarch64" => (aarch64, "AARCH64"),
            other => bail!("cannot build for an engine on {other}: {name} exists for amd64 and arm64 only; use another engine"),
        };
        match binary {
            Some(bytes) => Ok(bytes),
            None => bail!(
                "cannot build for an engine on {architecture}: this podctl carries no {name} for it; \
                 build podctl with PODCTL_{}_{suffix}=FILE, or use a released one",
                name.to_uppercase().replace('-', "_")
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRAMS: [Program; 2] = [Program::Podinit, Program::PodinitDeliver];

    #[test]
    fn programs_are_carried_for_the_architecture_podctl_is_built_on() {
        for program in PROGRAMS {
            assert_eq!(&program.binary(std::env::consts::ARCH).unwrap()[..4], b"\x7fELF", "{program:?}");
        }
    }

    #[test]
    fn an_unknown_architecture_is_an_error_that_says_so() {
        for program in PROGRAMS {
            let problem = program.binary("riscv64").unwrap_err().to_string();
            assert!(problem.contains("riscv64") && problem.contains(program.name()), "{problem}");
        }
    }
}
