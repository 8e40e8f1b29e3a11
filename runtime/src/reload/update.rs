//! A plan that takes another's place by itself, group by group: what is gone or different is stopped, and removed when
//! nothing of it is left; what is new or different is added then. Pure.

use crate::rpc::Changes;
use std::collections::BTreeSet;

/// What is still to be done.
#[derive(Debug, Default)]
pub struct Update {
    /// Groups that are to go when they are at rest.
    going: BTreeSet<String>,
    /// Groups that are to come, when none of that name is there any more.
    coming: BTreeSet<String>,
}

/// The next step of an update.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Remove the group, if it is at rest; tell by [`Update::removed`].
    Remove(String),
    /// Add the group.
    Add(String),
}

impl Update {
    /// Makes of what runs what could.
    #[must_use]
    pub fn new(changes: &Changes) -> Update {
        let Changes { added, changed, removed } = changes;
        Update { going: removed.iter().chain(changed).cloned().collect(), coming: added.iter().chain(changed).cloned().collect() }
    }

    /// Groups that have to be stopped.
    pub fn to_stop(&self) -> impl Iterator<Item = &str> {
        self.going.iter().map(String::as_str)
    }

    /// All that may be done now, each thing once.
    pub fn steps(&mut self) -> Vec<Step> {
        let (now, later) = std::mem::take(&mut self.coming).into_iter().partition(|group| !self.going.contains(group));
        self.coming = later;
        let now: BTreeSet<String> = now;
        self.going.iter().cloned().map(Step::Remove).chain(now.into_iter().map(Step::Add)).collect()
    }

    /// A group is gone.
    pub fn removed(&mut self, group: &str) {
        self.going.remove(group);
    }

    /// Nothing is left to do.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.going.is_empty() && self.coming.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_different_comes_when_what_it_was_is_gone() {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let mut update = Update::new(&Changes { added: list(&["new"]), changed: list(&["web"]), removed: list(&["old"]) });
        assert_eq!(update.to_stop().collect::<Vec<_>>(), ["old", "web"]);
        let remove = |name: &str| Step::Remove(name.to_owned());
        assert_eq!(update.steps(), [remove("old"), remove("web"), Step::Add("new".to_owned())]);
        update.removed("web");
        assert_eq!(update.steps(), [remove("old"), Step::Add("web".to_owned())]);
        update.removed("old");
        assert!(update.steps().is_empty() && update.is_done());
    }
}
