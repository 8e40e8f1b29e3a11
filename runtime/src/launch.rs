//! `podinit launch`: reads variables from files, then becomes the program. A service whose variables are in files is
//! executed through it, so that neither podinit nor a child between fork and exec waits for a disk; it runs as the user
//! of the service, with that user's rights.

use crate::spawn::{DEFAULT_PATH, candidates, cannot_execute};
use podinit_plan::dotenv;
use podinit_plan::plan::{FromFile, Plan, Service, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CString, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The largest file that variables are read from, in bytes.
const LARGEST: u64 = 1024 * 1024;
/// The exit code when a file cannot be read.
const CANNOT_READ: u8 = 111;

/// Where variables come from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    /// A file of `NAME=value` lines.
    File(String),
    /// One variable, whose value is in a file.
    Value { name: String, file: String },
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
struct Launch {
    /// The later ones go before the earlier ones.
    sources: Vec<Source>,
    /// Variables that the service has of its own: files of variables do not change them.
    kept: BTreeSet<String>,
    command: Vec<OsString>,
}

/// Why there is no program.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    /// In words; never a value.
    pub message: String,
    /// The exit code: 127 not found, 126 not executable, 111 a file cannot be read.
    pub code: u8,
}

/// The words that go before those of a service's commands; none for a service whose variables are all in the plan.
#[must_use]
pub fn words(plan: &Plan, service: &Service) -> Vec<CString> {
    let from_file = |(name, value): (&String, &Option<Value>)| match value {
        Some(Value::File(FromFile { file })) => Some(vec!["--env".to_owned(), format!("{name}={file}")]),
        _ => None,
    };
    let of_plan = plan.environment.iter().filter(|(name, _)| !service.environment.contains_key(*name)).filter_map(from_file);
    let files = service.env_files.iter().map(|file| vec!["--env-file".to_owned(), file.clone()]);
    let own = service.environment.iter().filter_map(from_file);
    let sources: Vec<String> = of_plan.chain(files).chain(own).flatten().collect();
    if sources.is_empty() {
        return Vec::new();
    }
    let kept = service.environment.keys().flat_map(|name| ["--keep".to_owned(), name.clone()]);
    let words = ["podinit", "launch"].map(str::to_owned).into_iter().chain(sources).chain(kept).chain(["--".to_owned()]);
    // A plan that was filled in has no NUL.
    words.map(|word| CString::new(word).unwrap_or_default()).collect()
}

/// Becomes the program that the arguments name; returns only when that cannot be done.
#[must_use]
pub fn run(arguments: impl Iterator<Item = OsString>) -> Failure {
    let cannot_read = |message| Failure { message, code: CANNOT_READ };
    let launch = match parse(arguments) {
        Ok(launch) => launch,
        Err(message) => return cannot_read(message),
    };
    let mut environment: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
    for source in &launch.sources {
        if let Err(message) = apply(source, &launch.kept, &mut environment) {
            return cannot_read(message);
        }
    }
    execute(&launch.command, &environment)
}

fn parse(mut arguments: impl Iterator<Item = OsString>) -> Result<Launch, String> {
    let mut launch = Launch { sources: Vec::new(), kept: BTreeSet::new(), command: Vec::new() };
    loop {
        let option = arguments.next().ok_or("launch: `--` and a command are missing")?;
        if option == "--" {
            break;
        }
        let value = arguments.next().and_then(|value| value.into_string().ok());
        let value = value.ok_or_else(|| format!("launch: {} needs a value", option.display()))?;
        match (option.to_str(), value.split_once('=')) {
            (Some("--env-file"), _) => launch.sources.push(Source::File(value)),
            (Some("--env"), Some((name, file))) => {
                launch.sources.push(Source::Value { name: name.to_owned(), file: file.to_owned() });
            }
            (Some("--keep"), _) => drop(launch.kept.insert(value)),
            _ => return Err(format!("launch: unknown argument {}", option.display())),
        }
    }
    launch.command = arguments.collect();
    if launch.command.is_empty() { Err("launch: a command is missing".to_owned()) } else { Ok(launch) }
}

/// Reads a source into the environment.
fn apply(source: &Source, kept: &BTreeSet<String>, environment: &mut BTreeMap<OsString, OsString>) -> Result<(), String> {
    match source {
        Source::File(path) => {
            let bytes = read(path).map_err(|error| format!("cannot read the variables in {path}: {error}"))?;
            let text = String::from_utf8(bytes).map_err(|_| format!("cannot read the variables in {path}: it is not UTF-8"))?;
            let lookup = |name: &str| Some(environment.get(&OsString::from(name))?.to_string_lossy().into_owned());
            let variables =
                dotenv::parse(&text, &lookup).map_err(|error| format!("cannot read the variables in {path}: {error}"))?;
            let variables = variables.into_iter().filter(|(name, _)| !kept.contains(name));
            environment.extend(variables.map(|(name, value)| (name.into(), value.into())));
        }
        Source::Value { name, file } => {
            let mut value = read(file).map_err(|error| format!("cannot read {name} from {file}: {error}"))?;
            if value.ends_with(b"\n") {
                value.truncate(value.len() - if value.ends_with(b"\r\n") { 2 } else { 1 });
            }
            environment.insert(name.into(), OsString::from_vec(value));
        }
    }
    let nul = environment.iter().find(|(_, value)| value.as_bytes().contains(&0)).map(|(name, _)| name.display().to_string());
    nul.map_or(Ok(()), |name| Err(format!("the value of {name} has a NUL in it")))
}

