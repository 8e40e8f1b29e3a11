//! What lies in a project's folder, and which of its files say how the container is made and run.

use super::account::Account;
use super::problem::Problem;
use super::readers::compose::{self, Compose};
use super::readers::dockerfile::{self, Dockerfile};
use super::readers::nginx::{self, Nginx};
use super::readers::script::{self, Script};
use super::readers::supervisord::{self, Included, Supervisord};
use crate::spec::source::Source;

/// The files of a project.
#[derive(Debug, Clone, Default)]
pub struct Project {
    /// What the pod is called: the name of the folder that pod.yaml is written to.
    pub name: String,
    /// Where the folder is, seen from pod.yaml; empty when pod.yaml is in it.
    pub below: String,
    /// The texts that may say something, by their paths below the folder.
    pub texts: Vec<Source>,
    /// All files, by their paths below the folder.
    pub files: Vec<String>,
    /// The one configuration that was asked for; otherwise all of the project is read.
    pub main: Option<String>,
}

/// What its files say.
#[derive(Debug, Default)]
pub struct Sources {
    /// supervisord.conf.
    pub supervisord: Option<Supervisord>,
    /// nginx.conf.
    pub nginx: Option<Nginx>,
    /// Dockerfile.
    pub dockerfile: Option<Dockerfile>,
    /// The compose file.
    pub compose: Option<Compose>,
    /// The entrypoint.
    pub script: Option<Script>,
}

impl Project {
    /// A project that is one supervisord.conf.
    #[must_use]
    pub fn of_file(name: &str, source: Source) -> Project {
        let main = Some(source.name.clone());
        Project { name: name.to_owned(), below: String::new(), files: vec![source.name.clone()], texts: vec![source], main }
    }

    /// A path of the project as pod.yaml has it.
    #[must_use]
    pub fn path(&self, path: &str) -> String {
        let path = path.trim_start_matches("./").trim_end_matches('/');
        match (self.below.as_str(), path) {
            ("", "" | ".") => ".".to_owned(),
            ("", path) => path.to_owned(),
            (below, "" | ".") => below.to_owned(),
            (below, path) => format!("{below}/{path}"),
        }
    }

