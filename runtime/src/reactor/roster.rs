//! Who is who: the numbers, names and groups of the services that there are.

use crate::machine::ServiceId;
use crate::reload::Marks;
use crate::rpc::names;

/// The services.
#[derive(Debug, Default)]
pub(super) struct Roster {
    entries: Vec<Entry>,
    /// The numbers of all that are there, sorted by name.
    sorted: Vec<u32>,
}

#[derive(Debug)]
struct Entry {
    name: String,
    /// Where that is not its own name.
    group: Option<Box<str>>,
    /// That of its group.
    mark: u64,
    /// It is in no plan any more.
    gone: bool,
}

impl Entry {
    fn group(&self) -> &str {
        self.group.as_deref().unwrap_or(&self.name)
    }
}

impl Roster {
    /// Takes a service in, in the place of what had that number, or as the next.
    pub fn put(&mut self, id: ServiceId, name: &str, group: Option<&str>, marks: &Marks) {
        self.remove(id);
        let mark = marks.get(group.unwrap_or(name)).copied().unwrap_or_default();
        let entry = Entry { name: name.to_owned(), group: group.map(Box::from), mark, gone: false };
        match self.entries.get_mut(id) {
            Some(place) => *place = entry,
            None => self.entries.push(entry),
        }
        let place = self.sorted.partition_point(|other| self.entries[*other as usize].name.as_str() < name);
        self.sorted.insert(place, id as u32);
    }

    /// Lets a service go.
    pub fn remove(&mut self, id: ServiceId) {
        self.sorted.retain(|other| *other as usize != id);
        if let Some(entry) = self.entries.get_mut(id) {
            entry.gone = true;
        }
    }

    /// The name of a service, in its plan.
    pub fn name(&self, id: ServiceId) -> &str {
        &self.entries[id].name
    }

    /// The service that has that name in its plan.
    pub fn find(&self, name: &str) -> Option<ServiceId> {
        let place = self.sorted.binary_search_by(|id| self.entries[*id as usize].name.as_str().cmp(name)).ok()?;
        Some(self.sorted[place] as ServiceId)
    }

    /// Its group, and its name within that.
    pub fn addressed(&self, id: ServiceId) -> (String, String) {
        let entry = &self.entries[id];
        names::split(&entry.name, entry.group.as_deref())
    }

    /// The process of that name in that group.
    pub fn process(&self, group: &str, name: &str) -> Option<ServiceId> {
        let is_it = |id: &ServiceId| self.addressed(*id) == (group.to_owned(), name.to_owned());
        // What stands alone is a group of its own name; a replica is in the group of its service.
        let full = if group == name { name.to_owned() } else { format!("{group}:{name}") };
        let found = self.find(&full).filter(is_it).or_else(|| self.find(name).filter(is_it));
        // By its own name alone, as podctl shows it.
        found.or_else(|| if group == name { self.find(name).filter(|id| !self.entries[*id].name.contains(':')) } else { None })
    }

    /// All processes of a group, by name; none when there is no such group.
    pub fn group(&self, group: &str) -> Option<Vec<ServiceId>> {
        let all: Vec<ServiceId> = self.all().filter(|id| self.entries[*id].group() == group).collect();
        if all.is_empty() { None } else { Some(all) }
    }

    /// All services that there are, by name.
    pub fn all(&self) -> impl Iterator<Item = ServiceId> {
        self.sorted.iter().map(|id| *id as ServiceId)
    }

    /// All services that there are, by group and then by name.
    pub fn by_group(&self) -> Vec<ServiceId> {
        let mut all: Vec<ServiceId> = self.all().collect();
        all.sort_by(|one, other| {
            let (one, other) = (&self.entries[*one], &self.entries[*other]);
            (one.group(), &one.name).cmp(&(other.group(), &other.name))
        });
        all
    }

    /// The marks of all groups.
    pub fn marks(&self) -> Marks {
        self.all().map(|id| (self.entries[id].group().to_owned(), self.entries[id].mark)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_found_by_their_group_and_by_their_own_name() {
        let mut roster = Roster::default();
        let all = [("a", None), ("grp:b", Some("grp")), ("grp:grp", Some("grp")), ("web-0", Some("web"))];
        for (id, (name, group)) in all.into_iter().enumerate() {
            roster.put(id, name, group, &Marks::new());
        }
        for (group, name, id) in [("a", "a", 0), ("grp", "b", 1), ("web", "web-0", 3), ("web-0", "web-0", 3)] {
            assert_eq!(roster.process(group, name), Some(id), "{group}:{name}");
        }
        for (group, name) in [("b", "b"), ("web", "web"), ("a", "b"), ("x", "x")] {
            assert_eq!(roster.process(group, name), None, "{group}:{name}");
        }
        assert_eq!(roster.group("grp"), Some(vec![1, 2]));
        roster.remove(0);
        assert_eq!((roster.find("a"), roster.group("a")), (None, None));
        roster.put(0, "z", None, &Marks::new());
        assert_eq!(roster.by_group(), [1, 2, 3, 0]);
    }
}
