//! What the tests of import share.

use podctl::import::project::Project;
use podctl::import::{Imported, import};
use podctl::render::{Facts, plan};
use podctl::spec::load::{Inputs, load};
use podctl::spec::model::Pod;
use podctl::spec::source::Source;
use podinit_plan::plan::Plan;
use std::path::Path;

/// Imports one configuration.
pub fn import_file(name: &str, text: &str) -> Result<Imported, Vec<String>> {
    let source = Source { name: name.to_owned(), text: text.to_owned() };
    import(&Project::of_file("pod", source)).map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

/// Imports a folder, whose name is the pod's.
pub fn import_folder(folder: &Path) -> Imported {
    let project = podctl::commands::import::project(folder).unwrap();
    import(&project).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// What podctl makes of a pod.yaml, where every variable that it asks for when it reads one is 2.
pub fn pod(text: &str) -> Result<Pod, String> {
    let source = Source { name: "pod.yaml".to_owned(), text: text.to_owned() };
    let inputs = Inputs { sources: vec![source], folder: "/x/pod".into(), variables: &|_| Some("2".to_owned()) };
    load(inputs).map(|loaded| loaded.pod).map_err(|mistakes| format!("{mistakes}\n{text}"))
}

/// The plan that podinit gets.
pub fn compile(text: &str) -> Result<Plan, String> {
    plan::compile(&pod(text)?, &Facts::default()).map_err(|error| format!("{error:#}"))
}