    /// Reads all that says something.
    ///
    /// # Errors
    /// What is wrong with it; that there is nothing to read.
    pub fn read(&self, account: &mut Account) -> Result<Sources, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut take = |found: Vec<Problem>| problems.extend(found);
        let compose = self.compose_file().and_then(|source| compose::read(source, account).map_err(&mut take).ok());
        let dockerfile = self.dockerfile(compose.as_ref());
        let dockerfile = dockerfile.and_then(|source| dockerfile::read(source, account).map_err(&mut take).ok());
        let supervisord = match self.supervisord_conf() {
            None => None,
            Some(source) => {
                let folder = self.folder_in_image(source, dockerfile.as_ref());
                let included = InProject { project: self, dockerfile: dockerfile.as_ref() };
                supervisord::read(source, &folder, &included, account).map_err(&mut take).ok()
            }
        };
        let included = InProject { project: self, dockerfile: dockerfile.as_ref() };
        let nginx = if self.main.is_some() { Vec::new() } else { self.nginx_conf(dockerfile.as_ref()) };
        let nginx = match nginx.as_slice() {
            [] => None,
            sources => nginx::read(sources, &included, account).map_err(&mut take).ok(),
        };
        let script = dockerfile.as_ref().and_then(|dockerfile| self.script(dockerfile));
        let script = script.map(|source| script::read(source, account));
        if problems.is_empty() && supervisord.is_none() {
            let text = "no supervisord.conf is here, and no other file with [program:...] sections".to_owned();
            problems.push(Problem { file: self.name.clone(), line: None, text });
        }
        // What stands in a broken line may be a secret.
        for problem in &mut problems {
            problem.text = without_quotations(&problem.text);
        }
        if problems.is_empty() { Ok(Sources { supervisord, nginx, dockerfile, compose, script }) } else { Err(problems) }
    }

    /// Whether there is a folder of this path.
    #[must_use]
    pub fn has_folder(&self, path: &str) -> bool {
        let start = format!("{path}/");
        self.files.iter().any(|file| file.starts_with(&start))
    }

    /// A text by its path.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&Source> {
        self.texts.iter().find(|source| source.name == path)
    }

    /// Texts of a kind, those nearest to the top first.
    fn texts_where(&self, is_wanted: impl Fn(&Source) -> bool) -> Vec<&Source> {
        let mut found: Vec<&Source> = self.texts.iter().filter(|source| is_wanted(source)).collect();
        found.sort_by_key(|source| (source.name.matches('/').count(), source.name.len(), source.name.clone()));
        found
    }

    fn supervisord_conf(&self) -> Option<&Source> {
        if let Some(main) = &self.main {
            return self.text(main);
        }
        let has = |source: &Source, start: &str| source.text.lines().any(|line| line.trim_start().starts_with(start));
        let is_ini = |source: &Source| source.name.ends_with(".conf") || source.name.ends_with(".ini");
        let mains = self.texts_where(|source| is_ini(source) && has(source, "[supervisord]"));
        mains.into_iter().chain(self.texts_where(|source| is_ini(source) && has(source, "[program:"))).next()
    }

    fn compose_file(&self) -> Option<&Source> {
        // Who names one file means that one, and what it includes.
        if self.main.is_some() {
            return None;
        }
        let names = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
        names.iter().find_map(|name| self.text(name))
    }

    fn dockerfile(&self, compose: Option<&Compose>) -> Option<&Source> {
        if self.main.is_some() {
            return None;
        }
        let named = compose.and_then(|compose| compose.dockerfile.as_deref()).and_then(|path| self.text(path));
        let is_dockerfile = |source: &Source| {
            let name = source.name.rsplit('/').next().unwrap_or_default();
            name == "Dockerfile" || name == "Containerfile" || name.starts_with("Dockerfile.")
        };
        let mentions = |source: &Source| source.text.contains("supervisor");
        let found = self.texts_where(is_dockerfile);
        named.or_else(|| found.iter().find(|source| mentions(source)).or(found.first()).copied())
    }

    /// The nginx.conf that the image has: the one that its Dockerfile copies to /etc/nginx, or the one that is there. Where
    /// the distribution's own includes the project's, all of those that are copied.
    fn nginx_conf(&self, dockerfile: Option<&Dockerfile>) -> Vec<&Source> {
        let opens =
            |source: &Source, block: &str| source.text.split(block).skip(1).any(|rest| rest.trim_start().starts_with('{'));
        let is_nginx = |source: &Source| {
            let is_conf = source.name.ends_with(".conf") || source.name.contains("sites-") || source.name.ends_with("nginx");
            is_conf && (opens(source, "server") || opens(source, "http"))
        };
        let found = self.texts_where(is_nginx);
        let copied = |source: &&&Source| {
            dockerfile.is_some_and(|file| file.target_of(&source.name).is_some_and(|path| path.contains("nginx")))
        };
        let whole = |source: &&&Source| opens(source, "http");
        if let Some(best) = found.iter().filter(copied).find(whole) {
            return vec![best];
        }
        let sites: Vec<&Source> = found.iter().filter(copied).copied().collect();
        if !sites.is_empty() {
            return sites;
        }
        found.iter().find(whole).or(found.first()).copied().into_iter().collect()
    }

    fn script(&self, dockerfile: &Dockerfile) -> Option<&Source> {
        let path = dockerfile.script()?;
        let name = path.rsplit('/').next().unwrap_or_default();
        let copied = self.texts.iter().find(|source| dockerfile.target_of(&source.name).as_deref() == Some(path.as_str()));
        copied.or_else(|| self.texts_where(|source| source.name.rsplit('/').next() == Some(name)).first().copied())
    }

    /// The folder that a configuration has in the image: `%(here)s`, and where its includes are seen from.
    fn folder_in_image(&self, source: &Source, dockerfile: Option<&Dockerfile>) -> String {
        let copied = dockerfile.and_then(|dockerfile| dockerfile.target_of(&source.name));
        let path = copied.unwrap_or_else(|| format!("/app/{}", source.name.trim_start_matches('/')));
        match path.rsplit_once('/') {
            Some(("", _)) | None => "/".to_owned(),
            Some((folder, _)) => folder.to_owned(),
        }
    }
}

