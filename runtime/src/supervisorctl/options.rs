//! supervisorctl's command line, read as Python's getopt reads it.

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// To run a command or the shell.
    Run(Given),
    /// How it is used.
    Help,
}

/// What the command line says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Given {
    pub configuration: Option<String>,
    pub serverurl: Option<String>,
    pub username: Option<String>,
    pub password: Option<String>,
    /// Somebody is there to be asked.
    pub interactive: bool,
    /// The command.
    pub words: Vec<String>,
}

/// Options by letter and by name, and whether they have a value.
const OPTIONS: [(char, &str, bool); 8] = [
    ('h', "help", false),
    ('?', "", false),
    ('c', "configuration", true),
    ('i', "interactive", false),
    ('s', "serverurl", true),
    ('u', "username", true),
    ('p', "password", true),
    ('r', "history_file", true),
];

/// Reads the arguments, without the program's name.
pub(super) fn parse(arguments: &[String]) -> Result<Asked, String> {
    let mut rest = arguments;
    let mut said: Vec<(char, String, String)> = Vec::new();
    while let [first, after @ ..] = rest {
        if first == "--" {
            rest = after;
            break;
        }
        let taken = if let Some(long) = first.strip_prefix("--") {
            long_option(long, after, &mut said)?
        } else if first.len() > 1 && first.starts_with('-') {
            short_options(&first[1..], after, &mut said)?
        } else {
            break;
        };
        rest = &after[taken..];
    }
    let mut given = Given { words: rest.to_vec(), ..Given::default() };
    let mut seen = Vec::new();
    for (letter, written, value) in said {
        if matches!(letter, 'h' | '?') {
            return Ok(Asked::Help);
        }
        if letter == 's' && !is_url(&value) {
            return Err(format!("invalid value for {written} '{value}': value '{value}' is not a URL"));
        }
        if seen.contains(&letter) {
            return Err(format!("conflicting command line option '{written}'"));
        }
        seen.push(letter);
        match letter {
            'c' => given.configuration = Some(value),
            'i' => given.interactive = true,
            's' => given.serverurl = Some(value),
            'u' => given.username = Some(value),
            'p' => given.password = Some(value),
            // Lines are not edited here, and none are kept.
            _ => {}
        }
    }
    Ok(Asked::Run(given))
}

/// Reads `--name`, `--name=value` or `--name value`; returns how many of the arguments after it that took.
fn long_option(long: &str, after: &[String], said: &mut Vec<(char, String, String)>) -> Result<usize, String> {
    let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
    let found: Vec<_> = OPTIONS.iter().filter(|(_, known, _)| !known.is_empty() && known.starts_with(name)).collect();
    let (letter, known, has_value) = match (found.iter().find(|(_, known, _)| *known == name), &found[..]) {
        (Some(exact), _) => **exact,
        (None, [one]) => **one,
        (None, []) => return Err(format!("option --{name} not recognized")),
        (None, _) => return Err(format!("option --{name} not a unique prefix")),
    };
    let (value, taken) = match (has_value, value, after.first()) {
        (true, Some(value), _) => (value, 0),
        (true, None, Some(next)) => (next.as_str(), 1),
        (true, None, None) => return Err(format!("option --{known} requires argument")),
        (false, None, _) => ("", 0),
        (false, Some(_), _) => return Err(format!("option --{known} must not have an argument")),
    };
    said.push((letter, format!("--{known}"), value.to_owned()));
    Ok(taken)
}

/// Reads letters, of which the last may have a value.
fn short_options(letters: &str, after: &[String], said: &mut Vec<(char, String, String)>) -> Result<usize, String> {
    for (at, letter) in letters.char_indices() {
        let known = OPTIONS.iter().find(|(known, _, _)| *known == letter);
        let (_, _, has_value) = known.ok_or_else(|| format!("option -{letter} not recognized"))?;
        if !has_value {
            said.push((letter, format!("-{letter}"), String::new()));
            continue;
        }
        let own = &letters[at + letter.len_utf8()..];
        let (value, taken) = match after.first() {
            _ if !own.is_empty() => (own, 0),
            Some(next) => (next.as_str(), 1),
            None => return Err(format!("option -{letter} requires argument")),
        };
        said.push((letter, format!("-{letter}"), value.to_owned()));
        return Ok(taken);
    }
    Ok(0)
}

/// A scheme, and something behind it.
fn is_url(text: &str) -> bool {
    let (scheme, rest) = text.split_once(':').unwrap_or(("", text));
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    is_scheme && !rest.strip_prefix("//").unwrap_or(rest).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Asked, String> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn options_come_before_the_command_and_in_every_form() {
        let Ok(Asked::Run(given)) = parsed("-ic x.conf -sunix:///s --user=me --password p tail -f web") else { panic!() };
        assert!(given.interactive);
        assert_eq!(given.words, ["tail", "-f", "web"]);
        assert_eq!(given.configuration.as_deref(), Some("x.conf"));
        assert_eq!(given.serverurl.as_deref(), Some("unix:///s"));
        assert_eq!((given.username.as_deref(), given.password.as_deref()), (Some("me"), Some("p")));
        let Ok(Asked::Run(given)) = parsed("-r f --history_file g") else { return };
        assert!(given.words.is_empty());
    }

    #[test]
    fn what_is_wrong_is_said_in_supervisorctl_s_words() {
        for (line, want) in [
            ("-x", "option -x not recognized"),
            ("--nope", "option --nope not recognized"),
            ("--history-file=x", "option --history-file not recognized"),
            ("--h", "option --h not a unique prefix"),
            ("-c", "option -c requires argument"),
            ("--interactive=1", "option --interactive must not have an argument"),
            ("-c a -c b", "conflicting command line option '-c'"),
            ("-s junk", "invalid value for -s 'junk': value 'junk' is not a URL"),
            ("-s unix://", "invalid value for -s 'unix://': value 'unix://' is not a URL"),
        ] {
            assert_eq!(parsed(line), Err(want.to_owned()), "{line}");
        }
        assert_eq!(parsed("-i -h -c"), Err("option -c requires argument".to_owned()));
        assert_eq!(parsed("-i -? status"), Ok(Asked::Help));
    }
}
