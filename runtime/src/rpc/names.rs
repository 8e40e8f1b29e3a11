//! How processes are addressed: `name`, `group:name`, `group:*`.

use super::view::View;
use crate::machine::ServiceId;

/// Who is meant by a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meant {
    /// One process.
    Process(ServiceId),
    /// All processes of a group.
    Group(String, Vec<ServiceId>),
}

/// Finds who is meant; nobody when there is no such process or group.
#[must_use]
pub fn find(name: &str, view: &dyn View) -> Option<Meant> {
    let Some((group, process)) = name.split_once(':') else {
        return view.process(name, name).map(Meant::Process);
    };
    match process {
        "" | "*" => view.group(group).map(|processes| Meant::Group(group.to_owned(), processes)),
        process => view.process(group, process).map(Meant::Process),
    }
}

/// Finds one process; a whole group is none.
#[must_use]
pub fn find_one(name: &str, view: &dyn View) -> Option<ServiceId> {
    match find(name, view)? {
        Meant::Process(id) => Some(id),
        Meant::Group(..) => None,
    }
}

/// Group and name of a process that is called `full_name` in its plan.
#[must_use]
pub fn split(full_name: &str, group: Option<&str>) -> (String, String) {
    let Some(group) = group else { return (full_name.to_owned(), full_name.to_owned()) };
    let name = full_name.strip_prefix(group).and_then(|rest| rest.strip_prefix(':')).unwrap_or(full_name);
    (group.to_owned(), name.to_owned())
}
