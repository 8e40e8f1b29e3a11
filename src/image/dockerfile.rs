//! What a build has to know of a Dockerfile and change in it. `podctl render` shows none of these changes.

use super::base::Base;
use std::collections::BTreeMap;

/// The images that a Dockerfile starts from or copies from, in their order, each once.
#[must_use]
pub fn images(dockerfile: &str) -> Vec<String> {
    let mut stages: Vec<&str> = Vec::new();
    let mut images: Vec<String> = Vec::new();
    for line in dockerfile.lines() {
        let Some((_, reference)) = reference(line) else { continue };
        let is_number = reference.bytes().all(|byte| byte.is_ascii_digit());
        let is_stage = stages.iter().any(|stage| stage.eq_ignore_ascii_case(reference));
        if !is_stage && !is_number && reference != "scratch" && !images.iter().any(|image| image == reference) {
            images.push(reference.to_owned());
        }
        stages.extend(stage_name(line));
    }
    images
}

/// The Dockerfile with the names under which the engine has its images.
#[must_use]
pub fn with_bases(dockerfile: &str, bases: &BTreeMap<String, Base>) -> String {
    map_lines(dockerfile, |line| match reference(line) {
        Some((at, reference)) => match bases.get(reference) {
            Some(base) => format!("{}{}{}", &line[..at], base.reference, &line[at + reference.len()..]),
            None => line.to_owned(),
        },
        None => line.to_owned(),
    })
}

/// Where a build's context has the secrets that its steps read.
pub const SECRETS: &str = ".secrets";

/// The Dockerfile with the secrets of its steps mounted from the context: the way of BuildKit's own takes a session that
/// podctl does not hold. They are in no layer either way; the builder's cache of contexts has them until it is pruned.
#[must_use]
pub fn with_secrets(dockerfile: &str) -> String {
    map_lines(dockerfile, |line| {
        let word = |word: &str| match word.strip_prefix("--mount=type=secret,id=").map(|rest| rest.split(',').next()) {
            Some(Some(name)) => format!("--mount=type=bind,source={SECRETS}/{name},target=/run/secrets/{name}"),
            _ => word.to_owned(),
        };
        line.split(' ').map(word).collect::<Vec<_>>().join(" ")
    })
}

/// The Dockerfile without the mounts of its steps, for a builder that has none.
#[must_use]
pub fn without_mounts(dockerfile: &str) -> String {
    map_lines(dockerfile, |line| {
        let words: Vec<&str> = line.split(' ').filter(|word| !word.starts_with("--mount=")).collect();
        words.join(" ")
    })
}

fn map_lines(dockerfile: &str, change: impl Fn(&str) -> String) -> String {
    dockerfile.lines().flat_map(|line| [change(line), "\n".to_owned()]).collect()
}

/// Where a line names an image or a stage, `FROM x` or `COPY --from=x`, and the name.
fn reference(line: &str) -> Option<(usize, &str)> {
    let mut words = line.split_whitespace();
    let instruction = words.next()?;
    let name = if instruction.eq_ignore_ascii_case("FROM") {
        words.find(|word| !word.starts_with("--"))?
    } else if instruction.eq_ignore_ascii_case("COPY") {
        words.take_while(|word| word.starts_with("--")).find_map(|word| word.strip_prefix("--from="))?
    } else {
        return None;
    };
    // The words are parts of the line, so their distance is where they stand.
    Some((name.as_ptr() as usize - line.as_ptr() as usize, name))
}

/// `b` of `FROM a AS b`.
fn stage_name(line: &str) -> Option<&str> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        [from, .., as_, name] if from.eq_ignore_ascii_case("FROM") && as_.eq_ignore_ascii_case("AS") => Some(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCKERFILE: &str = "FROM debian:bookworm-slim AS base\nRUN --mount=type=cache,target=/a \\\n    --mount=type=cache,target=/b,sharing=locked \\\n    \
                              apt-get install FROM x\nFROM --platform=$P node:22 AS web\nCOPY --chown=1 --from=debian:bookworm-slim /a /b\n\
                              FROM base\nCOPY --from=web /c /c\nCOPY --from=0 /d /d\nCOPY --from=scratch a b\n";

    #[test]
    fn images_are_told_from_stages() {
        assert_eq!(images(DOCKERFILE), ["debian:bookworm-slim", "node:22"]);
    }

    #[test]
    fn images_get_the_names_that_the_engine_has_them_under() {
        let made = Base { reference: "podctl/debian:bookworm-slim".into(), id: "sha256:1".into() };
        let changed = with_bases(DOCKERFILE, &BTreeMap::from([("debian:bookworm-slim".to_owned(), made)]));
        assert!(changed.starts_with("FROM podctl/debian:bookworm-slim AS base\n"), "{changed}");
        assert!(changed.contains("COPY --chown=1 --from=podctl/debian:bookworm-slim /a /b\n"), "{changed}");
        assert!(changed.contains("FROM --platform=$P node:22 AS web\n"), "{changed}");
        assert_eq!(changed.replace("podctl/debian", "debian"), DOCKERFILE);
    }

    #[test]
    fn mounts_can_be_taken_out() {
        let plain = without_mounts(DOCKERFILE);
        assert!(!plain.contains("--mount"), "{plain}");
        assert!(plain.contains("apt-get install FROM x\n") && plain.contains("COPY --chown=1 --from="), "{plain}");
    }
}
