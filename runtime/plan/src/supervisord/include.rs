//! `[include]`: a file, and those that it names.

use super::ini::Ini;
use super::reader::{self, folder};
use super::{Files, Mistake, Surroundings};
use std::rc::Rc;

/// Reads a file and those that it includes; an `[include]` in one of those is not looked at.
pub(super) fn gather(
    path: &str,
    files: &dyn Files,
    surroundings: &Surroundings,
    warnings: &mut Vec<Mistake>,
) -> Result<Ini, Vec<Mistake>> {
    let unplaced = |text: String| vec![Mistake { place: None, text }];
    let mut ini = Ini::default();
    let text = files.read(path).map_err(|error| unplaced(format!("cannot read {path}: {error}")))?;
    ini.add(&Rc::from(path), &text)?;
    let Some(section) = ini.section("include").cloned() else { return Ok(ini) };
    let Some(entry) = section.options.get("files").cloned() else {
        return Err(vec![Mistake::at(section.place, "[include] has no files".to_owned())]);
    };
    let mut names = reader::names(surroundings);
    names.text("here", folder(path));
    names.text("host_node_name", &surroundings.host_name);
    let patterns = super::expand::expand(&entry.value, &names)
        .map_err(|text| vec![Mistake::at(entry.place.clone(), format!("[include] files: {text}"))])?;
    let mut mistakes = Vec::new();
    for pattern in patterns.split_whitespace() {
        let pattern = reader::join(folder(path), pattern);
        let mut found = files.matching(&pattern);
        found.sort();
        if found.is_empty() {
            warnings.push(Mistake::at(entry.place.clone(), format!("no file is called {pattern}")));
        }
        for file in found {
            match files.read(&file) {
                Ok(text) => mistakes.extend(ini.add(&Rc::from(file), &text).err().into_iter().flatten()),
                // The original passes over it, too, but does not say so.
                Err(error) => warnings.push(Mistake::at(entry.place.clone(), format!("cannot read {file}: {error}"))),
            }
        }
    }
    if mistakes.is_empty() { Ok(ini) } else { Err(mistakes) }
}
