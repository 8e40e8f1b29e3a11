//! The compose file beside a project: the service that is built from it, and those beside it.

use crate::import::account::{Account, Place};
use crate::import::problem::Problem;
use crate::spec::diagnostics::Diagnostics;
use crate::spec::node::{Entry, Node, Value};
use crate::spec::source::Source;
use crate::spec::yaml;
use std::collections::BTreeMap;

/// What a compose file says.
#[derive(Debug, Clone, Default)]
pub struct Compose {
    /// Its file in the account.
    pub file: usize,
    /// The Dockerfile that the service is built with.
    pub dockerfile: Option<String>,
    /// The folder that it is built from.
    pub context: String,
    /// The service of the project; none when there is none.
    pub own: Option<String>,
    /// The tree.
    pub tree: Option<Node>,
    /// Where each key stands, by the byte that it begins with.
    places: BTreeMap<usize, Place>,
}

impl Compose {
    /// Where an entry stands, as the account has it.
    #[must_use]
    pub fn place(&self, entry: &Entry) -> Option<Place> {
        self.places.get(&entry.key_span.start).copied()
    }

    /// The keys of a service.
    #[must_use]
    pub fn service(&self, name: &str) -> Option<&Node> {
        self.tree.as_ref()?.at(&["services", name])
    }
}

/// Reads a compose file.
///
/// # Errors
/// What is no YAML.
pub fn read(source: &Source, account: &mut Account) -> Result<Compose, Vec<Problem>> {
    let mut diagnostics = Vec::new();
    let tree = yaml::parse(0, &source.text, &mut diagnostics);
    let found = Diagnostics::new(vec![source.clone()], diagnostics);
    if found.has_errors() || tree.is_broken() {
        let problems = found.list().iter().map(|diagnostic| {
            let line = source.line_column(diagnostic.primary.span.start).0;
            Problem::at(&source.name, line, diagnostic.message.clone())
        });
        return Err(problems.collect());
    }
    let file = account.file(&source.name);
    let mut compose = Compose { file, context: ".".to_owned(), ..Compose::default() };
    // Every key of a map is a statement, those of variables too.
    enter(&tree, source, file, account, 0, &mut compose.places);
    let services = tree.at(&["services"]).and_then(Node::map);
    for entry in services.map(|map| map.entries.as_slice()).unwrap_or_default() {
        let Some(build) = entry.value.at(&["build"]).filter(|_| compose.own.is_none()) else { continue };
        compose.own = Some(entry.key.clone());
        let text = |key: &str| build.at(&[key]).and_then(Node::scalar).map(|scalar| scalar.text.clone());
        let context =
            build.scalar().map(|scalar| scalar.text.clone()).or_else(|| text("context")).unwrap_or_else(|| ".".to_owned());
        compose.context = context.trim_start_matches("./").trim_end_matches('/').to_owned();
        let dockerfile = text("dockerfile").unwrap_or_else(|| "Dockerfile".to_owned());
        compose.dockerfile = Some(match compose.context.as_str() {
            "" | "." => dockerfile,
            context => format!("{context}/{dockerfile}"),
        });
    }
    compose.tree = Some(tree);
    Ok(compose)
}

/// Enters keys up to the depth of a service's own; what is deeper belongs to those.
fn enter(node: &Node, source: &Source, file: usize, account: &mut Account, depth: usize, places: &mut BTreeMap<usize, Place>) {
    let Value::Map(map) = &node.value else { return };
    for entry in &map.entries {
        // What an alias or a merge key brings stands where it is defined, once.
        if places.contains_key(&entry.key_span.start) {
            continue;
        }
        let line = |offset: usize| source.line_column(offset).0;
        let first = line(entry.key_span.start);
        let last = line(entry.value.span.end.saturating_sub(1).max(entry.key_span.start)).max(first);
        let place = account.enter(Place::line(file, first).to(last), entry.key.clone());
        places.insert(entry.key_span.start, place);
        // Of services the keys, of volumes and the like the names.
        let inner = match (depth, entry.key.as_str()) {
            (0, "services") => Some(1),
            (0, "volumes" | "networks" | "secrets") | (1, _) => Some(2),
            _ => None,
        };
        if let Some(depth) = inner {
            enter(&entry.value, source, file, account, depth, places);
        }
    }
}
