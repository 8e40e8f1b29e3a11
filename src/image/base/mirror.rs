//! Where Debian's packages come from: as told, else as the host's apt gets them, else Debian's own servers.

use super::suite::CODENAMES;
use std::fs;
use std::path::{Path, PathBuf};

const ARCHIVE: &str = "http://deb.debian.org/debian";
const SECURITY: &str = "http://deb.debian.org/debian-security";

/// The addresses of an archive and of its security fixes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mirror {
    pub archive: String,
    pub security: String,
}

/// One line of apt's sources, in whichever format.
#[derive(Debug, Default, PartialEq, Eq)]
struct Source {
    uris: Vec<String>,
    suites: Vec<String>,
    components: Vec<String>,
}

impl Mirror {
    /// `told` is the address of an archive; its security fixes are beside it, as on Debian's own servers.
    pub(super) fn find(told: Option<&str>) -> Mirror {
        match told.map(|url| url.trim_end_matches('/')) {
            Some(archive) => Mirror { archive: archive.to_owned(), security: format!("{archive}-security") },
            None => Mirror::of_sources(&host_sources(Path::new("/etc/apt"))),
        }
    }

    fn of_sources(sources: &[Source]) -> Mirror {
        let address = |is_suite: &dyn Fn(&str) -> bool| {
            let found = sources.iter().find(|source| {
                source.suites.iter().any(|suite| is_suite(suite)) && source.components.iter().any(|name| name == "main")
            });
            found.and_then(|source| source.uris.iter().find(|uri| is_debian(uri)).cloned())
        };
        Mirror {
            archive: address(&|suite| CODENAMES.contains(&suite)).unwrap_or_else(|| ARCHIVE.to_owned()),
            security: address(&|suite| suite.strip_suffix("-security").is_some_and(|name| CODENAMES.contains(&name)))
                .unwrap_or_else(|| SECURITY.to_owned()),
        }
    }
}

/// Other people's repositories take Debian's names for their suites too.
fn is_debian(uri: &str) -> bool {
    let is_web = uri.starts_with("http://") || uri.starts_with("https://");
    is_web && uri.split('/').skip(3).any(|name| name == "debian" || name == "debian-security")
}

fn host_sources(folder: &Path) -> Vec<Source> {
    let listed = fs::read_dir(folder.join("sources.list.d")).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = listed.collect();
    files.sort();
    files.insert(0, folder.join("sources.list"));
    let mut sources = Vec::new();
    for file in files {
        // The host need not have apt; what cannot be read names no mirror.
        let Ok(text) = fs::read_to_string(&file) else { continue };
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("sources") => sources.extend(parse_stanzas(&text)),
            Some("list") => sources.extend(text.lines().filter_map(parse_line)),
            _ => {}
        }
    }
    sources
}

/// `deb [options] URI SUITE COMPONENT...`
fn parse_line(line: &str) -> Option<Source> {
    let line = line.split('#').next()?.trim().strip_prefix("deb ")?.trim();
    let line = match line.strip_prefix('[') {
        Some(options) => options.split_once(']')?.1,
        None => line,
    };
    let mut words = line.split_whitespace();
    let (uri, suite) = (words.next()?, words.next()?);
    Some(Source {
        uris: vec![uri.trim_end_matches('/').to_owned()],
        suites: vec![suite.to_owned()],
        components: words.map(str::to_owned).collect(),
    })
}

/// The newer format: stanzas of fields.
fn parse_stanzas(text: &str) -> Vec<Source> {
    let mut sources = Vec::new();
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    for stanza in lines.split(|line| line.trim().is_empty()) {
        let words = |name: &str| -> Vec<String> {
            let value = stanza.iter().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case(name).then_some(value)
            });
            value.unwrap_or_default().split_whitespace().map(|word| word.trim_end_matches('/').to_owned()).collect()
        };
        let is_off = words("Enabled").first().is_some_and(|value| value == "no");
        if words("Types").iter().any(|kind| kind == "deb") && !is_off {
            sources.push(Source { uris: words("URIs"), suites: words("Suites"), components: words("Components") });
        }
    }
    sources
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mirror_of(files: &[(&str, &str)]) -> Mirror {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("sources.list.d")).unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Mirror::of_sources(&host_sources(folder.path()))
    }

    #[test]
    fn the_hosts_mirror_is_taken_from_either_format() {
        let lines = "# comment\ndeb-src http://src.example/debian bookworm main\n\
                     deb [arch=amd64 signed-by=/k] http://near.example/debian/ bookworm main contrib\n\
                     deb http://near.example/debian-security bookworm-security main\n";
        let near =
            Mirror { archive: "http://near.example/debian".into(), security: "http://near.example/debian-security".into() };
        assert_eq!(mirror_of(&[("sources.list", lines)]), near);
        let stanzas = "Types: deb\n# why\nURIs: http://near.example/debian\nSuites: trixie trixie-updates\nComponents: main\n\n\
                       Types: deb\nURIs: http://near.example/debian-security/\nSuites: trixie-security\nComponents: main\n";
        assert_eq!(mirror_of(&[("sources.list.d/debian.sources", stanzas)]), near);
    }

    #[test]
    fn other_repositories_disabled_ones_and_other_distributions_are_not_taken() {
        let default = Mirror { archive: ARCHIVE.into(), security: SECURITY.into() };
        let lines = "deb https://download.example/linux/debian bookworm stable\ndeb https://php.example/php bookworm main\n\
                     deb http://archive.ubuntu.com/ubuntu jammy main\ndeb file:/srv/debian bookworm main\n";
        let off = "Types: deb\nEnabled: no\nURIs: http://off.example/debian\nSuites: bookworm\nComponents: main\n";
        assert_eq!(mirror_of(&[("sources.list", lines), ("sources.list.d/off.sources", off)]), default);
        assert_eq!(mirror_of(&[]), default);
    }

    #[test]
    fn a_given_mirror_wins() {
        let mirror = Mirror::find(Some("https://mirror.example/debian/"));
        assert_eq!(mirror.archive, "https://mirror.example/debian");
        assert_eq!(mirror.security, "https://mirror.example/debian-security");
    }
}
