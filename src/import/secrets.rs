//! What is a secret by its name or its look, and the reference that stands for it. Secrets are never copied.

/// What a name of a secret has among its words.
const WORDS: [&str; 11] = [
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "SECRET",
    "SECRETS",
    "TOKEN",
    "APIKEY",
    "CREDENTIAL",
    "CREDENTIALS",
    "REQUIREPASS",
    "MASTERAUTH",
];
/// What such a name may end in; elsewhere it is about something else, as in AUTH_SERVICE_URL.
const LAST: [&str; 7] = ["PASS", "PWD", "AUTH", "SALT", "KEY", "KEYS", "DSN"];

/// Whether what has this name is a secret: `DB_PASSWORD`, `api-key`, `rpcSecret`.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    let words = words(name);
    let has = |word: &str| words.iter().any(|other| other == word);
    if has("PUBLIC") || has("FILE") || has("PATH") || has("DIR") || has("LENGTH") || has("EXPIRY") || has("TTL") {
        return false;
    }
    let is_key = words.last().is_some_and(|last| LAST.contains(&last.as_str()))
        || (has("KEY") && (has("API") || has("ACCESS") || has("ENCRYPTION") || has("SIGNING")));
    // PWD alone is the folder that a shell is in.
    let is_folder = words.len() == 1 && words[0] == "PWD";
    !is_folder && (is_key || WORDS.iter().any(|word| has(word)) || name.to_uppercase().contains("PASSWORD"))
}

/// The words of a name: parted by signs, or by capitals as in `rpcSecret`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = '_';
    for c in name.chars() {
        if !c.is_ascii_alphanumeric() || (c.is_ascii_uppercase() && before.is_ascii_lowercase()) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_ascii_alphanumeric()) {
            word.push(c.to_ascii_uppercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether a value shows that it is a secret: an address with a password in it, a private key, a token of a known form.
#[must_use]
pub fn looks_secret(value: &str) -> bool {
    let has_password = value.split("://").skip(1).any(|rest| {
        let authority = rest.split(['/', '?', '#', ' ', '"', '\'']).next().unwrap_or_default();
        let password = authority.rsplit_once('@').and_then(|(user, _)| user.split_once(':')).map(|(_, password)| password);
        password.is_some_and(|password| !password.is_empty() && !password.starts_with("${"))
    });
    let prefixes = ["sk_live_", "sk_test_", "sk-", "ghp_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "AKIA", "base64:", "eyJ"];
    let is_token = prefixes.iter().any(|prefix| value.starts_with(prefix) && value.len() >= prefix.len() + 12);
    has_password || is_token || value.contains("PRIVATE KEY-----")
}

/// Whether a variable must not be copied. What only refers to another variable has nothing to hide.
#[must_use]
pub fn is_hidden(name: &str, value: &str) -> bool {
    let is_reference = value.starts_with("${") && value.find('}') == Some(value.len() - 1) && !value.contains(":-");
    !value.is_empty() && !is_reference && (is_secret(name) || looks_secret(value))
}

/// A text in which the values of secret options are references: `--rpc-secret=x` becomes
/// `--rpc-secret=${RPC_SECRET:?}`. Gives the names of the variables, too.
#[must_use]
pub fn without_values(text: &str) -> (String, Vec<String>) {
    let mut out = String::new();
    let mut names = Vec::new();
    // The option whose value is the next word.
    let mut option: Option<String> = None;
    for piece in text.split_inclusive(|c: char| c.is_whitespace()) {
        let word = piece.trim_end();
        let space = &piece[word.len()..];
        let (opening, inner, closing) = unquoted(word);
        let mut hide = |name: &str, value: &str| -> Option<String> {
            let is_value = !value.is_empty() && !value.starts_with('$') && !value.starts_with("%(");
            let is_number = value.parse::<u64>().is_ok() && value.len() < 6;
            let variable = variable(name)?;
            (is_value && !is_number && (is_secret(name) || looks_secret(value))).then(|| {
                if !names.contains(&variable) {
                    names.push(variable.clone());
                }
                format!("${{{variable}:?}}")
            })
        };
        let replaced = if let Some(name) = option.take().filter(|_| !inner.starts_with('-')) {
            hide(&name, inner).map(|value| format!("{opening}{value}{closing}"))
        } else if let Some((name, value)) = inner.split_once('=').filter(|(name, _)| is_name(name)) {
            let (before, plain, after) = unquoted(value);
            hide(name, plain).map(|value| format!("{opening}{name}={before}{value}{after}{closing}"))
        } else {
            if inner.starts_with('-') && is_secret(inner) {
                option = Some(inner.to_owned());
            }
            looks_secret(inner).then(|| hide("SECRET_URL", inner)).flatten().map(|value| format!("{opening}{value}{closing}"))
        };
        out.push_str(replaced.as_deref().unwrap_or(word));
        out.push_str(space);
    }
    (out, names)
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// A word and the quotes around it.
fn unquoted(word: &str) -> (&str, &str, &str) {
    let inner = word.trim_start_matches(['"', '\'', '(']);
    let opening = &word[..word.len() - inner.len()];
    let bare = inner.trim_end_matches(['"', '\'', ';', ')']);
    (opening, bare, &inner[bare.len()..])
}

/// The variable for an option: `--rpc-secret` is RPC_SECRET.
fn variable(name: &str) -> Option<String> {
    let name = words(name).join("_");
    name.starts_with(|c: char| c.is_ascii_alphabetic()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_name_or_by_look() {
        for name in
            ["DB_PASSWORD", "api-key", "rpcSecret", "JWT_SECRET", "APP_KEY", "GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "MYSQL_PWD"]
        {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "PATH",
            "HOME",
            "PWD",
            "KEYBOARD",
            "DB_PASSWORD_FILE",
            "PUBLIC_KEY",
            "MONKEY",
            "TOKENIZER",
            "NODE_ENV",
            "AUTH_SERVICE_URL",
        ] {
            assert!(!is_secret(name), "{name}");
        }
        assert!(looks_secret("postgres://app:s3cret@db/app") && !looks_secret("postgres://app@db/app"));
        assert!(!looks_secret("postgres://app:${DB_PASSWORD}@db/app"));
        assert!(is_hidden("X_TOKEN", "abc") && !is_hidden("X_TOKEN", "") && !is_hidden("X_TOKEN", "${OTHER}"));
        assert!(is_hidden("X_TOKEN", "${OTHER:-default}") && is_hidden("X_TOKEN", "${A}${B}x"));
    }

    #[test]
    fn options_of_commands_lose_their_values() {
        for (text, want) in [
            ("aria2c --rpc-secret=hunter2 --dir=/x", "aria2c --rpc-secret=${RPC_SECRET:?} --dir=/x"),
            ("redis-server --requirepass hunter2", "redis-server --requirepass ${REQUIREPASS:?}"),
            ("x --password \"hunter2\" -v", "x --password \"${PASSWORD:?}\" -v"),
            ("env TOKEN='hunter2' run", "env TOKEN='${TOKEN:?}' run"),
            ("x postgres://a:hunter2@db/x", "x ${SECRET_URL:?}"),
            ("x --password ${P} --token-ttl=60", "x --password ${P} --token-ttl=60"),
        ] {
            assert_eq!(without_values(text).0, want);
        }
    }
}
