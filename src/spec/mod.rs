//! pod.yaml: its types, how it is loaded, and everything that can be wrong with it.
//!
//! [`load::load`] goes from texts to a [`model::Pod`]: `yaml` makes a tree of each file in which every value knows its
//! place, `merge` puts files and `defaults` together, `decode` makes a pod of the tree, `check` looks at the pod as a
//! whole. Each adds its [`diagnostics`] and goes on, so that all mistakes are found in one go.
//! Pure: texts and variables come in as arguments.

#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

pub mod diagnostics;
pub mod instances;
pub mod load;
pub mod model;
pub mod source;

mod check;
mod decode;
mod merge;
pub(crate) mod node;
mod recover;
mod syntax;
pub(crate) mod yaml;

#[cfg(test)]
mod tests;
