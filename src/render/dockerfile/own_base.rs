//! What a Dockerfile of the user's starts from.

use crate::spec::model::BaseBuild;
use std::collections::HashMap;

/// The image that the stage which is the base comes of; empty when that cannot be told.
pub fn image(dockerfile: &str, build: &BaseBuild) -> String {
    let mut arguments: HashMap<String, String> = HashMap::new();
    let mut stages: Vec<(Option<String>, String)> = Vec::new();
    for line in dockerfile.lines() {
        let mut words = line.split_whitespace();
        match words.next().map(str::to_ascii_uppercase).as_deref() {
            Some("ARG") if stages.is_empty() => {
                let (name, value) = words.next().and_then(|word| word.split_once('=')).unwrap_or_default();
                let value = build.args.get(name).map_or_else(|| value.trim_matches('"').to_owned(), Clone::clone);
                arguments.insert(name.to_owned(), value);
            }
            Some("FROM") => {
                let mut words = words.filter(|word| !word.starts_with("--"));
                let from = words.next().unwrap_or_default();
                let name = words.next().filter(|word| word.eq_ignore_ascii_case("as")).and_then(|_| words.next());
                stages.push((name.map(str::to_lowercase), filled(from, &arguments)));
            }
            _ => {}
        }
    }
    let named = |name: &str| stages.iter().rposition(|(own, _)| own.as_deref() == Some(name.to_lowercase().as_str()));
    let mut at = match &build.target {
        Some(target) => named(target),
        None => stages.len().checked_sub(1),
    };
    while let Some(index) = at {
        let from = &stages[index].1;
        match named(from).filter(|earlier| *earlier < index) {
            Some(earlier) => at = Some(earlier),
            None => return from.clone(),
        }
    }
    String::new()
}

/// `${NAME}` and `$NAME` by their values.
fn filled(text: &str, arguments: &HashMap<String, String>) -> String {
    arguments.iter().fold(text.to_owned(), |text, (name, value)| {
        text.replace(&format!("${{{name}}}"), value).replace(&format!("${name}"), value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use indexmap::IndexMap;

    #[test]
    fn the_image_behind_a_stage_is_found() {
        let text = "ARG PYTHON=3.12-alpine\nFROM --platform=$BUILDPLATFORM node:22 AS front\nFROM python:${PYTHON} AS Base\nRUN x\nFROM base as final\n";
        let build = |target: Option<&str>, args: &[(&str, &str)]| BaseBuild {
            context: ".".to_owned(),
            dockerfile: "Dockerfile".to_owned(),
            target: target.map(str::to_owned),
            args: args.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<IndexMap<_, _>>(),
        };
        assert_eq!(image(text, &build(None, &[])), "python:3.12-alpine");
        assert_eq!(image(text, &build(Some("front"), &[])), "node:22");
        assert_eq!(image(text, &build(Some("final"), &[("PYTHON", "3.12")])), "python:3.12");
        assert_eq!(image("", &build(None, &[])), "");
    }
}