fn read(path: &str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST { Err(io::Error::other("it is larger than 1 MB")) } else { Ok(bytes) }
}

/// Executes the first candidate that is there, as podinit itself does.
fn execute(command: &[OsString], environment: &BTreeMap<OsString, OsString>) -> Failure {
    let Some((name, arguments)) = command.split_first() else {
        return Failure { message: "launch: a command is missing".to_owned(), code: CANNOT_READ };
    };
    let path = environment.get(&OsString::from("PATH")).map_or(DEFAULT_PATH.into(), |path| path.to_string_lossy());
    let mut failed = io::Error::from(io::ErrorKind::NotFound);
    for candidate in candidates(&name.to_string_lossy(), &path) {
        let error = Command::new(candidate).arg0(name).args(arguments).env_clear().envs(environment).exec();
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {}
            io::ErrorKind::PermissionDenied => failed = error,
            _ => {
                failed = error;
                break;
            }
        }
    }
    let code = if failed.kind() == io::ErrorKind::NotFound { 127 } else { 126 };
    Failure { message: cannot_execute(&name.to_string_lossy(), &failed), code }
}

#[cfg(test)]
mod tests {
    use super::*;
    use podinit_plan::plan;

    fn file(text: &str) -> Option<Value> {
        Some(Value::File(FromFile { file: text.to_owned() }))
    }

    fn plan_of(service: Service) -> Plan {
        Plan {
            version: plan::VERSION,
            name: "pod".to_owned(),
            stop_grace_period_ms: 0,
            exit_when_done: true,
            environment: BTreeMap::from([("A".to_owned(), file("/plan/a")), ("B".to_owned(), file("/plan/b"))]),
            directories: Vec::new(),
            files: Vec::new(),
            public_socket: None,
            servers: Vec::new(),
            monitor: Default::default(),
            alerts: None,
            services: BTreeMap::from([("web".to_owned(), service)]),
        }
    }

    #[test]
    fn what_is_nearer_to_the_service_comes_later() {
        let mut service = Service::new(plan::Command::Line(String::new()));
        let without = Plan { environment: BTreeMap::new(), ..plan_of(service.clone()) };
        assert!(words(&without, &service).is_empty(), "nothing is read");
        service.environment = BTreeMap::from([("B".to_owned(), None), ("C".to_owned(), file("/own/c"))]);
        service.env_files = vec!["/one".to_owned(), "/two".to_owned()];
        let words = words(&plan_of(service.clone()), &service);
        let words: Vec<&str> = words.iter().map(|word| word.to_str().unwrap()).collect();
        let want = "podinit launch --env A=/plan/a --env-file /one --env-file /two --env C=/own/c --keep B --keep C --";
        assert_eq!(words.join(" "), want);
        let arguments = words[2..].iter().chain(&["run", "-x"]).map(OsString::from);
        let launch = parse(arguments).unwrap();
        assert_eq!((launch.sources.len(), launch.kept.len(), launch.command.len()), (4, 2, 2));
    }

    #[test]
    fn values_come_from_files_and_what_is_kept_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(path("env"), "A=1\nexport B='two words' # why\nC=${A}$OUT\n").unwrap();
        std::fs::write(path("secret"), "s3cret\r\n").unwrap();
        let mut environment = BTreeMap::from([("OUT".into(), "x".into()), ("B".into(), "own".into())]);
        let kept = BTreeSet::from(["B".to_owned()]);
        apply(&Source::File(path("env")), &kept, &mut environment).unwrap();
        apply(&Source::Value { name: "S".to_owned(), file: path("secret") }, &kept, &mut environment).unwrap();
        let text = environment.iter().map(|(name, value)| format!("{}={}", name.display(), value.display()));
        assert_eq!(text.collect::<Vec<_>>(), ["A=1", "B=own", "C=1x", "OUT=x", "S=s3cret"]);
    }

    #[test]
    fn what_cannot_be_read_is_said_with_its_place_and_without_a_value() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("env").display().to_string();
        let apply = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            apply(&Source::File(path.clone()), &BTreeSet::new(), &mut BTreeMap::new()).unwrap_err()
        };
        let large = vec![b'#'; LARGEST as usize + 1];
        for (bytes, want) in [
            (&b"A=1\nsecret line"[..], "line 2"),
            (b"A='secret", "line 1"),
            (b"A=\xffsecret", "UTF-8"),
            (b"A=\0secret", "NUL"),
            (&large, "1 MB"),
        ] {
            let error = apply(bytes);
            assert!(error.contains(want) && !error.contains("secret"), "{error}");
        }
        let missing = Source::Value { name: "S".to_owned(), file: "/no/such/file".to_owned() };
        let error = super::apply(&missing, &BTreeSet::new(), &mut BTreeMap::new()).unwrap_err();
        assert!(error.starts_with("cannot read S from /no/such/file: "), "{error}");
    }
}
