//! The files of the corpus.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a test's own means is a failure of the test")]

use podinit_plan::supervisord::{Files, Mistake, Reading, Surroundings, read};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const MAIN: &str = "/dir/main.conf";
const FRAGMENT: &str = "/dir/frag/f.conf";

/// A file of the corpus; a fragment is included by a main file of its own.
pub struct Case {
    text: String,
    /// What the original makes of it.
    pub oracle: Value,
}

/// All files of the corpus by name; none without it.
pub fn cases() -> Vec<(String, Case)> {
    let Ok(folder) = std::env::var("PODCTL_SUPERVISORD_CORPUS") else { return Vec::new() };
    let folder = Path::new(&folder);
    let mut names: Vec<_> = std::fs::read_dir(folder.join("conf")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    let case = |name: std::ffi::OsString| {
        let name = name.into_string().unwrap();
        let oracle = std::fs::read_to_string(folder.join("oracle").join(format!("{name}.json"))).unwrap();
        let text = String::from_utf8_lossy(&std::fs::read(folder.join("conf").join(&name)).unwrap()).into_owned();
        (name, Case { text, oracle: serde_json::from_str(&oracle).unwrap() })
    };
    names.into_iter().map(case).collect()
}

impl Files for Case {
    fn read(&self, path: &str) -> Result<String, String> {
        match path {
            MAIN if self.is_fragment() => Ok("[supervisord]\nnodaemon=true\n[include]\nfiles = frag/*.conf\n".to_owned()),
            MAIN | FRAGMENT => Ok(self.text.clone()),
            _ => Err("not there".to_owned()),
        }
    }

    fn matching(&self, pattern: &str) -> Vec<String> {
        if self.is_fragment() && pattern == "/dir/frag/*.conf" { vec![FRAGMENT.to_owned()] } else { Vec::new() }
    }
}

impl Case {
    fn is_fragment(&self) -> bool {
        self.oracle["fragment"] == true
    }

    /// The variables that the text refers to, with the values that the oracle was given: a text, unless the option needs
    /// something else.
    fn variables(&self) -> BTreeMap<String, String> {
        let names = self.text.split("%(ENV_").skip(1).filter_map(|rest| rest.split_once(')')).map(|(name, _)| name);
        let names: BTreeSet<&str> = names.collect();
        let value = |name: &str| match name {
            "PATH" => "/usr/local/bin:/usr/bin:/bin".to_owned(),
            _ => format!("envval_{}", name.to_lowercase()),
        };
        names.into_iter().map(|name| (name.to_owned(), value(name))).collect()
    }

    /// Reads it with variables such as the oracle was given.
    pub fn read(&self) -> Result<Reading, Vec<Mistake>> {
        let mut environment = self.variables();
        let read_with = |environment: &BTreeMap<String, String>| {
            read(MAIN, self, &Surroundings { environment: environment.clone(), host_name: "host".to_owned() })
        };
        for name in self.variables().into_keys() {
            let mut best = (read_with(&environment).err().map_or(0, |mistakes| mistakes.len()), environment[&name].clone());
            for value in ["2", "true", "9001", "TERM", "root"] {
                environment.insert(name.clone(), value.to_owned());
                let mistakes = read_with(&environment).err().map_or(0, |mistakes| mistakes.len());
                if mistakes < best.0 {
                    best = (mistakes, value.to_owned());
                }
            }
            environment.insert(name, best.1);
        }
        read_with(&environment)
    }
}
