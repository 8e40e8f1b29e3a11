//! The value of a run-time variable is in the container's environment and nowhere else that podctl, podinit or nginx
//! write to.
//!
//! How: in a container of its own every variable of an environment has a canary for its value, but for those with a
//! default in pod.yaml: these are settings, which a service may not survive, and the image holds the default anyway.
//! Looked through are `docker save` of the image and the files it gives a container, its configuration, labels and
//! history, /health and /status from outside, the container's log, and all command lines. The real values are looked
//! for as well, as far as they can be told from ordinary text.

use super::super::context::{Context, canary};
use super::super::pod::{TestPod, Variation};
use super::super::report::Outcome;
use super::super::witness::image::{self, Needle};
use crate::render::plan::{environment_variables, secret_variables};
use anyhow::Result;
use memchr::memmem;
use std::collections::{BTreeMap, BTreeSet};

/// A shorter value may be found anywhere by chance.
const SHORTEST_SECRET: usize = 12;

pub(super) async fn judge(context: &Context<'_>) -> Result<Outcome> {
    let names = environment_variables(context.plan);
    let telling = |name: &String| context.variables.get(name).filter(|value| is_telling(value));
    let real = names.iter().filter_map(|name| Some(Needle { name: name.clone(), value: telling(name)?.clone() }));
    let secrets = secret_variables(context.plan).into_iter();
    let canaries: Vec<Needle> = secrets.map(|name| Needle { value: canary(&name), name }).collect();
    let mut variables = context.variables.clone();
    variables.extend(canaries.iter().map(|needle| (needle.name.clone(), needle.value.clone())));
    let sought: Vec<Needle> = real.chain(canaries).collect();
    if sought.is_empty() {
        return Ok(Outcome::Skipped("the pod has no run-time variables without a default".to_owned()));
    }
    let mut found: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let mut note = |names: Vec<String>, place| {
        for name in names {
            found.entry(name).or_default().insert(place);
        }
    };

    let variation = Variation { variables: Some(&variables), ..Variation::default() };
    let mut pod = TestPod::start(context, "secrets", &variation).await?;
    // A service may not work with such a value. What it says of it counts all the same.
    let up = pod.up(context).await.is_ok();
    if up {
        note(in_text(&sought, command_lines(&pod).await?.as_bytes()), "a command line");
        let shown = context.pod.gateway.as_ref().map(|gateway| [gateway.health.as_deref(), gateway.status.as_deref()]);
        for path in shown.into_iter().flatten().flatten() {
            note(in_text(&sought, &pod.get(context, path).await?.body), "what the gateway shows");
        }
    }
    let said: Vec<String> = pod.logs().await?.into_iter().map(|line| line.text).collect();
    note(in_text(&sought, said.join("\n").as_bytes()), "the log");
    note(in_text(&sought, &image::description(context.engine, context.image).await?), "the image's configuration or history");
    note(image::search_saved(context.engine, context.image, &sought).await?, "docker save of the image");
    note(image::search_files(context.engine, &pod.container, &sought).await?, "the container's files");
    pod.discard().await?;
    let problems: Vec<String> = found
        .into_iter()
        .map(|(name, places)| format!("the value of {name} is in {}", places.into_iter().collect::<Vec<_>>().join(" and in ")))
        .collect();
    let looked_for: BTreeSet<&str> = sought.iter().map(|needle| needle.name.as_str()).collect();
    let looked_for = Vec::from_iter(looked_for).join(", ");
    let came_up = if up { "" } else { "; the pod did not come up with them" };
    Ok(Outcome::of(&problems, format!("{looked_for}: nowhere but in the environment{came_up}")))
}

/// Whether a value can be told from ordinary text when it is found.
fn is_telling(value: &str) -> bool {
    let has = |kind: fn(char) -> bool| value.chars().any(kind);
    value.len() >= SHORTEST_SECRET && has(|c| c.is_ascii_digit()) && has(|c| c.is_ascii_alphabetic())
}

fn in_text(needles: &[Needle], text: &[u8]) -> Vec<String> {
    let found = needles.iter().filter(|needle| memmem::find(text, needle.value.as_bytes()).is_some());
    found.map(|needle| needle.name.clone()).collect()
}

async fn command_lines(pod: &TestPod) -> Result<String> {
    let table = pod.table().await?;
    Ok(table.processes.values().map(|process| process.argv.join(" ")).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_words_are_not_taken_for_secrets() {
        assert!(is_telling("postgres://u:p4ss@db/x") && is_telling("0123456789abcdef"));
        for plain in ["production", "7s", "a-long-word-without-any", "127.0.0.1:80"] {
            assert!(!is_telling(plain), "{plain}");
        }
    }
}
