//! From rendered files to an image in the engine: the context, the digest of its inputs, bases, the build.

pub mod base;
mod build;
pub mod context;
pub mod dockerfile;
pub mod dockerignore;
pub mod facts;
pub mod inputs;
mod outgoing;
mod own_base;
pub mod programs;
mod steps;

pub use build::{Built, build};

use std::path::PathBuf;

/// How an image is to be built.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Every step is run anew.
    pub no_cache: bool,
    /// Newer bases are looked for.
    pub pull: bool,
    /// Certificates that the steps of the build trust, and nothing else.
    pub ca_bundle: Option<PathBuf>,
    /// The address of a Debian archive, for a base made of packages: `http://mirror.example/debian`.
    pub mirror: Option<String>,
}
