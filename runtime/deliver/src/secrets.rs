//! The values of a delivery: read from their files, and kept out of what is told.

use crate::Failure;
use podinit_plan::plan::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;

/// The longest value, in bytes; as podinit has it.
const LONGEST: u64 = 64 * 1024;
/// What is told instead of a secret.
const BLANK: &str = "***";

/// What must not be told.
#[derive(Debug, Default)]
pub struct Secrets(Vec<String>);

impl Secrets {
    /// The text of a value, which is a secret from now on.
    ///
    /// # Errors
    /// Its file cannot be read, or is too large or no text.
    pub fn value(&mut self, value: &Value) -> Result<String, Failure> {
        let text = read(value)?;
        self.add(&text);
        Ok(text)
    }

    /// The same for values with names.
    ///
    /// # Errors
    /// As [`Secrets::value`].
    pub fn values(&mut self, values: &BTreeMap<String, Value>) -> Result<BTreeMap<String, String>, Failure> {
        values.iter().map(|(name, value)| Ok((name.clone(), self.value(value)?))).collect()
    }

    /// A text that is a secret.
    pub fn add(&mut self, text: &str) {
        if !text.is_empty() {
            self.0.push(text.to_owned());
            // What holds another one goes first.
            self.0.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        }
    }

    /// A text without secrets.
    pub fn blank(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret, BLANK))
    }
}

/// The text of a value that is no secret.
///
/// # Errors
/// As [`Secrets::value`].
pub fn read(value: &Value) -> Result<String, Failure> {
    let path = match value {
        Value::Text(text) => return Ok(text.clone()),
        Value::File(from) => &from.file,
    };
    let mut bytes = Vec::new();
    // A file that is not there yet may be so later.
    let read = File::open(path).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes));
    read.map_err(|error| Failure::again(format!("cannot read {path}: {error}")))?;
    if bytes.len() as u64 > LONGEST {
        return Err(Failure::refused(format!("{path} is larger than 64 KB")));
    }
    let mut text = String::from_utf8(bytes).map_err(|_| Failure::refused(format!("{path} is no text in UTF-8")))?;
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use podinit_plan::alert::{REFUSED, TRY_AGAIN};
    use podinit_plan::plan::FromFile;

    #[test]
    fn a_file_is_read_without_its_last_newline_and_within_bounds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let value = Value::File(FromFile { file: path.display().to_string() });
        assert_eq!(read(&value).unwrap_err().code, TRY_AGAIN as u8);
        std::fs::write(&path, "k\n\n").unwrap();
        assert_eq!(read(&value).unwrap(), "k\n");
        std::fs::write(&path, vec![b'k'; LONGEST as usize + 1]).unwrap();
        assert_eq!(read(&value).unwrap_err().code, REFUSED as u8);
    }

    #[test]
    fn secrets_are_blanked_the_longer_one_first() {
        let mut secrets = Secrets::default();
        for text in ["", "key", "key-and-more"] {
            secrets.add(text);
        }
        assert_eq!(secrets.blank("bad key-and-more, bad key"), "bad ***, bad ***");
    }
}
