//! supervisord.conf: its programs, with references to variables still in them.
//!
//! The values are read by podinit's own reader of the format, which fills references in; so each `%(ENV_X)s` is filled in
//! with a mark, which the composer makes `${X}` of, and what has to be a number or a word there with the option's default.
//! The command of each section has a mark, too, which says whose processes are whose.

use super::ini::{self, Entry};
use crate::import::account::{Account, Place};
use crate::import::problem::Problem;
use crate::spec::source::Source;
use podinit_plan::supervisord::{self, Config, Files, GroupKind, Mistake, Process, Surroundings};
use std::collections::{BTreeMap, BTreeSet};

/// A mark for a variable is this, its name, and [`END`]: letters alone, as a value without quotes has no others.
const BEGIN: &str = "qz7vENVz";
const SECTION: &str = "qz7vSECz";
const END: &str = "zVNEv7zq";

/// Options that are no text, and what stands there for a reference.
const TYPED: [(&str, &str); 24] = [
    ("numprocs", "2"),
    ("numprocs_start", "0"),
    ("priority", "999"),
    ("autostart", "true"),
    ("autorestart", "unexpected"),
    ("startsecs", "1"),
    ("startretries", "3"),
    ("exitcodes", "0"),
    ("stopsignal", "TERM"),
    ("stopwaitsecs", "10"),
    ("stopasgroup", "false"),
    ("killasgroup", "false"),
    ("redirect_stderr", "false"),
    ("umask", "022"),
    ("stdout_logfile_maxbytes", "50MB"),
    ("stdout_logfile_backups", "10"),
    ("stderr_logfile_maxbytes", "50MB"),
    ("stderr_logfile_backups", "10"),
    ("minfds", "1024"),
    ("minprocs", "200"),
    ("loglevel", "info"),
    ("nodaemon", "true"),
    ("port", "9001"),
    ("chmod", "0700"),
];

/// What a supervisord.conf says.
#[derive(Debug, Clone)]
pub struct Supervisord {
    /// What it means, marks in its texts.
    pub config: Config,
    /// Its programs in the order of the text.
    pub programs: Vec<Program>,
    /// Event listeners, and programs whose socket supervisord opens.
    pub others: Vec<Other>,
    /// Every line that says something.
    pub entries: Vec<Entry>,
}

/// A `[program:x]`.
#[derive(Debug, Clone)]
pub struct Program {
    /// The name of its section, `program:web`.
    pub section: String,
    /// Its own, `web`.
    pub name: String,
    /// The group it is in, and that one's priority.
    pub group: (String, i64),
    /// Its processes; the number of a process is filled in.
    pub processes: Vec<Process>,
    /// The same with `${INSTANCE}` where a process' number is, which holds when they are counted from 0.
    pub numbered: Vec<Process>,
    /// Options whose values are references, and were read as something else: `numprocs`, `autostart`.
    pub references: BTreeMap<String, String>,
}

/// A section whose processes podinit does not run.
#[derive(Debug, Clone)]
pub struct Other {
    /// The name of its section.
    pub section: String,
    /// What is executed.
    pub command: String,
    /// The events that a listener is told of; none of what is no listener.
    pub events: Vec<String>,
    /// How many of them wait for it.
    pub buffer_size: u64,
    /// What there would be to say of it as a program.
    pub program: Program,
}

/// Where files are that a configuration includes.
pub trait Included {
    /// Files of the project, by the path that they have in the image or beside the configuration.
    fn matching(&self, pattern: &str) -> Vec<String>;
    /// One of them.
    fn text(&self, path: &str) -> Option<Source>;
}

