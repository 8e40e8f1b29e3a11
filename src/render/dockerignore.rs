//! `.dockerignore` of the build context, in which the pod's folder lies under `pod/`.

use crate::spec::model::{Pod, SecretSource};
use anyhow::{Result, bail};

/// What no pattern of a pod can bring back: secrets and what belongs to tools. It comes last, since the last match wins.
const ALWAYS: [&str; 4] = ["pod/.git", "pod/**/.env", "pod/**/.env.*", "pod/.podctl"];

/// Files of the pod's folder that hold secrets or variables: no image gets them. Relative to the folder.
pub fn private(pod: &Pod) -> Vec<String> {
    let secrets = pod.secrets.values().filter_map(|secret| match &secret.source {
        SecretSource::File(path) => Some(path),
        SecretSource::Environment(_) | SecretSource::Command(_) => None,
    });
    let files = secrets.chain(pod.env_files.iter().map(|file| &file.path));
    let below = files.filter_map(|path| path.strip_prefix(&pod.folder).ok()?.to_str());
    below.filter_map(cleaned).map(|path| literal(&path)).collect()
}

/// The pattern that matches exactly this path.
fn literal(path: &str) -> String {
    path.chars().flat_map(|c| if "*?[\\".contains(c) { vec!['\\', c] } else { vec![c] }).collect()
}

/// The pod's own patterns, moved to where its folder is, [`ALWAYS`], and what is private.
///
/// # Errors
/// A `!` without a pattern, which Docker refuses too.
pub fn render(own: &str, private: &[String]) -> Result<String> {
    let mut out = String::from("# Rendered by podctl from the pod's own .dockerignore: change it there.\n");
    for (index, line) in own.trim_start_matches('\u{feff}').lines().enumerate() {
        // As Docker reads it: a comment begins in the first column.
        if line.starts_with('#') || line.trim().is_empty() {
            continue;
        }
        let (exception, pattern) = match line.trim().strip_prefix('!') {
            Some(pattern) => ("!", pattern.trim()),
            None => ("", line.trim()),
        };
        if pattern.is_empty() {
            bail!("cannot use line {} of .dockerignore: a `!` needs a pattern behind it; add one or remove the line", index + 1);
        }
        // Docker ignores the pattern `.`, and so all that come to the same.
        if let Some(path) = cleaned(pattern) {
            out.push_str(&format!("{exception}pod/{path}\n"));
        }
    }
    for pattern in ALWAYS {
        out.push_str(&format!("{pattern}\n"));
    }
    for path in private {
        out.push_str(&format!("pod/{path}\n"));
    }
    Ok(out)
}

/// A pattern without `.`, `..` and doubled slashes, relative to the pod's folder; `None` for the folder itself. Nothing
/// reaches beyond it, however many `..` there are.
fn cleaned(pattern: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own_patterns(own: &str) -> Vec<String> {
        let text = render(own, &[]).expect("valid patterns");
        let patterns = text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(patterns[patterns.len() - ALWAYS.len()..], ALWAYS, "the built-in patterns come last");
        patterns[..patterns.len() - ALWAYS.len()].to_vec()
    }

    #[test]
    fn patterns_move_below_pod() {
        for (own, want) in [
            ("node_modules", "pod/node_modules"),
            ("/dist/", "pod/dist"),
            ("*.md", "pod/*.md"),
            ("**/*.log", "pod/**/*.log"),
            ("!README.md", "!pod/README.md"),
            ("! /docs/a.md", "!pod/docs/a.md"),
            ("./a/../b//c", "pod/b/c"),
            ("../../etc", "pod/etc"),
            ("  spaced  ", "pod/spaced"),
            (" # no comment", "pod/# no comment"),
            ("\u{feff}with-bom", "pod/with-bom"),
        ] {
            assert_eq!(own_patterns(own), [want], "{own:?}");
        }
    }

    #[test]
    fn comments_blanks_and_the_folder_itself_say_nothing() {
        assert_eq!(own_patterns("# a\n\n  \n.\n./\n\r\n"), Vec::<String>::new());
    }

    #[test]
    fn a_lone_exclamation_mark_is_refused() {
        assert!(render("a\n!", &[]).is_err_and(|error| error.to_string().contains("line 2")));
    }

    #[test]
    fn files_of_secrets_stay_out_whatever_is_ignored() {
        let text =
            "secrets: { a: { file: ./private/a*.txt }, b: { file: /etc/b } }\nenv_file: web.env\nservices: { a: { command: x } }";
        let source = crate::spec::source::Source { name: "pod.yaml".to_owned(), text: text.to_owned() };
        let inputs = crate::spec::load::Inputs { sources: vec![source], folder: "/x/pod".into(), variables: &|_| None };
        let pod = crate::spec::load::load(inputs).expect("no mistakes").pod;
        let text = render("!private/a*.txt\n", &private(&pod)).expect("valid patterns");
        let last: Vec<&str> = text.lines().rev().take(2).collect();
        assert_eq!(last, ["pod/web.env", "pod/private/a\\*.txt"]);
    }
}
