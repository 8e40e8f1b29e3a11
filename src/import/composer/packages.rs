//! Shell lines of a Dockerfile: which of them install packages, make folders and users, or do nothing that podctl does not.

use podinit_plan::words;

/// What a line is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Packages of the distribution.
    Packages(Vec<String>),
    /// Empty folders.
    Folders(Vec<String>),
    /// Who has these from now on.
    Owner(String, Vec<String>),
    /// Their mode.
    Mode(String, Vec<String>),
    /// A user, and its uid.
    User(String, Option<u32>),
    /// supervisor itself.
    Supervisor,
    /// What needs no word.
    Nothing,
    /// Anything else.
    Other,
}

/// The commands of a line that are run one after the other.
#[must_use]
pub fn lines(text: &str) -> Vec<String> {
    // What a shell would have to be for is left in one piece.
    let is_simple = !["<<", "||", "|", "$(", "`", "if ", "for ", "while ", "case ", "{ "].iter().any(|sign| text.contains(sign));
    if !is_simple {
        return vec![heredoc(text)];
    }
    let mut parts = vec![String::new()];
    let (mut quote, mut before) = (None, ' ');
    for c in text.chars() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if open == c && before != '\\' => quote = None,
            _ => {}
        }
        before = c;
        if quote.is_none() && c == ';' {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(c);
            if quote.is_none() && part.ends_with("&&") {
                part.truncate(part.len() - 2);
                parts.push(String::new());
            }
        }
    }
    parts.into_iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty() && !part.starts_with("set -")).collect()
}

/// The lines of a here-document.
fn heredoc(text: &str) -> String {
    match text.split_once('\n') {
        Some((first, rest)) if first.starts_with("<<") => rest.to_owned(),
        _ => text.to_owned(),
    }
}

/// What a command does.
#[must_use]
pub fn line(text: &str) -> Line {
    let Ok(all) = words::split(text) else { return Line::Other };
    if text.contains('\n') || text.contains('$') {
        return Line::Other;
    }
    let skipped = all.iter().take_while(|word| word.contains('=') && !word.starts_with('-')).count();
    let words: Vec<&str> = all[skipped..].iter().map(String::as_str).collect();
    let plain = |from: usize| -> Vec<String> {
        words.iter().skip(from).filter(|word| !word.starts_with('-')).map(|word| (*word).to_owned()).collect()
    };
    let action = words.iter().skip(1).find(|word| !word.starts_with('-')).copied().unwrap_or_default();
    match (words.first().copied().unwrap_or_default(), action) {
        ("apt-get" | "apt", "update" | "clean" | "autoremove" | "autoclean" | "upgrade" | "dist-upgrade") => Line::Nothing,
        ("apt-get" | "apt", "install") => installed(&plain(2)),
        ("apk", "update") => Line::Nothing,
        ("apk", "add")
            if !words.iter().any(|word| word.starts_with("--virtual") || *word == "-t" || word.starts_with("--repository")) =>
        {
            installed(&plain(2))
        }
        ("pip" | "pip3", "install") if plain(2).iter().all(|package| package.starts_with("supervisor")) => Line::Supervisor,
        ("rm", _) if words.iter().skip(1).all(|word| word.starts_with('-') || is_waste(word)) => Line::Nothing,
        ("rm", _) if words.iter().skip(1).all(|word| word.starts_with('-') || word.starts_with("/etc/nginx/")) => Line::Nothing,
        ("mkdir", _) => Line::Folders(plain(1).into_iter().filter(|path| path.starts_with('/')).collect()),
        ("ln", _) if words.iter().any(|word| word.starts_with("/dev/std")) => Line::Nothing,
        ("chown", _) => owner(&plain(1)),
        ("chmod", _) => mode(&plain(1)),
        ("useradd" | "adduser" | "groupadd" | "addgroup", _) => user(&words),
        ("true" | ":", _) => Line::Nothing,
        _ => Line::Other,
    }
}

