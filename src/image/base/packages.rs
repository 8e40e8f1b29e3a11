//! Package indexes, and which packages a base needs.

use super::version;
use anyhow::{Result, bail};
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

/// Beside what is essential or required: what makes a base useful, and a merged /usr without the package that merges it.
const WANTED: [&str; 3] = ["apt", "ca-certificates", "usr-is-merged"];

/// One version of a package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Package {
    pub name: String,
    version: String,
    is_base: bool,
    /// Each a list of alternatives.
    depends: Vec<Vec<String>>,
    provides: Vec<String>,
    /// Where to get it.
    pub url: String,
    pub size: u64,
    pub sha256: String,
}

/// The packages of some indexes; of each name the newest version.
#[derive(Debug, Default)]
pub(super) struct Index {
    packages: BTreeMap<String, Package>,
}

impl Index {
    /// Adds the packages of a `Packages` file; their files are below `archive`.
    pub(super) fn add(&mut self, packages: &str, archive: &str) {
        for stanza in packages.split("\n\n") {
            let Some(package) = parse(stanza, archive) else { continue };
            let is_newer = self
                .packages
                .get(&package.name)
                .is_none_or(|known| version::compare(&package.version, &known.version) == Ordering::Greater);
            if is_newer {
                self.packages.insert(package.name.clone(), package);
            }
        }
    }

    /// The essential and required packages, apt, certificates, and everything that these depend on; sorted by name.
    pub(super) fn base(&self) -> Result<Vec<&Package>> {
        let mut providers: HashMap<&str, &Package> = HashMap::new();
        for package in self.packages.values() {
            // usrmerge provides usr-is-merged too, but changes a /usr that was laid out merged from the start.
            for name in package.provides.iter().filter(|_| package.name != "usrmerge") {
                providers.entry(name).or_insert(package);
            }
        }
        let mut chosen: BTreeMap<&str, &Package> = BTreeMap::new();
        let base = self.packages.values().filter(|package| package.is_base);
        // What is wanted by name comes first: it decides between alternatives. usr-is-merged is newer than some suites.
        let mut open: Vec<&Package> = base.chain(WANTED.iter().filter_map(|name| self.packages.get(*name))).collect();
        for package in &open {
            chosen.insert(&package.name, package);
        }
        while let Some(package) = open.pop() {
            for alternatives in &package.depends {
                let provider = |name: &String| providers.get(name.as_str()).copied();
                let is_chosen = |name: &String| {
                    chosen.contains_key(name.as_str())
                        || provider(name).is_some_and(|package| chosen.contains_key(package.name.as_str()))
                };
                if alternatives.iter().any(is_chosen) {
                    continue;
                }
                let Some(next) = alternatives.iter().find_map(|name| self.packages.get(name).or_else(|| provider(name))) else {
                    bail!(
                        "cannot find {}, which {} needs: the mirror is not complete; use another one",
                        alternatives.join(" or "),
                        package.name
                    );
                };
                chosen.insert(&next.name, next);
                open.push(next);
            }
        }
        if !chosen.contains_key("apt") || !chosen.contains_key("dpkg") {
            bail!("cannot find apt and dpkg: the mirror is not complete; use another one");
        }
        Ok(chosen.into_values().collect())
    }
}

fn parse(stanza: &str, archive: &str) -> Option<Package> {
    let mut package = Package::default();
    for line in stanza.lines() {
        // Lines that start with a blank continue the one before; none of those is read here.
        let Some((key, value)) = line.split_once(": ") else { continue };
        match key {
            "Package" => package.name = value.to_owned(),
            "Version" => package.version = value.to_owned(),
            "Essential" => package.is_base |= value == "yes",
            "Priority" => package.is_base |= value == "required",
            "Depends" | "Pre-Depends" => package.depends.extend(relations(value)),
            "Provides" => package.provides = relations(value).into_iter().flatten().collect(),
            "Filename" => package.url = format!("{archive}/{value}"),
            "Size" => package.size = value.parse().ok()?,
            "SHA256" => package.sha256 = value.to_owned(),
            _ => {}
        }
    }
    let is_complete = [&package.name, &package.url, &package.sha256].iter().all(|field| !field.is_empty());
    is_complete.then_some(package)
}

/// `a (>= 1) | b:any, c` by name. Versions are not looked at: all that is chosen from is of one suite.
fn relations(value: &str) -> Vec<Vec<String>> {
    let name = |text: &str| text.trim().split([' ', '(', ':', '[']).next().unwrap_or_default().to_owned();
    value.split(',').map(|relation| relation.split('|').map(name).filter(|name| !name.is_empty()).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stanza(name: &str, fields: &str) -> String {
        format!("Package: {name}\nVersion: 1\nFilename: pool/{name}.deb\nSize: 10\nSHA256: {name}\n{fields}\n\n")
    }

    fn base(packages: &[(&str, &str)]) -> Result<Vec<String>> {
        let mut index = Index::default();
        let text: String = packages.iter().map(|(name, fields)| stanza(name, fields)).collect();
        index.add(&text, "http://m");
        Ok(index.base()?.into_iter().map(|package| package.name.clone()).collect())
    }

    #[test]
    fn a_base_is_what_is_essential_or_required_and_what_that_needs() {
        let chosen = base(&[
            ("dpkg", "Essential: yes\nPre-Depends: libc6 (>= 2.3), libz | libz-ng"),
            ("libc6", ""),
            ("libz", ""),
            ("libz-ng", ""),
            ("tools", "Priority: required\nDepends: editor:any, usrmerge | usr-is-merged"),
            ("nano", "Provides: editor (= 1)"),
            ("usrmerge", "Provides: usr-is-merged"),
            ("usr-is-merged", ""),
            ("apt", ""),
            ("unneeded", "Priority: optional"),
        ]);
        assert_eq!(chosen.unwrap(), ["apt", "dpkg", "libc6", "libz", "nano", "tools", "usr-is-merged"]);
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = base(&[("dpkg", "Essential: yes\nDepends: a | b"), ("apt", "")]).unwrap_err().to_string();
        assert!(error.contains("cannot find a or b, which dpkg needs"), "{error}");
        assert!(base(&[]).is_err());
    }

    #[test]
    fn the_newest_version_of_all_archives_is_taken() {
        let mut index = Index::default();
        index.add(&stanza("libc6", ""), "http://archive");
        index.add(&stanza("libc6", "Version: 1.1"), "http://security");
        index.add(&stanza("libc6", "Version: 1~rc1"), "http://old");
        assert_eq!(index.packages["libc6"].url, "http://security/pool/libc6.deb");
    }
}