/// Reads a configuration and all that it includes.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read(main: &Source, folder: &str, included: &dyn Included, account: &mut Account) -> Result<Supervisord, Vec<Problem>> {
    let is_fragment = !ini::entries(0, &main.text).iter().any(|entry| entry.section == "supervisord");
    let gathering = Gathering { main, folder, included, is_fragment };
    let files = gathering.all();
    let mut entries = Vec::new();
    for (_, source) in &files {
        let file = account.file(&source.name);
        entries.extend(ini::entries(file, &source.text));
    }
    for entry in &mut entries {
        let what = entry.option.clone().unwrap_or_else(|| format!("[{}]", entry.section));
        entry.place = account.enter(entry.place, what);
    }
    let sections: Vec<String> = sections(&entries);
    let prepare = |numbered: bool| {
        let prepared = files.iter().map(|(path, source)| (path.clone(), prepared(&source.text, &sections, numbered)));
        Prepared { files: prepared.collect(), gathering: &gathering }
    };
    let surroundings = surroundings(&files);
    let path = gathering.path();
    let read = |numbered: bool| supervisord::read(&path, &prepare(numbered), &surroundings);
    let named = |path: &str| {
        let source = files.iter().find(|(known, _)| known == path);
        source.map_or_else(|| main.name.clone(), |(_, source)| source.name.clone())
    };
    let problem = |mistake: Mistake| {
        let file = mistake.place.as_ref().map_or_else(|| main.name.clone(), |place| named(&place.file));
        Problem { file, line: mistake.place.map(|place| place.line), text: mistake.text.replace(&path, &main.name) }
    };
    let reading = read(false).map_err(|mistakes| mistakes.into_iter().map(problem).collect::<Vec<_>>())?;
    // With numbers as text nothing else can become wrong; if it does, there are no numbered ones.
    let numbered = read(true).map(|reading| reading.config.groups).unwrap_or_default();
    for warning in reading.warnings.into_iter().filter(|warning| warning.text.contains("no file is called")) {
        let text = warning.text.rsplit('/').next().unwrap_or_default().to_owned();
        let place = warning.place.and_then(|place| {
            entries.iter().find(|entry| account.name(entry.place.file) == named(&place.file) && entry.place.line == place.line)
        });
        if let Some(entry) = place {
            account.left(entry.place, format!("no file of the project is called {text}"));
        }
    }
    let mut numbered_of: BTreeMap<String, Vec<Process>> = BTreeMap::new();
    for process in numbered.into_iter().flat_map(|group| group.processes) {
        let (section, process) = unmarked(process, &sections);
        numbered_of.entry(section).or_default().push(process);
    }
    let (programs, others) = of_sections(&reading.config, &sections, &entries, &mut numbered_of);
    Ok(Supervisord { config: reading.config, programs, others, entries })
}

/// A text of the configuration: marks are references, dollar signs that would be references are escaped.
#[must_use]
pub fn template(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(BEGIN) {
        let Some((name, after)) = after.split_once(END) else { break };
        out.push_str(&escape(before));
        out.push_str(&format!("${{{name}}}"));
        rest = after;
    }
    out.push_str(&escape(rest));
    out
}

/// Whether a text refers to a variable.
#[must_use]
pub fn has_reference(text: &str) -> bool {
    text.contains(BEGIN)
}

/// A text in which `$x` stays what it is.
#[must_use]
pub fn escape(text: &str) -> String {
    text.replace("$$", "$$$$").replace("${", "$${")
}

/// The names of the sections with processes, in the order of the text, none twice.
fn sections(entries: &[Entry]) -> Vec<String> {
    let mut sections: Vec<String> = Vec::new();
    let kinds = ["program:", "eventlistener:", "fcgi-program:"];
    for entry in entries.iter().filter(|entry| kinds.iter().any(|kind| entry.section.starts_with(kind))) {
        if !sections.contains(&entry.section) {
            sections.push(entry.section.clone());
        }
    }
    sections
}