/// A message without what it quotes of a source, unless that is a name.
fn without_quotations(text: &str) -> String {
    let is_name =
        |quoted: &str| quoted.len() <= 40 && quoted.chars().all(|c| c.is_ascii_alphanumeric() || "_-./()%:[]*".contains(c));
    let parts = text.split('`').enumerate().map(|(index, part)| match index % 2 {
        1 if !is_name(part) => "...",
        _ => part,
    });
    parts.collect::<Vec<_>>().join("`")
}

/// Files by the paths that they have in the image.
struct InProject<'a> {
    project: &'a Project,
    dockerfile: Option<&'a Dockerfile>,
}

impl InProject<'_> {
    fn path_of(&self, source: &Source) -> String {
        let copied = self.dockerfile.and_then(|dockerfile| dockerfile.target_of(&source.name));
        copied.unwrap_or_else(|| format!("/app/{}", source.name))
    }
}

impl Included for InProject<'_> {
    fn matching(&self, pattern: &str) -> Vec<String> {
        let exact: Vec<String> =
            self.project.texts.iter().map(|source| self.path_of(source)).filter(|path| matches(pattern, path)).collect();
        if !exact.is_empty() {
            return exact;
        }
        // Where nobody says what is copied where: a folder of the same name, beside or below.
        let mut parts: Vec<&str> = pattern.trim_start_matches('/').split('/').collect();
        while parts.len() > 1 {
            let tail = parts.join("/");
            let found = self
                .project
                .texts
                .iter()
                .filter(|source| matches(&tail, &source.name) || matches(&format!("*/{tail}"), &source.name));
            let found: Vec<String> = found.map(|source| self.path_of(source)).collect();
            if !found.is_empty() {
                return found;
            }
            parts.remove(0);
        }
        Vec::new()
    }

    fn text(&self, path: &str) -> Option<Source> {
        self.project.texts.iter().find(|source| self.path_of(source) == path).cloned()
    }
}

/// Whether a path fits a pattern of `*`, `?` and `[...]`; a star does not reach beyond a slash, but for one at the start.
#[must_use]
pub fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<char>, Vec<char>) = (pattern.chars().collect(), path.chars().collect());
    // Where the last star was, and how far it has reached.
    let (mut p, mut s, mut star) = (0, 0, None);
    while s < path.len() {
        let (fits, width) = match pattern.get(p) {
            Some('*') => {
                star = Some((p, s));
                p += 1;
                continue;
            }
            Some('?') => (path[s] != '/', 1),
            Some('[') => set(&pattern[p..], path[s]),
            Some(c) => (*c == path[s], 1),
            None => (false, 0),
        };
        if fits {
            (p, s) = (p + width, s + 1);
            continue;
        }
        match star {
            Some((at, reached)) if at == 0 || path[reached] != '/' => {
                star = Some((at, reached + 1));
                (p, s) = (at + 1, reached + 1);
            }
            _ => return false,
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// Whether a character is of the set that begins here, and how long the set is.
fn set(pattern: &[char], c: char) -> (bool, usize) {
    let Some(end) = pattern.iter().skip(2).position(|c| *c == ']').map(|at| at + 2) else { return (c == '[', 1) };
    let (inner, negated) = match pattern[1] {
        '!' | '^' => (&pattern[2..end], true),
        _ => (&pattern[1..end], false),
    };
    let mut found = false;
    let mut at = 0;
    while at < inner.len() {
        if at + 2 < inner.len() && inner[at + 1] == '-' {
            found |= (inner[at]..=inner[at + 2]).contains(&c);
            at += 3;
        } else {
            found |= inner[at] == c;
            at += 1;
        }
    }
    (found != negated && c != '/', end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_a_shell_has_them() {
        for (pattern, path, want) in [
            ("/etc/*.conf", "/etc/a.conf", true),
            ("/etc/*.conf", "/etc/a/b.conf", false),
            ("*/conf.d/*.conf", "docker/x/conf.d/a.conf", true),
            ("/e?c/[a-c]*", "/etc/bcd", true),
            ("/e?c/[!a-c]*", "/etc/bcd", false),
            ("*", "", true),
            ("[", "[", true),
        ] {
            assert_eq!(matches(pattern, path), want, "{pattern} {path}");
        }
    }
}
