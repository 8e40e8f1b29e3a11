//! Names that pod.yaml takes.

/// A service's name: lower-case letters, digits, `_`, `.` and `-`, and none of the two that podctl has for itself.
#[must_use]
pub fn service(name: &str) -> String {
    let name = plain(name);
    match name.as_str() {
        "" => "service".to_owned(),
        "gateway" | "podinit" => format!("{name}-service"),
        _ => name,
    }
}

/// A pod's name.
#[must_use]
pub fn pod(name: &str) -> String {
    let name = plain(name);
    if name.is_empty() { "pod".to_owned() } else { name }
}

fn plain(name: &str) -> String {
    let replaced = name
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "_.-".contains(c) { c } else { '-' })
        .collect::<String>();
    let name: String = replaced.trim_start_matches(['_', '.', '-']).chars().take(60).collect();
    name.trim_end_matches(['-', '.']).to_owned()
}

/// A user's name, as the image's tools take it.
#[must_use]
pub fn is_user(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.len() <= 32
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-'))
}

/// The name, or with a number behind it when it is taken.
#[must_use]
pub fn unique(name: &str, is_taken: &dyn Fn(&str) -> bool) -> String {
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    std::iter::once(name.to_owned()).chain(numbered).find(|name| !is_taken(name)).unwrap_or_default()
}
