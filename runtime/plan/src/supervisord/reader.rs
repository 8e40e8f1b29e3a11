//! From the texts of options to values, with every mistake kept.

use super::expand::{Names, expand};
use super::ini::{Entry, Ini, Section};
use super::options::{self, Known};
use super::{Mistake, Place, Surroundings};

/// Reads options and gathers what is wrong with them.
pub(super) struct Reader<'i> {
    pub ini: &'i Ini,
    pub mistakes: Vec<Mistake>,
    pub warnings: Vec<Mistake>,
}

/// The names that are known everywhere: the variables.
pub(super) fn names(surroundings: &Surroundings) -> Names<'static> {
    let mut names = Names::default();
    names.variables(&surroundings.environment);
    names
}

/// The folder of a path.
pub(super) fn folder(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) => "/",
        Some((folder, _)) => folder,
        None => ".",
    }
}

/// A path, seen from a folder.
pub(super) fn join(folder: &str, path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", folder.trim_end_matches('/')) }
}

impl<'i> Reader<'i> {
    pub fn new(ini: &'i Ini) -> Reader<'i> {
        Reader { ini, mistakes: Vec::new(), warnings: Vec::new() }
    }

    /// The sections of a kind, and what they are called: `[kind:name]`.
    pub fn named(&self, kind: &str) -> Vec<(&'i Section, &'i str)> {
        let named = |section: &'i Section| {
            let (of, name) = section.name.split_once(':')?;
            (of == kind).then_some((section, name))
        };
        self.ini.sections.iter().filter_map(named).collect()
    }

    fn entry(&self, section: &'i Section, option: &str) -> Option<&'i Entry> {
        section.options.get(option).or_else(|| self.ini.defaults.get(option))
    }

    /// The text of an option as it stands there.
    pub fn raw(&self, section: &'i Section, option: &str) -> Option<&'i str> {
        self.entry(section, option).map(|entry| entry.value.as_str())
    }

    /// Where an option is, or its section.
    pub fn place(&self, section: &'i Section, option: &str) -> Place {
        self.entry(section, option).map_or(&section.place, |entry| &entry.place).clone()
    }

    /// The text of an option, filled in; `None` when it is not there or cannot be filled in.
    pub fn text(&mut self, section: &'i Section, option: &str, names: &Names) -> Option<String> {
        let raw = self.raw(section, option)?;
        self.fill(section, option, raw, names)
    }

    /// Fills in a text that belongs to an option. `here` is the folder of the file that the option is in.
    pub fn fill(&mut self, section: &'i Section, option: &str, text: &str, names: &Names) -> Option<String> {
        let place = self.place(section, option);
        let mut names = Names::within(names);
        names.text("here", folder(&place.file));
        expand(text, &names).map_err(|error| self.mistake(section, option, &error)).ok()
    }

    /// The value of an option; `None` when it is not there or wrong.
    pub fn value<T>(
        &mut self,
        section: &'i Section,
        option: &str,
        names: &Names,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(section, option, names)?;
        parse(&text).map_err(|error| self.mistake(section, option, &format!("`{text}`: {error}"))).ok()
    }

    /// The same, with what holds without it.
    pub fn value_or<T>(
        &mut self,
        section: &'i Section,
        option: &str,
        names: &Names,
        parse: impl Fn(&str) -> Result<T, String>,
        default: T,
    ) -> T {
        self.value(section, option, names, parse).unwrap_or(default)
    }

    /// What is wrong with an option.
    pub fn mistake(&mut self, section: &Section, option: &str, text: &str) {
        let place = section.options.get(option).or_else(|| self.ini.defaults.get(option)).map_or(&section.place, |e| &e.place);
        let mistake = Mistake::at(place.clone(), format!("[{}] {option}: {text}", section.name));
        // Processes of one program have one option that is wrong.
        if !self.mistakes.contains(&mistake) {
            self.mistakes.push(mistake);
        }
    }

    /// What a section lacks.
    pub fn lacks(&mut self, section: &Section, text: &str) {
        let mistake = Mistake::at(section.place.clone(), format!("[{}] {text}", section.name));
        if !self.mistakes.contains(&mistake) {
            self.mistakes.push(mistake);
        }
    }

    /// What an option does not do, although it looks so.
    pub fn warn(&mut self, section: &'i Section, option: &str, text: &str) {
        let warning = Mistake::at(self.place(section, option), format!("[{}] {option}: {text}", section.name));
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// Options and sections that do nothing.
    pub fn warn_of_unknown_options(&mut self) {
        for section in &self.ini.sections {
            match options::of(&section.name) {
                Some(known) => {
                    let unknown = section.options.keys().filter(|option| !known.has(option));
                    unknown.for_each(|option| self.warn(section, option, &no_such_option(known, option)));
                }
                None => {
                    let text = format!("[{}] is no section of supervisord's; it does nothing", section.name);
                    self.warnings.push(Mistake::at(section.place.clone(), text));
                }
            }
        }
    }
}

fn no_such_option(known: Known, option: &str) -> String {
    // Most are an option's name with the underscores in other places, or none.
    let plain = |name: &str| name.replace(['_', '-'], "");
    let meant = match known {
        Known::Options(lists) => lists.iter().flat_map(|list| list.iter()).find(|known| plain(known) == plain(option)),
        Known::Open => None,
    };
    match meant {
        Some(meant) => format!("there is no such option, it does nothing; {meant} is meant?"),
        None => "there is no such option; it does nothing".to_owned(),
    }
}
