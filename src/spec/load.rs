//! From texts to a pod.

use super::decode::Decoder;
use super::diagnostics::Diagnostics;
use super::model::Pod;
use super::node::Value;
use super::source::Source;
use super::{check, decode, merge, yaml};
use std::path::PathBuf;

/// What a pod is loaded from.
pub struct Inputs<'a> {
    /// The files; each lies over those before it, as in compose.
    pub sources: Vec<Source>,
    /// The folder of the first: relative paths start there, and a pod without a name has that folder's.
    pub folder: PathBuf,
    /// Values for references in keys that shape the image.
    pub variables: &'a dyn Fn(&str) -> Option<String>,
}

/// A pod without errors.
#[derive(Debug)]
pub struct Loaded {
    /// The pod.
    pub pod: Pod,
    /// What is hardly meant as it is written; may be empty.
    pub warnings: Diagnostics,
}

/// Loads a pod.
///
/// # Errors
/// All mistakes in all files, warnings among them.
pub fn load(inputs: Inputs<'_>) -> Result<Loaded, Diagnostics> {
    let mut diagnostics = Vec::new();
    let trees: Vec<_> =
        inputs.sources.iter().enumerate().map(|(file, source)| yaml::parse(file, &source.text, &mut diagnostics)).collect();
    // What one file lacks another may bring: with a file missing, nothing true can be said about the whole.
    let readable = trees.iter().all(|tree| tree.value != Value::Broken);
    let mut pod = None;
    if let Some(mut tree) = trees.into_iter().reduce(merge::files).filter(|_| readable) {
        merge::imply_gateway(&mut tree);
        merge::apply_defaults(&mut tree);
        let mut decoder = Decoder::new(inputs.variables, diagnostics);
        pod = decode::pod(&mut decoder, &tree, &inputs.folder);
        diagnostics = decoder.diagnostics;
        if let Some(pod) = &pod {
            check::pod(pod, &tree, &mut diagnostics);
        }
    }
    let diagnostics = Diagnostics::new(inputs.sources, diagnostics);
    match pod {
        Some(pod) if !diagnostics.has_errors() => Ok(Loaded { pod, warnings: diagnostics }),
        _ => Err(diagnostics),
    }
}