fn of_sections(
    config: &Config,
    sections: &[String],
    entries: &[Entry],
    numbered: &mut BTreeMap<String, Vec<Process>>,
) -> (Vec<Program>, Vec<Other>) {
    let mut programs: Vec<Program> = Vec::new();
    let mut others: Vec<Other> = Vec::new();
    for group in &config.groups {
        for process in &group.processes {
            let (section, process) = unmarked(process.clone(), sections);
            let is_program = matches!(group.kind, GroupKind::Programs) && section.starts_with("program:");
            if !is_program {
                let (events, buffer_size) = match &group.kind {
                    GroupKind::EventListener { events, buffer_size } => (events.clone(), *buffer_size),
                    _ => (Vec::new(), 0),
                };
                if !others.iter().any(|other| other.section == section) {
                    let command = process.command.clone();
                    let program = program(&section, &group.name, group.priority, process, entries);
                    others.push(Other { section, command, events, buffer_size, program });
                }
                continue;
            }
            if let Some(known) = programs.iter_mut().find(|known| known.section == section) {
                known.processes.push(process);
                continue;
            }
            let numbered = numbered.remove(&section).unwrap_or_default();
            programs.push(Program { numbered, ..program(&section, &group.name, group.priority, process, entries) });
        }
    }
    let order = |section: &str| sections.iter().position(|other| other == section);
    programs.sort_by_key(|program| order(&program.section));
    (programs, others)
}

/// The program of a section, with its first process.
fn program(section: &str, group: &str, priority: i64, process: Process, entries: &[Entry]) -> Program {
    let of_section = entries.iter().filter(|entry| entry.section == section);
    let references = of_section.filter_map(|entry| {
        let option = entry.option.clone()?;
        reference(&option, &entry.value).map(|reference| (option, reference))
    });
    Program {
        section: section.to_owned(),
        name: section.split_once(':').map_or(section, |(_, name)| name.trim()).to_owned(),
        group: (group.to_owned(), priority),
        processes: vec![process],
        numbered: Vec::new(),
        references: references.collect(),
    }
}

/// The variable that an option with a value of its own kind refers to.
fn reference(option: &str, value: &str) -> Option<String> {
    let name = value.strip_prefix("%(ENV_")?.strip_suffix(")s").or_else(|| value.strip_prefix("%(ENV_")?.strip_suffix(")d"))?;
    TYPED.iter().any(|(typed, _)| *typed == option).then(|| name.to_owned())
}

/// A process without the mark of its section.
fn unmarked(mut process: Process, sections: &[String]) -> (String, Process) {
    let marked = process.command.strip_prefix(SECTION).and_then(|rest| rest.split_once(END));
    let found =
        marked.and_then(|(number, rest)| Some((sections.get(number.parse::<usize>().ok()?)?.clone(), rest.trim().to_owned())));
    let Some((section, command)) = found else { return (String::new(), process) };
    process.command = command;
    process.argv = process.argv.map(|words| words.into_iter().skip(1).collect());
    (section, process)
}

/// The text with marks, line by line as it was.
fn prepared(text: &str, sections: &[String], numbered: bool) -> String {
    let mut lines = ini::lines(text);
    for entry in ini::entries(0, text) {
        let Some(option) = &entry.option else { continue };
        let first = *entry.lines().start();
        let typed = TYPED.iter().find(|(typed, _)| typed == option && entry.value.contains("%(ENV_"));
        if let Some((_, stand_in)) = typed {
            let line = &lines[first];
            let key = line.find(['=', ':']).map_or(line.as_str(), |at| &line[..at]).to_owned();
            lines[first] = format!("{key}={stand_in}");
            entry.lines().skip(1).for_each(|index| lines[index].clear());
            continue;
        }
        if numbered && option != "process_name" {
            entry.lines().for_each(|index| lines[index] = with_instance(&lines[index]));
        }
        if option == "command"
            && let Some(number) = sections.iter().position(|section| *section == entry.section)
            && let Some(at) = lines[first].find(['=', ':'])
        {
            lines[first].insert_str(at + 1, &format!("{SECTION}{number}{END} "));
        }
    }
    lines.join("\n")
}