fn installed(names: &[String]) -> Line {
    let is_package = |name: &String| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "+.:=~_-".contains(c));
    if names.iter().all(is_package) { Line::Packages(names.to_vec()) } else { Line::Other }
}

/// Whether a path is what package managers leave behind.
fn is_waste(path: &str) -> bool {
    ["/var/lib/apt/lists", "/var/cache/apk", "/var/cache/apt", "/tmp/", "/var/tmp/", "/root/.cache"]
        .iter()
        .any(|waste| path.starts_with(waste))
}

fn owner(words: &[String]) -> Line {
    match words {
        [user, paths @ ..] if !paths.is_empty() && paths.iter().all(|path| path.starts_with('/')) => {
            let (name, group) = user.split_once(':').unwrap_or((user, ""));
            let user = if group.is_empty() || group == name { name.to_owned() } else { user.clone() };
            Line::Owner(user, paths.to_vec())
        }
        _ => Line::Other,
    }
}

fn mode(words: &[String]) -> Line {
    match words {
        [mode, paths @ ..] if !paths.is_empty() && paths.iter().all(|path| path.starts_with('/')) => {
            let mode = match mode.as_str() {
                "+x" | "a+x" | "u+x" => "0755",
                mode if mode.chars().all(|c| c.is_digit(8)) && mode.len() <= 4 => {
                    return Line::Mode(format!("{mode:0>4}"), paths.to_vec());
                }
                _ => return Line::Other,
            };
            Line::Mode(mode.to_owned(), paths.to_vec())
        }
        _ => Line::Other,
    }
}

/// A user without anything that a uid would not say.
fn user(words: &[&str]) -> Line {
    let with_value = [
        "-u",
        "--uid",
        "-g",
        "--gid",
        "-d",
        "--home",
        "--home-dir",
        "-s",
        "--shell",
        "-c",
        "--comment",
        "-G",
        "--groups",
        "-h",
        "--ingroup",
    ];
    let (mut name, mut uid, mut is_value) = (None, None, None);
    for word in words.iter().skip(1) {
        if let Some(flag) = is_value.take() {
            if flag == "-u" || flag == "--uid" {
                uid = word.parse().ok();
            }
            continue;
        }
        if let Some((flag, value)) = word.split_once('=').filter(|_| word.starts_with('-')) {
            if flag == "--uid" {
                uid = value.parse().ok();
            }
        } else if with_value.contains(word) {
            is_value = Some(*word);
        } else if !word.starts_with('-') {
            name = name.or(Some(*word));
        }
    }
    match (words[0], name) {
        ("groupadd" | "addgroup", Some(_)) => Line::Nothing,
        (_, Some(name)) if super::names::is_user(name) && uid.is_some() => Line::User(name.to_owned(), uid),
        _ => Line::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_apart() {
        let text = "set -eux; apt-get update && apt-get install -y --no-install-recommends nginx php-fpm && echo 'a && b' && rm -rf /var/lib/apt/lists/*";
        assert_eq!(lines(text).len(), 4);
        assert_eq!(
            line("apt-get install -y --no-install-recommends nginx php-fpm"),
            Line::Packages(vec!["nginx".into(), "php-fpm".into()])
        );
        assert_eq!(line("mkdir -p /a /b/c"), Line::Folders(vec!["/a".into(), "/b/c".into()]));
        assert_eq!(line("chown -R www-data:www-data /a"), Line::Owner("www-data".into(), vec!["/a".into()]));
        assert_eq!(line("useradd -u 1500 -m worker"), Line::User("worker".into(), Some(1500)));
        assert_eq!(line("chmod +x /run.sh"), Line::Mode("0755".into(), vec!["/run.sh".into()]));
        for other in ["docker-php-ext-install pdo", "apk add --virtual .deps gcc", "mkdir $X", "chown -R x .", "make x"] {
            assert_eq!(line(other), Line::Other, "{other}");
        }
        assert_eq!(lines("<<EOF\na\nb\nEOF").len(), 1);
    }
}
