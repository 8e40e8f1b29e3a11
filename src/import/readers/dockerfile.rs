//! Dockerfile: its stages and their instructions, lines that go on and here-documents joined.

use super::super::project::matches;
use crate::import::account::{Account, Place};
use crate::import::problem::Problem;
use crate::spec::source::Source;
use podinit_plan::words;

/// The instructions that there are.
const KNOWN: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// What a Dockerfile says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dockerfile {
    /// Its path below the project's folder.
    pub name: String,
    /// `ARG`s above the first stage.
    pub above: Vec<Instruction>,
    /// Its stages; the last one is the image.
    pub stages: Vec<Stage>,
}

/// A stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// What it starts from: an image, or another stage.
    pub from: String,
    /// What others call it.
    pub name: Option<String>,
    /// Its FROM.
    pub place: Place,
    /// What follows.
    pub instructions: Vec<Instruction>,
}

/// An instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// In upper case.
    pub name: String,
    /// `--from=x` and the like.
    pub flags: Vec<String>,
    /// What follows them; the lines of a here-document for RUN.
    pub text: String,
    /// Where.
    pub place: Place,
}

impl Instruction {
    /// The value of a flag.
    #[must_use]
    pub fn flag(&self, name: &str) -> Option<&str> {
        self.flags.iter().find_map(|flag| flag.strip_prefix("--")?.strip_prefix(name)?.strip_prefix('='))
    }

