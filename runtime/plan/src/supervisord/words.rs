//! Python's `shlex`, which supervisord splits commands and `environment` with. It is not quite a shell.

/// The words of a command: quotes and backslashes protect. In double quotes a backslash escapes nothing but a double
/// quote and itself; a shell would take `\$` and a line's end, too.
///
/// # Errors
/// What is open at the end, in words.
pub(super) fn split(line: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\n' | '\r' => words.extend(word.take()),
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next().ok_or("a quote is not closed")? {
                        end if end == c => break,
                        '\\' if c == '"' => match chars.next().ok_or("a quote is not closed")? {
                            escaped @ ('"' | '\\') => word.push(escaped),
                            other => word.extend(['\\', other]),
                        },
                        other => word.push(other),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(chars.next().ok_or("the line ends in a backslash")?),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

/// `KEY=value,KEY2="value, two"`. Values are words of letters, digits and `_/.+-():`; everything else must be in quotes,
/// and no quote can be escaped.
///
/// # Errors
/// What is not of that form, in words.
pub(super) fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let tokens = tokens(text)?;
    let mut pairs = Vec::new();
    // The original does not look at what separates two pairs.
    for chunk in tokens.chunks(4) {
        match chunk {
            [key, equals, value, ..] if equals == "=" => {
                pairs.push((key.clone(), value.trim_matches(['\'', '"']).to_owned()));
            }
            _ => {
                let near = chunk.concat();
                return Err(format!("expected KEY=\"value\",KEY2=\"value\" and found `{near}`; put values in quotes"));
            }
        }
    }
    Ok(pairs)
}

/// Words, quoted texts with their quotes, and other signs one by one; `#` begins a comment.
fn tokens(text: &str) -> Result<Vec<String>, String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || "_/.+-():".contains(c);
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(&first) = chars.peek() {
        if first == '#' {
            chars.by_ref().find(|c| *c == '\n');
        } else if first.is_whitespace() {
            chars.next();
        } else if is_word(first) {
            let mut word = String::new();
            while let Some(&c) = chars.peek() {
                if c == '#' {
                    chars.by_ref().find(|c| *c == '\n');
                } else if is_word(c) || c == '"' || c == '\'' {
                    word.push(c);
                    chars.next();
                } else {
                    break;
                }
            }
            tokens.push(word);
        } else if first == '"' || first == '\'' {
            chars.next();
            let mut quoted = String::from(first);
            loop {
                let c = chars.next().ok_or("a quote is not closed")?;
                quoted.push(c);
                if c == first {
                    break;
                }
            }
            tokens.push(quoted);
        } else {
            chars.next();
            tokens.push(first.to_string());
        }
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_split_as_the_original_splits_them() {
        for (line, want) in [
            (r#"sh -c "echo \"a\" \$X""#, vec!["sh", "-c", r#"echo "a" \$X"#]),
            (r"a\ b 'c d'e ''", vec!["a b", "c de", ""]),
            ("a\n  b", vec!["a", "b"]),
        ] {
            assert_eq!(split(line).unwrap(), want, "{line}");
        }
        assert!(split("sh -c \"a").is_err() && split("a\\").is_err());
    }

    #[test]
    fn pairs_are_read_as_the_original_reads_them() {
        let read =
            |text| pairs(text).map(|pairs| pairs.into_iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(";"));
        for (text, want) in [
            (r#"A=1,B="x, y",C='z'"#, "A=1;B=x, y;C=z"),
            ("A=http://x/y-z+1,\n  B=2,", "A=http://x/y-z+1;B=2"),
            ("", ""),
            ("A=\"\"", "A="),
            ("A=x#comment\n,B=1", "A=x;B=1"),
        ] {
            assert_eq!(read(text), Ok(want.to_owned()), "{text}");
        }
        for text in ["A", "A=", "A=$X,B=1", "A=a@b", "A=\"x", "=1"] {
            assert!(read(text).is_err(), "{text}: {:?}", read(text));
        }
    }
}