/// Plain numbers of processes are marks.
fn with_instance(line: &str) -> String {
    let mark = format!("{BEGIN}INSTANCE{END}");
    // What follows another percent sign is text.
    let parts: Vec<String> =
        line.split("%%").map(|part| part.replace("%(process_num)s", &mark).replace("%(process_num)d", &mark)).collect();
    parts.join("%%")
}

/// Every variable that is referred to is its own mark.
fn surroundings(files: &[(String, Source)]) -> Surroundings {
    let names = files.iter().flat_map(|(_, source)| source.text.split("%(ENV_").skip(1)).filter_map(|rest| rest.split_once(')'));
    let names: BTreeSet<&str> = names.map(|(name, _)| name).filter(|name| is_variable(name)).collect();
    let environment = names.into_iter().map(|name| (name.to_owned(), format!("{BEGIN}{name}{END}"))).collect();
    Surroundings { environment, host_name: format!("{BEGIN}HOSTNAME{END}") }
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A configuration and what it includes.
struct Gathering<'a> {
    main: &'a Source,
    folder: &'a str,
    included: &'a dyn Included,
    /// It has no `[supervisord]`: another file includes it.
    is_fragment: bool,
}

impl Gathering<'_> {
    /// The path of the file that is read first.
    fn path(&self) -> String {
        if self.is_fragment { format!("{}/(none)", self.folder.trim_end_matches('/')) } else { self.main_path() }
    }

    fn main_path(&self) -> String {
        format!("{}/{}", self.folder.trim_end_matches('/'), self.main.name.rsplit('/').next().unwrap_or_default())
    }

    /// All files with the paths by which the reader knows them.
    fn all(&self) -> Vec<(String, Source)> {
        let mut files = vec![(self.main_path(), self.main.clone())];
        let includes = ini::entries(0, &self.main.text).into_iter();
        let includes = includes.filter(|entry| entry.section == "include" && entry.option.as_deref() == Some("files"));
        for pattern in includes.flat_map(|entry| entry.value.split_whitespace().map(str::to_owned).collect::<Vec<_>>()) {
            for path in self.matching(&self.absolute(&pattern.replace("%(here)s", self.folder))) {
                if let Some(source) = self.included.text(&path).filter(|_| !files.iter().any(|(known, _)| *known == path)) {
                    files.push((path, source));
                }
            }
        }
        files
    }

    fn absolute(&self, pattern: &str) -> String {
        if pattern.starts_with('/') { pattern.to_owned() } else { format!("{}/{pattern}", self.folder.trim_end_matches('/')) }
    }

    fn matching(&self, pattern: &str) -> Vec<String> {
        self.included.matching(pattern)
    }
}

struct Prepared<'a> {
    files: BTreeMap<String, String>,
    gathering: &'a Gathering<'a>,
}

impl Files for Prepared<'_> {
    fn read(&self, path: &str) -> Result<String, String> {
        if self.gathering.is_fragment && path == self.gathering.path() {
            return Ok("[supervisord]\nnodaemon=true\n[include]\nfiles=(fragment)\n".to_owned());
        }
        self.files.get(path).cloned().ok_or_else(|| "it is not in the project".to_owned())
    }

    fn matching(&self, pattern: &str) -> Vec<String> {
        if self.gathering.is_fragment { vec![self.gathering.main_path()] } else { self.gathering.matching(pattern) }
    }
}

/// Where an option of a section stands; the last one counts. What stands in `[DEFAULT]` holds for all.
#[must_use]
pub fn place_of(entries: &[Entry], section: &str, option: &str) -> Option<Place> {
    let of = |name: &str| entries.iter().rev().find(|entry| entry.section == name && entry.option.as_deref() == Some(option));
    of(section).or_else(|| of("DEFAULT")).map(|entry| entry.place)
}
