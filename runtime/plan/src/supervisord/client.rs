//! `[supervisorctl]`: where supervisorctl finds its server.

use super::ini::Ini;
use super::reader::{self, Reader};
use super::{Files, Mistake, Surroundings};
use std::rc::Rc;

/// What supervisorctl is told. The password is not for printing.
#[derive(Clone, PartialEq, Eq)]
pub struct Client {
    /// `unix:///path` or `http://host:port`.
    pub serverurl: String,
    /// Who it says it is.
    pub username: Option<String>,
    /// What proves that.
    pub password: Option<String>,
    /// What its shell says in front of `> `.
    pub prompt: String,
}

/// Where a server is unless told.
pub const SERVER_URL: &str = "http://localhost:9001";

/// Reads `[supervisorctl]` of a file; as in the original, what that includes is not looked at.
///
/// # Errors
/// Everything that is wrong.
pub fn read_client(path: &str, files: &dyn Files, surroundings: &Surroundings) -> Result<Client, Vec<Mistake>> {
    let unplaced = |text: String| vec![Mistake { place: None, text }];
    let mut ini = Ini::default();
    let text = files.read(path).map_err(|error| unplaced(format!("cannot read {path}: {error}")))?;
    ini.add(&Rc::from(path), &text)?;
    let Some(section) = ini.section("supervisorctl") else {
        return Err(unplaced(".ini file does not include supervisorctl section".to_owned()));
    };
    let names = &reader::names(surroundings);
    let mut reader = Reader::new(&ini);
    let mut text = |option: &str| reader.text(section, option, names);
    let client = Client {
        serverurl: text("serverurl").unwrap_or_else(|| SERVER_URL.to_owned()),
        username: text("username"),
        password: text("password"),
        prompt: text("prompt").unwrap_or_else(|| "supervisor".to_owned()),
    };
    // Of no use here, but it can be wrong.
    let _: Option<String> = text("history_file");
    if reader.mistakes.is_empty() { Ok(client) } else { Err(reader.mistakes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Text(&'static str);

    impl Files for Text {
        fn read(&self, _path: &str) -> Result<String, String> {
            Ok(self.0.to_owned())
        }

        fn matching(&self, _pattern: &str) -> Vec<String> {
            Vec::new()
        }
    }

    fn read(text: &'static str) -> Result<Client, String> {
        let environment = [("SECRET".to_owned(), "s3%".to_owned())].into();
        let surroundings = Surroundings { environment, host_name: "host".to_owned() };
        read_client("/etc/x.conf", &Text(text), &surroundings).map_err(|mistakes| mistakes[0].to_string())
    }

    #[test]
    fn the_server_of_supervisorctl_is_where_its_section_says() {
        let text = "[program:x]\nnope\n=\n";
        assert!(read(text).is_err_and(|error| error.contains("/etc/x.conf:2")));
        let client = read("[supervisorctl]\nserverurl = unix://%(here)s/s.sock ; no\nusername=me\npassword=%(ENV_SECRET)s\n")
            .ok()
            .unwrap();
        assert_eq!((client.serverurl.as_str(), client.prompt.as_str()), ("unix:///etc/s.sock", "supervisor"));
        assert_eq!((client.username.as_deref(), client.password.as_deref()), (Some("me"), Some("s3%")));
        assert_eq!(read("[supervisorctl]\n").ok().unwrap().serverurl, SERVER_URL);
    }

    #[test]
    fn what_it_lacks_is_said() {
        assert!(read("[supervisord]\n").is_err_and(|error| error.contains("supervisorctl section")));
        assert!(read("[supervisorctl]\nserverurl=%(ENV_NOPE)s\n").is_err_and(|error| error.contains("NOPE is not set")));
    }
}
