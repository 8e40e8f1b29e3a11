//! A supervisord.conf: read, described, compiled to a plan, and that filled in. Nothing panics, and nothing of it takes
//! more than its length deserves.

#![no_main]

use libfuzzer_sys::fuzz_target;
use podinit_plan::supervisord::{Files, Ground, Surroundings, compile, parse_flags, read};

/// One file, that includes itself as often as it likes.
struct One<'t>(&'t str);

impl Files for One<'_> {
    fn read(&self, _path: &str) -> Result<String, String> {
        Ok(self.0.to_owned())
    }

    fn matching(&self, pattern: &str) -> Vec<String> {
        vec![pattern.to_owned()]
    }
}

fuzz_target!(|text: &str| {
    let words: Vec<String> = text.lines().next().unwrap_or_default().split(' ').map(str::to_owned).collect();
    let _ = parse_flags(&words);
    let environment = [("HOME", "/root"), ("N", "3")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let surroundings = Surroundings { environment: environment.into(), host_name: "host".to_owned() };
    let Ok(reading) = read("/etc/supervisord.conf", &One(text), &surroundings) else { return };
    serde_json::to_string(&reading.config).expect("what was read can be described");
    let ground = Ground { working_dir: "/".to_owned(), ..Ground::default() };
    let (plan, _) = compile(&reading.config, &ground);
    // Dollar signs of the file are no references: nothing can be missing.
    if let Err(problems) = podinit::fill::fill(plan, &|_| None) {
        assert!(problems.iter().all(|problem| problem.missing.is_none()), "{problems:?}");
    }
});
