//! Texts of pod.yaml as a Dockerfile and its shell have to be told them.

/// The arguments of a `RUN` that hands `line` to the shell as it stands.
///
/// What a Dockerfile would read in its own way (line breaks, a backslash at the end, a here-document, flags, a list) is
/// passed to the shell as a list.
pub fn run(line: &str) -> String {
    let line = line.trim_end_matches('\n');
    let own_meaning = line.contains(['\n', '\r']) || line.contains("<<") || line.ends_with('\\');
    if own_meaning || line.trim_start().starts_with(['[', '-', '#']) { json(["/bin/sh", "-c", line]) } else { line.to_owned() }
}

/// The arguments of a `COPY`: sources, then the target.
pub fn copy<'a>(paths: impl IntoIterator<Item = &'a str>) -> String {
    let paths: Vec<String> = paths.into_iter().map(path).collect();
    let plain = paths.iter().all(|path| !path.contains([' ', '\t', '"', '\'', '[']));
    if plain { paths.join(" ") } else { json(paths.iter().map(String::as_str)) }
}

/// A path in which a Dockerfile finds no variable.
pub fn path(path: &str) -> String {
    path.replace('\\', "\\\\").replace('$', "\\$")
}

/// The arguments of an `ENV`.
pub fn variable(name: &str, value: &str) -> String {
    format!("{name}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$"))
}

/// A word that the shell leaves as it is.
pub fn shell_word(word: &str) -> String {
    let plain = word.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-_.:=+@%,".contains(&b));
    if plain && !word.is_empty() { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

/// Words that the shell leaves as they are.
pub fn shell_words(words: &[String]) -> String {
    words.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ")
}

fn json<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    serde_json::Value::from_iter(words).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_line_stays_as_it_is() {
        assert_eq!(run("npm ci && echo \"$HOME\"\n"), "npm ci && echo \"$HOME\"");
    }

    #[test]
    fn what_a_dockerfile_would_misread_goes_to_the_shell_as_a_list() {
        for line in ["set -e\nmake", "cat <<EOF", "echo a \\", "[ -d x ]", "--mount=type=ssh id", "# nothing"] {
            assert_eq!(run(line), serde_json::json!(["/bin/sh", "-c", line]).to_string(), "{line}");
        }
    }

    #[test]
    fn paths_keep_blanks_and_dollar_signs() {
        assert_eq!(copy(["a/b", "./"]), "a/b ./");
        assert_eq!(copy(["my files/", "/app/"]), r#"["my files/","/app/"]"#);
        assert_eq!(copy(["$a", "/app/"]), "\\$a /app/");
    }

    #[test]
    fn words_are_safe_from_the_shell() {
        assert_eq!(shell_word("python3.11-dev=1:2~3"), "'python3.11-dev=1:2~3'");
        assert_eq!(shell_word("libssl-dev"), "libssl-dev");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
    }
}