    /// The words of a list in JSON, or of a line.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let list: Option<Vec<String>> = self.text.starts_with('[').then(|| serde_json::from_str(&self.text).ok()).flatten();
        list.or_else(|| words::split(&self.text).ok())
            .unwrap_or_else(|| self.text.split_whitespace().map(str::to_owned).collect())
    }

    /// `A=b C="d"`, or `A b c`.
    #[must_use]
    pub fn pairs(&self) -> Vec<(String, String)> {
        let words = self.words();
        if words.first().is_some_and(|word| !word.contains('=')) {
            let (name, value) = self.text.split_once(char::is_whitespace).unwrap_or((&self.text, ""));
            return vec![(name.to_owned(), value.trim().to_owned())];
        }
        words.iter().filter_map(|word| word.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

impl Dockerfile {
    /// The stage that the image is.
    #[must_use]
    pub fn last(&self) -> Option<&Stage> {
        self.stages.last()
    }

    /// The folder that the last instruction of the image leaves behind.
    #[must_use]
    pub fn working_dir(&self) -> Option<String> {
        let stage = self.last()?;
        let folders = stage.instructions.iter().filter(|instruction| instruction.name == "WORKDIR");
        folders.fold(None, |folder: Option<String>, instruction| {
            Some(join(folder.as_deref().unwrap_or("/"), instruction.text.trim().trim_matches(['"', '\''])))
        })
    }

    /// The last of an instruction in the image.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Instruction> {
        self.last()?.instructions.iter().rev().find(|instruction| instruction.name == name)
    }

    /// Where a file of the project is in the image.
    #[must_use]
    pub fn target_of(&self, path: &str) -> Option<String> {
        let stage = self.last()?;
        let mut folder = "/".to_owned();
        let mut found = None;
        for instruction in &stage.instructions {
            match instruction.name.as_str() {
                "WORKDIR" => folder = join(&folder, instruction.text.trim()),
                "COPY" | "ADD" if instruction.flag("from").is_none() => {
                    let words = instruction.words();
                    let Some((target, sources)) = words.split_last() else { continue };
                    let is_folder = target.ends_with('/') || target == "." || sources.len() > 1;
                    let target = join(&folder, target);
                    for source in sources {
                        found = copied(source, &target, is_folder, path).or(found);
                    }
                }
                _ => {}
            }
        }
        found
    }

    /// The script that the container starts with.
    #[must_use]
    pub fn script(&self) -> Option<String> {
        let words = ["ENTRYPOINT", "CMD"].iter().filter_map(|name| self.find(name)).flat_map(Instruction::words);
        let is_script = |word: &String| {
            let name = word.rsplit('/').next().unwrap_or_default();
            name.ends_with(".sh") || name.contains("entrypoint") || ["start", "run", "init", "boot"].contains(&name)
        };
        words.flat_map(|word| word.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).find(is_script)
    }
}

/// Where a file is that this copy is about.
fn copied(source: &str, target: &str, is_folder: bool, path: &str) -> Option<String> {
    let source = source.trim_start_matches("./").trim_end_matches('/');
    let name = path.rsplit('/').next().unwrap_or_default();
    if source.is_empty() || source == "." {
        return Some(join(target, path));
    }
    if let Some(below) = path.strip_prefix(source).and_then(|rest| rest.strip_prefix('/')) {
        return Some(join(target, below));
    }
    let is_pattern = source.contains(['*', '?', '[']);
    if path == source || (is_pattern && matches(source, path)) {
        return Some(if is_folder || is_pattern { join(target, name) } else { target.to_owned() });
    }
    None
}

/// A path seen from a folder, without `.`.
#[must_use]
pub fn join(folder: &str, path: &str) -> String {
    let path = path.trim_matches(['"', '\'']);
    let joined = if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", folder.trim_end_matches('/')) };
    let parts: Vec<&str> = joined.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    format!("/{}", parts.join("/"))
}

/// Reads a Dockerfile.
///
/// # Errors
/// Lines that are no instruction.
pub fn read(source: &Source, account: &mut Account) -> Result<Dockerfile, Vec<Problem>> {
    let file = account.file(&source.name);
    let mut dockerfile = Dockerfile { name: source.name.clone(), ..Dockerfile::default() };
    let mut problems = Vec::new();
    for (first, last, text) in statements(&source.text) {
        let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((&text, ""));
        let name = name.to_uppercase();
        if !KNOWN.contains(&name.as_str()) {
            problems.push(Problem::at(
                &source.name,
                first,
                format!("`{}` is no instruction", name.chars().take(40).collect::<String>()),
            ));
            continue;
        }
        let (flags, rest) = flags(rest.trim());
        let mut instruction = Instruction { name, flags, text: rest, place: Place::line(file, first).to(last) };
        instruction.place = account.enter(instruction.place, what(&instruction));
        if instruction.name == "FROM" {
            let words: Vec<&str> = instruction.text.split_whitespace().collect();
            let name = match words.as_slice() {
                [_, as_, name] if as_.eq_ignore_ascii_case("as") => Some((*name).to_owned()),
                _ => None,
            };
            let Some(from) = words.first() else {
                problems.push(Problem::at(&source.name, first, "FROM has no image"));
                continue;
            };
            let from = (*from).to_owned();
            dockerfile.stages.push(Stage { from, name, place: instruction.place, instructions: Vec::new() });
        } else if let Some(stage) = dockerfile.stages.last_mut() {
            stage.instructions.push(instruction);
        } else if instruction.name == "ARG" {
            dockerfile.above.push(instruction);
        } else {
            problems.push(Problem::at(&source.name, first, "FROM must come before this line"));
        }
    }
    if dockerfile.stages.is_empty() && problems.is_empty() {
        problems.push(Problem { file: source.name.clone(), line: None, text: "it has no FROM".to_owned() });
    }
    if problems.is_empty() { Ok(dockerfile) } else { Err(problems) }
}

/// The name of what is set, without its value.
fn what(instruction: &Instruction) -> String {
    match instruction.name.as_str() {
        "ENV" | "ARG" | "LABEL" => {
            let pairs = instruction.pairs();
            let names: Vec<&str> = match pairs.as_slice() {
                [] => vec![instruction.text.as_str()],
                pairs => pairs.iter().map(|(name, _)| name.as_str()).collect(),
            };
            format!("{} {}", instruction.name, names.join(" "))
        }
        "RUN" => {
            let first: Vec<&str> = instruction.text.split_whitespace().take(2).filter(|word| !word.contains('=')).collect();
            format!("RUN {}", first.join(" "))
        }
        "COPY" | "ADD" | "EXPOSE" | "FROM" | "USER" | "VOLUME" | "WORKDIR" => {
            format!("{} {}", instruction.name, instruction.text)
        }
        name => name.to_owned(),
    }
}

fn flags(text: &str) -> (Vec<String>, String) {
    let mut flags = Vec::new();
    let mut rest = text;
    while rest.starts_with("--") {
        let (flag, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        flags.push(flag.to_owned());
        rest = after.trim_start();
    }
    (flags, rest.to_owned())
}

/// Instructions with their first and last line, from 1.
fn statements(text: &str) -> Vec<(usize, usize, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let escape = lines.iter().take_while(|line| line.trim_start().starts_with('#')).find_map(|line| {
        let (name, value) = line.trim_start_matches(['#', ' ']).split_once('=')?;
        (name.trim().eq_ignore_ascii_case("escape")).then(|| value.trim().chars().next()).flatten()
    });
    let escape = escape.unwrap_or('\\');
    let mut found = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let first = at;
        let mut whole = String::new();
        // Comments and empty lines within an instruction are not there.
        while at < lines.len() {
            let line = lines[at];
            at += 1;
            if line.trim_start().starts_with('#') || (line.trim().is_empty() && !whole.is_empty()) {
                if whole.is_empty() {
                    break;
                }
                continue;
            }
            let trimmed = line.trim_end();
            match trimmed.strip_suffix(escape) {
                Some(goes_on) => whole.push_str(&format!("{goes_on}\n")),
                None => {
                    whole.push_str(trimmed);
                    break;
                }
            }
        }
        let is_script =
            whole.trim_start().to_uppercase().starts_with("RUN") || whole.trim_start().to_uppercase().starts_with("COPY");
        for end in if is_script { heredocs(&whole) } else { Vec::new() } {
            let from = at;
            while at < lines.len() && lines[at].trim() != end {
                at += 1;
            }
            // One that has no end is the rest of the file.
            whole.push_str(&format!("\n{}", lines[from..at].join("\n")));
            at = (at + 1).min(lines.len());
        }
        let whole = tidy(whole.trim());
        if !whole.is_empty() {
            found.push((first + 1, at, whole));
        }
    }
    found
}

/// The ends of the here-documents that a line begins.
fn heredocs(line: &str) -> Vec<String> {
    let mut ends = Vec::new();
    for rest in line.split("<<").skip(1) {
        let rest = rest.strip_prefix('-').unwrap_or(rest).trim_start_matches(['"', '\'']);
        let end: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        if !end.is_empty() && !end.starts_with(|c: char| c.is_ascii_digit()) {
            ends.push(end);
        }
    }
    ends
}

/// Lines that go on as one, but for those of a here-document.
fn tidy(text: &str) -> String {
    if text.contains("<<") && !heredocs(text.lines().next().unwrap_or_default()).is_empty() {
        return text.to_owned();
    }
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Dockerfile, Vec<Problem>> {
        read(&Source { name: "Dockerfile".to_owned(), text: text.to_owned() }, &mut Account::default())
    }

    #[test]
    fn instructions_go_on_over_lines_and_comments() {
        let text = "# syntax=x\nARG V=1\nFROM a:$V AS b\nRUN x \\\n  # no\n\n  && y\nFROM c\nRUN <<EOF\none\n two\nEOF\nCOPY --from=b --chown=1:1 /a /b/\n";
        let dockerfile = parse(text).unwrap();
        assert_eq!(dockerfile.stages[0].instructions[0].text, "x && y");
        assert_eq!((dockerfile.stages[0].instructions[0].place.line, dockerfile.stages[0].instructions[0].place.end), (4, 7));
        let last = dockerfile.last().unwrap();
        assert_eq!((last.instructions[0].text.as_str(), last.instructions[0].place.end), ("<<EOF\none\n two", 12));
        assert_eq!((last.instructions[1].flag("from"), last.instructions[1].flag("chown")), (Some("b"), Some("1:1")));
    }

    #[test]
    fn files_are_found_in_the_image() {
        let text = "FROM a\nCOPY conf/*.conf /etc/x/\nWORKDIR /srv\nCOPY app ./app\nCOPY nginx.conf /etc/nginx/nginx.conf\nCOPY a.sh b.sh bin\n";
        let dockerfile = parse(text).unwrap();
        for (path, want) in [
            ("conf/a.conf", Some("/etc/x/a.conf")),
            ("app/x/y", Some("/srv/app/x/y")),
            ("nginx.conf", Some("/etc/nginx/nginx.conf")),
            ("b.sh", Some("/srv/bin/b.sh")),
            ("other", None),
        ] {
            assert_eq!(dockerfile.target_of(path).as_deref(), want, "{path}");
        }
        assert_eq!(dockerfile.working_dir().as_deref(), Some("/srv"));
    }

    #[test]
    fn what_is_no_instruction_is_said_with_its_line() {
        assert_eq!(parse("FROM a\nFOO b\n").unwrap_err()[0].line, Some(2));
        assert_eq!(parse("RUN b\n").unwrap_err()[0].line, Some(1));
        assert_eq!(parse("# nothing\n").unwrap_err()[0].line, None);
    }
}
